"""Synthetic phantoms through the whole chain: errors per landmark and kind of body, confidence, absence.

Training saw surfaces put straight onto pixels; a phantom takes a scan's way: voxels, noise, a table, the
removal of the table, projection. What is worse here than on the model's card comes from that way.

    python Testing/Benchmarks/phantom_study.py --count 24
    python Testing/Benchmarks/phantom_study.py --count 60 --spacing 3 --markdown phantoms.md
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import variants

from LandmarkDetectionLib.core.landmarks import LandmarkSet
from LandmarkDetectionLib.core.volume import Volume
from LandmarkDetectionLib.detectors.dispatch import detect
from LandmarkDetectionLib.errors import LandmarkDetectionError
from LandmarkDetectionLib.models import Model, load_model
from LandmarkDetectionLib.quality.calibration import RADIUS_MM, expected_calibration_error, reliability

Array = np.ndarray
OBESE_BMI = 32.0
CONFIDENT = 0.5


@dataclass(frozen=True)
class Case:
    """One detection: kinds to count it under, and (L,) values per landmark of the model.

    Attributes
    ----------
    kinds : words such as "child" or "crop: chest"
    error_mm : (L,)
        NaN where the landmark was called absent or has no truth.
    inside, present : (L,) bool
        Whether the landmark lies in the scan, and whether it was found there.
    confidence : (L,)
    """

    kinds: tuple[str, ...]
    error_mm: Array
    inside: Array
    present: Array
    confidence: Array

    @property
    def whole(self) -> bool:
        """Whether this is a whole body."""
        return not self.kinds[0].startswith("crop")


def bmi(volume: Volume, truth: LandmarkSet) -> float:
    """Body mass index from the volume of what is not air and the height from heels to vertex, at 1 kg/l."""
    litres = np.count_nonzero(volume.voxels > -500) * np.prod(volume.spacing) / 1e6
    heels = (truth["heel_right"].position + truth["heel_left"].position) / 2
    height = np.linalg.norm(truth["head_top"].position - heels) / 1000
    return float(litres / height**2)


def bodies(count: int, spacing_mm: float) -> Iterator[tuple[Volume, LandmarkSet, tuple[str, ...]]]:
    """Phantoms in every posture, every fourth possibly a child, every fifth without a table."""
    from LandmarkDetectionLib.synthesis.body.phantom import make_phantom
    from LandmarkDetectionLib.synthesis.body.population import POSTURES

    for seed in range(count):
        posture, child, table = POSTURES[seed % len(POSTURES)], seed % 4 == 3, seed % 5 != 4
        volume, truth = make_phantom(seed, spacing_mm, posture, table=table, adult=not child)
        kinds = [posture, "child or adult" if child else "adult", "on a table" if table else "no table"]
        bare = (
            volume if not table else make_phantom(seed, spacing_mm, posture, table=False, adult=not child)[0]
        )
        if bmi(bare, truth) > OBESE_BMI:
            kinds.append(f"BMI over {OBESE_BMI:g}")
        yield volume, truth, tuple(kinds)


def examine(volume: Volume, truth: LandmarkSet, model: Model, kinds: tuple[str, ...]) -> Case:
    """Detect in one volume and compare with the truth."""
    found = detect(volume, model).landmarks
    known = np.array([truth[n].position if n in truth else np.full(3, np.nan) for n in found.names])
    return Case(
        kinds,
        np.linalg.norm(found.positions - known, axis=1),
        variants.contains(volume, known),
        np.array([mark.is_present for mark in found]),
        np.array([mark.confidence or 0.0 for mark in found]),
    )


def crops(volume: Volume, truth: LandmarkSet) -> Iterator[tuple[Volume, str]]:
    """Parts of a whole body, at the heights the robustness benchmark cuts."""
    soles = min(truth[name].position[2] for name in ("heel_left", "heel_right"))
    height = truth["head_top"].position[2] - soles
    for name, (low, high) in variants.CROPS.items():
        yield variants.cropped(volume, soles + low * height, soles + high * height), name


def numbers(values: Array) -> str:
    """Mean, median, 95 % and largest of the finite values."""
    values = values[np.isfinite(values)]
    if not values.size:
        return "| | | | "
    return "| " + " | ".join(
        f"{v:.1f}" for v in (values.mean(), np.median(values), np.quantile(values, 0.95), values.max())
    )


def report(cases: list[Case], names: tuple[str, ...], model: Model) -> str:
    """All tables as Markdown."""
    whole, cut = [c for c in cases if c.whole], [c for c in cases if not c.whole]
    lines = [
        f"{model.name} {model.version} on {len(whole)} phantoms and {len(cut)} crops of them.",
        "",
        "| bodies | number | mean mm | median mm | 95 % | largest |",
        "|---|---|---|---|---|---|",
    ]
    for kind in dict.fromkeys(("all", *(kind for c in whole for kind in c.kinds))):
        chosen = [c for c in whole if kind in ("all", *c.kinds)]
        errors = np.concatenate([c.error_mm[c.inside] for c in chosen])
        lines.append(f"| {kind} | {len(chosen)} {numbers(errors)} |")
    lines += ["", "| landmark | mean mm | median mm | 95 % | largest |", "|---|---|---|---|---|"]
    table = np.array([np.where(c.inside, c.error_mm, np.nan) for c in whole])
    lines += [f"| {name} {numbers(table[:, n])} |" for n, name in enumerate(names)]
    confidence = np.concatenate([c.confidence for c in cases])
    inside, present = (np.concatenate([getattr(c, key) for c in cases]) for key in ("inside", "present"))
    error = np.concatenate([c.error_mm for c in cases])
    with np.errstate(invalid="ignore"):
        right = present & inside & (error <= RADIUS_MM)
    lines += [
        "",
        f"Of landmarks called present, confidence against the share within {RADIUS_MM:g} mm;",
        f"expected calibration error {expected_calibration_error(confidence[present], right[present]):.3f}:",
        "",
        "| confidence | share found | landmarks |",
        "|---|---|---|",
    ]
    lines += [
        f"| {row['confidence']:.2f} | {row['found']:.2f} | {row['count']} |"
        for row in reliability(confidence[present], right[present])
    ]
    lines += [
        "",
        "| crop | inside, mean mm | largest | inside but absent | outside, confident |",
        "|---|---|---|---|---|",
    ]
    for name in variants.CROPS:
        part = [c for c in cut if c.kinds[0] == f"crop: {name}"]
        if not part:
            continue
        errors = np.concatenate([c.error_mm[c.inside] for c in part])
        here, gone = sum(c.inside.sum() for c in part), sum((~c.inside).sum() for c in part)
        lost = sum((c.inside & ~c.present).sum() for c in part)
        wrong = sum((~c.inside & c.present & (c.confidence > CONFIDENT)).sum() for c in part)
        mean, largest = (
            (np.nan, np.nan) if np.isnan(errors).all() else (np.nanmean(errors), np.nanmax(errors))
        )
        lines.append(f"| {name} | {mean:.1f} | {largest:.1f} | {lost} of {here} | {wrong} of {gone} |")
    card = {
        k: v for k, v in (model.metadata.get("eval_metrics") or {}).items() if "3D" in k or "coronal" in k
    }
    if card:
        lines += [
            "",
            "On surfaces, by the model's own card: " + "; ".join(f"{k}: {v}" for k, v in card.items()),
        ]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=24, help="phantoms (default: %(default)s)")
    parser.add_argument("--spacing", type=float, default=4.0, help="voxel size in mm (default: %(default)s)")
    parser.add_argument("--model", default="whole-body-ct", help="name or folder (default: %(default)s)")
    parser.add_argument("--no-crops", action="store_true", help="whole bodies only")
    parser.add_argument("--markdown", type=Path, help="also write the tables to this file")
    options = parser.parse_args()
    cases: list[Case] = []
    try:
        model = load_model(options.model)
        for number, (volume, truth, kinds) in enumerate(bodies(options.count, options.spacing)):
            try:
                cases.append(examine(volume, truth, model, kinds))
                if not options.no_crops:
                    for part, name in crops(volume, truth):
                        cases.append(examine(part, truth, model, (f"crop: {name}",)))
            except LandmarkDetectionError as error:
                print(f"phantom {number} ({', '.join(kinds)}): {error}", file=sys.stderr)
            print(f"\r{number + 1} of {options.count} phantoms", end="", file=sys.stderr, flush=True)
    except LandmarkDetectionError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(file=sys.stderr)
    text = report(cases, tuple(model.protocol.names), model)
    print(text)
    if options.markdown:
        options.markdown.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
