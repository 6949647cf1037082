"""What leaves the computer: voxels, places and settings; no name, no file, no time, no sentence."""

import json
from typing import Any

import numpy as np
import pytest

from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.remote.parcels import bytes_of, pack, unpack
from LandmarkDetectionLib.requests import REQUESTS

PATIENT = "DOE^JOHN 1960-02-03"


def landmark(name: str, **changes: Any) -> dict[str, Any]:
    return {
        "name": name,
        "position": [1.0, 2.0, 3.0],
        "status": "detected",
        "confidence": 0.9,
        "covariance": None,
        "description": f"{name} of {PATIENT}",
        "predicted": None,
        "expected_error": 2.0,
        **changes,
    }


def volume() -> dict[str, Any]:
    return {
        "file": f"/home/clinic/{PATIENT}/ct.raw",
        "dtype": "<i2",
        "shape": [2, 3, 4],
        "ijk_to_ras": np.eye(4).tolist(),
        "token": "abc",
        "name": PATIENT,
        "modality": "CT",
        "spacing_known": False,
        "warnings": None,
        "doubts": {"warnings": [f"{PATIENT}: odd."], "doubts": [{"kind": "slices", "landmarks": []}]},
    }


def record() -> dict[str, Any]:
    return {
        "schema_version": 1,
        "coordinate_system": "RAS",
        "units": "mm",
        "name": PATIENT,
        "model": {"name": "hand", "version": "1.0.0", "file": PATIENT},
        "parameters": {
            "threshold": -300.0,
            "detected_at": "2026-01-01T10:00:00",
            "device_note": PATIENT,
            "given": {"side": "left", "comment": PATIENT},
        },
        "warnings": [f"{PATIENT}: far.", f"{PATIENT}: again."],
        "doubts": [{"kind": "unusual_distance", "landmarks": ["wrist"]}] * 2,
        "seconds": {PATIENT: 1.0},
        "landmarks": [landmark("wrist")],
        "prediction": [landmark("wrist")],
        "reviewer": PATIENT,
    }


def asked(do: str) -> dict[str, Any]:
    scan = volume()
    del scan["warnings"]
    path = f"/home/clinic/{PATIENT}/picture.PNG"
    entries = {
        "detect": {"model": "hand"},
        "locate_near": {"model": "hand", "landmark": "wrist", "near": [1, 2, 3]},
        "refine": {"model": "hand", "record": record()},
        "silhouette": {"model": "hand", "path": path},
        "picture": {"record": record(), "path": path},
    }
    return {"id": 1, "do": do, "volume": scan, **entries[do]}


@pytest.mark.parametrize("do", ["detect", "locate_near", "refine", "silhouette", "picture"])
def test_no_name_file_time_or_sentence_leaves_the_computer(do: str) -> None:
    sent = json.dumps(pack(asked(do)).message)
    assert not any(part in sent for part in ("DOE", "JOHN", "1960", "clinic", "2026-01-01", "odd", "far"))
    assert '"<i2"' in sent and "spacing_known" in sent


@pytest.mark.parametrize("do", ["detect", "locate_near", "refine", "silhouette", "picture"])
def test_what_is_sent_is_taken_at_the_other_end(do: str) -> None:
    parcel = pack(asked(do))
    request = unpack(parcel.message)
    assert request.do == do
    assert getattr(request, "path", ".png") == ".png"


def test_what_was_taken_out_is_back_in_the_answer() -> None:
    parcel = pack(asked("refine"))
    answer = {
        "landmarks": [landmark("wrist", description=""), landmark("thumb", description="Tip.")],
        "warnings": [*parcel.message["record"]["warnings"], "slices", "A new one."],
    }
    assert parcel.named({"message": ["@volume@ is odd."], "id": 1}) == {
        "message": [f"{PATIENT} is odd."],
        "id": 1,
    }
    back = parcel.restored(answer)
    assert [one["description"] for one in back["landmarks"]] == [f"wrist of {PATIENT}", "Tip."]
    assert back["warnings"] == [f"{PATIENT}: far.", f"{PATIENT}: again.", f"{PATIENT}: odd.", "A new one."]


def test_all_that_a_refinement_needs_is_sent() -> None:
    from LandmarkDetectionLib.core.review import Review

    sent = Review.from_record(pack(asked("refine")).message["record"])
    whole = Review.from_record(record())
    np.testing.assert_array_equal(sent.landmarks.positions, whole.landmarks.positions)
    assert sent.prediction.options == whole.prediction.options
    assert [one.kind for one in sent.prediction.doubts] == [one.kind for one in whole.prediction.doubts]


def test_a_record_that_is_broken_is_refused_before_it_is_sent() -> None:
    with pytest.raises(InputError, match="record of the review cannot be used"):
        pack({**asked("refine"), "record": {"warnings": 5}})


def test_what_is_about_files_is_not_sent() -> None:
    served = {"detect", "locate_near", "refine", "silhouette", "picture", "models"}
    requests = {
        "install": {"source": "/x"},
        "cohort": {"folder": "/x"},
        "read_image": {"source": "/x", "path": "/y"},
        "train": {"name": "x", "store": "/x"},
    }
    for do, entries in requests.items():
        assert do in REQUESTS and do not in served
        with pytest.raises(InputError, match="use the worker of this computer"):
            pack({"do": do, **entries})
        with pytest.raises(InputError, match="does not do"):
            unpack({"do": do, **entries})


@pytest.mark.parametrize("model", ["/home/me/model", "../model", "a/b", "..", "C:\\model", "Model", ""])
def test_a_model_is_called_by_its_name_at_both_ends(model: str) -> None:
    with pytest.raises(InputError, match="by name"):
        pack({**asked("detect"), "model": model})
    sent = pack(asked("detect")).message
    if model:
        with pytest.raises(InputError, match="by its name"):
            unpack({**sent, "model": model})
        sent = pack(asked("picture")).message
        sent["record"]["model"]["name"] = model
        with pytest.raises(InputError, match="by its name"):
            unpack(sent)
    assert unpack({**pack(asked("detect")).message, "model": "hand@1.0.0-2"})


@pytest.mark.parametrize("path", ["/etc/passwd", "../x.png", ".exe", "", "x.png"])
def test_a_request_from_elsewhere_names_no_file(path: str) -> None:
    sent = pack(asked("silhouette")).message
    with pytest.raises(InputError, match="picture from elsewhere"):
        unpack({**sent, "path": path})
    for named in ({"file": "/etc/passwd"}, {"name": PATIENT}):
        with pytest.raises(InputError, match="must not name its volume"):
            unpack({**sent, "volume": {**sent["volume"], **named}})


def test_only_numbers_count_as_voxels() -> None:
    assert bytes_of("<i2", (2, 3, 4)) == 48
    for dtype in ("O", "V8", "U10", "i2,i4", "<i3", "M8", "datetime64", "<i99", ""):
        with pytest.raises(InputError, match="no numbers"):
            bytes_of(dtype, (1, 1, 1))
