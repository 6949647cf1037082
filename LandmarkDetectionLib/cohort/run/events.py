"""What a running cohort says of itself: to a progress bar, or as JSON lines to another program.

``landmark-detection batch ... --progress json`` prints one of these a line on standard output, each with its
kind in ``event``. To cancel, end the process (SIGTERM or SIGINT, or SIGKILL): what is finished stays, and the
same command goes on from there.

=========  ======================================================================================
event      entries
=========  ======================================================================================
looking    ``text``: the source is looked through, before there is anything to count
start      ``total``, ``done``, ``failed``, ``set_aside``: what is known before; ``left_out``;
           ``workers``; ``dashboard``: address of Dask's page, or ""
case       ``key``, ``state``, ``reason``, ``seconds``: one case has ended; ``total``, ``done``,
           ``failed``, ``set_aside``, ``rate`` (cases a minute), ``seconds_left`` (or null)
worker     ``text``: a worker has died, and the like
end        ``total``, ``done``, ``failed``, ``set_aside``, ``seconds``, ``files``: the tables;
           ``key_file``: which code is which file, or ""
error      ``kind``, ``message``, ``exit_code``: nothing follows
=========  ======================================================================================

Keys are study codes; no event names a file of the source unless identifiers were asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, ClassVar


@dataclass(frozen=True)
class Counts:
    """How far a cohort is.

    Attributes
    ----------
    total
        Cases in all.
    done, failed, set_aside
        How many of them ended so, in this run or before it.
    """

    total: int = 0
    done: int = 0
    failed: int = 0
    set_aside: int = 0

    @property
    def ended(self) -> int:
        """Cases that are not waiting any more."""
        return self.done + self.failed + self.set_aside


@dataclass(frozen=True)
class Looking:
    """The source is looked through."""

    event: ClassVar[str] = "looking"
    text: str


@dataclass(frozen=True)
class Started:
    """What there is to do."""

    event: ClassVar[str] = "start"
    counts: Counts
    left_out: int = 0
    workers: int = 0
    dashboard: str = ""


@dataclass(frozen=True)
class CaseEnded:
    """One case is done, failed or set aside."""

    event: ClassVar[str] = "case"
    counts: Counts
    key: str
    state: str
    reason: str = ""
    seconds: float = 0.0
    rate: float = 0.0
    seconds_left: float | None = None


@dataclass(frozen=True)
class WorkerSaid:
    """A worker has died, and the like: a sentence."""

    event: ClassVar[str] = "worker"
    text: str


@dataclass(frozen=True)
class Ended:
    """Nothing is left to do, and the tables are written."""

    event: ClassVar[str] = "end"
    counts: Counts
    seconds: float
    files: tuple[str, ...] = ()
    key_file: str = ""


Event = Looking | Started | CaseEnded | WorkerSaid | Ended
Listener = Callable[[Event], None]


def to_json(event: Event) -> dict[str, Any]:
    """An event as the line that another program reads: counts stand beside the other entries."""
    entries = asdict(event)
    counts = entries.pop("counts", {})
    return {"event": event.event, **counts, **entries}
