"""Install what an extra of ``pyproject.toml`` names, without the library itself and what that needs.

::

    .venv-docs/bin/python Testing/install_extra.py docs

The documentation is built from text alone; PyTorch and its gigabytes have no part in it.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any

PYPROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"


def project() -> dict[str, Any]:
    """The section ``project`` of ``pyproject.toml``."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:  # until Python has it, pip brings it
        from pip._vendor import tomli as tomllib
    read: dict[str, Any] = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    return read


if __name__ == "__main__":
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
    sys.exit(subprocess.run([*pip, *project()["optional-dependencies"][sys.argv[1]]], check=False).returncode)
