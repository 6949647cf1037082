"""A Slicer's own Python with its packages, and an index of small real wheels: pip works on both for real."""

import importlib.metadata
import re
import sys
import threading
import venv
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import cache_from_source
from pathlib import Path
from subprocess import PIPE, STDOUT, CalledProcessError, run
from types import SimpleNamespace
from typing import Any

# What the index holds: the newest of everything, and what Slicers of today need older ones of. The
# requirements are those of the real packages as far as they meet Slicer's own.
INDEX: dict[str, tuple[str, ...]] = {
    "matplotlib 3.11.0": ("numpy>=1.25", "pillow>=9", "python-dateutil>=2.7", "contourpy>=1"),
    "contourpy 1.3.3": ("numpy>=1.25",),
    "nibabel 5.4.2": ("numpy>=1.25", "packaging>=20", "typing-extensions>=4.6"),
    "numba 0.68.1": ("numpy>=1.22", "llvmlite>=0.40"),
    "llvmlite 0.46.0": (),
    "pydantic 2.13.0": ("typing-extensions>=4.15", "annotated-types>=0.6"),
    "pydantic 2.11.0": ("typing-extensions>=4.12", "annotated-types>=0.6"),
    "annotated-types 0.7.0": (),
    "rich 15.0.0": (),
    "safetensors 0.8.0": (),
    "typer 0.27.0": ("rich>=12", "typing-extensions>=4"),
    "light-the-torch 0.8.1": ("pip<26.1",),
    "torch 2.13.0": ("setuptools<82", "typing-extensions>=4.10", "filelock>=3"),
    "torchvision 0.28.0": ("torch==2.13.0", "numpy", "pillow>=5.3"),
    "filelock 3.20.0": (),
    "dask 2026.6.0": ("packaging>=20", 'distributed==2026.6.0; extra == "distributed"'),
    "distributed 2026.6.0": ("dask==2026.6.0", "psutil>=5.9"),
    "psutil 7.2.0": (),
    "pyarrow 23.0.0": (),
    "setuptools 81.0.0": (),
    # Newer than what Slicer has: nothing may ask for them.
    "numpy 2.9.0": (),
    "scipy 1.99.0": (),
    "pydicom 3.9.0": (),
    "pillow 99.0": (),
    "typing-extensions 4.99.0": (),
}
OLDER_PIP = "26.0.1"

LIGHT_THE_TORCH = """
import os, subprocess, sys
address = os.environ.get("ADDRESS_OF_PYTORCH")
options = ["--index-url", address] if address else []
sys.exit(subprocess.call([sys.executable, "-m", "pip", *sys.argv[1:], *options]))
"""


def write_wheel(
    folder: Path,
    name: str,
    version: str,
    requires: tuple[str, ...] = (),
    files: Mapping[str, str | bytes] | None = None,
) -> Path:
    """Write a wheel for every Python, with one empty module unless other files are given."""
    stem = name.replace("-", "_")
    info = f"{stem}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {one}\n" for one in requires)
    needs += "".join(f"Provides-Extra: {one}\n" for one in re.findall(r'extra == "(\w+)"', needs))
    content = dict(files if files is not None else {f"{stem}.py": ""})
    content[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}"
    content[f"{info}/WHEEL"] = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    record = [*content, f"{info}/RECORD"]
    content[f"{info}/RECORD"] = "".join(f"{one},,\n" for one in record)
    path = folder / f"{stem}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for place, text in content.items():
            wheel.writestr(place, text)
    return path


def write_pip(folder: Path, version: str) -> Path:
    """The pip of this computer as a wheel that says another version."""
    return write_wheel(folder, "pip", version, files=_pips_files())


@cache
def _pips_files() -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    for one in importlib.metadata.files("pip") or ():
        if one.parts[0] == "pip" and one.suffix in (".py", ".pem", ".txt"):
            files[one.as_posix()] = Path(str(one.locate())).read_bytes()
        if one.parts[0] == "pip" and one.suffix == ".py":
            files.update(_compiled(one))
    return files


def _compiled(source: importlib.metadata.PackagePath) -> dict[str, bytes]:
    """A module's bytecode, which no Python compares with its source: compiling pip takes seconds."""
    path = Path(cache_from_source(str(source.locate())))
    if not path.is_file():
        return {}
    place = (source.parent / "__pycache__" / path.name).as_posix()
    return {place: path.read_bytes()[:4] + b"\x01\0\0\0" + path.read_bytes()[8:]}


