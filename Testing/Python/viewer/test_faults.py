"""What goes wrong around a page: networks, disks, servers, other browsers: each a sentence, nothing lost."""

import errno
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image

from LandmarkDetectionLib.core.detection import Detection
from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet, Status
from LandmarkDetectionLib.io.records import read_review, write_detection
from LandmarkDetectionLib.io.volumes import read_volume
from Testing.examples.hand_radiograph import TIPS, drawn_radiograph
from Testing.Python.viewer.browser_cases import Cable, Page, Served, until

LOST = "The connection to the server is lost."


def fill(folder: Path) -> Path:
    """A radiograph and a record of its fingertips."""
    folder.mkdir(exist_ok=True)
    Image.fromarray(drawn_radiograph().clip(0, 255).astype(np.uint8)).save(folder / "hand.png")
    volume = read_volume(folder / "hand.png")
    marks = tuple(
        Landmark(name, (volume.ijk_to_ras @ [*place, 0, 1])[:3], Status.DETECTED, 0.6 + 0.05 * number)
        for number, (name, place) in enumerate(TIPS.items())
    )
    write_detection(Detection(LandmarkSet(marks, name="Fingertips"), "", ""), folder / "hand.json")
    return folder / "hand.png"


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill(tmp_path_factory.mktemp("faults"))


@pytest.fixture(scope="module")
def served(serve: Callable[..., Served], image: Path) -> Served:
    return serve(image)


@pytest.fixture(scope="module")
def cable(served: Served) -> Iterator[Cable]:
    cable = Cable(urlsplit(served.address).port or 0)
    yield cable
    cable.close()


@pytest.fixture(scope="module")
def page(served: Served, cable: Cable, browser: object) -> Page:
    page = Page(browser, served.address.replace(str(urlsplit(served.address).port), str(cable.port)))
    page.wait_for("hasLandmarks", True)
    return page


def lost(page: Page) -> str:
    """The words of a page that has lost its server."""
    page.tab.wait_for_selector("#review-lost:not([hidden])")
    return page.tab.inner_text("#review-lost")


def test_a_connection_that_is_lost_comes_back_by_itself_with_all_that_was_done(
    page: Page, cable: Cable, image: Path
) -> None:
    page.press("a")
    page.wait_for("done", 1)
    cable.pull()
    assert lost(page).startswith(LOST)
    # Before the two seconds of saving have passed, or after: the end of the connection saves.
    until(lambda: image.with_name("hand-review.json").is_file())
    assert read_review(image.with_name("hand-review.json")).progress[0] == 1
    cable.put_in()
    page.tab.wait_for_selector("#review-lost", state="hidden")
    page.wait_for("done", 1)
    page.press("a")
    page.wait_for("done", 2)


def test_another_browser_takes_over_and_the_first_one_is_told(
    served: Served, browser: object, page: Page
) -> None:
    other = browser.new_context()  # type: ignore[attr-defined]
    tab = other.new_page()
    tab.set_default_timeout(900_000)
    tab.goto(served.address)
    assert "Somebody has this review open" in tab.inner_text("body")
    tab.click("text=Go on here")
    tab.wait_for_function("window.trame?.state?.get('review_done') === 2")
    page.tab.wait_for_selector("text=Somebody has this review open in another browser.")
    other.close()
    page.tab.click("text=Go on here")
    page.wait_for("done", 2)


def test_a_second_address_with_the_page_tells_when_the_server_was_killed_and_the_review_is_there_again(
    served: Served, serve: Callable[..., Served], browser: object, page: Page, image: Path
) -> None:
    page.press("a")
    page.wait_for("done", 3)
    page.wait_for("isSaved", True)
    served.kill()
    assert lost(page).startswith(f"{LOST} What was reviewed up to now is saved there")
    again = Page(browser, serve(image).address)
    again.wait_for("done", 3)
    again.context.close()


def test_an_encrypted_page_is_reviewed_and_its_cookie_is_for_encrypted_connections_only(
    serve: Callable[..., Served], browser: object, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("encrypted")
    certificate, key = self_signed(folder)
    image = fill(folder / "images")
    address = serve(image, "--tls-certificate", certificate, "--tls-key", key).address
    assert address.startswith("https://")
    page = Page(browser, address)
    page.wait_for("hasLandmarks", True)
    page.tab.wait_for_selector(".views img")
    page.press("a")
    page.wait_for("done", 1)
    (cookie,) = page.context.cookies()
    assert cookie["secure"] and cookie["httpOnly"]
    assert page.errors == []
    page.context.close()


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A certificate for this computer that nobody else vouches for, and its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs openssl to make a certificate")
    certificate, key = folder / "cert.pem", folder / "key.pem"
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(
        [*command, *names, "-keyout", key, "-out", certificate], check=True, capture_output=True, timeout=60
    )
    return certificate, key


@pytest.fixture(scope="module")
def small_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A disk of one megabyte."""
    folder = tmp_path_factory.mktemp("disk")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("needs the right to mount a disk of its own")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.skipif(not shutil.which("mount") or os.name != "posix", reason="needs mount")
def test_on_a_full_disk_nothing_is_lost_and_it_is_saved_when_there_is_room(
    serve: Callable[..., Served], browser: object, small_disk: Path
) -> None:
    image = fill(small_disk)
    page = Page(browser, serve(image).address)
    page.wait_for("hasLandmarks", True)
    until(lambda: any(small_disk.glob(".*.open")))
    ballast = small_disk / "ballast"
    with ballast.open("wb") as stream:
        try:
            while True:
                stream.write(bytes(4096))
                stream.flush()
        except OSError as problem:
            assert problem.errno == errno.ENOSPC
    page.press("a")
    page.wait("window.trame.state.get('review_messageKind') === 'error'")
    assert "no space left" in page.message.lower()
    assert page.state("done") == 1 and not page.state("isSaved")
    assert not image.with_name("hand-review.json").exists()
    ballast.unlink()
    page.wait_for("isSaved", True)
    page.wait_for("messageText", "Now it could be saved.")
    assert read_review(image.with_name("hand-review.json")).progress[0] == 1
    page.context.close()
