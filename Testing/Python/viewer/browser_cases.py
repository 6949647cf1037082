"""A review served as users serve it, and the words for what a person does in its page."""

import contextlib
import importlib.util
import json
import os
import queue
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

PYTHON = os.environ.get("LANDMARK_DETECTION_VIEWER_PYTHON") or (
    sys.executable if importlib.util.find_spec("trame_slicer") else None
)
CHROMIUM = os.environ.get("LANDMARK_DETECTION_CHROMIUM") or next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
REPOSITORY = Path(__file__).resolve().parents[3]
#: Above what anything takes on two busy cores; only what never comes is waited for so long.
PATIENCE_MS = 90_000
#: A server loads most of its packages before it serves.
START_SECONDS = 300
#: Until no view has another picture for half a second.
STILL = """
async () => {
  const shown = () => [...document.querySelectorAll('.views img')].map((one) => one.src).join();
  for (let last = shown(), since = performance.now(); performance.now() - since < 500; ) {
    await new Promise((done) => setTimeout(done, 50));
    if (shown() !== last) { last = shown(); since = performance.now(); }
  }
}
"""
PICTURES = os.environ.get("LANDMARK_DETECTION_SCREENSHOTS")


def _command(*arguments: object) -> list[str]:
    assert PYTHON is not None
    return [PYTHON, "-m", "LandmarkDetectionLib", "review", *map(str, arguments), "--json"]


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(REPOSITORY), "PYTHONUNBUFFERED": "1"}


def review_command(*arguments: object) -> "subprocess.CompletedProcess[str]":
    """Start a review that does not get as far as serving, and give what it said."""
    return subprocess.run(
        _command(*arguments),
        env=_environment(),
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
    )


class Served:
    """A review that is served.

    Attributes
    ----------
    address
        Of the page, with its token.
    """

    def __init__(self, *arguments: object) -> None:
        self.process = subprocess.Popen(
            _command(*arguments),
            env=_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.said: list[str] = []
        lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        for stream in (self.process.stdout, self.process.stderr):
            threading.Thread(target=self._read, args=(stream, lines), daemon=True).start()
        text = ""
        while '"address"' not in text or "}" not in text:
            try:
                text += lines.get(timeout=START_SECONDS)
            except queue.Empty:
                self.end()
                raise AssertionError("nothing was served:\n" + "".join(self.said)) from None
        self.address: str = json.loads(text[text.index("{") : text.index("}") + 1])["address"]

    def _read(self, stream: Any, lines: "queue.SimpleQueue[str]") -> None:
        for line in stream:
            self.said.append(line)
            if stream is self.process.stdout:
                lines.put(line)

    @property
    def port(self) -> int:
        """Where it listens."""
        return urlsplit(self.address).port or 0

    @property
    def root(self) -> str:
        """The address without its token."""
        return self.address.partition("?")[0]

    def kill(self) -> None:
        """End it without a word, as a power failure does."""
        self.process.kill()
        self.process.wait()

    @contextlib.contextmanager
    def hung(self) -> Iterator[None]:
        """It stands still while the block runs (POSIX)."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def end(self) -> int:
        """Ask it to end, and give its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=PATIENCE_MS / 1000)


