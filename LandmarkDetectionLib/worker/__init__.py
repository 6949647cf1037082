"""A process that does the slow work for a window: JSON lines come in, JSON lines go out.

``python -m LandmarkDetectionLib.worker`` reads one request a line from standard input and answers with one or
more events a line on standard output, in order. It stays alive between requests, so that PyTorch is loaded
once and the last volume and what the networks saw of it are at hand. It ends after ``quit``, and at once,
whatever it is doing, when its input is closed: nobody is left to read the answer.

The requests and what each is answered by are the types of :mod:`LandmarkDetectionLib.requests`; ``quit`` has
no answer. ``locate_near`` and ``refine`` look at what the last detection saw, and detect first when that was
in another volume or with another model. ``refine`` detects as the review's record says, and refuses when that
gives other landmarks.

Events are ``{"event": "ready"}`` once, then for each request any number of
``{"id", "event": "progress", "fraction", "text"}`` and at last ``{"id", "event": "done", "result"}`` or
``{"id", "event": "error", "kind", "message"}``, a class of :mod:`LandmarkDetectionLib.errors` and its text
or ``"Defect"`` and a traceback. A line that is no request is answered by an error, too.
"""

from LandmarkDetectionLib._renamed import names_of_before

__getattr__ = names_of_before(__name__)
