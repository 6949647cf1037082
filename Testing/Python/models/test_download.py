"""A model is installed from an address only when what comes is exactly what was promised."""

import hashlib
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from LandmarkDetectionLib.errors import Cancelled, ModelError
from LandmarkDetectionLib.models import download, install_model, load_model, package

PAGE = b"<!DOCTYPE html><html><body>Please sign in</body></html>"


class Handler(BaseHTTPRequestHandler):
    """Serves a model and every kind of trouble."""

    archive = b""
    asked: list[str]

    def do_GET(self) -> None:
        self.server.asked.append(self.path)  # type: ignore[attr-defined]
        getattr(self, "get_" + self.path.strip("/").replace(".", "_").replace("-", "_"), self.get_nothing)()

    def get_model_zip(self) -> None:
        self.answer(self.archive)

    def get_without_length(self) -> None:
        self.answer(self.archive, length=None)

    def get_page(self) -> None:
        self.answer(PAGE)

    def get_cut(self) -> None:
        self.answer(self.archive[:1000], length=len(self.archive))

    def get_cut_in_pieces(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"10\r\n0123")

    def get_silent(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.archive[:10])
        self.server.quiet.wait(20)  # type: ignore[attr-defined]

    def get_moved(self) -> None:
        self.redirect("/model.zip")

    def get_moved_to_a_file(self) -> None:
        self.redirect("file:///etc/passwd")

    def get_moved_to_ftp(self) -> None:
        self.redirect("ftp://example.org/model.zip")

    def get_moved_to_plain_http(self) -> None:
        self.redirect("http://example.org/model.zip")

    def get_moved_to_plain_here(self) -> None:
        self.redirect("http://127.0.0.1:9/model.zip")

    def get_round_and_round(self) -> None:
        self.redirect(self.path)

    def get_nonsense(self) -> None:
        self.wfile.write(b"SSH-2.0-OpenSSH\r\n")

    def get_nothing(self) -> None:
        self.send_error(404)

    def answer(self, content: bytes, length: int | None = -1) -> None:
        self.send_response(200)
        if length is not None:
            self.send_header("Content-Length", str(len(content) if length < 0 else length))
        self.end_headers()
        self.wfile.write(content)

    def redirect(self, to: str) -> None:
        self.send_response(302)
        self.send_header("Location", to)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture(autouse=True)
def user_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LANDMARK_DETECTION_MODELS", str(tmp_path / "installed"))
    monkeypatch.setenv("no_proxy", "*")
    return tmp_path / "installed"


