"""Measure a model of skin on synthetic scans it never saw: errors, absence, calibration, reliability figure.

python Testing/Benchmarks/held_back_bodies.py --figure docs/images/reliability.png
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from LandmarkDetectionLib.detectors.settings import SilhouetteSettings
from LandmarkDetectionLib.files import atomic_write
from LandmarkDetectionLib.models import load_model
from LandmarkDetectionLib.quality.calibration import (
    RADIUS_MM,
    Calibration,
    expected_calibration_error,
    reliability,
)
from LandmarkDetectionLib.reporting.figure_text import draw_as_written
from LandmarkDetectionLib.synthesis.body.scanner import FIELDS_OF_VIEW
from LandmarkDetectionLib.synthesis.body.stream import Framing
from LandmarkDetectionLib.training.synthetic.held_out import Population, measure
from Testing.examples.shipped_models import SKIN


def main() -> None:
    """Print the tables and draw the figure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default=SKIN, help="with the detector silhouette (default: %(default)s)")
    parser.add_argument("--batches", type=int, default=16, help="of 64 scans")
    parser.add_argument("--seed", type=int, default=1_400_000, help="a million or more: never trained on")
    parser.add_argument("--figure", type=Path)
    options = parser.parse_args()

    model = load_model(options.model)
    settings = SilhouetteSettings.of(model)
    names = model.protocol.names
    facts = Population(
        np.array([settings.mean_depth_mm[name] for name in names]),
        np.array([settings.mean_depth_error_mm[name] for name in names]),
        settings.length_range_mm,
    )
    framing = Framing(settings.coronal_shape, settings.lateral_shape, settings.pixel_mm)
    measured = measure(model.build_networks(), model.protocol, framing, facts, options.seed, options.batches)
    seen, method = measured.visible, settings.depth_method
    print(f"{model.name} {model.version}, {len(seen)} held-back synthetic scans, seed {options.seed}")
    print(f"{'':28}{'mean':>8}{'median':>8}{'95 %':>8}   mm")
    rows = {"coronal plane": measured.coronal_mm[seen]}
    for name in measured.depth_mm:
        rows[f"depth, {name}"] = measured.depth_mm[name][seen]
        rows[f"3D, {name}"] = measured.total_mm[name][seen]
    for kind, (field, *_) in enumerate(FIELDS_OF_VIEW):
        chosen = seen & (measured.field_of_view == kind)[:, None]
        if chosen.any():
            rows[f"3D, {method}, {field}"] = measured.total_mm[method][chosen]
    for name, values in rows.items():
        print(f"{name:28}{values.mean():8.1f}{np.median(values):8.1f}{np.quantile(values, 0.95):8.1f}")

    curve = settings.calibration[method]
    confidence = Calibration(np.array(curve.scores), np.array(curve.shares))(measured.score[method]).ravel()
    found = measured.found(method).ravel()
    error = expected_calibration_error(confidence, found)
    outside = ~seen.ravel()
    print(f"found within {RADIUS_MM:g} mm: {found[~outside].mean():.3f} of the landmarks in the scan")
    print(f"confidence over 0.5 outside the scan: {(confidence[outside] > 0.5).mean():.5f}")
    print(f"expected calibration error: {error:.4f}")
    if options.figure:
        title = f"{model.name} {model.version} on {len(seen)} held-back synthetic scans"
        write_reliability_figure(reliability(confidence, found), options.figure, title, error)
        print(f"Wrote {options.figure}")


def write_reliability_figure(rows: list[dict[str, float]], path: Path, title: str, error: float) -> None:
    """Draw how often landmarks were found at each confidence, against the diagonal of perfect calibration."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.2, 5.6), dpi=140, layout="constrained")
    FigureCanvasAgg(figure)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    confidence, found, count = ([row[key] for row in rows] for key in ("confidence", "found", "count"))
    upper.plot([0, 1], [0, 1], color="#999999", linewidth=1, linestyle="--", label="perfect")
    upper.plot(confidence, found, color="#0072b2", marker="o", linewidth=1.5, label="measured")
    upper.set(ylabel="share found", xlim=(0, 1), ylim=(0, 1), title=title)
    upper.legend(loc="upper left", frameon=False)
    upper.text(0.97, 0.04, f"expected calibration error {error:.3f}", ha="right")
    lower.bar(confidence, count, width=0.06, color="#56b4e9")
    lower.set(xlabel="confidence", ylabel="landmarks", yscale="log")
    for axes in (upper, lower):
        axes.spines[["top", "right"]].set_visible(False)
    with atomic_write(path) as temporary:
        draw_as_written(figure)
        figure.savefig(temporary, format=path.suffix[1:])


if __name__ == "__main__":
    main()
