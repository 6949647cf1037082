"""The command line: thin faces over the library's functions.

Nothing but Typer is imported until a command needs it, so ``--help`` answers at once. Every error a user can
cause is one sentence on standard error and an exit code of :mod:`LandmarkDetectionLib.errors`.
"""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
import threading
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from typer.core import TyperCommand

from LandmarkDetectionLib._version import __version__
from LandmarkDetectionLib.cli import annotations as cli_annotations
from LandmarkDetectionLib.cli import (
    batch,
    cohort,
    console,
    data,
    evaluate,
    finetune,
    measure,
    refine,
    study,
    train,
)
from LandmarkDetectionLib.cli.detect import detect, list_dicom_series
from LandmarkDetectionLib.cli.help import GroupedCommands, WholeHelp
from LandmarkDetectionLib.cli.models import models_app
from LandmarkDetectionLib.cli.options import EXIT_CODES
from LandmarkDetectionLib.cli.synthesize import demo, synthesize
from LandmarkDetectionLib.errors import (
    Cancelled,
    InputError,
    LandmarkDetectionError,
    MissingPackageError,
    ModelError,
    OutputError,
)

if TYPE_CHECKING:
    from types import FrameType


#: Options of all commands that name what is written; all other paths are read.
OUTPUT_OPTIONS = {"output", "out", "overlay", "phantom", "truth", "volumes", "sheet"}
#: A table of codes is completed.
BOTH_READ_AND_WRITTEN = {"key"}

# Which extra of the pip package brings an optional module.
_EXTRAS = {
    "anny": "synthesis",
    "lightning_fabric": "train",
    "tensorboard": "train",
    "faiss": "study",
    "sklearn": "study",
    "highdicom": "dicom-sr",
    "pandas": "agreement",
    "pingouin": "agreement",
    "nilearn": "brain",
    **dict.fromkeys(("cryptography", "dask", "distributed", "filelock", "psutil", "pyarrow"), "batch"),
    "dask_jobqueue": "slurm",
}

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
app.add_typer(cli_annotations.app, name="annotations", cls=WholeHelp, epilog=EXIT_CODES)
app.add_typer(study.app, name="study", cls=WholeHelp, epilog=EXIT_CODES)
app.command(epilog=EXIT_CODES)(batch.batch)
app.command(name="train", epilog=EXIT_CODES)(train.train)
app.command(name="finetune", epilog=EXIT_CODES)(finetune.finetune)
measure.add_to(app, EXIT_CODES)
refine.add_to(app, EXIT_CODES)
app.command(epilog=EXIT_CODES)(evaluate.evaluate)
app.command("learning-curve", epilog=EXIT_CODES)(evaluate.learning_curve)
app.command("cohort-report", epilog=EXIT_CODES)(cohort.cohort_report)
models_app.command("kernels", epilog=EXIT_CODES)(evaluate.kernels)
app.command(epilog=EXIT_CODES)(detect)
app.command(name="series", epilog=EXIT_CODES)(list_dicom_series)
app.command(epilog=EXIT_CODES)(synthesize)
app.command(epilog=EXIT_CODES)(demo)


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


class _Guarded(TyperCommand):
    """A command that refuses, before anything else, to write over a file that it reads."""

    def invoke(self, ctx: Any) -> Any:
        """Compare all paths among the options, then run."""
        from LandmarkDetectionLib.files import require_not_inputs

        named = {
            name: [
                one
                for one in (value if isinstance(value, list | tuple) else [value])
                if isinstance(one, Path)
            ]
            for name, value in ctx.params.items()
            if name not in BOTH_READ_AND_WRITTEN
        }
        require_not_inputs(
            (path for name, paths in named.items() if name in OUTPUT_OPTIONS for path in paths),
            (path for name, paths in named.items() if name not in OUTPUT_OPTIONS for path in paths),
        )
        return super().invoke(ctx)


