"""What the data decide: who is held out, and what the network looks at."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.datasets.cases import Case, Datalist
from LandmarkDetectionLib.datasets.datalist import read_datalist
from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.io.volumes import write_volume
from LandmarkDetectionLib.training.supervised.plan import Split, divide, plan
from LandmarkDetectionLib.training.supervised.presets import SUPERVISED_PRESETS
from Testing.examples.blob_data import NAMES, write_blob_data


@pytest.fixture
def data(tmp_path: Path) -> Datalist:
    return read_datalist(
        write_blob_data(tmp_path, splits={"fold 0": 3, "fold 1": 4, "fold 2": 5}), missing="allow"
    )


def test_a_split_is_held_back_by_name_and_the_rest_is_learned_from(data):
    split = divide(data, "fold 1")
    assert [case.split for case in split.held_out] == ["fold 1"] * 4
    assert len(split.training) == 8 and all(case.split != "fold 1" for case in split.training)


def test_without_splits_whole_subjects_are_held_back(tmp_path):
    path = write_blob_data(tmp_path, count=12)
    content = json.loads(path.read_text())
    for n, row in enumerate(content["cases"]):
        row["subject"] = f"person {n // 2}"
    path.write_text(json.dumps(content))
    split = divide(read_datalist(path, missing="allow"))
    held = {case.subject for case in split.held_out}
    assert len(split.held_out) == 2 and len(held) == 1
    assert not held & {case.subject for case in split.training}


def test_a_test_split_is_never_learned_from(tmp_path):
    data = read_datalist(write_blob_data(tmp_path, splits={"val": 2, "test": 3}), missing="allow")
    split = divide(data)
    assert {case.split for case in split.held_out} == {"val"}
    assert "test" not in {case.split for case in split.training}


def divided(tmp_path: Path, splits: dict[str, int], **options: Any) -> Split:
    count = sum(splits.values())
    return divide(read_datalist(write_blob_data(tmp_path, count, splits=splits), missing="allow"), **options)


def splits_of(cases: tuple[Case, ...]) -> dict[str, int]:
    return dict(Counter(case.split for case in cases))


def test_official_test_sets_are_neither_learned_from_nor_calibrated_on(tmp_path):
    split = divided(tmp_path, {"Train": 8, "test1": 3, "test2": 2})
    assert splits_of(split.training) == {"Train": 7} and splits_of(split.held_out) == {"Train": 1}
    assert split.text == (
        "Learned from: Train (7); held back and measured: 1 case of 1 subject of the same; "
        "not touched: test1 (3), test2 (2)."
    )


def test_what_is_not_called_train_is_not_learned_from_beside_it(tmp_path):
    split = divided(tmp_path, {"train": 4, "Validation": 2, "external": 3, "": 2})
    assert splits_of(split.training) == {"train": 4}
    assert splits_of(split.held_out) == {"Validation": 2}
    assert "not touched: external (3), in no split (2)" in split.text


def test_a_split_that_is_named_is_learned_from_or_measured(tmp_path):
    splits = {"train": 4, "test1": 3, "test2": 2}
    measured = divided(tmp_path / "measured", splits, held_out="TEST2")
    assert splits_of(measured.training) == {"train": 4} and splits_of(measured.held_out) == {"test2": 2}
    both = divided(tmp_path / "both", splits, learn_from=["train", "test1"], held_out="test2")
    assert splits_of(both.training) == {"train": 4, "test1": 3}
    with pytest.raises(InputError, match="'test1' cannot be learned from and held back at once"):
        divided(tmp_path / "twice", splits, learn_from=["test1"], held_out="test1")


def test_nothing_but_test_cases_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"leaves no case to learn from: its splits are test1 \(3\), test2"):
        divided(tmp_path, {"test1": 3, "test2": 2})


def test_a_subject_that_is_measured_is_not_learned_from(tmp_path):
    path = write_blob_data(tmp_path, 8, splits={"train": 6, "test": 2})
    cases = list(read_datalist(path, missing="allow").cases)
    cases[0] = replace(cases[0], subject=cases[7].subject)
    data = replace(read_datalist(path, missing="allow"), cases=tuple(cases))
    for held_out in (None, "none", "test"):
        split = divide(data, held_out)
        assert cases[0] not in (*split.training, *split.held_out)
        assert "another split shows the same subject: 1 case" in split.text


def test_none_learns_from_all(data):
    assert len(divide(data, "none").training) == 12


def test_a_radiograph_is_fitted_into_the_canvas_as_a_whole(data):
    config = plan(data, divide(data, "fold 0"))
    assert config.grid.spacing is None and config.landmarks == NAMES and config.dimensions == 2
    assert max(config.grid.shape) >= SUPERVISED_PRESETS["scn-lite"].long_side
    assert config.grid.shape[0] == config.grid.shape[1]


def test_volumes_get_a_spacing_at_which_a_usual_one_fits(tmp_path):
    path = write_blob_data(tmp_path, count=6, shape=(40, 48, 56), spacing=2.0)
    data = read_datalist(path, missing="allow")
    config = plan(data, divide(data, "none"))
    assert config.dimensions == 3 and config.grid.spacing is not None
    # Small volumes are not made finer than they are.
    assert config.grid.spacing == (2.0, 2.0, 2.0)
    assert all(n >= m for n, m in zip(config.grid.shape, (40, 48, 56), strict=True))


def test_ct_is_recognised_by_its_air(tmp_path):
    path = write_blob_data(tmp_path, count=4, shape=(16, 20, 20), spacing=4.0)
    for file in tmp_path.glob("*.nrrd"):
        rng = np.random.default_rng(0)
        voxels = rng.integers(-1000, 500, (16, 20, 20)).astype(np.int16)
        voxels[0, 0, 0] = hash(file.name) % 500
        write_volume(Volume(voxels, np.diag([-4.0, -4, 4, 1])), file)
    data = read_datalist(path, missing="allow")
    assert plan(data, divide(data, "none")).grid.intensity == "hounsfield"


def test_overrides_win(data):
    config = plan(data, divide(data, "none"), shape=(192, 192), spacing=(0.5,), changes={"steps": 7})
    assert config.grid.shape == (192, 192) and config.grid.spacing == (0.5, 0.5) and config.steps == 7


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"preset": "scn-large"}, "no preset 'scn-large'"),
        ({"raters": "Dr Who"}, "no rater 'Dr Who'"),
        ({"limit": 100}, "limit of 100 cases is more than"),
        ({"shape": (64, 64, 64)}, "3 sizes, but the images have 2 axes"),
        ({"shape": (65, 64)}, "must be multiples of"),
        ({"spacing": (1.0, 1.0, 1.0)}, "needs one number or 2"),
    ],
)
def test_what_does_not_fit_is_one_sentence(data, arguments, sentence):
    with pytest.raises(InputError, match=sentence):
        plan(data, divide(data, "none"), **arguments)


def test_an_unknown_split_is_named_with_those_there_are(data):
    with pytest.raises(InputError, match="no split 'fold 9'; it has: fold 0, fold 1, fold 2"):
        divide(data, "fold 9")


def test_images_and_volumes_do_not_mix(tmp_path):
    flat = json.loads(write_blob_data(tmp_path / "flat", count=3).read_text())["cases"]
    solid = json.loads(write_blob_data(tmp_path / "solid", count=3, shape=(16, 20, 20)).read_text())["cases"]
    rows = []
    for folder, cases in (("flat", flat), ("solid", solid)):
        for row in cases:
            row |= {"image": f"{folder}/{row['image']}", "landmarks": f"{folder}/{row['landmarks']}"}
            rows.append(row | {"subject": f"{folder}{row['subject']}"})
    path = tmp_path / "mixed.json"
    path.write_text(json.dumps({"name": "mixed", "cases": rows}))
    with pytest.raises(InputError, match="its image is 3D, and most are 2D"):
        read_datalist(path, missing="allow")


def chained(tmp_path: Path, order: tuple[str, ...] = NAMES, **options: Any) -> Datalist:
    """Data whose protocol has a chain of three levels of one landmark each."""
    path = write_blob_data(tmp_path, **{"count": 6, **options})
    content = json.loads(path.read_text())
    landmarks = [{"name": name, "title": name, "definition": "A spot."} for name in NAMES]
    protocol = {
        "name": "spots",
        "title": "Spots",
        "version": "1.0.0",
        "region": "none",
        "landmarks": landmarks,
    }
    (tmp_path / "spots.json").write_text(json.dumps({**protocol, "chain": [[name] for name in order]}))
    path.write_text(json.dumps({**content, "protocol": "spots.json"}))
    return read_datalist(path, missing="allow")


def test_levels_are_read_together_where_the_protocol_of_pictures_has_a_chain(data, tmp_path):
    assert not plan(data, divide(data, "none")).column
    flat, solid = chained(tmp_path / "flat"), chained(tmp_path / "solid", shape=(16, 20, 20))
    assert plan(flat, divide(flat, "none")).column
    assert not plan(flat, divide(flat, "none"), changes={"column": False}).column
    assert not plan(solid, divide(solid, "none")).column


def test_pictures_of_a_chain_are_learned_by_a_network_for_chains_unless_another_is_chosen(data, tmp_path):
    flat, solid = chained(tmp_path / "flat"), chained(tmp_path / "solid", shape=(16, 20, 20))
    architectures = [plan(one, divide(one, "none")).architecture for one in (flat, solid, data)]
    assert architectures == ["chain_unet", "spatial_configuration", "spatial_configuration"]
    assert plan(flat, divide(flat, "none"), "scn-lite").architecture == "spatial_configuration"


def test_a_network_for_chains_that_learns_from_mirrored_images_looks_at_one_in_the_end(data, tmp_path):
    chain = chained(tmp_path / "chain")
    mirrored = {"augmentation": {"mirror": 0.5}}
    assert plan(chain, divide(chain, "none"), "chain-lite", changes=mirrored).mirror == (0, 1, 2)
    assert plan(chain, divide(chain, "none"), "chain-lite").mirror == ()
    assert plan(chain, divide(chain, "none"), "scn-lite", changes=mirrored).mirror == ()


def test_a_network_for_chains_has_the_levels_of_the_protocol(data, tmp_path):
    chain = chained(tmp_path / "chain")
    assert plan(chain, divide(chain, "none"), "chain-lite").parameters["levels"] == 3
    with pytest.raises(InputError, match="are for landmarks that are a chain of levels"):
        plan(data, divide(data, "none"), "chain-lite")
    swapped = chained(tmp_path / "swapped", order=NAMES[::-1])
    with pytest.raises(InputError, match="level by level, and the protocol of"):
        plan(swapped, divide(swapped, "none"), "chain-lite")
