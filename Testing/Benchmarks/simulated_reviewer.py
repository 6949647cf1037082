"""A reviewer who knows the truth: how many corrections, with and without the others following?

    python Testing/Benchmarks/simulated_reviewer.py body hand --figure docs/images/correction.png
    python Testing/Benchmarks/simulated_reviewer.py ceph --runs runs/ceph --presets scn-lite --folds 0 1
    python Testing/Benchmarks/simulated_reviewer.py ceph --runs runs/ceph --limit 10

The reviewer sets the landmark that is listed first to the truth, again and again, until every landmark of the
image is within the radius. Three ways of working are compared on the same images: listed by confidence;
worst first (``triage.rank_landmarks``); and worst first while the others follow every correction.

``body`` and ``hand``: the shipped models of skin and of hands on synthetic scans of a seed that nothing else
uses (the shipped joint Gaussians are of seed 2 000 000, and the method was chosen on 2 100 000). ``ceph``:
models of ``cephalograms.py`` on the images of their fold; one half of them makes the package (calibration,
errors), the other half is reviewed, and the reverse.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from LandmarkDetectionLib.core.detection import Detection
from LandmarkDetectionLib.core.landmarks import Landmark, LandmarkSet, Status
from LandmarkDetectionLib.detectors.joint import Answer, JointEvidence, JointFrame
from LandmarkDetectionLib.detectors.refining import refine, with_expected_errors
from LandmarkDetectionLib.detectors.refining import settled as corrections_of
from LandmarkDetectionLib.models import Model, load_model
from LandmarkDetectionLib.quality.calibration import PRESENT_ABOVE, RADIUS_MM, Calibration
from LandmarkDetectionLib.quality.triage import rank_cases, rank_landmarks
from Testing.examples.shipped_models import SKIN

Array = np.ndarray
SEED = 1_700_000
WORSE = 2.0  # mm or pixels
WAYS = ("by confidence", "worst first", "others follow")


@dataclass(frozen=True)
class Case:
    """A detection and where its landmarks are in truth: those in the image, in RAS mm or pixels."""

    detection: Detection
    evidence: JointEvidence
    truth: dict[str, Array]
    radius: float
    axes: int = 3

    def error(self, landmark: Landmark) -> float:
        """Infinite for what was not found."""
        if not landmark.is_present:
            return float("inf")
        return float(np.linalg.norm((landmark.position - self.truth[landmark.name])[: self.axes]))


@dataclass
class Score:
    """Of the cases that were wrong at first, by way of working."""

    steps: dict[str, list[int]] = field(default_factory=lambda: {way: [] for way in WAYS})
    needed: dict[str, list[int]] = field(default_factory=lambda: {way: [] for way in WAYS})
    cases: int = 0
    worse: int = 0
    better: int = 0
    others: int = 0
    first_of_two: dict[str, int] = field(default_factory=lambda: dict.fromkeys(WAYS, 0))
    expected: list[float] = field(default_factory=list)
    made: list[float] = field(default_factory=list)

    def record(self) -> dict[str, Any]:
        """The numbers of the table."""
        rng = np.random.default_rng(0)
        wrong = len(self.steps[WAYS[0]])
        rows: dict[str, Any] = {"cases": self.cases, "wrong at first": wrong}
        for way in WAYS:
            rows[f"corrections, {way}"] = round(float(np.mean(self.steps[way])), 3)
            rows[f"of them needed, {way}"] = round(float(np.mean(self.needed[way])), 3)
            rows[f"first is one of the two worst, {way}"] = round(self.first_of_two[way] / wrong, 3)
        for what in ("steps", "needed"):
            before, after = (np.array(getattr(self, what)[way], float) for way in WAYS[1:])
            draws = rng.integers(0, wrong, (2000, wrong))
            fewer = 1 - after[draws].sum(1) / before[draws].sum(1)
            rows[f"fewer {what} with following"] = round(float(1 - after.sum() / before.sum()), 3)
            rows[f"fewer {what} with following, 95 %"] = np.quantile(fewer, [0.025, 0.975]).round(3).tolist()
        rows["others made worse"] = round(self.worse / max(1, self.others), 4)
        rows["others made better"] = round(self.better / max(1, self.others), 4)
        rows["rank correlation of cases"] = round(_spearman(self.expected, self.made), 3)
        return rows


def review(case: Case, score: Score) -> None:
    """Work on one case in every way."""
    score.cases += 1
    first = with_expected_errors(case.detection, case.evidence)
    marks = [first.landmarks[name] for name in case.truth]
    errors = np.array([case.error(mark) for mark in marks])
    finite = errors[np.isfinite(errors)]
    if len(finite):
        score.expected.append(rank_cases({"": first})[0].expected_error)
        score.made.append(float(np.sqrt(np.mean(finite**2))))
    if not (errors > case.radius).any():
        return
    two = {list(case.truth)[n] for n in np.argsort(-errors)[:2]}
    for way in WAYS:
        now, settled = first, {}
        steps = needed = 0
        while True:
            left = {name: case.error(now.landmarks[name]) for name in case.truth if name not in settled}
            if all(error <= case.radius for error in left.values()):
                break
            order = _by_confidence(now) if way == WAYS[0] else rank_landmarks(now.landmarks)
            name = next(one for one in order if one in left)
            score.first_of_two[way] += not steps and name in two
            steps, needed = steps + 1, needed + (left[name] > case.radius)
            settled[name] = case.truth[name]
            if way == WAYS[2]:
                now = refine(first, case.evidence, corrections_of(first, settled))
                _note_others(case, score, left, name, now)
        score.steps[way].append(steps)
        score.needed[way].append(needed)


def _note_others(case: Case, score: Score, before: dict[str, float], settled: str, now: Detection) -> None:
    for name, error in before.items():
        if name != settled:
            after = case.error(now.landmarks[name])
            score.others += 1
            score.worse += after > error + WORSE
            score.better += after < error - WORSE


def _by_confidence(detection: Detection) -> tuple[str, ...]:
    plain = tuple(replace(mark, expected_error=None) for mark in detection.landmarks)
    return rank_landmarks(replace(detection.landmarks, landmarks=plain))


def _spearman(one: list[float], other: list[float]) -> float:
    ranks = [np.argsort(np.argsort(values)).astype(float) for values in (one, other)]
    return float(np.corrcoef(*ranks)[0, 1])


# --- synthetic bodies and hands -------------------------------------------------------------------------


def body_cases(model: Model, batches: int, seed: int, radius: float) -> Iterator[Case]:
    """Whole and cut bodies, in mm."""
    from LandmarkDetectionLib.detectors.settings import SilhouetteSettings
    from LandmarkDetectionLib.detectors.silhouette import body_observations, calibration_of, estimate
    from LandmarkDetectionLib.synthesis.body.stream import BodyStream, Framing

    settings, names, joint = SilhouetteSettings.of(model), model.protocol.names, model.read_joint()
    networks, method, pixel = model.build_networks(), settings.depth_method, settings.pixel_mm
    framing = Framing(settings.coronal_shape, settings.lateral_shape, pixel)
    for number in range(batches):
        batch = BodyStream(tuple(names), seed, 64, framing).batch(number)
        coronal, lateral = batch.coronal, batch.lateral
        estimates = estimate(
            networks,
            (coronal.front, coronal.back, coronal.field_of_view),
            (lateral.front, lateral.back, lateral.field_of_view),
            lateral.origin[:, 0],
            pixel,
            model.protocol.mirror_permutation(),
            np.array([settings.mean_depth_mm[name] for name in names]),
            np.array([settings.mean_depth_error_mm[name] for name in names]),
        )
        confidence = calibration_of(settings, method)(estimates.score(method))
        truth = coronal.points.astype(float) * (pixel, pixel, 1.0)
        for n, observed in enumerate(body_observations(estimates, pixel, method)):
            seen = coronal.field_of_view[n]

            def inside(points: Array, seen: Array = seen) -> Array:
                column, row = np.rint(points[:, :2] / pixel).astype(int).T
                ok = (row >= 0) & (row < seen.shape[0]) & (column >= 0) & (column < seen.shape[1])
                return ok & seen[row.clip(0, seen.shape[0] - 1), column.clip(0, seen.shape[1] - 1)]

            evidence = JointEvidence(
                JointFrame(np.zeros(3), np.eye(3)),
                Answer(observed, estimates.present[n]),
                joint,
                RADIUS_MM,
                3,
                inside,
            )
            yield _case(model, evidence, confidence[n], truth[n], batch.visible[n], radius)


def hand_cases(model: Model, batches: int, seed: int, radius: float) -> Iterator[Case]:
    """Hands with depth, in mm; the radius is a share of the hand's length and counts in the plane."""
    from LandmarkDetectionLib.detectors.hand import hand_observations
    from LandmarkDetectionLib.detectors.hand_network import HAND_LINE, estimate_hands
    from LandmarkDetectionLib.detectors.settings import HandSettings
    from LandmarkDetectionLib.synthesis.hand.stream import HandFraming, HandStream

    settings, names, joint = HandSettings.of(model), list(model.protocol.names), model.read_joint()
    network = model.build_networks()["coronal"]
    framing = HandFraming(settings.canvas_shape, "inside", settings.filled)
    curve = settings.calibration["depth"]
    calibration = Calibration(np.array(curve.scores), np.array(curve.shares))
    ends = (names.index(HAND_LINE[0]), names.index(HAND_LINE[1]))
    for number in range(batches):
        batch = HandStream(tuple(names), seed, 64, framing).batch(number)
        view = batch.coronal
        pixel = view.spacing[:, 0].astype(float)
        found = estimate_hands(
            network, view.front, view.back, view.field_of_view, ends, settings.radius_share
        )
        for n, observed in enumerate(hand_observations(found, pixel, 3)):
            size = np.array(view.front.shape[:0:-1])

            def inside(points: Array, size: Array = size) -> Array:
                return ((points[:, :2] >= -0.5) & (points[:, :2] <= size - 0.5)).all(axis=1)

            evidence = JointEvidence(
                JointFrame(np.zeros(3), np.eye(3) * pixel[n]),
                Answer(observed, found.present[n]),
                joint,
                settings.radius_share * float(found.length[n]),
                2,
                lambda points, size=size: ((points[:, :2] >= -0.5) & (points[:, :2] <= size - 0.5)).all(
                    axis=1
                ),
            )
            truth = view.points[n].astype(float) * (pixel[n], pixel[n], 1.0)
            yield _case(
                model,
                evidence,
                calibration(found.near[n]),
                truth,
                batch.visible[n],
                radius * float(batch.hand_length[n]),
                axes=2,
            )


