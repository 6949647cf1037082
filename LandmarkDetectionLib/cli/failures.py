"""Whatever ends a command, as one sentence on standard error and an exit code."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Sequence
from typing import Any

from LandmarkDetectionLib._version import __version__
from LandmarkDetectionLib.cli import console
from LandmarkDetectionLib.cli.commands import OUTPUT_OPTIONS
from LandmarkDetectionLib.errors import (
    Cancelled,
    InputError,
    LandmarkDetectionError,
    MissingPackageError,
    ModelError,
    OutputError,
)

#: Which extra of this package brings an optional module.
EXTRAS = {
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


def explain(error: BaseException, as_json: bool, words: Sequence[str] = ()) -> int:
    """Write one sentence about an error to standard error and give the exit code.

    Parameters
    ----------
    error
        What ended the command.
    as_json
        Whether a program reads it.
    words
        Of the command line, which tell what a name that the operating system refuses was given for.
    """
    # Typer's own errors are click's, which newer versions carry inside: known by what they can do.
    if hasattr(error, "format_message") and hasattr(error, "show"):
        kind, message = "UsageError", str(error.format_message())
        code = int(getattr(error, "exit_code", 2))
        if not as_json:
            _show_usage_error(error)
            return code
    else:
        kind, message, code = told(error, words)
    if as_json:
        console.say(json.dumps({"error": {"kind": kind, "message": message, "exit_code": code}}))
    else:
        console.say(f"Error: {' '.join(message.split())}")
    return code


def told(error: BaseException, words: Sequence[str] = ()) -> tuple[str, str, int]:
    """Kind, sentence and exit code of an error; see `explain`."""
    if isinstance(error, KeyboardInterrupt):
        error = Cancelled("Cancelled; nothing was written.")
    if isinstance(error, ModuleNotFoundError) and error.name:
        package = error.name.split(".")[0]
        error = error if package == "LandmarkDetectionLib" else _missing_package(package)
    if isinstance(error, LandmarkDetectionError):
        return type(error).__name__, str(error), error.exit_code
    if isinstance(error, OSError) and error.errno is not None:
        return _of_system(error, words)
    if isinstance(error, RuntimeError) and "ymlink loop" in str(error):  # of Path.resolve until Python 3.12
        return "InputError", f"{error}; take away one of the links.", InputError.exit_code
    if isinstance(error, MemoryError):
        return "MemoryError", "Not enough memory for this volume.", InputError.exit_code
    kind = type(error).__name__
    message = (
        f"Unexpected {kind}: {error} - this is a defect of landmark-detection {__version__}; "
        "please report it with what the same command prints with --debug."
    )
    return kind, message, LandmarkDetectionError.exit_code


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


def nobody_reads() -> int:
    """Nobody reads standard output any more, which needs no sentence: `head` wants no more than that.

    Python would complain again when it closes standard output.
    """
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return OutputError.exit_code


def _show_usage_error(error: Any) -> None:
    if type(error).__name__ == "NoArgsIsHelpError":  # the whole help, of which Typer's box shows nothing
        error.show()
        return
    try:
        from typer.rich_utils import rich_format_error
    except ImportError:
        error.show()
    else:
        rich_format_error(error)


def _missing_package(package: str) -> MissingPackageError:
    extra = EXTRAS.get(package)
    if extra:
        return MissingPackageError.of("This", package, extra)
    return MissingPackageError(
        f"This needs the package {package}, which is not installed; run: pip install {package}"
    )
