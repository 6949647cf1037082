"""Stand-in for Slicer's package installation: it records what was asked for and installs nothing."""

import importlib.metadata
import re
import types
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import CalledProcessError
from typing import Any

from .dialogs import Dialogs


@dataclass
class Packages:
    """What is installed as far as the module can see, and what it asked to install."""

    dialogs: Dialogs
    missing: set[str] = field(default_factory=set)
    requested: list[str] = field(default_factory=list)
    offline: bool = False

    def is_installed(self, requirement: str) -> bool:
        """Whether ``requirement`` (its version is not looked at) is there and not declared missing."""
        name = distribution(requirement)
        if name in self.missing:
            return False
        if name in map(distribution, self.requested):
            return True
        try:
            importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            return False
        return True

    def install(self, requirements: Any, *_: Any, **__: Any) -> None:
        """Record the requirements; afterwards none of them is missing. Offline it fails as pip does."""
        wanted = _listed(requirements)
        if self.offline:
            raise CalledProcessError(1, ["pip", "install", *wanted], "no network")
        self.requested += wanted
        self.missing -= {distribution(requirement) for requirement in wanted}


def distribution(requirement: str) -> str:
    """The name in a requirement: ``torch`` of ``torch>=2.2``."""
    return re.split(r"[\s<>=!~;\[(]", requirement.strip(), maxsplit=1)[0]


def _listed(requirements: Any) -> list[str]:
    if isinstance(requirements, str):
        requirements = requirements.split()
    if not isinstance(requirements, Iterable):
        requirements = [requirements]
    return [str(requirement) for requirement in requirements]


def packagingModule(current: Callable[[], Packages]) -> types.ModuleType:
    """``slicer.packaging`` as Slicer 5.12 has it."""

    def load_requirements(path: str | Path) -> list[Any]:
        from packaging.requirements import Requirement

        lines = [line.strip() for line in Path(path).read_text(encoding="utf-8").splitlines()]
        # Slicer drops options like --index-url without a word.
        return [Requirement(line) for line in lines if line and not line.startswith(("#", "-"))]

    def pip_check(req: Any) -> bool:
        return all(current().is_installed(requirement) for requirement in _listed(req))

    def pip_ensure(
        requirements: Any,
        constraints: Any = None,
        skip_packages: Any = None,
        prompt_install: bool = True,
        prompt_restart: bool = True,
        requester: str | None = None,
        skip_in_testing: bool = True,
        show_progress: bool = True,
    ) -> None:
        missing = [name for name in _listed(requirements) if not current().is_installed(name)]
        if not missing or (current().dialogs.testing and skip_in_testing):
            return
        question = f"{requester or 'A module'} needs to install: {', '.join(missing)}"
        if prompt_install and not current().dialogs.ask(question, {}):
            raise RuntimeError(f"User declined installation of {', '.join(missing)}")
        current().install(missing)

    module = types.ModuleType("slicer.packaging", "Recorded package installation.")
    for function in (load_requirements, pip_check, pip_ensure):
        setattr(module, function.__name__, function)
    module.pip_install = lambda *requirements, **options: current().install(*requirements, **options)
    module.isPipInstallInProgress = lambda: False
    return module
