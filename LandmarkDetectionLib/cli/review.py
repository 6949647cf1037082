"""The command line's part for reviewing in the browser."""

from __future__ import annotations

import getpass
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from LandmarkDetectionLib.cli import console
from LandmarkDetectionLib.cli.options import JsonOption
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.files import read_text

LEAST_TOKEN = 16


@dataclass(frozen=True)
class Listening:
    """Where the page is served, and for whom."""

    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes any that is free.")] = 0
    host: Annotated[
        str,
        typer.Option(help="Address to listen at; any but this computer's own needs --token-file as well."),
    ] = "127.0.0.1"
    token_file: Annotated[
        Path | None,
        typer.Option(
            help=f"File with the token that the page needs, {LEAST_TOKEN} characters or more; a new one is "
            "made for every start otherwise."
        ),
    ] = None
    tls_certificate: Annotated[
        Path | None, typer.Option(help="Certificate (PEM): the connection is encrypted then.")
    ] = None
    tls_key: Annotated[Path | None, typer.Option(help="Its private key (PEM).")] = None
    sessions: Annotated[
        int,
        typer.Option(
            min=1,
            help="Reviews of this account that may be open on this computer; each needs 0.8 GB or more.",
        ),
    ] = 8
    browser: Annotated[bool, typer.Option(help="Open the page in the browser of this computer.")] = True

    @property
    def token(self) -> str:
        """That of the file, or a new one."""
        if self.token_file is None:
            return secrets.token_urlsafe(24)
        token = read_text(self.token_file).strip()
        if (
            len(token) < LEAST_TOKEN
            or not token.isascii()
            or not all(one.isalnum() or one in "-_" for one in token)
        ):
            raise InputError(
                f"{self.token_file} holds no token of at least {LEAST_TOKEN} letters, digits, - and _; write "
                "one into it, and let nobody else read the file."
            )
        if os.name == "posix" and self.token_file.stat().st_mode & 0o077:
            console.say(f"Warning: others on this computer can read {self.token_file}; run: chmod 600 on it.")
        return token


def review(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="SOURCE",
            help="Folder of 'landmark-detection batch', image, record of a result beside its image, or "
            "annotation store.",
        ),
    ],
    results: Annotated[
        Path | None,
        typer.Option(help="Landmarks of the image (.json, .mrk.json); those beside it otherwise."),
    ] = None,
    images: Annotated[
        Path | None, typer.Option(help="Folder that the batch was run over, where the results do not tell.")
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option(help="Which case is which image; FOLDER-key.csv beside the results otherwise."),
    ] = None,
    store: Annotated[
        Path | None, typer.Option(help="Annotation store to keep reviews in, for models to learn from.")
    ] = None,
    reviewer: Annotated[
        str, typer.Option(help="Who reviews: others who open the case are told, and the store keeps it.")
    ] = "",
    model: Annotated[
        str, typer.Option("--model", "-m", help="Model that is proposed for detecting.")
    ] = "whole-body-ct",
    as_json: JsonOption = False,
    *,
    listening: Listening,
) -> None:
    """Review in the browser, on Slicer's own views; for computers without Slicer."""
    from LandmarkDetectionViewer.serve import LOOPBACKS, Reviewed, Serving, serve

    if listening.host not in LOOPBACKS and listening.token_file is None:
        raise typer.BadParameter(
            "other computers may come in only with a token that you chose; give --token-file as well.",
            param_hint="--host",
        )
    if (listening.tls_certificate is None) != (listening.tls_key is None):
        raise typer.BadParameter("a certificate and its key belong together.", param_hint="--tls-certificate")
    serving = Serving(
        listening.token,
        listening.host,
        listening.port,
        listening.tls_certificate,
        listening.tls_key,
        listening.browser and not as_json and listening.host in LOOPBACKS,
        listening.sessions,
    )
    reviewed = Reviewed(source, results, images, key, store, reviewer or _user(), model)

    def ready(address: str) -> None:
        if serving.warning:
            console.say(f"Warning: {serving.warning}")
        if as_json:
            console.print_json({"address": address})
        else:
            print(f"Open {address}", flush=True)
            print("Ctrl-C ends the review; everything is saved as you go.", flush=True)

    serve(reviewed, serving, ready)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # an account without a name, as in containers
        return os.environ.get("USER", "")