class Cable:
    """A connection between a browser and a server that can be pulled and put in again.

    Parameters
    ----------
    port
        Where the server listens.
    """

    def __init__(self, port: int) -> None:
        self._server = port
        self._pairs: list[socket.socket] = []
        self._is_in = True
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                if not self._is_in:
                    near.close()
                    continue
                far = socket.create_connection(("127.0.0.1", self._server))
                self._pairs += [near, far]
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=(one, other), daemon=True).start()

    @staticmethod
    def _carry(one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while content := one.recv(65536):
                other.sendall(content)
        for end in (one, other):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def pull(self) -> None:
        """Cut all connections; there are no new ones."""
        self._is_in = False
        pairs, self._pairs = self._pairs, []
        for end in pairs:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def put_in(self) -> None:
        """There are new connections again."""
        self._is_in = True

    def close(self) -> None:
        """For good."""
        self.pull()
        self._listener.close()


class Page:
    """The page in a browser, with words for what a person does there."""

    def __init__(self, browser: Any, address: str) -> None:
        self.errors: list[str] = []
        self.context = browser.new_context(
            viewport={"width": 1280, "height": 800},
            ignore_https_errors=True,  # certificates of the tests
        )
        self.context.set_default_timeout(PATIENCE_MS)
        self.tab = self.context.new_page()
        self.tab.on("pageerror", lambda problem: self.errors.append(str(problem)))
        self.tab.goto(address)
        self.wait_ready()

    def wait_ready(self) -> None:
        """Until the page hears keys, and shows landmarks if there are any."""
        self.wait("document.querySelector('.review') && window.trame.state.get('review_isOpening') === false")

    def press(self, *keys: str) -> None:
        """Press keys, one after the other."""
        for key in keys:
            self.tab.keyboard.press(key)

    def wait(self, condition: str) -> None:
        """Until an expression of the page's script is true."""
        self.tab.wait_for_function(condition)

    def wait_for(self, name: str, value: Any) -> None:
        """Until an entry of the page's state has a value."""
        self.wait(f"window.trame?.state?.get('review_{name}') === {json.dumps(value)}")

    def state(self, name: str) -> Any:
        """An entry of the page's state."""
        return self.tab.evaluate(f"window.trame.state.get('review_{name}')")

    def accept_all(self) -> None:
        """Accept one landmark after the other by its key, as long as any is open."""
        while (done := self.state("done")) < self.state("total"):
            selected = json.dumps(self.state("selected"))
            self.press("a")
            self.wait(
                f"window.trame.state.get('review_done') !== {done} || "
                f"window.trame.state.get('review_selected') !== {selected}"
            )

    @property
    def message(self) -> str:
        """The sentence that is shown; empty for none."""
        return str(self.state("messageText"))

    def status_of(self, name: str) -> str:
        """The status of a landmark in the table."""
        return next(row["status"] for row in self.state("rows") if row["name"] == name)

    def middle(self, view: str) -> tuple[float, float]:
        """Where the selected landmark is on the screen: the views show it in their middle."""
        place = self.tab.locator(".layout-grid-item", has_text=view).last.bounding_box()
        return place["x"] + place["width"] / 2, place["y"] + place["height"] / 2

    def drag(
        self, view: str, right: float, down: float, before_up: Callable[[], None] = lambda: None
    ) -> None:
        """Take the selected landmark in a view and put it so many pixels away, with the mouse.

        ``before_up`` is called while the point is still held there.
        """
        x, y = self.middle(view)
        mouse = self.tab.mouse
        # Views follow the mouse with a delay; it is in their middle when they have drawn it there.
        mouse.move(x - 30, y - 30)
        mouse.move(x, y, steps=4)
        self.settle()
        mouse.down()
        self.settle()
        mouse.move(x + right, y + down, steps=6)
        self.settle()
        before_up()
        mouse.up()

    def settle(self) -> None:
        """Until the server has done all that it was sent, and the views show it."""
        for _ in range(2):  # what is drawn may want to be drawn finer
            self.tab.evaluate("window.trame.trigger('review_key', ['nothing'])")
            self.tab.evaluate(STILL)

    def picture(self, name: str) -> None:
        """For the documentation, where that is asked for."""
        if PICTURES:
            folder = Path(PICTURES)
            folder.mkdir(parents=True, exist_ok=True)
            self.tab.wait_for_timeout(4000)  # images are sharpened when nothing has moved for a while
            self.tab.screenshot(path=folder / f"{name}.png")


def until(condition: Callable[[], bool], seconds: float = PATIENCE_MS / 1000) -> None:
    """Wait for what another process does; fail when it never does."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.2)


def memory_mb(pid: int) -> float:
    """Resident memory of a process and those it has started, in MB; NaN where the system does not tell."""
    total = 0.0
    try:
        for status in Path("/proc").glob("[0-9]*/status"):
            fields = dict(
                line.split(":", 1) for line in status.read_text().splitlines() if line.count(":") == 1
            )
            if pid in (int(fields["Pid"]), int(fields["PPid"])) and "VmRSS" in fields:
                total += float(fields["VmRSS"].split()[0]) / 1024
    except (OSError, KeyError, ValueError):
        return float("nan")
    return total or float("nan")
