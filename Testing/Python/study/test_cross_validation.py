"""Cross-validation: folds by subject, finished folds kept, folds side by side."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from LandmarkDetectionLib.datasets.folds import make_folds
from LandmarkDetectionLib.errors import Cancelled, InputError
from LandmarkDetectionLib.study.baselines.mean_target import MeanTarget
from LandmarkDetectionLib.study.cross_validation import cross_validate

SUBJECTS = ("a", "a", "b", "c", "c", "d")
PATCHES = np.zeros((6, 4, 4), bool)
TARGETS = np.arange(12, dtype=np.float32).reshape(6, 2)


@dataclass
class Counting:
    """Predicts zeros and counts how often it was fitted, in a file that copies of it share."""

    log: Path
    level: int = 0
    fitted_: bool = field(default=False, repr=False)

    def fit(self, patches: np.ndarray, targets: np.ndarray) -> "Counting":
        with self.log.open("a") as file:
            file.write("fit\n")
        self.fitted_ = True
        return self

    def predict(self, patches: np.ndarray) -> np.ndarray:
        assert self.fitted_
        return np.zeros((len(patches), 2), np.float32)


subject_lists = st.lists(st.sampled_from("abcdefgh"), min_size=3, max_size=40)


@given(subject_lists, st.integers(1, 8), st.integers(0, 99))
def test_fewer_subjects_than_folds_are_refused(subjects: list[str], more: int, seed: int) -> None:
    with pytest.raises(InputError, match="cannot be divided"):
        make_folds(subjects, "k-fold", len(set(subjects)) + more, seed)


@given(subject_lists.filter(lambda one: len(set(one)) > 1), st.data(), st.integers(0, 99))
def test_every_case_is_tested_once_and_no_subject_is_divided(
    subjects: list[str], data: st.DataObject, seed: int
) -> None:
    count = data.draw(st.integers(2, len(set(subjects))))
    folds = make_folds(subjects, "k-fold", count, seed)
    assert sorted(n for fold in folds for n in fold.test) == list(range(len(subjects)))
    for fold in folds:
        assert fold.test and sorted(fold.train + fold.test) == list(range(len(subjects)))
        assert not {subjects[n] for n in fold.train} & {subjects[n] for n in fold.test}


def test_three_folds_of_many_subjects_are_of_nearly_equal_size() -> None:
    folds = make_folds([f"s{n // 2}" for n in range(264)], "three-fold")
    assert [len(fold.test) for fold in folds] == [88, 88, 88]


def test_leave_one_out_leaves_out_subjects() -> None:
    assert [len(fold.test) for fold in make_folds(SUBJECTS, "leave-one-out")].count(1) == 2
    assert len(make_folds(SUBJECTS, "leave-one-out")) == 4


def test_a_fold_is_predicted_from_the_other_folds_alone() -> None:
    folds = make_folds(SUBJECTS, "leave-one-out")
    found = cross_validate(MeanTarget(), PATCHES, TARGETS, folds).predictions
    for fold in folds:
        assert np.allclose(found[list(fold.test)], TARGETS[list(fold.train)].mean(axis=0))


@pytest.mark.parametrize("workers", [1, 2])
def test_finished_folds_are_not_repeated(tmp_path: Path, workers: int) -> None:
    folds = make_folds(SUBJECTS, "three-fold")
    results = []
    for _ in range(2):
        results.append(cross_validate(MeanTarget(), PATCHES, TARGETS, folds, tmp_path, workers=workers))
    assert len(list(tmp_path.glob("fold-*.npz"))) == 3
    assert results[0].seconds == results[1].seconds
    assert np.array_equal(results[0].predictions, results[1].predictions)
    (tmp_path / "fold-002.npz").unlink()
    estimator = Counting(tmp_path / "log")
    with pytest.raises(InputError, match="other data or other settings"):
        cross_validate(estimator, PATCHES, TARGETS, folds, tmp_path)


def test_a_stopped_cross_validation_goes_on_with_the_next_fold(tmp_path: Path) -> None:
    folds = make_folds(SUBJECTS, "leave-one-out")
    estimator = Counting(tmp_path / "log")
    done = 0

    def count(fraction: float, text: str) -> None:
        nonlocal done
        done += 1

    with pytest.raises(Cancelled):
        cross_validate(
            estimator, PATCHES, TARGETS, folds, tmp_path, progress=count, cancelled=lambda: done >= 3
        )
    cross_validate(estimator, PATCHES, TARGETS, folds, tmp_path)
    assert (tmp_path / "log").read_text().count("fit") == len(folds)


def test_folds_of_other_data_or_settings_are_refused(tmp_path: Path) -> None:
    folds = make_folds(SUBJECTS, "three-fold")
    cross_validate(Counting(tmp_path / "log"), PATCHES, TARGETS, folds, tmp_path)
    for estimator, targets in (
        (Counting(tmp_path / "log", 1), TARGETS),
        (Counting(tmp_path / "log"), TARGETS + 1),
    ):
        with pytest.raises(InputError, match="other data or other settings"):
            cross_validate(estimator, PATCHES, targets, folds, tmp_path)


def test_too_few_subjects_are_refused() -> None:
    with pytest.raises(InputError, match="2 subjects cannot be divided into 3 folds"):
        make_folds(["a", "b"], "three-fold")
