"""Frames on real landmarks: two experts' commissures, and the bones of a whole body."""

from pathlib import Path

import numpy as np
import pytest

from LandmarkDetectionLib.alignment.frames import place_frames
from LandmarkDetectionLib.alignment.rotations import rotation_vectors
from LandmarkDetectionLib.datasets.importers.afids import named_afids
from LandmarkDetectionLib.io.markups import read_landmarks
from LandmarkDetectionLib.io.protocols import load_protocol


def test_two_experts_agree_on_the_axes_of_the_commissures(real_data: Path) -> None:
    protocol = load_protocol("afids-32")
    files = ("MNI152NLin2009cAsym_afids.fcsv", "MNI152NLin2009cAsym_afids_rater01.fcsv")
    sets = [named_afids(real_data / "head" / file, protocol.names) for file in files]
    first, second = (place_frames(one, protocol, rater_sd=0.5)[0] for one in sets)
    apart = np.linalg.norm(rotation_vectors((first.transform.linear @ second.transform.linear.T)[None]))
    assert apart < 4.0 and np.linalg.norm(first.origin - second.origin) < 1.5
    assert first.turning_95 is not None and apart < np.sqrt(2) * first.turning_95
    for one, marks in zip((first, second), sets, strict=True):
        places = one.transform.apply(marks.positions)
        by_name = dict(zip(marks.names, places, strict=True))
        np.testing.assert_allclose(by_name["anterior_commissure"], 0, atol=1e-9)
        np.testing.assert_allclose(by_name["posterior_commissure"][[0, 2]], 0, atol=1e-9)
        assert by_name["posterior_commissure"][1] == pytest.approx(-28, abs=1.5)
        # The template is level within some degrees, and symmetric about its midsagittal plane.
        assert one.turned < 7.0
        for pair in ("lateral_ventricle_at_ac", "ventral_occipital_horn", "anterolateral_temporal_horn"):
            right, left = by_name[f"{pair}_right"], by_name[f"{pair}_left"]
            assert right[0] > 0 > left[0] and abs(right[0] + left[0]) < 5.0


def test_the_frames_of_a_whole_body_stand_as_she_lies(real_data: Path) -> None:
    landmarks = read_landmarks(real_data / "whole_body" / "female_bony_landmarks.mrk.json")
    protocol = load_protocol("whole-body-bones")
    found = {one.name: one for one in place_frames(landmarks, protocol, rater_sd=2.5)}
    body, pelvis = found["body"], found["anterior_pelvic_plane"]
    assert body.turned < 5.0 and body.turning_95 is not None and body.turning_95 < 2.0
    # Lying, her pelvis is tilted: the plane of its front nods by some degrees about the right axis only.
    nod = rotation_vectors(pelvis.transform.linear[None])[0]
    assert 5.0 < abs(nod[0]) < 25.0 and np.abs(nod[1:]).max() < 3.0
    assert found["frankfort"].gap.startswith("needs Right porion")
