"""Start the server of a review, and end it cleanly."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import ssl
import sys
import webbrowser
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from LandmarkDetectionLib.errors import InputError, MissingPackageError, OutputError
from LandmarkDetectionViewer.sessions import one_of, places

LOOPBACK = "127.0.0.1"
LOOPBACKS = (LOOPBACK, "localhost", "::1")
SESSIONS = 8


@dataclass(frozen=True)
class Serving:
    """Where and for whom a review is served.

    Attributes
    ----------
    token
        Whoever has it may enter.
    host, port
        Where to listen; port 0 is any that is free.
    certificate, key
        Files in PEM format, for encrypted connections.
    open_browser
        Whether to open the page in the browser of this computer.
    sessions
        How many reviews may be open on this computer, this one included.
    """

    token: str
    host: str = LOOPBACK
    port: int = 0
    certificate: Path | None = None
    key: Path | None = None
    open_browser: bool = False
    sessions: int = SESSIONS

    @property
    def context(self) -> ssl.SSLContext | None:
        """For encrypted connections; InputError when the files are none."""
        if self.certificate is None:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            context.load_cert_chain(self.certificate, self.key)
        except (OSError, ssl.SSLError) as problem:
            raise InputError(
                f"{self.certificate} cannot be used as certificate ({problem}); give a certificate and its "
                "key in PEM format.",
                about=("tls_certificate", "tls_key"),
            ) from None
        return context

    @property
    def warning(self) -> str:
        """What whoever lets other computers in should know; empty while nobody else can come in."""
        if self.host in LOOPBACKS:
            return ""
        if self.certificate is None:
            return (
                "Other computers can open this page, and the connection is not encrypted: whoever listens to "
                "the network sees the images and can come in. Give a certificate, or use SSH (see the "
                "documentation)."
            )
        return "Other computers can open this page; whoever has its token sees the images and can review."

    def address(self, port: int) -> str:
        """Of the page, with its token."""
        scheme = "https" if self.certificate is not None else "http"
        host = f"[{self.host}]" if ":" in self.host else self.host
        if self.host in ("0.0.0.0", "::"):
            host = socket.gethostname()
        return f"{scheme}://{host}:{port}/?token={self.token}"


@dataclass(frozen=True)
class Reviewed:
    """What is reviewed, and by whom; as ``cases.open_cases`` and ``PageDesk`` have it."""

    path: Path
    results: Path | None = None
    images: Path | None = None
    key: Path | None = None
    store: Path | None = None
    reviewer: str = ""
    model: str | None = None


def require_packages() -> None:
    """Raises MissingPackageError when the viewer's packages are not installed."""
    for package in ("trame_slicer", "slicer", "trame_vuetify"):
        try:
            __import__(package)
        except ImportError as problem:
            raise MissingPackageError.of("A review in the browser", "trame-slicer", "viewer") from problem


def require_free(serving: Serving) -> None:
    """Raises InputError when nobody can listen there."""
    family = socket.AF_INET6 if ":" in serving.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        if os.name != "nt":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((serving.host, serving.port))
        except OSError as problem:
            reason = (problem.strerror or str(problem)).lower()
            raise InputError(
                f"Nobody can listen at {serving.host}, port {serving.port} ({reason}); choose another port, "
                "or none for any that is free.",
                about="port",
            ) from None


def serve(reviewed: Reviewed, serving: Serving, ready: Callable[[str], None]) -> None:
    """Serve a review until the process is asked to end (Ctrl-C, SIGTERM); then everything is saved.

    Parameters
    ----------
    ready
        Called with the page's address, token included, as soon as it can be opened.

    Raises
    ------
    InputError, MissingPackageError
        It cannot be started.
    OutputError
        At its end something could not be saved where it belongs; the sentence says where it is.
    """
    require_packages()
    require_free(serving)
    context = serving.context
    with one_of(serving.sessions, places()):
        problem = asyncio.run(_serve(reviewed, serving, context, ready))
    if problem:
        raise OutputError(problem)


async def _serve(
    reviewed: Reviewed, serving: Serving, context: ssl.SSLContext | None, ready: Callable[[str], None]
) -> str:
    from trame.app import get_server

    os.environ["WSLINK_READY_MSG"] = ""
    # Seconds; a server that reads a large image meanwhile must not take its browser for gone.
    os.environ.setdefault("WSLINK_HEART_BEAT", "120")
    # The names of cases are in what is called: nothing of it is logged.
    for name in ("wslink", "trame_server", "trame", "aiohttp.access"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    server = get_server("landmark-review", client_type="vue3")
    page, _gate = build(server, reviewed, serving)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    # Not by the loop, whose handlers Windows lacks: ended from outside, it would not say what was not saved.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(ended.set))
    # The server would read options of the command line by itself.
    words, sys.argv = sys.argv, sys.argv[:1]
    try:
        more: dict[str, Any] = {"ssl": f"{serving.certificate},{serving.key}"} if context is not None else {}
        server.cli.set_defaults(**more)
        server.start(
            port=serving.port,
            host=serving.host,
            exec_mode="task",
            open_browser=False,
            show_connection_info=False,
            timeout=0,
            thread=True,
        )
        await server.ready
    finally:
        sys.argv = words
    page.opening.begin()
    address = serving.address(server.port)
    ready(address)
    if serving.open_browser:
        webbrowser.open(address)
    try:
        await ended.wait()
    finally:
        problem: str = page.close()
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(server.stop(), 5)
    return problem


def build(server: Any, reviewed: Reviewed, serving: Serving) -> tuple[Any, Any]:
    """The page of a server, and who may enter; gives both.

    Raises
    ------
    InputError
        There is nothing that can be reviewed.
    """
    if sys.platform == "linux" and not os.environ.get("DISPLAY"):
        # Without asking for a screen first, in vain.
        os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow")
    from trame_slicer.core import SlicerApp
    from vtkmodules.vtkCommonCore import vtkObject

    from LandmarkDetectionViewer import host

    app = SlicerApp()
    # What VTK warns of names files; whoever reviews is told by the page.
    vtkObject.GlobalWarningDisplayOff()
    host.install(app.scene)
    # Only now: this is code of the Slicer module, for which the host was made.
    from LandmarkDetectionSlicer.logic.known_models import KnownModels

    from LandmarkDetectionLib.models import broken_models, list_models
    from LandmarkDetectionViewer.cases import open_cases
    from LandmarkDetectionViewer.desk import PageDesk
    from LandmarkDetectionViewer.gate import Gate
    from LandmarkDetectionViewer.page import build as build_page
    from LandmarkDetectionViewer.page import front
    from LandmarkDetectionViewer.state import PREFIX, PageState
    from LandmarkDetectionViewer.views import Views

    cases = open_cases(
        reviewed.path, reviewed.results, images=reviewed.images, key=reviewed.key, store=reviewed.store
    )
    models = [model for model in list_models() if model.capabilities.channels == 1]
    models.sort(key=lambda model: model.name != reviewed.model)
    views = Views(app, server)
    state = PageState(server.state)
    desk = PageDesk(state, views, cases, KnownModels(tuple(models), broken_models()), reviewed.reviewer)
    build_page(server, desk, views)
    gate = Gate(serving.token, serving.certificate is not None, desk.review.save, front())
    server.controller.on_server_bind.add(lambda wslink: gate.guard(wslink.app))

    @server.state.change(f"{PREFIX}openOnly")
    def open_only_changed(**_: Any) -> None:
        desk.setOpenOnly(state.openOnly)

    @server.state.change(f"{PREFIX}theme")
    def theme_changed(**_: Any) -> None:
        views.setTheme(state.theme)

    return desk, gate