for _part in (app, models_app, data.app, cli_annotations.app, study.app):
    for _command in _part.registered_commands:
        _command.cls = _Guarded


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
        code = _unread()
    except BrokenPipeError:
        code = _unread()
    except BaseException as error:
        if debug:
            traceback.print_exc()
        code = _explain(error, as_json, words)
    sys.exit(code if isinstance(code, int) else 0)


def _unread() -> int:
    """Nobody reads standard output any more, which needs no sentence: `head` wants no more than that.

    Python would complain again when it closes standard output.
    """
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return OutputError.exit_code


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    """End as Ctrl-C does, so that temporary files are removed."""
    raise KeyboardInterrupt


def _explain(error: BaseException, as_json: bool, words: Sequence[str] = ()) -> int:
    """Write one sentence about an error to standard error and give the exit code."""
    if isinstance(error, KeyboardInterrupt):
        error = Cancelled("Cancelled; nothing was written.")
    if isinstance(error, ModuleNotFoundError) and error.name and _is_optional(error.name):
        error = _missing_package(error.name)
    # Typer's own errors are click's, which newer versions carry inside: known by what they can do.
    if hasattr(error, "format_message") and hasattr(error, "show"):
        code = int(getattr(error, "exit_code", 2))
        if not as_json:
            _show_usage_error(error)
            return code
        kind, message = "UsageError", str(error.format_message())
    elif isinstance(error, LandmarkDetectionError):
        kind, message, code = type(error).__name__, str(error), error.exit_code
    elif isinstance(error, OSError) and error.errno is not None:
        kind, message, code = _of_system(error, words)
    elif isinstance(error, RuntimeError) and "ymlink loop" in str(error):  # of Path.resolve until Python 3.12
        kind, message, code = "InputError", f"{error}; take away one of the links.", InputError.exit_code
    elif isinstance(error, MemoryError):
        kind, message, code = "MemoryError", "Not enough memory for this volume.", InputError.exit_code
    else:
        kind, code = type(error).__name__, LandmarkDetectionError.exit_code
        message = (
            f"Unexpected {kind}: {error} - this is a defect of landmark-detection {__version__}; "
            "please report it with what the same command prints with --debug."
        )
    if as_json:
        import json

        console.say(json.dumps({"error": {"kind": kind, "message": message, "exit_code": code}}))
    else:
        console.say(f"Error: {' '.join(message.split())}")
    return code


def _of_system(error: OSError, words: Sequence[str]) -> tuple[str, str, int]:
    """Kind, sentence and exit code for what the operating system refuses: over-long names, full disks."""
    reason, name = (error.strerror or str(error)).lower(), str(error.filename or "")
    full = error.errno in (errno.ENOSPC, errno.EROFS, getattr(errno, "EDQUOT", errno.ENOSPC))
    before = [words[n - 1] for n in range(1, len(words)) if words[n] and words[n] in name]
    if full or any(word == "-o" or word.removeprefix("--") in OUTPUT_OPTIONS for word in before):
        return "OutputError", f"Cannot write {name or 'the output'}: {reason}.", OutputError.exit_code
    if words[:1] == ["models"] or any(word in ("-m", "--model") for word in before):
        return "ModelError", f"Cannot use {name}: {reason}.", ModelError.exit_code
    return "InputError", f"Cannot use {name or 'a file'}: {reason}.", InputError.exit_code


def _show_usage_error(error: Any) -> None:
    try:
        from typer.rich_utils import rich_format_error
    except ImportError:
        error.show()
    else:
        rich_format_error(error)


def _is_optional(module: str) -> bool:
    return module.split(".")[0] != "LandmarkDetectionLib"


def _missing_package(module: str) -> MissingPackageError:
    package = module.split(".")[0]
    extra = _EXTRAS.get(package)
    if extra:
        return MissingPackageError.of("This", package, extra)
    return MissingPackageError(
        f"This needs the package {package}, which is not installed; run: pip install {package}"
    )
