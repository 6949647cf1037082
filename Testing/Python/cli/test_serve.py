"""What ``serve`` refuses before it listens."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from LandmarkDetectionLib.cli.serve import _token

Cli = Callable[..., Any]


def test_another_address_than_loopback_needs_a_token_that_somebody_wrote(cli: Cli, tmp_path: Path) -> None:
    for further in ((), ("--token-file", tmp_path / "none")):
        answer = cli("serve", "--host", "0.0.0.0", *further)
        assert answer.code == 3 and "SSH tunnel" in answer.err and "--token-file" in answer.err
    assert not (tmp_path / "none").exists()


def test_an_open_address_is_warned_of(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from LandmarkDetectionLib.remote import server

    monkeypatch.setattr(server.Server, "serve", lambda self: None)
    token = tmp_path / "token"
    assert cli("serve", "--port", "0", "--token-file", token).err == ""
    answer = cli("serve", "--host", "0.0.0.0", "--port", "0", "--token-file", token)
    assert answer.code == 0, answer.err
    assert "Warning: The connection is not encrypted" in answer.err and "SSH tunnel" in answer.err
    assert token.read_text().strip() not in answer.out


def test_without_a_file_the_token_is_printed_once(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    from LandmarkDetectionLib.remote import server

    monkeypatch.setattr(server.Server, "serve", lambda self: None)
    one, other = (cli("serve", "--port", "0").out for _ in range(2))
    assert one.count("Its token is ") == 1
    assert one.split("Its token is ")[1].split()[0] != other.split("Its token is ")[1].split()[0]


@pytest.mark.parametrize("content", ["", "short", "two words of a good length", "ü" * 20])
def test_a_token_that_can_be_guessed_is_refused(cli: Cli, tmp_path: Path, content: str) -> None:
    file = tmp_path / "token"
    file.write_text(content, encoding="utf-8")
    file.chmod(0o600)
    answer = cli("serve", "--token-file", file)
    assert answer.code == 3 and "holds no good token" in answer.err
    assert not content or content not in answer.err.replace(str(file), "")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_a_token_that_others_can_read_is_refused(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("x" * 40)
    file.chmod(0o644)
    answer = cli("serve", "--token-file", file)
    assert answer.code == 3 and "Other users can read" in answer.err
    file.chmod(0o600)
    assert _token(file) == ("x" * 40, False)


def test_a_certificate_and_its_key_go_together(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "certificate.pem"
    file.write_text("nothing")
    assert "--tls-key" in cli("serve", "--tls-certificate", file).err
    answer = cli("serve", "--tls-certificate", file, "--tls-key", file)
    assert answer.code == 3 and "in the format PEM" in answer.err
    assert (
        "there is no such file" in cli("serve", "--tls-certificate", tmp_path / "none", "--tls-key", file).err
    )
