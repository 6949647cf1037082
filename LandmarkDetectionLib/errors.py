"""The errors a user can meet: each is one sentence saying what is wrong with what, and what to do.

Shells (command line, Slicer panel) print ``str(error)`` and nothing else; the command line exits with
``exit_code``. Everything else that escapes is a defect of this library.
"""


class LandmarkDetectionError(Exception):
    """Base of every error that is shown to a user as one sentence.

    Parameters
    ----------
    message
        The sentence. It says what to choose in plain words, as a window shows it, too.
    about
        Names of the settings that it speaks of ("threshold"), by which the command line names its options.

    Examples
    --------
    >>> import LandmarkDetectionLib as ld
    >>> try:
    ...     ld.read_volume("nothing.nrrd")
    ... except ld.LandmarkDetectionError as problem:
    ...     print(problem)
    nothing.nrrd does not exist; check the name and the folder.
    """

    exit_code = 1

    def __init__(self, message: object = "", about: str | tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.about = (about,) if isinstance(about, str) else about


class InputError(LandmarkDetectionError):
    """An image or landmark file is missing, damaged, or of a kind that cannot work."""

    exit_code = 3


class ModelError(LandmarkDetectionError):
    """A model is unknown, damaged, untrusted, or does not fit the input."""

    exit_code = 4


class OutputError(LandmarkDetectionError):
    """A result cannot be written; whatever stood there before is untouched."""

    exit_code = 5


class NoBodyError(LandmarkDetectionError):
    """The image was read, but holds nothing the model could work on."""

    exit_code = 6


class MissingPackageError(LandmarkDetectionError):
    """An optional package is needed for this step; the sentence names the pip command."""

    exit_code = 7

    @classmethod
    def of(cls, step: str, package: str, extra: str) -> "MissingPackageError":
        """The sentence for a package that an extra of this one brings.

        It names no package index: this project is installed from its repository.
        """
        return cls(
            f"{step} needs the package {package}, which is not installed; run, in the folder of the "
            f'repository: pip install ".[{extra}]"'
        )


class TrainingError(LandmarkDetectionError):
    """A training cannot go on; its last good state is kept."""

    exit_code = 8


class ClusterError(LandmarkDetectionError):
    """Workers cannot be started or reached, or are gone; what is finished stays."""

    exit_code = 9


class NotBetterError(LandmarkDetectionError):
    """A new model was trained and is not shown to be better; the old one stays in use."""

    exit_code = 10


class Cancelled(LandmarkDetectionError):
    """The caller asked to stop; nothing was written and nothing is half done."""

    exit_code = 130
