"""Addresses of workers, as people write them."""

from __future__ import annotations

import ipaddress

from LandmarkDetectionLib.errors import InputError

PORT = 8753
"""Where a worker listens when nothing else is said; nobody has registered it."""


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
