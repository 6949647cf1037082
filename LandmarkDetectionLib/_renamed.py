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

#: Name of before -> the modules that hold its names today, the first asked first.
MOVED = {
    "aligned_grid": "imaging.aligned_grid",
    "annotations": "datasets.annotations.annotation datasets.annotations.store datasets.annotations.summary",
    "annotations.annotation": "datasets.annotations.annotation",
    "annotations.foreign": "datasets.annotations.foreign",
    "annotations.image_content": "datasets.annotations.image_content",
    "annotations.store": "datasets.annotations.store",
    "annotations.summary": "datasets.annotations.summary",
    "baselines": "study.baselines.estimator",
    "baselines.forest": "study.baselines.forest",
    "baselines.mean_target": "study.baselines.mean_target",
    "baselines.nearest_neighbour": "study.baselines.nearest_neighbour",
    "baselines.paper_cnn": "study.baselines.paper_cnn",
    "body_mask": "imaging.body.mask",
    "channels": "datasets.cases core.geometry",
    "cli_annotations": "cli.annotations",
    "cli_batch": "cli.batch",
    "cli_cohort": "cli.cohort",
    "cli_data": "cli.data",
    "cli_evaluate": "cli.evaluate",
    "cli_finetune": "cli.finetune",
    "cli_measure": "cli.measure",
    "cli_options": "cli.options",
    "cli_refine": "cli.refine",
    "cli_study": "cli.study",
    "cli_train": "cli.train",
    "cohort.batch": "cohort.run.batch",
    "cohort.batching": "cohort.run.resident_models",
    "cohort.case_results": "cohort.results.case_results",
    "cohort.cluster": "cohort.run.cluster",
    "cohort.common_frame": "cohort.results.common_frame",
    "cohort.engine": "cohort.run.engine",
    "cohort.events": "cohort.run.events",
    "cohort.hashing": "cohort.run.hashing",
    "cohort.keys": "cohort.run.keys",
    "cohort.model_results": "cohort.results.model_results",
    "cohort.plan": "cohort.run.plan",
    "cohort.privacy": "cohort.run.privacy",
    "cohort.processing": "cohort.run.processing",
    "cohort.records": "cohort.results.records",
    "cohort.report_data": "cohort.report.data",
    "cohort.reviews": "cohort.results.reviews",
    "cohort.tables": "cohort.results.tables io.csv_text",
    "cohort.thumbnail": "cohort.run.thumbnail",
    "cohort.verify": "cohort.run.verify",
    "cohort.worst_first": "cohort.results.worst_first quality.triage",
    "console": "cli.console",
    "correction.following": "correction.propagation",
    "datalist": "datasets.datalist datasets.cases",
    "dataset_checks": "datasets.checks datasets.findings",
    "dataset_summary": "datasets.summary",
    "depth": "imaging.depth",
    "detection": "core.detection io.records",
    "dicom": "io.dicom",
    "dicom_pixels": "io.dicom_pixels",
    "direction_colours": "io.dti",
    "evaluation.accuracy": "study.accuracy",
    "evaluation.agreement_figures": "evaluation.agreement_plots",
    "evaluation.cross_validation": "study.cross_validation",
    "evaluation.evaluation_figures": "evaluation.plots",
    "evaluation.evaluation_report": "evaluation.report_pages",
    "evaluation.evaluation_tables": "evaluation.tables",
    "evaluation.folds": "datasets.folds",
    "evaluation.held_back": "training.synthetic.held_out",
    "evaluation.held_back_hands": "training.synthetic.held_out_hands",
    "evaluation.landmark_evaluation": "evaluation.evaluate",
    "evaluation.medical": "study.medical",
    "evaluation.overlay": "reporting.overlay",
    "evaluation.pages": "reporting.pages",
    "evaluation.parts": "study.parts",
    "evaluation.patches": "study.patches",
    "evaluation.point_error": "evaluation.metrics",
    "evaluation.regions": "study.regions",
    "evaluation.report": "study.report",
    "evaluation.resampling": "evaluation.statistics",
    "evaluation.study": "study.run",
    "evaluation.study_figures": "study.figures",
    "evaluation.study_package": "study.package",
    "evaluation.study_presets": "study.presets",
    "gaussian_heatmap": "heatmaps.gaussian",
    "hand_view": "imaging.hand.views",
    "hand_view.fingers": "imaging.hand.fingers",
    "hand_view.outline": "imaging.hand.outline",
    "hand_view.pose": "imaging.hand.pose",
    "hand_view.radiograph_grid": "imaging.hand.radiograph_grid",
    "hand_view.scan": "imaging.hand.scan",
    "hand_view.solid": "imaging.hand.solid",
    "heatmap": "heatmaps.softmax",
    "heatmap_reading": "heatmaps.decoding",
    "image_grid": "imaging.grid core.geometry",
    "image_reading": "heatmaps.inference",
    "image_views": "imaging.previews",
    "importers": "datasets.importers",
    "importers.aasce": "datasets.importers.aasce",
    "importers.afids": "datasets.importers.afids",
    "importers.hand_atlas": "datasets.importers.hand_atlas",
    "importers.isbi2015": "datasets.importers.isbi2015",
    "importers.nnlandmark": "datasets.importers.nnlandmark",
    "importers.slicer_scenes": "datasets.importers.slicer_scenes",
    "importers.table": "datasets.importers.table",
    "importers.tables": "datasets.importers.tables",
    "importers.writing": "datasets.importers.writing",
    "itk_image": "io.itk",
    "kernels": "imaging.voxel_loops",
    "landmarks": "core.landmarks io.markups",
    "measurement_definition": "core.measurement_kinds",
    "measuring": "measurement.from_files",
    "model": "models",
    "model.download": "models.download",
    "model.learned_from": "models.learned_from",
    "model.metadata": "models.metadata",
    "model.package": "models.package",
    "model.reference": "models.reference",
    "model.registry": "models.registry",
    "model.version_folders": "models.version_folders",
    "model.versions": "models.versions",
    "nifti": "io.nifti",
    "pixel_landmarks": "io.pixel_landmarks",
    "projection": "imaging.body.projection imaging.view",
    "protocol": "core.protocol io.protocols",
    "protocol_draft": "core.protocol_draft",
    "radiograph": "io.raster",
    "ranking": "quality.triage",
    "raters": "datasets.raters",
    "registration": "imaging.registration",
    "reporting.page": "reporting.pdf",
    "resources": "files",
    "review": "core.review io.records quality.triage",
    "shape_checks": "datasets.shape_checks",
    "splits": "datasets.splits",
    "synthesis.anatomy": "synthesis.body.anatomy",
    "synthesis.contact_sheet": "synthesis.body.sheet",
    "synthesis.hand_population": "synthesis.hand.population",
    "synthesis.hand_reference": "synthesis.hand.reference",
    "synthesis.hand_scanner": "synthesis.hand.scanner",
    "synthesis.hand_sheet": "synthesis.hand.sheet",
    "synthesis.hand_stream": "synthesis.hand.stream",
    "synthesis.head_sheet": "synthesis.head.sheet",
    "synthesis.phantom": "synthesis.body.phantom",
    "synthesis.population": "synthesis.body.population",
    "synthesis.reference": "synthesis.body.reference",
    "synthesis.scanner": "synthesis.body.scanner",
    "synthesis.second_domain": "synthesis.surrogate_domain",
    "synthesis.sheet": "synthesis.sheets",
    "synthesis.stream": "synthesis.body.stream synthesis.batches",
    "synthesis.volumes": "synthesis.head.volumes",
    "template": "imaging.template",
    "tiling": "heatmaps.sliding_window",
    "training.annotated_card": "training.supervised.card",
    "training.annotated_cases": "training.supervised.cases",
    "training.annotated_config": "training.supervised.config",
    "training.annotated_joint": "training.supervised.joint",
    "training.annotated_model": "training.supervised.model",
    "training.annotated_package": "training.supervised.package",
    "training.annotated_plan": "training.supervised.plan",
    "training.annotated_presets": "training.supervised.presets",
    "training.annotated_stream": "training.supervised.stream",
    "training.annotated_task": "training.supervised.task",
    "training.annotated_template": "training.supervised.template",
    "training.annotated_training": "training.supervised.train",
    "training.augmentation": "training.supervised.augmentation",
    "training.fine_tuning": "training.finetuning.finetune",
    "training.fine_tuning_card": "training.finetuning.card",
    "training.fine_tuning_data": "training.finetuning.data",
    "training.fine_tuning_task": "training.finetuning.task",
    "training.fine_tuning_verdict": "training.finetuning.comparison",
    "training.fit_arrays": "study.fit_arrays",
    "training.hand_card": "training.synthetic.hand_card",
    "training.hand_package": "training.synthetic.hand_package",
    "training.heatmap_losses": "training.supervised.losses",
    "training.package": "training.synthetic.card_parts training.synthetic.package",
    "training.packed": "study.packed",
    "training.presets": "training.synthetic.presets training.config",
    "training.schedules": "study.schedules",
    "training.synthetic_joint": "training.synthetic.joint",
    "training.tasks": "training.synthetic.tasks training.synthetic.pictures",
    "volume": "core.volume io.volumes io.formats core.geometry",
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
    "detectors": {
        "core.options": "DEPTH_METHODS",
        "detectors.dispatch": "DEVICES choose_device detect look preview",
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
        warnings.warn(f"{module}.{name} is {homes[name]}.{name} now", DeprecationWarning, stacklevel=2)
        return getattr(import_module(homes[name]), name)

    return answer


class MovedModule(Loader):
    """Gives a module of before: the one module of today under a second name, or one that asks several."""

    def __init__(self, homes: Sequence[str], had_submodules: bool = False) -> None:
        self.homes = homes
        self.had_submodules = had_submodules

    def exec_module(self, module: ModuleType) -> None:
        name = module.__name__
        warnings.warn(f"{name} is {' and '.join(self.homes)} now", DeprecationWarning, stacklevel=2)
        if len(self.homes) == 1 and not self.had_submodules:
            # The module itself: what is set in one is set in the other.
            sys.modules[name] = import_module(self.homes[0])
        else:
            module.__dict__["__getattr__"] = _first_of(name, self.homes)


def _first_of(module: str, homes: Sequence[str]) -> Callable[[str], Any]:
    def answer(name: str) -> Any:
        if not name.startswith("__"):
            for home in map(import_module, homes):
                if hasattr(home, name):
                    return getattr(home, name)
        raise AttributeError(f"module {module!r} has no attribute {name!r}")

    return answer
