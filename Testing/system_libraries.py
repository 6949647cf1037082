"""Say what some tests need from the system and it lacks; nothing is installed unless that is asked for.

Qt needs some libraries even without a screen (Linux; elsewhere it brings all), and the report of a cohort is
looked at in Chromium. With ``--install``, as root on a system with apt, they are installed.
"""

import ctypes
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple


class Package(NamedTuple):
    """Where a library comes from."""

    debian: str
    fedora: str


# What PySide6's QtWidgets, QtTest and offscreen platform take from the system, as ldd shows it.
# VTK and slicer-core take nothing beyond the C and C++ libraries.
LIBRARIES = {
    "libEGL.so.1": Package("libegl1", "libglvnd-egl"),
    "libGL.so.1": Package("libgl1", "libglvnd-glx"),
    "libX11.so.6": Package("libx11-6", "libX11"),
    "libdbus-1.so.3": Package("libdbus-1-3", "dbus-libs"),
    "libfontconfig.so.1": Package("libfontconfig1", "fontconfig"),
    "libfreetype.so.6": Package("libfreetype6", "freetype"),
    "libglib-2.0.so.0": Package("libglib2.0-0", "glib2"),
    "libgthread-2.0.so.0": Package("libglib2.0-0", "glib2"),
    "libxkbcommon.so.0": Package("libxkbcommon0", "libxkbcommon"),
    "libz.so.1": Package("zlib1g", "zlib"),
    "libzstd.so.1": Package("libzstd1", "libzstd"),
}
FONTS = Package("fonts-dejavu-core", "dejavu-sans-fonts")
BROWSER = Package("chromium", "chromium")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FONT_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.fonts", "~/.local/share/fonts")


def loads(library: str) -> bool:
    """Whether the system finds ``library``."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def has_font() -> bool:
    """Whether there is any font to write with."""
    folders = [Path(folder).expanduser() for folder in FONT_FOLDERS]
    return any(path.suffix in (".ttf", ".otf") for folder in folders for path in folder.rglob("*"))


def has_browser() -> bool:
    """Whether there is a browser that tests can steer."""
    return any(map(shutil.which, BROWSERS))


def missing(
    found: Callable[[str], bool] = loads,
    font: Callable[[], bool] = has_font,
    browser: Callable[[], bool] = has_browser,
) -> list[Package]:
    """The packages to install, each once."""
    packages = {package for library, package in LIBRARIES.items() if not found(library)}
    if not font():
        packages.add(FONTS)
    if not browser():
        packages.add(BROWSER)
    return sorted(packages)


def sentence(packages: Iterable[Package]) -> str:
    """What to tell a person."""
    debian, fedora = (" ".join(names) for names in zip(*packages, strict=True))
    return (
        "Tests that need what this system lacks are skipped; to run them, install it with "
        f"`sudo apt-get install {debian}` (Debian, Ubuntu) or `sudo dnf install {fedora}` (Fedora), or as "
        "root on Debian or Ubuntu with `make test INSTALL=yes`."
    )


def install(packages: Iterable[Package]) -> None:
    """Try to install with apt; what is missing afterwards is for the caller to see."""
    names = [package.debian for package in packages]
    print(f"Installing what the tests need: {' '.join(names)}")
    quiet = {"env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, "capture_output": True}
    for command in (["update"], ["install", "--yes", "--no-install-recommends", *names]):
        subprocess.run(["apt-get", *command], check=False, **quiet)


def main(arguments: Sequence[str]) -> int:
    """Exit code 1 if something was to be installed and is missing in the end."""
    packages = missing() if sys.platform.startswith("linux") else []
    wanted = "--install" in arguments
    if packages and wanted and os.geteuid() == 0 and shutil.which("apt-get"):
        install(packages)
        packages = missing()
    if packages:
        print(sentence(packages), file=sys.stderr)
    return int(bool(packages) and wanted)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
