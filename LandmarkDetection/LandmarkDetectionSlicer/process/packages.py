"""Python packages that the library needs and Slicer does not bring: which are missing, and installing them.

Nothing is installed before a person was asked, once for everything. Slicer's own packages are given to pip
as constraints, so they stay as they are, all but those that install others: PyTorch may exchange them.
Without a network, pip takes wheels from the folder that the environment variable
``LANDMARK_DETECTION_WHEELS`` names.
"""

from __future__ import annotations

import importlib
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from subprocess import CalledProcessError
from typing import Any

import slicer
from slicer.i18n import tr as _

from LandmarkDetectionLib.errors import MissingPackageError
from LandmarkDetectionSlicer.process import elsewhere

WHEELS_VARIABLE = "LANDMARK_DETECTION_WHEELS"
REQUIREMENTS = Path(__file__).resolve().parents[2] / "Resources" / "requirements.txt"
BATCH = REQUIREMENTS.with_name("requirements-batch.txt")
"""What many cases at once need besides."""

# What Slicer and its other modules were built and tested with (SuperBuild/External_python-*.cmake).
SLICERS_OWN = (
    "numpy",
    "scipy",
    "SimpleITK",
    "vtk",
    "pydicom",
    "highdicom",
    "pyjpegls",
    "dcmqi",
    "dicomweb-client",
    "pillow",
    "requests",
    "certifi",
    "charset-normalizer",
    "idna",
    "urllib3",
    "cryptography",
    "cffi",
    "pycparser",
    "lxml",
    "PyGithub",
    "PyJWT",
    "PyNaCl",
    "Deprecated",
    "wrapt",
    "pyparsing",
    "python-dateutil",
    "retrying",
    "six",
    "typing_extensions",
)
INSTALLERS = ("packaging", "pip", "setuptools", "wheel")
"""Slicer's own too, but PyTorch or what installs it may need others: light-the-torch 0.8.1 needs pip < 26.1,
and Slicer 5.12 has 26.1.1."""

_LINE = re.compile(r"(?P<requirement>[^#]+?)\s*#\s*(?P<reason>.+);\s*(?P<megabytes>\d+) MB\s*")


@dataclass(frozen=True)
class Package:
    """A Python package that is needed: its requirement as pip reads it, what for, and how large it is."""

    requirement: str
    reason: str
    megabytes: int

    @property
    def name(self) -> str:
        """The distribution's name."""
        return re.split(r"[\s<>=!~;\[]", self.requirement, maxsplit=1)[0]

    @property
    def versions(self) -> str:
        """Those that will do, without extras and markers: ``>=2.2,<3``."""
        return re.sub(r"\[.*?\]|;.*", "", self.requirement[len(self.name) :]).strip()


TORCH = Package("torch>=2.2", "PyTorch, runs the networks; more with an NVIDIA card", 200)


# Found once, a package is not looked for again: reading a version takes milliseconds, and a panel asks often.
_found: set[Package] = set()


@cache
def requiredPackages(*further: Path) -> tuple[Package, ...]:
    """Everything the library needs that Slicer does not bring, PyTorch first; ``further`` are more lists."""
    texts = [path.read_text(encoding="utf-8") for path in (REQUIREMENTS, *further)]
    lines = [line for text in texts for line in text.splitlines() if line.strip() and line[0] != "#"]
    found = (_LINE.fullmatch(line) for line in lines)
    return (TORCH, *(Package(m["requirement"], m["reason"], int(m["megabytes"])) for m in found if m))


def missingPackages(*further: Path) -> tuple[Package, ...]:
    """What is needed and not installed, or too old; looks at versions only and imports nothing of them."""
    required = requiredPackages(*further)
    _found.update(package for package in required if package not in _found and _isInstalled(package))
    return tuple(package for package in required if package not in _found)


def missingSentence(missing: Iterable[Package]) -> str:
    """One sentence saying what is missing and what to do."""
    names = ", ".join(package.name for package in missing)
    return _("Python packages are missing ({names}); install them to detect landmarks.").format(names=names)


def needsInstalling() -> str | None:
    """What a page of the panel says of something that needs the packages; None when they are there.

    PyTorch is not needed here while a worker elsewhere has it.
    """
    missing = [one for one in missingPackages() if one != TORCH or elsewhere.chosenPlace() is None]
    if not missing:
        return None
    names = ", ".join(package.name for package in missing)
    return _(
        "This needs Python packages that are missing ({names}); install them on the page Review."
    ).format(names=names)


