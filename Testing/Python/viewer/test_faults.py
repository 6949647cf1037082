"""What goes wrong around a page: networks, disks, servers, other browsers: each a sentence, nothing lost."""

import errno
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from LandmarkDetectionLib.core.detection import Detection
from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet, Status
from LandmarkDetectionLib.io.records import read_review, write_detection
from LandmarkDetectionLib.io.volumes import read_volume
from Testing.examples.hand_radiograph import TIPS, drawn_radiograph
from Testing.Python.viewer.browser_cases import PATIENCE_MS, Cable, Page, Served, review_command, until

LOST = "The connection to the server is lost."
OCCUPIED = "Somebody has this review open in another browser."


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
    return serve(image, "--reviewer", "Anna")


@pytest.fixture(scope="module")
def cable(served: Served) -> Iterator[Cable]:
    cable = Cable(served.port)
    yield cable
    cable.close()


@pytest.fixture(scope="module")
def page(served: Served, cable: Cable, browser: object) -> Page:
    """It comes through the cable."""
    page = Page(browser, served.address.replace(f":{served.port}/", f":{cable.port}/"))
    page.wait_for("hasLandmarks", True)
    return page


def lost(page: Page) -> str:
    """The words of a page that has lost its server."""
    page.tab.wait_for_selector("#review-lost:not([hidden])")
    return page.tab.inner_text("#review-lost")


def accept_one(page: Page) -> int:
    """Accept a landmark; gives how many are reviewed then."""
    done = page.state("done") + 1
    page.press("a")
    page.wait_for("done", done)
    return int(done)


def progress(image: Path) -> int:
    """How many landmarks are reviewed in the file beside an image; 0 when there is none."""
    path = image.with_name("hand-review.json")
    return read_review(path).progress[0] if path.is_file() else 0


def test_a_connection_that_is_lost_comes_back_by_itself_with_all_that_was_done(
    page: Page, cable: Cable, image: Path
) -> None:
    done = accept_one(page)
    cable.pull()
    assert lost(page).startswith(LOST)
    # Before the two seconds of saving have passed, or after: the end of the connection saves.
    until(lambda: progress(image) == done)
    cable.put_in()
    page.tab.wait_for_selector("#review-lost", state="hidden")
    page.wait_ready()
    page.wait_for("done", done)
    accept_one(page)


@pytest.mark.skipif(os.name != "posix", reason="Windows cannot stop a process for a while")
def test_a_server_that_hangs_is_told_of_and_goes_on_where_it_was(served: Served, page: Page) -> None:
    page.tab.evaluate("window.sameDocument = true")
    with served.hung():
        assert lost(page).startswith(LOST)
    page.tab.wait_for_selector("#review-lost", state="hidden")
    accept_one(page)
    assert page.tab.evaluate("window.sameDocument"), "what was drawn is still there"


def test_a_second_reviewer_is_told_who_has_the_image_open(
    serve: Callable[..., Served], browser: object, page: Page, image: Path
) -> None:
    assert page.state("hasLandmarks")
    served = serve(image, "--reviewer", "Berta")
    second = Page(browser, served.address)
    second.wait("window.trame.state.get('review_messageText').includes('Anna')")
    assert second.tab.locator(".message.warning").inner_text().startswith("\u26a0")
    assert "compared when it is saved" in second.message
    second.context.close()
    assert served.end() == 0


def test_another_browser_takes_over_and_the_first_one_is_told(
    served: Served, browser: object, page: Page
) -> None:
    done = page.state("done")
    other = browser.new_context()  # type: ignore[attr-defined]
    other.set_default_timeout(PATIENCE_MS)
    tab = other.new_page()
    tab.goto(served.address)
    assert OCCUPIED in tab.inner_text("body")
    tab.click("text=Go on here")
    tab.wait_for_function(f"window.trame?.state?.get('review_done') === {done}")
    page.tab.wait_for_selector(f"text={OCCUPIED}")
    other.close()
    page.tab.click("text=Go on here")
    page.wait_ready()
    page.wait_for("done", done)


def test_a_port_that_is_taken_and_an_image_that_is_none_end_with_one_sentence(
    served: Served, image: Path
) -> None:
    for arguments, sentence in (
        ((image, "--port", served.port), f"Nobody can listen at 127.0.0.1, port {served.port} ("),
        ((image.with_name("nothing.nii.gz"),), "does not exist; check the name and the folder."),
    ):
        ended = review_command(*arguments)
        assert ended.returncode == 3 and ended.stdout == ""
        assert sentence in " ".join(ended.stderr.split()) and "Traceback" not in ended.stderr


def test_the_page_tells_when_the_server_was_killed_and_the_review_is_there_again(
    served: Served, serve: Callable[..., Served], browser: object, page: Page, image: Path
) -> None:
    done = accept_one(page)
    page.wait_for("isSaved", True)
    served.kill()
    assert lost(page).startswith(f"{LOST} What was reviewed up to now is saved there")
    again = Page(browser, serve(image).address)
    again.wait_for("done", done)
    again.context.close()


def test_an_encrypted_page_is_reviewed_and_its_cookie_is_for_encrypted_connections_only(
    serve: Callable[..., Served], browser: object, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("encrypted")
    certificate, key = self_signed(folder)
    image = fill(folder / "images")
    served = serve(image, "--tls-certificate", certificate, "--tls-key", key)
    assert served.address.startswith("https://")
    page = Page(browser, served.address)
    page.wait_for("hasLandmarks", True)
    page.tab.wait_for_selector(".views img")
    accept_one(page)
    (cookie,) = page.context.cookies()
    assert cookie["secure"] and cookie["httpOnly"] and cookie["sameSite"] == "Strict"
    assert page.errors == []
    page.context.close()
    assert served.end() == 0 and progress(image) == 1


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
def test_on_a_full_disk_nothing_is_lost_and_it_is_saved_when_there_is_room_or_elsewhere_at_the_end(
    serve: Callable[..., Served], browser: object, small_disk: Path
) -> None:
    image = fill(small_disk)
    served = serve(image)
    page = Page(browser, served.address)
    page.wait_for("hasLandmarks", True)
    ballast = small_disk / "ballast"
    fill_up(ballast)
    accept_one(page)
    page.wait_for("messageKind", "error")
    assert "no space left" in page.message.lower() and "hand-review.json" in page.message
    assert page.state("done") == 1 and not page.state("isSaved")
    assert not image.with_name("hand-review.json").exists()
    page.picture("full-disk")
    ballast.unlink()
    page.wait_for("messageText", "Now it could be saved.")
    assert page.state("isSaved") and progress(image) == 1
    # And when the server is ended before there is room:
    fill_up(ballast)
    accept_one(page)
    page.wait_for("messageKind", "error")
    page.context.close()
    assert served.end() == 5
    until(lambda: "the review is in" in " ".join("".join(served.said).split()))
    words = " ".join("".join(served.said).split())
    elsewhere = Path(words.partition("the review is in ")[2].partition(". Make room")[0])
    assert read_review(elsewhere).progress[0] == 2
    shutil.rmtree(elsewhere.parent)


def fill_up(ballast: Path) -> None:
    """Leave no room on its disk."""
    with ballast.open("wb", buffering=0) as stream:  # what a buffer holds would be written when it closes
        try:
            while True:
                stream.write(bytes(4096))
        except OSError as problem:
            assert problem.errno == errno.ENOSPC
