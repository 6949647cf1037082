"""The command ``review`` as far as it goes without the viewer's packages."""

import importlib.util
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from LandmarkDetectionLib.cli.review import Listening
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionViewer.serve import Serving, require_free

needs_none = pytest.mark.skipif(
    importlib.util.find_spec("trame_slicer") is not None, reason="the viewer's packages are here"
)


@needs_none
def test_a_missing_extra_is_named_with_what_installs_it(cli: Callable, tmp_path: Path) -> None:
    answer = cli("review", tmp_path)
    assert answer.code == 7
    assert 'pip install ".[viewer]"' in answer.err and "trame-slicer" in answer.err


def test_other_computers_come_in_with_a_token_only(cli: Callable, tmp_path: Path) -> None:
    answer = cli("review", tmp_path, "--host", "0.0.0.0")
    assert answer.code == 2 and "--token-file" in answer.err


@pytest.mark.parametrize(
    "token", ["", "short", "with a blank in it which is long enough", "ümläute-sind-keine-zeichen"]
)
def test_a_token_that_is_none_is_refused(cli: Callable, tmp_path: Path, token: str) -> None:
    file = tmp_path / "token.txt"
    file.write_text(token, encoding="utf-8")
    answer = cli("review", tmp_path, "--token-file", file)
    assert answer.code == 3 and "token of at least 16" in answer.err


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such permissions")
def test_a_token_that_others_can_read_is_warned_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "token.txt"
    file.write_text("a-token-of-24-characters")
    file.chmod(0o644)
    assert Listening(token_file=file).token == "a-token-of-24-characters"
    assert "chmod 600" in capsys.readouterr().err
    file.chmod(0o600)
    assert Listening(token_file=file).token and capsys.readouterr().err == ""


def test_who_lets_other_computers_in_is_warned() -> None:
    assert Serving("secret").warning == ""
    assert "not encrypted" in Serving("secret", host="0.0.0.0").warning
    encrypted = Serving("secret", host="0.0.0.0", certificate=Path("c"), key=Path("k")).warning
    assert "whoever has its token" in encrypted and "not encrypted" not in encrypted


def test_a_certificate_needs_its_key(cli: Callable, tmp_path: Path) -> None:
    answer = cli("review", tmp_path, "--tls-certificate", tmp_path / "cert.pem")
    assert answer.code == 2 and "--tls-certificate" in answer.err


def test_a_port_that_is_taken_is_a_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f"port {port} .*; choose another port"):
            require_free(Serving("t" * 24, port=port))
    require_free(Serving("t" * 24, port=port))


def test_a_certificate_that_is_none_is_a_sentence(tmp_path: Path) -> None:
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).write_text("nothing")
    serving = Serving("t" * 24, certificate=tmp_path / "cert.pem", key=tmp_path / "key.pem")
    with pytest.raises(InputError, match="give a certificate and its key in PEM format"):
        assert serving.context


def test_the_address_holds_the_token_and_says_how_it_is_served() -> None:
    assert Serving("secret").address(8123) == "http://127.0.0.1:8123/?token=secret"
    assert Serving("secret", host="::1").address(1) == "http://[::1]:1/?token=secret"
    assert Serving("secret", certificate=Path("c")).address(1).startswith("https://")
