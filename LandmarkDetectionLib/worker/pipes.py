"""Requests from standard input, events to standard output: what every process that a window starts has."""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import traceback
from collections.abc import Callable
from typing import BinaryIO

from LandmarkDetectionLib._version import __version__
from LandmarkDetectionLib.requests import Message

Send = Callable[[Message], None]

DEFECT = "Defect"
"""The kind of an error that should not have happened; its text is a traceback."""


def _claim_output() -> Send:
    """Keep standard output for events; whatever else prints, in C as well, goes to standard error."""
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
    os.dup2(2, 1)
    sys.stdout = sys.stderr

    def send(event: Message) -> None:
        try:
            line = json.dumps(event, allow_nan=False)
        except ValueError:  # a number that JSON does not have, say in the id of a request
            event = {"id": None, "event": "error", "kind": DEFECT, "message": traceback.format_exc()}
            line = json.dumps(event)
        stream.write(line + "\n")
        stream.flush()

    return send


def _read_requests(stream: BinaryIO, requests: queue.SimpleQueue[bytes]) -> None:
    for line in stream:
        requests.put(line)
    os._exit(0)  # the parent is gone; a long computation would keep any gentler end waiting


def answer_pipes(answering: Callable[[Send], Callable[[Message], None]]) -> None:
    """Answer the requests of standard input until it ends or says ``quit``.

    Parameters
    ----------
    answering
        Given where events go, gives what answers one request (or what is none).
    """
    send = _claim_output()
    requests: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_read_requests, args=(sys.stdin.buffer, requests), daemon=True).start()
    send({"event": "ready", "version": __version__})
    answer = answering(send)
    while True:
        try:
            request = json.loads(requests.get())
        except (ValueError, RecursionError):
            request = None  # a line that is no JSON is answered as a request that is none
        if isinstance(request, dict) and request.get("do") == "quit":
            os._exit(0)  # a thread still reads standard input, which an ordinary end would wait for
        answer(request)