def ensurePackages(ask: Callable[[str], bool] | None = None, *further: Path) -> str | None:
    """Install what is missing, after asking once for everything together.

    Parameters
    ----------
    further
        More lists than what detecting needs.
    ask
        Shows a question and says whether the answer was yes; a dialog of Slicer by default.

    Returns
    -------
    str or None
        A sentence telling to restart Slicer, when packages were exchanged that are in use.

    Raises
    ------
    MissingPackageError
        The person declined, the extension PyTorch is missing, or the installation failed; the sentence says
        what to do.
    """
    missing = missingPackages(*further)
    if not missing:
        return None
    if slicer.app.testingEnabled():
        raise MissingPackageError(missingSentence(missing) + " " + _("Nothing is installed in testing mode."))
    wheels = _wheelFolder()
    torch = _torchInstaller() if wheels is None and TORCH in missing else None
    if not (ask or _askInDialog)(_question(missing, wheels, torch is not None)):
        raise MissingPackageError(
            _("Nothing was installed, so landmarks cannot be detected yet; everything else can be used.")
        )
    before = _installedVersions()
    with tempfile.TemporaryDirectory(prefix="landmark-detection-") as folder:
        _install(missing, wheels, torch, Path(folder))
    after = _installedVersions()
    if still := missingPackages(*further):
        raise MissingPackageError(missingSentence(still) + " " + _("Restart Slicer and try again."))
    return _restartAdvice(before, after)


def writeConstraints(path: Path, isForTorch: bool = False) -> None:
    """Write a constraints file for pip that keeps Slicer's own packages at their versions.

    What only installs packages may be exchanged where PyTorch is among them.
    """
    names = SLICERS_OWN if isForTorch else (*SLICERS_OWN, *INSTALLERS)
    versions = {name: _version(name) for name in names}
    path.write_text("".join(f"{name}=={version}\n" for name, version in versions.items() if version))


# --- what is there ----------------------------------------------------------------------------------------


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _isInstalled(package: Package) -> bool:
    # Not packaging.requirements, which takes three times as long to import.
    try:
        specifiers = importlib.import_module("packaging.specifiers")
    except ImportError:  # pip always carries its own
        specifiers = importlib.import_module("pip._vendor.packaging.specifiers")

    version = _version(package.name)
    # A local build (2.7.0+cu128) and a pre-release of the right number will do.
    wanted = specifiers.SpecifierSet(package.versions)
    return version is not None and bool(wanted.contains(version, prereleases=True))


def _installedVersions() -> dict[str, str]:
    importlib.invalidate_caches()
    return {one.metadata["Name"]: one.version for one in metadata.distributions() if one.metadata["Name"]}


def _restartAdvice(before: dict[str, str], after: dict[str, str]) -> str | None:
    """A restart is needed for what was imported from a version that is no longer there."""
    exchanged = {name for name, version in before.items() if after.get(name) != version}
    if not exchanged:
        return None
    modules = metadata.packages_distributions()
    inUse = exchanged & {name for module in set(modules) & set(sys.modules) for name in modules[module]}
    if not inUse:
        return None
    names = ", ".join(sorted(inUse))
    return _("Restart Slicer now: packages in use were exchanged ({names}).").format(names=names)


# --- asking -----------------------------------------------------------------------------------------------


def _question(missing: Iterable[Package], wheels: Path | None, byExtension: bool) -> str:
    lines = [f"- {one.requirement}: {one.reason} ({one.megabytes} MB)" for one in missing]
    source = _("from the folder {folder}").format(folder=wheels) if wheels else _("from the internet")
    kept = _("Slicer's own packages stay as they are.")
    if TORCH in missing:
        kept = _("Slicer's own packages stay as they are; only its installers may be exchanged ({names}).")
        kept = kept.format(names=", ".join(INSTALLERS))
    if byExtension:
        lines.append(_("- with PyTorch: torchvision, and light-the-torch, which finds the build that fits"))
    return "\n".join(
        (
            _("Landmark Detection needs Python packages that this Slicer does not have yet:"),
            "",
            *lines,
            "",
            _("They are installed once, {source}, with the packages that they need.").format(source=source),
            kept,
            _("Install them now? This takes some minutes."),
        )
    )


def _askInDialog(question: str) -> bool:
    return bool(slicer.util.confirmOkCancelDisplay(question, windowTitle=_("Landmark Detection")))


# --- installing -------------------------------------------------------------------------------------------


def _wheelFolder() -> Path | None:
    chosen = os.environ.get(WHEELS_VARIABLE)
    if not chosen:
        return None
    folder = Path(chosen).expanduser()
    if not folder.is_dir():
        raise MissingPackageError(
            _(
                "The folder {folder} that {variable} names does not exist; correct it and restart Slicer."
            ).format(folder=folder, variable=WHEELS_VARIABLE)
        )
    return folder.absolute()


