"""A machine without the libraries that Qt needs is told which packages to install."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from Testing import system_libraries

# Every Linux that runs Python has these.
BASIC = (
    "linux-vdso",
    "ld-linux",
    "/lib",
    "libc.",
    "libm.",
    "libdl.",
    "librt.",
    "libpthread.",
    "libgcc_s.",
    "libstdc++.",
)


def test_nothing_missing_needs_nothing():
    assert system_libraries.missing(lambda library: True, lambda: True, lambda: True) == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere Qt brings all")
def test_nothing_is_installed_unless_it_is_asked_for(monkeypatch, capsys):
    ran = []
    monkeypatch.setattr(system_libraries, "missing", lambda: [system_libraries.BROWSER])
    monkeypatch.setattr(system_libraries.os, "geteuid", lambda: 0)
    monkeypatch.setattr(system_libraries.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(system_libraries.subprocess, "run", lambda words, **more: ran.append(words))
    assert system_libraries.main([]) == 0 and ran == []
    assert "chromium" in capsys.readouterr().err
    assert system_libraries.main(["--install"]) == 1, "it is still missing"
    assert ran[-1][:2] == ["apt-get", "install"] and "chromium" in ran[-1]


def test_one_sentence_names_the_packages_of_debian_and_fedora():
    packages = system_libraries.missing(lambda library: "glib" not in library, lambda: False, lambda: True)
    sentence = system_libraries.sentence(packages)
    assert "apt-get install fonts-dejavu-core libglib2.0-0`" in sentence
    assert "dnf install dejavu-sans-fonts glib2`" in sentence
    assert sentence.count(".") - sentence.count("2.0") == 1 and "\n" not in sentence


def test_a_library_that_does_not_exist_is_noticed():
    assert system_libraries.loads("libc.so.6" if sys.platform.startswith("linux") else None)
    assert not system_libraries.loads("libof-no-system.so.1")


@pytest.mark.skipif(
    not sys.platform.startswith("linux") or not shutil.which("readelf"), reason="needs readelf"
)
def test_the_list_covers_what_qt_takes_from_the_system():
    pyside = pytest.importorskip("PySide6", exc_type=ImportError)
    shiboken = pytest.importorskip("shiboken6", exc_type=ImportError)
    qt = Path(pyside.__file__).parent
    own = {
        path.name: path for folder in (qt, Path(shiboken.__file__).parent) for path in folder.rglob("*.so*")
    }
    names = ("QtWidgets", "QtTest", "QtUiTools")
    waiting = [*(qt / f"{name}.abi3.so" for name in names), qt / "Qt/plugins/platforms/libqoffscreen.so"]
    seen, outside = set(), set()
    while waiting:
        library = waiting.pop()
        if library in seen:
            continue
        seen.add(library)
        for name in needed(library):
            waiting.append(own[name]) if name in own else outside.add(name)
    foreign = {name for name in outside if not name.startswith(BASIC)}
    assert foreign <= set(system_libraries.LIBRARIES)


def needed(library: Path) -> list[str]:
    lines = subprocess.run(["readelf", "-d", library], capture_output=True, text=True, check=True).stdout
    return [line.split("[")[1].rstrip("]") for line in lines.splitlines() if "NEEDED" in line]