@pytest.fixture(scope="session")
def archive(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    name = tmp_path_factory.mktemp("archive") / "tiny-model"
    return Path(shutil.make_archive(str(name), "zip", tiny_model.parent, tiny_model.name))


@pytest.fixture(scope="session")
def sha256(archive: Path) -> str:
    return hashlib.sha256(archive.read_bytes()).hexdigest()


def serve(archive: Path, context: ssl.SSLContext | None = None) -> Iterator[ThreadingHTTPServer]:
    handler = type("WithArchive", (Handler,), {"archive": archive.read_bytes()})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.asked, server.quiet = [], threading.Event()  # type: ignore[attr-defined]
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a client that distrusts it
    threading.Thread(target=partial(server.serve_forever, poll_interval=0.01), daemon=True).start()
    yield server
    server.quiet.set()  # type: ignore[attr-defined]
    server.shutdown()
    server.server_close()


@pytest.fixture
def server(archive: Path) -> Iterator[str]:
    for running in serve(archive):
        yield f"http://127.0.0.1:{running.server_port}"


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-signed certificate for this machine, and its key."""
    if not shutil.which("openssl"):
        pytest.skip("a certificate for a test server is made with openssl")
    folder = tmp_path_factory.mktemp("certificate")
    file, key = folder / "certificate.pem", folder / "key.pem"
    options = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost "
    options += "-addext subjectAltName=IP:127.0.0.1"
    subprocess.run(
        ["openssl", "req", "-x509", *options.split(), "-keyout", str(key), "-out", str(file)],
        check=True,
        capture_output=True,
    )
    return file, key


@pytest.fixture
def secure_server(archive: Path, certificate: tuple[Path, Path]) -> Iterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    for running in serve(archive, context):
        yield f"https://127.0.0.1:{running.server_port}"


@pytest.fixture
def trusted(certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))


def assert_nothing_is_left(user_folder: Path) -> None:
    assert not user_folder.exists() or not list(user_folder.iterdir())


@pytest.mark.parametrize("place", ["model.zip", "without-length", "moved"])
def test_a_model_is_installed_from_an_address(
    server: str, sha256: str, user_folder: Path, place: str
) -> None:
    told: list[float] = []
    model = install_model(f"{server}/{place}", sha256, progress=lambda fraction, _: told.append(fraction))
    assert model.path == user_folder / "tiny-model"
    assert load_model("tiny-model").name == "tiny-model"
    assert [path.name for path in user_folder.iterdir()] == ["tiny-model"]
    assert told == sorted(told)
    assert told[-1] == 1


@pytest.mark.usefixtures("trusted")
def test_a_model_is_installed_over_https(secure_server: str, sha256: str) -> None:
    assert install_model(f"{secure_server}/model.zip", sha256).name == "tiny-model"


def test_the_checksum_may_be_written_as_tools_print_it(server: str, sha256: str) -> None:
    assert install_model(f"{server}/model.zip", f" SHA256:{sha256.upper()}\n").name == "tiny-model"


def test_a_server_with_an_unknown_certificate_is_refused(
    secure_server: str, sha256: str, user_folder: Path
) -> None:
    with pytest.raises(ModelError, match=r"cannot be reached .*certificate"):
        install_model(f"{secure_server}/model.zip", sha256)
    assert_nothing_is_left(user_folder)


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("place", ["moved-to-plain-http", "moved-to-plain-here", "moved-to-ftp"])
def test_https_never_leads_on_to_anything_else(
    secure_server: str, sha256: str, user_folder: Path, place: str
) -> None:
    with pytest.raises(ModelError, match=r"leads on to .* not https"):
        install_model(f"{secure_server}/{place}", sha256)
    assert_nothing_is_left(user_folder)


WRONG = {
    "not-there": "127.0.0.1 answered 404 \\(Not Found\\); check the address",
    "page": "a web page, no .zip file",
    "cut": "broke off after 0.0 MB",
    "cut-in-pieces": "connection to 127.0.0.1 broke off",
    "nonsense": "did not answer as a web server",
    "round-and-round": "answered 302",
    "moved-to-a-file": "file:///etc/passwd' is not allowed",
    "moved-to-ftp": "only https addresses",
    "moved-to-plain-http": "anybody on the way",
}


@pytest.mark.parametrize("place", WRONG)
def test_every_other_answer_is_one_sentence_and_leaves_nothing(
    server: str, sha256: str, user_folder: Path, place: str
) -> None:
    with pytest.raises(ModelError, match=f"^{server}/{place} was not installed: .*{WRONG[place]}") as refusal:
        install_model(f"{server}/{place}", sha256)
    assert "\n" not in str(refusal.value)
    assert_nothing_is_left(user_folder)


def test_another_file_is_refused_with_both_checksums(server: str, sha256: str, user_folder: Path) -> None:
    with pytest.raises(ModelError, match=f"SHA-256 is {sha256}, expected was {'0' * 64}"):
        install_model(f"{server}/model.zip", "0" * 64)
    assert_nothing_is_left(user_folder)


@pytest.mark.parametrize("place", ["model.zip", "without-length"])
def test_a_file_that_is_too_large_is_not_downloaded(
    server: str, sha256: str, user_folder: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setattr(package, "MAX_PACKAGE_BYTES", 1000)
    with pytest.raises(ModelError, match="more than 0 MB"):
        install_model(f"{server}/{place}", sha256)
    assert_nothing_is_left(user_folder)


def test_a_server_that_falls_silent_is_given_up(server: str, sha256: str, tmp_path: Path) -> None:
    target = tmp_path / "file"
    with pytest.raises(ModelError, match=r"did not answer within 0\.2 seconds"):
        download.download(f"{server}/silent", target, sha256=sha256, max_bytes=10**9, timeout=0.2)
    assert not target.exists()


def test_a_server_that_is_not_there_is_one_sentence(sha256: str, user_folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    with pytest.raises(ModelError, match=r"127\.0\.0\.1 cannot be reached .*network"):
        install_model(f"http://127.0.0.1:{port}/model.zip", sha256)
    assert_nothing_is_left(user_folder)


def test_a_cancelled_download_leaves_nothing(server: str, sha256: str, user_folder: Path) -> None:
    with pytest.raises(Cancelled):
        install_model(f"{server}/model.zip", sha256, cancelled=lambda: True)
    assert_nothing_is_left(user_folder)


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("http://example.org/model.zip", "not https"),
        ("ftp://example.org/model.zip", "only https"),
        ("file:///model.zip", "only https"),
        ("https:///model.zip", "only https"),
        ("https://me:secret@example.org/model.zip", "user name"),
        ("https://example.org:99999/model.zip", "no address"),
        ("https://[example/model.zip", "no address"),
        ("http://127.0.0.1:9/a b", "characters"),
        ("http://127.0.0.1:9/mödel.zip", "characters"),
    ],
)
def test_other_addresses_are_refused_before_anything_is_sent(address: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        install_model(address, "0" * 64)


@pytest.mark.parametrize(("sha256", "message"), [(None, "needs the SHA-256"), ("1234", "is no SHA-256")])
def test_an_address_needs_a_checksum(server: str, sha256: str | None, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        install_model(f"{server}/model.zip", sha256)


def test_the_checksum_of_a_file_is_compared_when_it_is_given(archive: Path, sha256: str) -> None:
    assert install_model(archive, sha256).name == "tiny-model"
    with pytest.raises(ModelError, match=f"SHA-256 is {sha256}, expected was {'f' * 64}"):
        install_model(archive, "f" * 64)


def test_a_folder_has_no_checksum(tiny_model: Path) -> None:
    with pytest.raises(ModelError, match=r"belongs to a \.zip file"):
        install_model(tiny_model, "0" * 64)


def test_the_command_line_installs_from_an_address(cli: Callable, server: str, sha256: str) -> None:
    answer = cli("models", "install", f"{server}/model.zip", "--sha256", sha256)
    assert answer.code == 0
    assert "Installed tiny-model 1.0.0" in answer.out
    assert cli("models", "install", f"{server}/model.zip").code == ModelError.exit_code
    assert "needs the SHA-256" in cli("models", "install", f"{server}/model.zip").err