def _case(
    model: Model,
    evidence: JointEvidence,
    confidence: Array,
    truth: Array,
    visible: Array,
    radius: float,
    axes: int = 3,
) -> Case:
    places = evidence.frame.to_ras(evidence.answer.observed.position)
    marks = []
    for n, name in enumerate(model.protocol.names):
        there = evidence.answer.present[n] >= PRESENT_ABOVE and bool(
            evidence.inside(evidence.answer.observed.position[n : n + 1])[0]
        )
        sure = float(confidence[n])
        marks.append(
            Landmark(
                name,
                places[n],
                Status.DETECTED if there else Status.ABSENT,
                sure if there else min(sure, 1 - sure),
            )
        )
    detection = Detection(LandmarkSet(tuple(marks)), model.name, model.version)
    known = {name: truth[n] for n, name in enumerate(model.protocol.names) if visible[n]}
    return Case(detection, evidence, known, radius, axes)


# --- cephalograms ---------------------------------------------------------------------------------------


def ceph_cases(
    runs: Path, preset: str, folds: list[int], radius: float, branch: str, limit: int
) -> Iterator[Case]:
    """Held-out cephalograms in pixels; the truth is the mean of both raters.

    ``branch``: "both" as shipped, "spatial" or "joint" alone. ``limit``: of the training images, 0 for all.
    """
    from cephalograms import run_folder

    from LandmarkDetectionLib.core.options import DetectOptions
    from LandmarkDetectionLib.datasets.datalist import read_datalist
    from LandmarkDetectionLib.datasets.raters import case_landmarks
    from LandmarkDetectionLib.detectors.dispatch import analyse
    from LandmarkDetectionLib.training.supervised.package import package_supervised
    from LandmarkDetectionLib.training.supervised.plan import Split, divide

    datalist = read_datalist(runs / "data" / "datalist.json", missing="allow")
    for fold in folds:
        split = divide(datalist, f"fold {fold}")
        for half in range(2):
            kept, reviewed = split.held_out[half::2], split.held_out[1 - half :: 2]
            with tempfile.TemporaryDirectory() as folder:
                model = package_supervised(
                    run_folder(runs, preset, fold, limit),
                    datalist,
                    Split(split.training, kept),
                    Path(folder) / "ceph",
                    name="ceph",
                )
                for case in reviewed:
                    seen = analyse(case.read_channels()[0], model, DetectOptions(device="cpu"))
                    evidence = seen.state.joint
                    assert evidence is not None
                    if branch == "joint":
                        evidence = replace(evidence, answer_again=None)
                    if branch == "spatial":
                        evidence = replace(evidence, joint=None)
                    places = case_landmarks(case, model.protocol.names, "all")
                    truth = np.nanmean(places, axis=0)
                    known = {
                        name: truth[n]
                        for n, name in enumerate(model.protocol.names)
                        if np.isfinite(truth[n]).all()
                    }
                    yield Case(seen.detection, evidence, known, radius, axes=2)


