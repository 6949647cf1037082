"""Addresses of workers, as people write them, and where one worker is."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from LandmarkDetectionLib.errors import InputError

PORT = 8753
"""Where a worker listens when nothing else is said; nobody has registered it."""

ADDRESS = "LANDMARK_DETECTION_WORKER"
TOKEN = "LANDMARK_DETECTION_WORKER_TOKEN"
CERTIFICATE = "LANDMARK_DETECTION_WORKER_CERTIFICATE"


def address_of(text: str) -> tuple[str, int]:
    """Host and port of ``host``, ``host:port`` or ``[IPv6]:port``.

    Raises
    ------
    InputError
        It is no address.

    Examples
    --------
    >>> address_of("workstation:9000"), address_of("127.0.0.1"), address_of("[::1]:9000")
    (('workstation', 9000), ('127.0.0.1', 8753), ('::1', 9000))
    """
    text = text.strip()
    if text.startswith("["):
        host, closed, rest = text[1:].partition("]")
        port = rest.removeprefix(":") if closed and rest[:1] in ("", ":") else "no"
    elif text.count(":") > 1:
        host, port = text, ""
    else:
        host, _, port = text.partition(":")
    good = host and not any(letter.isspace() or letter in "/@" for letter in host)
    if not good or (port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65_536)):
        raise InputError(f"'{text}' is no address of a worker; write it as computer:{PORT}.", about="address")
    return host, int(port or PORT)


def address_text(host: str, port: int) -> str:
    """Inverse of :func:`address_of`."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_loopback(host: str) -> bool:
    """Whether nobody but this computer reaches what listens there."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True)
class Elsewhere:
    """Where a worker is, and how it is reached.

    Attributes
    ----------
    address
        ``computer:port``.
    token
        That it was started with.
    certificate
        File (PEM) of the certificate that it must show, or of who signed it; "" for a connection that is not
        encrypted.
    """

    address: str
    token: str = field(repr=False)
    certificate: str = ""

    @classmethod
    def from_environment(cls, values: Mapping[str, str] = os.environ) -> Elsewhere:
        """What the environment variables say."""
        return cls(values.get(ADDRESS, ""), values.get(TOKEN, ""), values.get(CERTIFICATE, ""))

    def to_environment(self) -> dict[str, str]:
        """Inverse of ``from_environment``."""
        return {ADDRESS: self.address, TOKEN: self.token, CERTIFICATE: self.certificate}