def write_index(folder: Path, lacking: tuple[str, ...] = ()) -> Path:
    """Write the wheels of the index."""
    folder.mkdir(exist_ok=True)
    for line, requires in INDEX.items():
        name, version = line.split()
        if name not in lacking:
            code = {"light_the_torch.py": LIGHT_THE_TORCH} if name == "light-the-torch" else None
            write_wheel(folder, name, version, requires, code)
    write_pip(folder, OLDER_PIP)
    return folder


@contextmanager
def served(wheels: Path, status: int = 200) -> Iterator[str]:
    """Serve wheels as an index of packages does; gives its address."""

    class Handler(SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            if status != 200:
                self.send_error(status)
            elif self.path.startswith("/simple/"):
                stem = self.path.split("/")[2].replace("-", "_") + "-"
                found = sorted(one.name for one in wheels.iterdir() if one.name.lower().startswith(stem))
                if not found:
                    self.send_error(404)
                    return
                page = "".join(f'<a href="/{one}">{one}</a>' for one in found).encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(page)
            else:
                super().do_GET()

        def log_message(self, *_args: Any) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(wheels)))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/simple"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass(frozen=True)
class SlicersPython:
    """A virtual environment in which a Slicer's packages are installed, as far as pip can tell."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")

    @property
    def site(self) -> Path:
        return next(self.folder.glob("lib/python*/site-packages"), self.folder / "Lib" / "site-packages")

    @property
    def versions(self) -> dict[str, str]:
        """What is installed."""
        return {one.metadata["Name"]: one.version for one in self.distributions()}

    def distributions(self) -> list[importlib.metadata.Distribution]:
        return list(importlib.metadata.distributions(path=[str(self.site)]))

    def pip(self, *arguments: str) -> None:
        """Run this environment's pip, which raises as Slicer's does when it fails."""
        self.run("-m", "pip", *arguments)

    def run(self, *arguments: str) -> None:
        command = [str(self.python), *arguments]
        told = run(command, stdout=PIPE, stderr=STDOUT, text=True, timeout=120)
        if told.returncode:
            raise CalledProcessError(told.returncode, command, told.stdout)

    def metadata(self) -> SimpleNamespace:
        """``importlib.metadata`` as it answers in that Slicer."""

        def version(name: str) -> str:
            found = importlib.metadata.distributions(name=name, path=[str(self.site)])
            if (one := next(iter(found), None)) is None:
                raise importlib.metadata.PackageNotFoundError(name)
            return one.version

        def packages_distributions() -> dict[str, list[str]]:
            found: dict[str, list[str]] = {}
            for one in self.distributions():
                for file in one.files or ():
                    if file.suffix == ".py":
                        found.setdefault(file.parts[0].removesuffix(".py"), []).append(one.metadata["Name"])
            return found

        return SimpleNamespace(
            version=version,
            distributions=self.distributions,
            packages_distributions=packages_distributions,
            PackageNotFoundError=importlib.metadata.PackageNotFoundError,
        )


def make_environment(folder: Path, pins: Mapping[str, str]) -> SlicersPython:
    """A fresh environment with what a Slicer ships."""
    venv.create(folder / "slicer", with_pip=False)
    environment = SlicersPython(folder / "slicer")
    wheels = folder / "own"
    wheels.mkdir()
    paths = [
        write_pip(wheels, version) if name == "pip" else write_wheel(wheels, name, version)
        for name, version in pins.items()
    ]
    for path in paths:
        with zipfile.ZipFile(path) as wheel:
            wheel.extractall(environment.site)
    return environment


def pytorch_extension(environment: SlicersPython, pip_install: Callable[[str], None]) -> SimpleNamespace:
    """The module of the extension PyTorch, installing as that one does."""

    def install_torch(**options: Any) -> object:
        assert options.pop("askConfirmation") is False, "a second question"
        wanted = f"torch{options.pop('torchVersionRequirement')}"
        assert not options
        pip_install("light-the-torch>=0.5")
        environment.run("-m", "light_the_torch", "install", wanted, "torchvision")
        return object()

    return SimpleNamespace(PyTorchUtilsLogic=lambda: SimpleNamespace(installTorch=install_torch))
