"""``serve``: a worker for windows on other computers."""

from __future__ import annotations

import os
import secrets
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from LandmarkDetectionLib.cli import console
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.remote.addresses import PORT, address_text, is_loopback

if TYPE_CHECKING:
    import ssl

LEAST_TOKEN = 16
"""Letters of a token that somebody chose."""


def serve(
    host: Annotated[
        str,
        typer.Option(help="Address to listen at; another one than this computer's own needs --token-file."),
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0 takes any that is free.")] = PORT,
    token_file: Annotated[
        Path | None,
        typer.Option(
            help="File with the token that clients must know; written when there is none. Without it a token "
            "is drawn and printed."
        ),
    ] = None,
    tls_certificate: Annotated[
        Path | None, typer.Option(help="Certificate (PEM) that encrypts connections; with --tls-key.")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Private key (PEM) of the certificate.")] = None,
    clients: Annotated[
        int, typer.Option(min=1, max=64, help="Clients at once; each has its own networks in memory.")
    ] = 4,
    max_gigabytes: Annotated[float, typer.Option(min=0.001, help="Largest volume that is taken.")] = 8.0,
) -> None:
    """Find landmarks for panels on other computers, until Ctrl-C."""
    from LandmarkDetectionLib.remote.server import Limits, Server

    is_open = not is_loopback(host)
    if is_open and (token_file is None or not token_file.exists()):
        raise InputError(
            f"Whoever reaches {host} could ask: write a token of your own into a file and name it, or listen "
            "at 127.0.0.1 and use an SSH tunnel.",
            about="token_file",
        )
    tls = _tls(tls_certificate, tls_key)
    token, is_drawn = _token(token_file)
    limits = Limits(clients, round(max_gigabytes * 1e9))
    server = Server(host, port, token, limits=limits, tls=tls)
    print(f"A worker listens at {address_text(server.host, server.port)}; Ctrl-C ends it.", flush=True)
    if token_file is not None:
        print(f"Its token {'was written to' if is_drawn else 'is in'} {token_file}.", flush=True)
    else:
        print(f"Its token is {token}", flush=True)
    if is_open and tls is None:
        console.say(
            "Warning: The connection is not encrypted, so voxels can be read on the way; use an SSH tunnel "
            "to 127.0.0.1, or --tls-certificate and --tls-key."
        )
    # On a thread, so that the main one hears Ctrl-C on every system.
    thread = threading.Thread(target=server.serve, daemon=True)
    try:
        thread.start()
        while thread.is_alive():
            thread.join(timeout=0.5)
    except KeyboardInterrupt:
        print("The worker has ended.")
    finally:
        server.close()


def _token(file: Path | None) -> tuple[str, bool]:
    """The token, and whether it was drawn now."""
    from LandmarkDetectionLib.files import create_once, read_text

    drawn = secrets.token_urlsafe(32)
    if file is None:
        return drawn, True
    is_drawn = create_once(file, f"{drawn}\n", mode=0o600)
    if os.name != "nt" and file.stat().st_mode & 0o077:
        raise InputError(f"Other users can read {file}; let nobody but yourself: chmod 600 {file}")
    token = read_text(file, max_bytes=1000).strip()
    if len(token) < LEAST_TOKEN or not token.isascii() or not token.isprintable() or " " in token:
        raise InputError(
            f"{file} holds no good token: it must be one word of at least {LEAST_TOKEN} letters and digits; "
            "remove the file, and one is drawn."
        )
    return token, is_drawn


def _tls(certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise InputError(
            "A certificate and its key go together; give both.", about=("tls_certificate", "tls_key")
        )
    import ssl

    from LandmarkDetectionLib.files import require_file

    for file in (certificate, key):
        require_file(file)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        # No password is asked for, which nobody could answer where no terminal is.
        context.load_cert_chain(certificate, key, password="")
    except (OSError, ValueError):
        raise InputError(
            f"{certificate} and {key} are no certificate and its key in the format PEM, or the key has a "
            "password."
        ) from None
    return context
