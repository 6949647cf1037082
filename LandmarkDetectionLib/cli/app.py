"""The command line: thin faces over the library's functions.

Nothing but Typer is imported until a command needs it, so ``--help`` answers at once. Every error a user can
cause is one sentence on standard error and an exit code of :mod:`LandmarkDetectionLib.errors`.
"""

from __future__ import annotations

import io
import signal
import sys
import threading
import traceback
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from LandmarkDetectionLib._version import __version__
from LandmarkDetectionLib.cli import (
    agreement,
    align,
    batch,
    bids,
    cohort,
    data,
    evaluate,
    finetune,
    mcp,
    measure,
    refine,
    second_opinion,
    study,
    train,
    visits,
)
from LandmarkDetectionLib.cli import annotations as stores
from LandmarkDetectionLib.cli.commands import prepare
from LandmarkDetectionLib.cli.detect import detect, list_dicom_series
from LandmarkDetectionLib.cli.failures import explain, nobody_reads
from LandmarkDetectionLib.cli.help import GroupedCommands, WholeHelp
from LandmarkDetectionLib.cli.info import info
from LandmarkDetectionLib.cli.models import models_app
from LandmarkDetectionLib.cli.options import EXIT_CODES
from LandmarkDetectionLib.cli.review import review
from LandmarkDetectionLib.cli.serve import serve
from LandmarkDetectionLib.cli.skeleton import skeleton
from LandmarkDetectionLib.cli.synthesize import demo, synthesize
from LandmarkDetectionLib.errors import Cancelled

if TYPE_CHECKING:
    from types import FrameType

app = typer.Typer(
    cls=GroupedCommands,
    rich_markup_mode=None,
    help="Anatomical landmarks in CT, MR and radiographs. For research use only.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(models_app, name="models", cls=WholeHelp, epilog=EXIT_CODES)
app.add_typer(data.app, name="data", cls=WholeHelp, epilog=EXIT_CODES)
app.add_typer(stores.app, name="annotations", cls=WholeHelp, epilog=EXIT_CODES)
app.add_typer(study.app, name="study", cls=WholeHelp, epilog=EXIT_CODES)
app.command(epilog=EXIT_CODES)(batch.batch)
app.command(cls=bids.SeveralLabels, epilog=EXIT_CODES)(bids.bids)
app.command(name="train", epilog=EXIT_CODES)(train.train)
app.command(name="finetune", epilog=EXIT_CODES)(finetune.finetune)
app.command(epilog=EXIT_CODES)(measure.measure)
app.command(epilog=EXIT_CODES)(measure.report)
app.command(epilog=EXIT_CODES)(agreement.agreement)
app.command(epilog=EXIT_CODES)(align.frame)
app.command(epilog=EXIT_CODES)(align.crop)
app.command(epilog=EXIT_CODES)(align.align)
app.command(epilog=EXIT_CODES)(visits.visits)
app.command(epilog=EXIT_CODES)(refine.refine)
app.command(epilog=EXIT_CODES)(review)
app.command("second-opinion", epilog=EXIT_CODES)(second_opinion.second_opinion)
app.command("next-case", epilog=EXIT_CODES)(refine.next_case)
app.command(epilog=EXIT_CODES)(evaluate.evaluate)
app.command("learning-curve", epilog=EXIT_CODES)(evaluate.learning_curve)
app.command("cohort-report", epilog=EXIT_CODES)(cohort.cohort_report)
models_app.command("kernels", epilog=EXIT_CODES)(evaluate.kernels)
app.command(epilog=EXIT_CODES)(detect)
app.command(epilog=EXIT_CODES)(info)
app.command(epilog=EXIT_CODES)(mcp.mcp)
app.command(epilog=EXIT_CODES)(serve)
app.command(name="series", epilog=EXIT_CODES)(list_dicom_series)
app.command(epilog=EXIT_CODES)(synthesize)
app.command(epilog=EXIT_CODES)(demo)
app.command(epilog=EXIT_CODES)(skeleton)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"landmark-detection {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error, anywhere.")] = False,
) -> None:
    """Anatomical landmarks in CT, MR and radiographs. For research use only."""


for _part in (app, models_app, data.app, stores.app, study.app):
    prepare(_part.registered_commands)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit.

    Parameters
    ----------
    arguments
        Words after the command's name; those of the process when ``None``.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names of files may be no text
    # Found by hand, so that it may stand anywhere and works for errors in the usage itself.
    debug, as_json = "--debug" in words, "--json" in words
    words = [word for word in words if word != "--debug"]
    try:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, _terminate)
        code = app(words, prog_name="landmark-detection", standalone_mode=False)
        if code == Cancelled.exit_code:
            # Typer turned Ctrl-C into this number.
            raise KeyboardInterrupt
        if sys.stdout is not None:  # as under pythonw, or closed by the caller
            sys.stdout.flush()
    except SystemExit:
        # Typer ends in this way when the reader went away (`| head`), and says so by what it leaves behind.
        if type(sys.stdout).__name__ != "PacifyFlushWrapper":
            raise
        code = nobody_reads()
    except BrokenPipeError:
        code = nobody_reads()
    except BaseException as error:
        if debug:
            traceback.print_exc()
        code = explain(error, as_json, words)
    sys.exit(code if isinstance(code, int) else 0)


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    """End as Ctrl-C does, so that temporary files are removed."""
    raise KeyboardInterrupt
