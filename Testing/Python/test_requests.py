"""Requests are the same at both ends of the pipe, and a message that is wrong gets one sentence."""

import json
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.requests import REQUESTS, Detect, LocateNear, Request, VolumeMessage, request_of

NUMBERS = st.floats(-1e6, 1e6)
ROWS = st.tuples(*[NUMBERS] * 4)
VOLUMES = st.builds(
    VolumeMessage,
    file=st.text(),
    dtype=st.sampled_from(["<i2", ">f4"]),
    shape=st.tuples(*[st.integers(1, 600)] * 3),
    ijk_to_ras=st.tuples(*[ROWS] * 4),
    token=st.text(),
    name=st.text(),
    modality=st.text(),
    spacing_known=st.booleans(),
    doubts=st.dictionaries(st.text(), st.lists(st.text())),
)
RECORDS = st.dictionaries(st.text(), st.integers() | st.text() | st.none())
#: By the type of a field.
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "VolumeMessage": VOLUMES,
    "str": st.text(),
    "bool": st.booleans(),
    "str | None": st.none() | st.text(),
    "bool | None": st.none() | st.booleans(),
    "float | None": st.none() | NUMBERS,
    "int | None": st.none() | st.integers(),
    "Record": RECORDS,
    "Texts": st.lists(st.text()).map(tuple),
    "Point": st.tuples(*[NUMBERS] * 3),
    "Matrix": st.tuples(*[ROWS] * 4),
}
VOLUME = {"file": "v.raw", "dtype": "<i2", "shape": [2, 3, 4], "ijk_to_ras": [[1, 0, 0, 0], [0, 1, 0, 0],
          [0, 0, 1, 0], [0, 0, 0, 1]]}  # fmt: skip
DETECT = {"do": "detect", "id": 3, "volume": VOLUME, "model": "whole-body-ct"}


def requests_of_all_kinds() -> st.SearchStrategy[Request]:
    return st.one_of(
        [
            st.builds(kind, **{one.name: VALUES[str(one.type)] for one in fields(kind)})
            for kind in REQUESTS.values()
        ]
    )


@given(requests_of_all_kinds())
def test_every_request_comes_out_of_the_pipe_as_it_was_put_in(request_):
    line = json.dumps({"id": 1, **request_.to_message()}, allow_nan=False)
    assert request_of(json.loads(line)) == request_


def test_what_is_left_out_or_null_has_its_default():
    assert request_of(DETECT) == request_of({**DETECT, "device": None, "side": None, "threshold": None})
    asked = request_of(DETECT)
    assert isinstance(asked, Detect) and not isinstance(asked, LocateNear)
    assert (asked.device, asked.side, asked.threshold, asked.volume.spacing_known) == (
        "auto",
        "auto",
        None,
        True,
    )


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"model": None}, "The request 'detect' lacks the entry 'model'."),
        ({"model": 5}, "The request 'detect' has 5 as 'model', which must be a text."),
        ({"threshold": "high"}, "The request 'detect' has 'high' as 'threshold', which must be a number."),
        ({"threshold": float("nan")}, "has nan as 'threshold', which must be a number."),
        ({"threshold": True}, "has True as 'threshold', which must be a number."),
        (
            {"treshold": 5},
            "The request 'detect' has no entry 'treshold'; it may have volume, model, threshold",
        ),
        ({"volume": "v.raw"}, "has 'v.raw' as 'volume', which must be an object."),
        ({"volume": {}}, "The request 'detect', in its volume, lacks the entry 'file'."),
        (
            {"volume": {**VOLUME, "shape": [2, 3]}},
            "in its volume, has [2, 3] as 'shape', which must be three",
        ),
        ({"volume": {**VOLUME, "shape": [2, 3, -4]}}, "as 'shape', which must be three numbers of voxels."),
        ({"volume": {**VOLUME, "ijk_to_ras": [[1, 0, 0, 0]] * 3}}, "must be four rows of four numbers."),
        ({"volume": {**VOLUME, "spacing_known": "no"}}, "has 'no' as 'spacing_known', which must be true or"),
        (
            {"do": "locate_near", "landmark": "chin", "near": [1, 2]},
            "has [1, 2] as 'near', which must be three",
        ),
        ({"model": "x" * 1000}, None),
        ({"do": "dance"}, "There is no request 'dance'; there are detect, locate_near"),
    ],
    ids=str,
)
def test_a_message_that_is_wrong_gets_one_sentence(change, sentence):
    message = {**DETECT, **change}
    if sentence is None:
        assert request_of(message).to_message()["model"] == change["model"]
        return
    with pytest.raises(InputError) as problem:
        request_of(message)
    text = str(problem.value)
    assert sentence in text and text.endswith(".") and "\n" not in text and len(text) < 400


@given(st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(
    st.sampled_from(["do", "id", "volume", "model", "path"]) | st.text(), inner)))  # fmt: skip
def test_no_message_is_a_defect(message):
    try:
        assert isinstance(request_of(message), Request)
    except InputError as problem:
        assert "\n" not in str(problem)


def test_the_worker_answers_every_request_there_is():
    from LandmarkDetectionLib.worker.tasks import Worker

    assert set(Worker(lambda event: None)._tasks) == set(REQUESTS)
