"""The names that modules had up to version 1.1, so that scripts of before still run.

The public names of ``import LandmarkDetectionLib as ld`` are what to use. Importing a module by a former name
gives what holds its names today, and a ``DeprecationWarning`` that says so.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

_LIBRARY = __name__.partition(".")[0]

#: How names of modules began, and begin today -> the ends of those that changed in nothing else.
_BEGINNINGS = {
    ("", "datasets."): "importers raters shape_checks splits",
    ("", "imaging."): "aligned_grid depth registration template",
    ("", "io."): "dicom dicom_pixels nifti pixel_landmarks",
    ("annotations.", "datasets.annotations."): "annotation foreign image_content store summary",
    ("baselines.", "study.baselines."): "forest mean_target nearest_neighbour paper_cnn",
    ("cli_", "cli."): "annotations batch cohort data evaluate finetune measure options refine study train",
    ("cohort.", "cohort.results."): "case_results common_frame model_results records reviews",
    ("cohort.", "cohort.run."): (
        "batch cluster engine events hashing keys plan privacy processing thumbnail verify"
    ),
    ("evaluation.", "reporting."): "overlay pages",
    ("evaluation.", "study."): "accuracy cross_validation medical parts patches regions report",
    ("evaluation.study_", "study."): "figures package presets",
    ("hand_view.", "imaging.hand."): "fingers outline pose radiograph_grid scan solid",
    ("importers.", "datasets.importers."): (
        "aasce afids hand_atlas isbi2015 nnlandmark slicer_scenes table tables writing"
    ),
    ("model.", "models."): ("learned_from metadata package reference registry version_folders versions"),
    ("synthesis.", "synthesis.body."): "anatomy phantom population reference scanner",
    ("synthesis.hand_", "synthesis.hand."): "population reference scanner sheet stream",
    ("training.", "study."): "fit_arrays packed schedules",
    ("training.", "training.synthetic."): "hand_card hand_package",
    ("training.annotated_", "training.supervised."): (
        "card cases config joint model package plan presets stream task template"
    ),
    ("training.fine_tuning_", "training.finetuning."): "card data task",
}

#: Name of before -> the modules that hold its names today, the first asked first.
MOVED = {
    **{before + end: today + end for (before, today), ends in _BEGINNINGS.items() for end in ends.split()},
    "annotations": "datasets.annotations.annotation datasets.annotations.store datasets.annotations.summary",
    "baselines": "study.baselines.estimator",
    "body_mask": "imaging.body.mask",
    "channels": "datasets.cases core.geometry",
    "cohort.batching": "cohort.run.resident_models",
    "cohort.report_data": "cohort.report.data",
    "cohort.tables": "cohort.results.tables io.csv_text",
    "cohort.worst_first": "cohort.report.page quality.triage",
    "console": "cli.console",
    "correction.following": "correction.propagation",
    "datalist": "datasets.datalist datasets.cases",
    "dataset_checks": "datasets.checks datasets.findings",
    "dataset_summary": "datasets.summary",
    "detection": "core.detection io.records",
    "direction_colours": "io.dti",
    "evaluation.agreement_figures": "evaluation.agreement_plots",
    "evaluation.evaluation_figures": "evaluation.plots",
    "evaluation.evaluation_report": "evaluation.report_pages",
    "evaluation.evaluation_tables": "evaluation.tables",
    "evaluation.folds": "datasets.folds",
    "evaluation.held_back": "training.synthetic.held_out",
    "evaluation.held_back_hands": "training.synthetic.held_out_hands",
    "evaluation.landmark_evaluation": "evaluation.evaluate",
    "evaluation.point_error": "evaluation.metrics",
    "evaluation.resampling": "evaluation.statistics",
    "evaluation.study": "study.run",
    "gaussian_heatmap": "heatmaps.gaussian",
    "hand_view": "imaging.hand.views",
    "heatmap": "heatmaps.softmax",
    "heatmap_reading": "heatmaps.decoding",
    "image_grid": "imaging.grid core.geometry",
    "image_reading": "heatmaps.inference",
    "image_views": "imaging.previews",
    "itk_image": "io.itk",
    "kernels": "imaging.voxel_loops",
    "landmarks": "core.landmarks io.markups",
    "measurement_definition": "core.measurement_kinds",
    "measuring": "measurement.from_files",
    "model": "models",
    "model.download": "models.download files",
    "projection": "imaging.body.projection imaging.view",
    "protocol": "core.protocol io.protocols",
    "protocol_draft": "core.protocol_draft",
    "radiograph": "io.raster",
    "ranking": "quality.triage",
    "reporting.page": "reporting.pdf",
    "resources": "files",
    "review": "core.review io.records quality.triage",
    "synthesis.contact_sheet": "synthesis.body.sheet",
    "synthesis.head_sheet": "synthesis.head.sheet",
    "synthesis.second_domain": "synthesis.surrogate_domain",
    "synthesis.sheet": "synthesis.sheets",
    "synthesis.stream": "synthesis.body.stream synthesis.batches",
    "synthesis.volumes": "synthesis.head.volumes synthesis.volume_set",
    "tiling": "heatmaps.sliding_window",
    "training.annotated_training": "training.supervised.train",
    "training.augmentation": "training.supervised.augmentation",
    "training.fine_tuning": "training.finetuning.finetune training.supervised.start",
    "training.fine_tuning_verdict": "training.finetuning.comparison",
    "training.heatmap_losses": "training.supervised.losses",
    "training.package": "training.synthetic.card_parts training.synthetic.package",
    "training.presets": "training.synthetic.presets training.config",
    "training.synthetic_joint": "training.synthetic.joint",
    "training.tasks": "training.synthetic.tasks training.synthetic.pictures",
    "volume": "core.volume io.volumes io.formats core.geometry",
}

#: Module of today -> the names in it that were called otherwise, as before=today.
RENAMED = {
    "cohort.results.model_results": "worst_first=results_by_priority",
    "cohort.run.batch": "look=prospect_of",
    "correction.propagation": "Followed=Propagated follow=propagate",
    "datasets.importers.slicer_scenes": "LANDMARK_SUFFIXES=SLICER_SUFFIXES",
    "datasets.raters": "Annotation=Rating",
    "detectors.estimates": "LENGTH_OF_CANVAS=LENGTH_OF_PATCH",
    "detectors.hand_network": "hand_canvas=hand_patch",
    "detectors.joint": "Frame=JointFrame",
    "detectors.silhouette": "canvas=patch_of",
    "heatmaps.gaussian": "cells_to_pixels=heatmap_to_image pixels_to_cells=image_to_heatmap",
    "heatmaps.inference": "COPIES=AUGMENTATIONS needs_tiles=needs_sliding_window",
    "heatmaps.sliding_window": "tiled_peaks=sliding_window_peaks",
    "heatmaps.softmax": "cell_centres=pixel_centres",
    "io.dti": "DirectionColours=DTIColourMap",
    "measurement.from_files": "Calibration=PixelSizing",
    "quality.triage": "expected_wrong=case_priority landmark_urgency=landmark_priority",
    "synthesis.body.stream": "Frame=ViewFrame",
    "synthesis.surrogate_domain": "SecondDomain=SurrogateDomain",
    "training.finetuning.comparison": (
        "Comparison=PairedErrors Verdict=ModelComparison verdict_from_record=comparison_from_record"
    ),
    "training.supervised.card": "annotated_card=supervised_card",
    "training.supervised.cases": "AnnotatedCase=SupervisedCase",
    "training.supervised.config": "AnnotatedConfig=SupervisedConfig",
    "training.supervised.package": "package_annotated=package_supervised",
    "training.supervised.pictures": "annotated_picture=supervised_picture",
    "training.supervised.plan": "Division=Split",
    "training.supervised.presets": "ANNOTATED_PRESETS=SUPERVISED_PRESETS AnnotatedPreset=SupervisedPreset",
    "training.supervised.stream": "AnnotatedBatch=SupervisedBatch AnnotatedStream=SupervisedStream",
    "training.supervised.train": "is_annotated_run=is_supervised_run train_annotated=train_supervised",
    "training.synthetic.held_out": "HeldBack=HeldOut",
    "training.synthetic.held_out_hands": "HeldBackHands=HeldOutHands",
}

#: Modules that are still there -> the names that moved out of them, by their modules of today.
EMPTIED: dict[str, dict[str, str]] = {
    "cli": {
        "cli.app": "main",
    },
    "cohort.report": {
        "cohort.report.page": "CHUNK FOLDER PAGE write_page write_report",
    },
    "cohort.sources": {
        "cohort.sources.case_source": "CaseSource Found LeftOut",
        "cohort.sources.filters": "Filters",
        "cohort.sources.find": "find_cases",
    },
    "correction": {
        "correction.propagation": "Followed follow",
    },
    "detectors.hand_network": {
        "detectors.estimates": "LENGTH_OF_CANVAS",
        "detectors.hand_network": "hand_canvas",
    },
    "detectors.joint": {
        "detectors.joint": "Frame",
    },
    "detectors.silhouette": {
        "detectors.silhouette": "canvas",
    },
    "detectors": {
        "core.options": "DEPTH_METHODS",
        "detectors.dispatch": "DEVICES choose_device detect look preview",
    },
    "worker": {
        "worker.__main__": "main",
        "worker.pipes": "DEFECT Message Send",
        "worker.reading": "open_volume",
        "worker.tasks": "Worker",
    },
    "networks": {
        "networks.architectures": "ARCHITECTURES build_network",
    },
    "quality": {
        "quality.calibration": "Calibration PRESENT_ABOVE RADIUS_MM "
        "UNCERTAIN_BELOW expected_calibration_error reliability",
        "quality.plausibility": "LUNG_HU mirror_warning "
        "orientation_warning plausibility_warnings segment_lengths",
    },
    "synthesis.body": {
        "synthesis.body.model": "BodyModel LOCAL_CHANGES PHENOTYPES "
        "SHAPE_RANK load_body_model local_change_labels",
    },
    "synthesis.hand": {
        "synthesis.hand.model": "CARPUS_FAN CARPUS_MM FINGERS "
        "FINGERTIPS HandModel SEGMENTS_MM load_hand_model",
    },
    "synthesis.head": {
        "synthesis.head.model": "Distance Head Shape TISSUES Triple draw_head",
    },
    "training.loop": {
        "training.synthetic.train": "VALIDATION_SEED landmark_names train trained_networks",
    },
    "training.pictures": {
        "training.supervised.pictures": "PREDICTION TRUTH annotated_picture",
        "training.synthetic.pictures": "predicted_positions prediction_picture",
    },
}


def name_of_today(home: str, name: str) -> str:
    """What a name of before is called in its module of today."""
    renamed = RENAMED.get(home.removeprefix(f"{_LIBRARY}."), "")
    return dict(pair.split("=") for pair in renamed.split()).get(name, name)


def moved_module(name: str) -> ModuleSpec | None:
    """What the import system needs for a full module name of before; None for any other name."""
    before = name.removeprefix(f"{_LIBRARY}.")
    if before not in MOVED:
        return None
    had_submodules = any(other.startswith(f"{before}.") for other in MOVED)
    homes = [f"{_LIBRARY}.{home}" for home in MOVED[before].split()]
    return ModuleSpec(name, MovedModule(homes, had_submodules), is_package=had_submodules)


def names_of_before(module: str) -> Callable[[str], Any]:
    """The ``__getattr__`` of a module that is still there, for the names that moved out of it."""
    homes = {
        name: f"{_LIBRARY}.{home}"
        for home, names in EMPTIED[module.removeprefix(f"{_LIBRARY}.")].items()
        for name in names.split()
    }

    def answer(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        today = name_of_today(homes[name], name)
        warnings.warn(f"{module}.{name} is {homes[name]}.{today} now", DeprecationWarning, stacklevel=2)
        return getattr(import_module(homes[name]), today)

    return answer


class MovedModule(Loader):
    """Gives a module of before: the one module of today under a second name, or one that asks several."""

    def __init__(self, homes: Sequence[str], had_submodules: bool = False) -> None:
        self.homes = homes
        self.had_submodules = had_submodules

    def exec_module(self, module: ModuleType) -> None:
        name = module.__name__
        warnings.warn(f"{name} is {' and '.join(self.homes)} now", DeprecationWarning, stacklevel=2)
        if len(self.homes) == 1 and not self.had_submodules and not self._has_renamed():
            # The module itself: what is set in one is set in the other.
            sys.modules[name] = import_module(self.homes[0])
        else:
            module.__dict__["__getattr__"] = _first_of(name, self.homes)

    def _has_renamed(self) -> bool:
        return self.homes[0].removeprefix(f"{_LIBRARY}.") in RENAMED


def _first_of(module: str, homes: Sequence[str]) -> Callable[[str], Any]:
    def answer(name: str) -> Any:
        if not name.startswith("__"):
            for home in homes:
                found, today = import_module(home), name_of_today(home, name)
                if hasattr(found, today):
                    return getattr(found, today)
        raise AttributeError(f"module {module!r} has no attribute {name!r}")

    return answer