# --- reporting ------------------------------------------------------------------------------------------


def run(cases: Iterator[Case], title: str) -> Score:
    """Review all cases."""
    score = Score()
    for n, case in enumerate(cases):
        review(case, score)
        if n % 16 == 15:
            print(f"\r{title}: {n + 1} cases   ", end="", flush=True)
    print(f"\r{title}: {score.cases} cases")
    return score


def draw(scores: dict[str, Score], path: Path) -> None:
    """Share of the cases that are done after so many corrections."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    colors = dict(zip(WAYS, ("#8b98a5", "#e69f00", "#0072b2"), strict=True))
    figure, axes = plt.subplots(1, len(scores), figsize=(3.6 * len(scores), 3.1), sharey=True, squeeze=False)
    for ax, (title, score) in zip(axes[0], scores.items(), strict=True):
        most = int(np.quantile(score.steps[WAYS[1]], 0.98)) + 1
        for way in WAYS:
            values = np.array(score.steps[way])
            done = [100 * (values <= count).mean() for count in range(most + 1)]
            ax.step(range(most + 1), done, where="post", color=colors[way], label=way, linewidth=1.8)
        ax.set_title(title, fontsize=10)
        ax.set_xlabel("landmarks corrected")
        ax.grid(alpha=0.3)
    axes[0][0].set_ylabel("cases done, %")
    axes[0][0].legend(frameon=False, fontsize=8, loc="lower right")
    figure.tight_layout()
    figure.savefig(path, dpi=130)


def main() -> None:
    """Simulate, print the table, draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="+", choices=("body", "hand", "ceph"))
    parser.add_argument("--batches", type=int, default=6, help="of 64 synthetic scans")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument(
        "--body-radius", nargs="+", type=float, default=[RADIUS_MM, 2 * RADIUS_MM], help="mm, one or more"
    )
    parser.add_argument("--hand-radius", type=float, default=0.05, help="share of the hand's length")
    parser.add_argument("--ceph-radius", type=float, default=10.0, help="pixels")
    parser.add_argument("--runs", type=Path, help="folder of cephalograms.py")
    parser.add_argument("--presets", nargs="+", default=["scn-lite"])
    parser.add_argument("--folds", nargs="+", type=int, default=[0])
    parser.add_argument("--limit", type=int, default=0, help="training images of the runs; 0 for all")
    parser.add_argument("--branch", choices=("both", "spatial", "joint"), default="both")
    parser.add_argument("--figure", type=Path)
    parser.add_argument("--json", type=Path, help="keep all numbers")
    options = parser.parse_args()
    scores: dict[str, Score] = {}
    if "body" in options.what:
        body = load_model(SKIN)
        for radius in options.body_radius:
            title = f"whole body, {radius:g} mm"
            scores[title] = run(body_cases(body, options.batches, options.seed, radius), title)
    if "hand" in options.what:
        hand = load_model("hand")
        title = f"hand, {100 * options.hand_radius:g} % of its length"
        scores[title] = run(hand_cases(hand, 4 * options.batches, options.seed, options.hand_radius), title)
    if "ceph" in options.what:
        for preset in options.presets:
            learned = f"{preset}, {options.limit} images" if options.limit else preset
            title = f"cephalogram ({learned}), {options.ceph_radius:g} px"
            cases = ceph_cases(
                options.runs, preset, options.folds, options.ceph_radius, options.branch, options.limit
            )
            scores[title] = run(cases, title)
    records = {title: score.record() for title, score in scores.items()}
    rows = list(next(iter(records.values())))
    print(f"\n| | {' | '.join(records)} |\n|{'---|' * (len(records) + 1)}")
    for row in rows:
        print(f"| {row} | {' | '.join(str(record[row]) for record in records.values())} |")
    if options.json:
        options.json.write_text(json.dumps({title: asdict(score) for title, score in scores.items()}))
    if options.figure:
        draw(scores, options.figure)


if __name__ == "__main__":
    main()
