"""Images of the next cases lie ready, bounded, and are thrown away when nobody wants them any more."""

from pathlib import Path
from typing import Any

import pytest

from LandmarkDetectionLib.errors import InputError
from Testing.Python.slicer_module.panel_cases import worker_that

READ_MS = 20_000
WRITING = """
import pathlib
if 'broken' in r['source']: say(id=r['id'], event='error', kind='InputError', message='It is broken.')
else:
    pathlib.Path(r['path']).write_bytes(b'x' * 1000)
    say(id=r['id'], event='done', result={'path': r['path'], 'modality': 'CT'})
"""


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"{number}.nii.gz" for number in range(6)]
    for path in paths:
        path.write_text("packed")
    return paths


@pytest.fixture
def prefetch(host) -> Any:
    """Three images at most lie ready."""
    from LandmarkDetectionSlicer.logic.image_prefetch import ImagePrefetch

    prefetch = ImagePrefetch(worker_that(WRITING.strip()), mostCases=3)
    yield prefetch
    prefetch.close()


def places(paths: list[Path]) -> list[Any]:
    from LandmarkDetectionSlicer.logic.case_review import ImagePlace

    return [ImagePlace(path) for path in paths]


def want(host: Any, prefetch: Any, paths: list[Path]) -> None:
    prefetch.want([lambda one=one: one for one in places(paths)])
    host.wait_until(lambda: not prefetch.isReading, READ_MS)


def test_the_next_images_lie_ready_up_to_a_number(host, prefetch, images):
    want(host, prefetch, images)
    assert prefetch.ready == tuple(places(images[:3]))
    ready = prefetch.take(places(images)[1])
    assert ready.modality == "CT" and ready.path.suffix == ".nrrd" and ready.size == 1000
    assert prefetch.take(places(images)[4]) is None


def test_going_on_reads_only_what_is_new_and_throws_away_what_is_behind(host, prefetch, images):
    want(host, prefetch, images[:3])
    first, second = (prefetch.take(one).path for one in places(images[:2]))
    want(host, prefetch, images[1:4])
    assert set(prefetch.ready) == set(places(images[1:4]))
    assert not first.exists() and second.exists()
    assert prefetch.take(places(images)[1]).path == second  # read once


def test_bytes_are_bounded_as_well(host, images):
    from LandmarkDetectionSlicer.logic.image_prefetch import ImagePrefetch

    prefetch = ImagePrefetch(worker_that(WRITING.strip()), mostBytes=1500)
    want(host, prefetch, images)
    assert len(prefetch.ready) == 2
    prefetch.close()


def test_what_cannot_be_read_or_found_is_passed_over(host, prefetch, images, tmp_path):
    broken = tmp_path / "broken.nii.gz"
    broken.write_text("")

    def lost() -> Any:
        raise InputError("The image is not where it was.")

    known = [lambda one=one: one for one in places([broken, images[0]])]
    prefetch.want([lost, *known])
    host.wait_until(lambda: not prefetch.isReading, READ_MS)
    assert prefetch.ready == tuple(places(images[:1]))


def test_an_image_that_was_changed_since_is_read_anew(host, prefetch, images):
    want(host, prefetch, images[:1])
    images[0].write_text("packed otherwise")
    assert prefetch.take(places(images)[0]) is None
    want(host, prefetch, images[:1])
    assert prefetch.take(places(images)[0]) is not None


def test_closing_leaves_no_files(host, prefetch, images):
    want(host, prefetch, images[:2])
    folder = prefetch.take(places(images)[0]).path.parent
    prefetch.close()
    assert not folder.exists() and prefetch.ready == ()
