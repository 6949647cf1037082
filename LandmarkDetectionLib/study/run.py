"""The synthetic-data study of Riegler et al. 2015: every method trained, cross-validated and compared.

A study lives in a folder. Each part (a trained network, a searched set, the folds of a method) is written
whole when it is finished, so that a killed study goes on where it was and repeats nothing that was done.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from LandmarkDetectionLib.datasets.cases import Datalist
from LandmarkDetectionLib.datasets.folds import Fold, make_folds
from LandmarkDetectionLib.imaging.depth import depth_statistics
from LandmarkDetectionLib.study.baselines.estimator import Estimator
from LandmarkDetectionLib.study.baselines.forest import RandomForestVoting
from LandmarkDetectionLib.study.baselines.mean_target import MeanTarget
from LandmarkDetectionLib.study.baselines.nearest_neighbour import NearestNeighbour
from LandmarkDetectionLib.study.baselines.paper_cnn import PaperCNN, load_network, save_network
from LandmarkDetectionLib.study.cross_validation import cross_validate
from LandmarkDetectionLib.study.fit_arrays import Source, predict_network
from LandmarkDetectionLib.study.medical import patches_of_datalist, stand_in
from LandmarkDetectionLib.study.packed import PackedSource, packed
from LandmarkDetectionLib.study.parts import Parts
from LandmarkDetectionLib.study.patches import Patches, from_targets
from LandmarkDetectionLib.study.presets import StudyConfig
from LandmarkDetectionLib.study.regions import Region, SyntheticSource, find_region
from LandmarkDetectionLib.training.loop import open_run
from LandmarkDetectionLib.typing import Array, Progress

METHODS = ("CNN(ft)", "CNN(syn)", "CNN(med)", "NN(syn)", "NN(med)", "RF")
DEPTH_METHODS = ("CNN(ft)", "CNN(syn)", "CNN(med)")
SHARD = 50_000  # synthetic images that are drawn and written at once


@dataclass(frozen=True)
class StudyResult:
    """What was predicted for every medical case.

    Attributes
    ----------
    config : StudyConfig
    region : Region
    medical : Patches
        Cases with their true landmarks.
    positions : dict of (N, L, 2) float32
        Column and row px by method.
    depths : dict of (N, L) float32
        Depth mm by method; empty when the cases have no depth.
    folds : tuple of Fold
    seconds : dict of (float, float)
        By part: by the clock, and on all cores together.
    """

    config: StudyConfig
    region: Region
    medical: Patches
    positions: dict[str, Array]
    depths: dict[str, Array]
    folds: tuple[Fold, ...]
    seconds: dict[str, tuple[float, float]]


def with_data(config: StudyConfig, datalist: Datalist) -> StudyConfig:
    """The config of a study of a datalist: its landmarks, which file it is of, and which splits."""
    learned = datalist.to_learn_from()
    splits = ", ".join(sorted({case.split for case in learned})) if len(learned) < len(datalist) else ""
    checksum = hashlib.sha256(datalist.path.read_bytes()).hexdigest()[:16]
    return config.model_copy(
        update={
            "landmarks": datalist.landmark_names,
            "data": f"{datalist.name} ({checksum})" + (f", {splits}" if splits else ""),
        }
    )


def run_study(
    config: StudyConfig,
    out: str | Path,
    datalist: Datalist | None = None,
    *,
    device: str = "cpu",
    workers: int | None = None,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> StudyResult:
    """Do whatever is still to do of a study, and give everything that was predicted.

    Parameters
    ----------
    config : StudyConfig
        Of ``with_data`` when there is a datalist.
    out : path
        Folder of the study; made when missing.
    datalist : Datalist, optional
        Medical images, of which only those to learn from are taken (a test set is not cross-validated); a
        second synthetic domain stands in for them when None.
    device : str
        Of torch.
    workers : int, optional
        Folds side by side; as many as there are cores when None, 1 on a GPU.
    progress : callable, optional
        Called with the fraction done and a text.
    cancelled : callable, optional
        Asked between parts, within trainings, and between folds.

    Raises
    ------
    InputError
        When the folder holds another study, or a case cannot be used.
    OutputError
        When the folder cannot be written.
    Cancelled
        When ``cancelled`` said so.
    """
    folder = open_run(Path(out), config, resume=True)
    if datalist is not None:
        datalist = datalist.to_learn_from()
    cores = os.cpu_count() or 1
    if workers is None:
        workers = cores if device == "cpu" else 1
    study = _Study(config, folder, datalist, device, workers, max(1, cores // workers), progress, cancelled)
    return study.run()


@dataclass(frozen=True)
class _Question:
    """What is to be found in which images: "positions" in silhouettes or "depths" in depth images."""

    kind: str
    images: Array
    targets: Array


@dataclass(frozen=True)
class _Study:
    config: StudyConfig
    folder: Path
    datalist: Datalist | None
    device: str
    workers: int
    threads: int
    progress: Progress | None
    cancelled: Callable[[], bool] | None

    @cached_property
    def region(self) -> Region:
        return find_region(self.config.region)

    @cached_property
    def parts(self) -> Parts:
        return Parts(self.folder / "parts", self.cancelled)

    @property
    def shape(self) -> tuple[int, int]:
        return self.config.shape or self.region.shape

    @property
    def names(self) -> tuple[str, ...]:
        return self.region.ordered(self.config.landmarks or self.region.landmarks)

    def run(self) -> StudyResult:
        medical = Patches.load(self.parts.file("medical", ".npz", self._write_medical))
        folds = make_folds(medical.subjects, self.config.folds, self.config.fold_count, self.config.seed)
        seconds = {"medical": self.parts.seconds("medical")}

        def answer(
            question: _Question, methods: Sequence[str], share: tuple[float, float]
        ) -> dict[str, Array]:
            """Predictions of all methods; ``share`` is the part of the study that they are."""
            low, high = share
            steps = np.linspace(low, high, len(methods) + 2)
            name = f"{question.kind} CNN(syn) trained"
            trained = self.parts.file(
                name, ".safetensors", lambda path: self._train(question, path, self._tell(name, *steps[:2]))
            )
            seconds[name] = self.parts.seconds(name)
            found = {}
            for method, start, end in zip(methods, steps[1:-1], steps[2:], strict=True):
                name = f"{question.kind} {method}"
                tell = self._tell(name, start, end)

                def make(method: str = method, tell: Progress = tell) -> dict[str, Array]:
                    return {"predictions": self._predict(question, method, trained, folds, tell)}

                found[method] = self.parts.arrays(name, make)["predictions"]
                seconds[name] = self.parts.seconds(name)
            return found

        has_depth = medical.has_depth
        question = _Question("positions", medical.silhouettes, medical.position_targets())
        answers = answer(question, METHODS, (0.0, 0.6 if has_depth else 1.0))
        positions = {method: from_targets(found, self.shape) for method, found in answers.items()}
        depths: dict[str, Array] = {}
        if has_depth:
            least = self.region.least_depth_mm
            question = _Question("depths", medical.depth_images(least), medical.depth_targets(least))
            depths = {
                method: medical.depths_of(found, least)
                for method, found in answer(question, DEPTH_METHODS, (0.6, 1.0)).items()
            }
            # The mean is taken in mm, relative to the mean depth of the object, not in deviations.
            mean, _ = depth_statistics(medical.front, least)
            relative = medical.points[..., 2] - mean[:, None]
            fitted = cross_validate(MeanTarget(), medical.silhouettes, relative, folds)
            depths = {"mean depth": fitted.predictions + mean[:, None], **depths}
        return StudyResult(self.config, self.region, medical, positions, depths, folds, seconds)

    def _tell(self, name: str, start: float, end: float) -> Progress:
        def tell(fraction: float, text: str) -> None:
            if self.progress is not None:
                self.progress(float(start + fraction * (end - start)), f"{name}: {text}")

        return tell

    def _write_medical(self, path: Path) -> None:
        config = self.config
        if self.datalist is not None:
            patches = patches_of_datalist(self.datalist, self.region, self.shape)
        else:
            people, images = config.stand_in_subjects, config.stand_in_images
            patches = stand_in(self.region, self.names, self.shape, people, images)
        patches.save(path)

    def _source(self, depth: bool) -> SyntheticSource:
        config = self.config
        batch_size = config.synthetic.batch_size
        per_epoch = -(-config.images_per_epoch // batch_size)
        return SyntheticSource(
            self.region,
            self.names,
            config.seed,
            batch_size,
            self.shape,
            per_epoch,
            repeat=config.repeat_images,
            depth=depth,
        )

    def _train(self, question: _Question, path: Path, progress: Progress) -> None:
        """The network of CNN(syn), from which CNN(ft) starts."""
        estimator = PaperCNN(
            self.config.synthetic,
            seed=self.config.seed,
            device=self.device,
            checkpoint=path.with_suffix(".checkpoint"),
            progress=progress,
            cancelled=self.cancelled,
        )
        source: Source = self._source(depth=question.kind == "depths")
        if self.config.repeat_images and question.kind == "positions":
            # Drawn once, not once an epoch: silhouettes fit into the memory.
            codes, targets = self._drawn(self.config.images_per_epoch, progress)
            source = PackedSource(
                codes, targets, self.config.synthetic.batch_size, self.config.seed, shape=self.shape
            )
        estimator.fit_source(source, *self.shape, question.targets.shape[1], ahead=True)
        save_network(estimator.network_, path)

    def _predict(
        self, question: _Question, method: str, trained: Path, folds: Sequence[Fold], progress: Progress
    ) -> Array:
        """All cases by a method: at once where it saw no medical image, else fold by fold."""
        if method == "CNN(syn)":
            return predict_network(load_network(trained).to(self.device), question.images)
        if method == "NN(syn)":
            codes, targets = self._drawn(self.config.neighbour_images, progress)
            return NearestNeighbour().fit_packed(codes, targets).predict(question.images)
        estimator, workers = self._estimator(method, trained)
        folder = self.parts.folder / f"{question.kind} {method} folds"
        return cross_validate(
            estimator,
            question.images,
            question.targets,
            folds,
            folder,
            workers=workers,
            progress=progress,
            cancelled=self.cancelled,
        ).predictions

    def _estimator(self, method: str, trained: Path) -> tuple[Estimator, int]:
        """What learns from medical images, and how many folds of it run side by side."""
        config = self.config
        if method == "NN(med)":
            return NearestNeighbour(), 1
        if method == "RF":
            cores = self.workers * self.threads
            return RandomForestVoting(config.forest_trees, seed=config.seed, jobs=cores), 1
        tuned = method == "CNN(ft)"
        network = PaperCNN(
            config.fine_tuning if tuned else config.medical,
            start=trained if tuned else None,
            seed=config.seed,
            device=self.device,
            threads=self.threads,
        )
        return network, self.workers

    def _drawn(self, count: int, progress: Progress) -> tuple[Array, Array]:
        """The first synthetic images, packed, and their targets: drawn in shards that are kept."""
        source = self._source(depth=False)
        wanted, at_once = -(-count // source.batch_size), max(1, SHARD // source.batch_size)
        codes, targets = [], []
        for start in range(0, wanted, at_once):

            def draw(start: int = start) -> dict[str, Array]:
                drawn = [source.batch(n) for n in range(start, min(start + at_once, wanted))]
                return {
                    "codes": np.concatenate([packed(images) for images, _ in drawn]),
                    "targets": np.concatenate([points for _, points in drawn]),
                }

            progress(0.0, f"drew {start * source.batch_size:,} of {count:,} images")
            shard = self.parts.arrays(f"synthetic images {start // at_once + 1:03d}", draw)
            codes.append(shard["codes"])
            targets.append(shard["targets"])
        return np.concatenate(codes), np.concatenate(targets)