def _torchInstaller() -> Any:
    """The logic of the extension PyTorch, which picks the build for the graphics card."""
    try:
        import PyTorchUtils
    except ImportError:
        raise MissingPackageError(
            _(
                "PyTorch is needed; install the extension PyTorch in the Extensions Manager, restart Slicer, "
                "and try again."
            )
        ) from None
    return PyTorchUtils.PyTorchUtilsLogic()


def _install(missing: tuple[Package, ...], wheels: Path | None, torch: Any, folder: Path) -> None:
    log = folder / "pip.log"
    others = [one for one in missing if torch is None or one != TORCH]
    try:
        if others:
            constraints = folder / "constraints.txt"
            writeConstraints(constraints, isForTorch=TORCH in others)
            _pipInstall([*(one.requirement for one in others), *_pipOptions(wheels, log)], constraints)
        if torch is not None:
            log.unlink(missing_ok=True)  # what was installed before is no trouble
            constraints = folder / "constraints-for-torch.txt"
            writeConstraints(constraints, isForTorch=True)
            _installTorch(torch, constraints, log)
    except (CalledProcessError, RuntimeError, OSError, ImportError) as problem:
        raise MissingPackageError(_trouble(log, wheels, problem)) from problem


def _pipOptions(wheels: Path | None, log: Path) -> list[str]:
    # Wheels only: building from source needs compilers that Slicer's users do not have.
    options = ["--only-binary", ":all:", "--disable-pip-version-check", "--retries", "2", "--log", str(log)]
    return options if wheels is None else [*options, "--no-index", "--find-links", str(wheels)]


def _pipInstall(arguments: list[str], constraints: Path) -> None:
    try:
        from slicer.packaging import pip_install
    except ImportError:  # Slicer 5.10
        slicer.util.pip_install([*arguments, "--constraint", str(constraints)])
    else:
        pip_install(arguments, constraints=constraints, requester=_("Landmark Detection"))


def _installTorch(logic: Any, constraints: Path, log: Path) -> None:
    version = TORCH.requirement.removeprefix(TORCH.name)
    # The extension offers no way to hand pip options, but pip reads them from the environment. An address,
    # since pip divides the variable at spaces.
    with _environment(PIP_CONSTRAINT=constraints.as_uri(), PIP_LOG=str(log)):
        if logic.installTorch(askConfirmation=False, torchVersionRequirement=version) is None:
            raise RuntimeError("PyTorch was not installed")


@contextmanager
def _environment(**variables: str) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _troubles() -> tuple[tuple[str, str], ...]:
    """What pip writes into its log when something is wrong, and what a person is told; the first that fits.

    Translated when it is asked for: where no application runs, there is nothing that translates.
    """
    return (
        (
            r"No space left on device|not enough space on the disk",
            _("the disk is full; make room and try again."),
        ),
        (
            r"Permission denied|Access is denied",
            _("Slicer's folder may not be written; start Slicer as a user who may, or install your own."),
        ),
        (
            r"Failed to establish a new connection|NewConnectionError|NameResolutionError|getaddrinfo failed"
            r"|Temporary failure in name resolution|Network is unreachable|ConnectTimeoutError"
            r"|ReadTimeoutError|ProxyError|SSLError|Max retries exceeded",
            _(
                "there is no way to the internet; connect this computer, or take the packages from a folder "
                "(set {variable}, see the documentation of the installation)."
            ),
        ),
        (
            r"\b(401|403|407) Client Error",
            _(
                "the network refuses the way to them ({code}); ask those who run it, or take the packages "
                "from a folder (set {variable}, see the documentation of the installation)."
            ),
        ),
        (
            r"conflicting dependencies",
            _(
                "they do not fit this Slicer's own packages, which are never exchanged; "
                "use the newest Slicer."
            ),
        ),
    )


def _trouble(log: Path, wheels: Path | None, problem: Exception) -> str:
    """One sentence about a failed installation, from what pip wrote into its log."""
    text = log.read_text(encoding="utf-8", errors="replace") if log.is_file() else str(problem)
    reason = _("pip failed, see the Python console (View > Python Console) for its words, then try again.")
    lacking = re.search(r"No matching distribution found for (?P<name>[^\s(;<>=!~]+)", text)
    known = ((sentence, re.search(pattern, text)) for pattern, sentence in _troubles())
    if wheels is not None and lacking:
        reason = _("the folder {folder} holds no fitting wheel of {name}; add it and try again.").format(
            folder=wheels, name=lacking["name"]
        )
    elif trouble := next(((sentence, match) for sentence, match in known if match), None):
        sentence, match = trouble
        reason = sentence.format(variable=WHEELS_VARIABLE, code=match[1] if match.re.groups else "")
    elif lacking:
        reason = _("there is no build of {name} that fits this Slicer; use the newest Slicer.").format(
            name=lacking["name"]
        )
    return _("The Python packages were not installed: {reason}").format(reason=reason)
