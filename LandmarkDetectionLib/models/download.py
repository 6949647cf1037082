"""Getting a file from an address: only over https, only with the right checksum, never more than allowed."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable
from contextlib import closing
from http.client import HTTPException, HTTPMessage, HTTPResponse, IncompleteRead, InvalidURL
from ipaddress import ip_address
from pathlib import Path
from ssl import SSLError
from typing import IO, NoReturn
from urllib.error import HTTPError, URLError
from urllib.parse import SplitResult, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from LandmarkDetectionLib._version import __version__
from LandmarkDetectionLib.errors import Cancelled, ModelError
from LandmarkDetectionLib.typing import Progress

TIMEOUT_SECONDS = 30.0
"""Without a byte for so long, a download has failed."""

_BLOCK = 1 << 18
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def is_address(source: object) -> bool:
    """Whether this is an address (``https://...``) rather than a path; ``C:\\`` is a path."""
    return isinstance(source, str) and _ADDRESS.match(source) is not None


def checked_sha256(text: str) -> str:
    """A SHA-256 as 64 lower case digits; ModelError when it is none."""
    digits = text.strip().lower().removeprefix("sha256:")
    if not _SHA256.fullmatch(digits):
        raise ModelError(f"'{text}' is no SHA-256; it has 64 digits from 0 to f.")
    return digits


def download(
    address: str,
    target: Path,
    *,
    sha256: str,
    max_bytes: int,
    timeout: float = TIMEOUT_SECONDS,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> None:
    """Write what is at ``address`` to ``target`` when it has the checksum; otherwise leave no file.

    Parameters
    ----------
    address
        An ``https`` address; ``http`` only on this machine (for tests and tunnels).
    target
        File to write, in an existing folder of the caller's own.
    sha256
        64 hexadecimal digits. Without them nobody knows whose file it is, so there is no default.
    max_bytes
        A larger file is refused, at the latest when so much has come.
    timeout
        Seconds without a byte after which the download has failed.

    Raises
    ------
    ModelError
        The address is not allowed, cannot be reached, answers something else, or the file is not the one.
    Cancelled
        ``cancelled`` said so.
    """
    expected = checked_sha256(sha256)
    _check_address(_split(address))
    try:
        found, start = _fetch(
            address, target, max_bytes, timeout, progress or (lambda *_: None), cancelled or (lambda: False)
        )
        if found != expected:
            page = " (a web page, no .zip file: take the address of the file itself)" * _is_page(start)
            raise ModelError(
                f"what came is not the file that was promised{page}: "
                f"its SHA-256 is {found}, expected was {expected}."
            )
    except BaseException:
        target.unlink(missing_ok=True)
        raise


class _OnlySecure(HTTPRedirectHandler):
    """Follows a redirection only to where the first address itself might have pointed."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        parts = _split(newurl)
        if parts.scheme != "https" and urlsplit(req.full_url).scheme == "https":
            raise ModelError(f"the address leads on to {newurl[:200]}, which is not https.")
        _check_address(parts)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _fetch(
    address: str,
    target: Path,
    max_bytes: int,
    timeout: float,
    progress: Progress,
    cancelled: Callable[[], bool],
) -> tuple[str, bytes]:
    """Download and give the SHA-256 and the first bytes of what came."""
    host = urlsplit(address).hostname
    request = Request(address, headers={"User-Agent": f"landmark-detection/{__version__}"})
    try:
        with closing(build_opener(_OnlySecure).open(request, timeout=timeout)) as answer:
            return _receive(answer, target, max_bytes, progress, cancelled)
    except HTTPError as problem:
        problem.close()
        reason = " ".join(str(problem.reason).split())
        raise ModelError(f"{host} answered {problem.code} ({reason}); check the address.") from None
    except TimeoutError:
        raise ModelError(f"{host} did not answer within {timeout:g} seconds; try again later.") from None
    except URLError as problem:
        _refuse_unreachable(host, problem.reason)
    except (ConnectionError, SSLError, IncompleteRead):
        raise ModelError(f"the connection to {host} broke off; try again.") from None
    except (UnicodeError, InvalidURL):
        raise ModelError("the address holds characters that no address has.") from None
    except HTTPException as problem:
        raise ModelError(f"{host} did not answer as a web server ({type(problem).__name__}).") from None


def _receive(
    answer: HTTPResponse, target: Path, max_bytes: int, progress: Progress, cancelled: Callable[[], bool]
) -> tuple[str, bytes]:
    length = answer.headers.get("Content-Length", "")
    total = int(length) if length.isdecimal() else None
    if total is not None and total > max_bytes:
        _refuse_size(max_bytes)
    digest, came, start, told = hashlib.sha256(), 0, b"", 0.0
    with target.open("wb") as out:
        # read1: whatever has come, so that a slow line can be cancelled and shows progress.
        while block := answer.read1(_BLOCK):
            if cancelled():
                raise Cancelled("Cancelled; nothing was installed.")
            came += len(block)
            if came > max_bytes:
                _refuse_size(max_bytes)
            digest.update(block)
            out.write(block)
            start = start or block[:200]
            if time.monotonic() - told > 0.1:
                told = time.monotonic()
                progress(came / total if total else 0.0, _amount(came, total))
    if total is not None and came < total:
        raise ModelError(f"the download broke off after {_amount(came, total)}; try again.")
    progress(1.0, _amount(came, total))
    return digest.hexdigest(), start


def _split(address: str) -> SplitResult:
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        raise ModelError("this is no address that can be understood.") from None
    return parts


def _check_address(parts: SplitResult) -> None:
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise ModelError("only https addresses are taken.")
    if parts.scheme == "http" and not _is_this_machine(parts.hostname):
        raise ModelError("the address is not https, so anybody on the way could exchange the file.")
    if parts.username is not None:
        raise ModelError("the address holds a user name; download the file yourself and install that.")


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_page(start: bytes) -> bool:
    return start.lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml"))


def _amount(came: int, total: int | None) -> str:
    return f"{came / 1e6:.1f} MB" + (f" of {total / 1e6:.1f} MB" if total else "")


def _refuse_size(max_bytes: int) -> NoReturn:
    raise ModelError(f"the file has more than {max_bytes // 1_000_000} MB.")


def _refuse_unreachable(host: str | None, reason: object) -> NoReturn:
    if isinstance(reason, TimeoutError):
        raise ModelError(f"{host} did not answer in time; try again later.") from None
    text = " ".join(str(getattr(reason, "strerror", None) or reason).split())
    raise ModelError(
        f"{host} cannot be reached ({text}); check the address and the network, "
        "or download the .zip file elsewhere and install that."
    ) from None
