"""What each kind of network learns from a batch of synthetic scans."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from LandmarkDetectionLib.heatmaps import softmax
from LandmarkDetectionLib.imaging.depth import (
    SMALLEST_DEVIATION_MM,
    SMALLEST_DEVIATION_OF_HANDS_MM,
    DepthScale,
    bone_input,
    depth_scale,
    network_input,
    normalised_depth,
    without_depth,
)
from LandmarkDetectionLib.networks.arithmetic import memory_format
from LandmarkDetectionLib.networks.regression_cnn import RegressionCNN, from_unit, to_unit
from LandmarkDetectionLib.networks.silhouette_unet import STRIDE, Heatmaps, SilhouetteUNet
from LandmarkDetectionLib.synthesis.batches import ViewBatch
from LandmarkDetectionLib.synthesis.body.regions import RegionBatch, RegionStream
from LandmarkDetectionLib.synthesis.body.stream import UNIT_SIZE, BodyStream, Framing
from LandmarkDetectionLib.synthesis.hand.stream import HAND_UNIT_SIZE, HandBatch, HandFraming, HandStream
from LandmarkDetectionLib.training.synthetic.pictures import AnyBatch, prediction_picture, region_picture
from LandmarkDetectionLib.training.synthetic.presets import TrainingConfig

TARGET_SIGMA = 0.8  # cells; narrower targets make the position jump between cells


def make_task(config: TrainingConfig, landmarks: int) -> AnyTask:
    """The task a config asks for."""
    if config.network == "regression_cnn":
        return RegressionTask(config, landmarks)
    if config.stage == "regions":
        return RegionTask(config, landmarks)
    return (HandTask if of_hands(config) else SilhouetteTask)(config, landmarks)


def of_hands(config: TrainingConfig) -> bool:
    """Whether a config trains on hands instead of bodies."""
    return config.protocol == "hand"


def make_stream(
    config: TrainingConfig,
    names: tuple[str, ...],
    framing: Framing | HandFraming | None,
    seed: int,
    batch_size: int,
) -> BodyStream | HandStream | RegionStream:
    """The synthetic scans a config trains on, or others of their kind."""
    if of_hands(config):
        return HandStream(names, seed, batch_size, cast(HandFraming, framing), config.disturbance)
    if config.stage == "regions":
        return RegionStream(names, seed, batch_size, pixel_mm=config.pixel_mm, disturbance=config.disturbance)
    return BodyStream(
        names,
        seed,
        batch_size,
        cast(Framing, framing),
        config.whole_body_only,
        config.disturbance,
        config.skeleton,
    )


class SilhouetteTask(nn.Module):
    """Heatmaps, absence and depth from the coronal view, and of bodies positions from the lateral view."""

    def __init__(self, config: TrainingConfig, landmarks: int) -> None:
        super().__init__()
        hands = of_hands(config)
        self.framing: Framing | HandFraming = (
            HandFraming(shape=config.hand_shape, jitter=0.02) if hands else Framing(pixel_mm=config.pixel_mm)
        )
        self.smallest = SMALLEST_DEVIATION_OF_HANDS_MM if hands else SMALLEST_DEVIATION_MM
        widths = {"coronal": config.channels} | ({} if hands else {"lateral": config.lateral_channels})
        self._parameters_of: dict[str, dict[str, Any]] = {
            view: {"landmarks": landmarks, "channels": channels} for view, channels in widths.items()
        }
        if hands:
            self._parameters_of["coronal"]["depth_from_surface"] = True
        self.bones, self.bone_missing = config.skeleton and not hands, config.bone_missing
        if self.bones:
            for parameters in self._parameters_of.values():
                parameters |= {"inputs": 6, "depth": False, "level": 1}
        self.networks = nn.ModuleDict({view: SilhouetteUNet(**p) for view, p in self._parameters_of.items()})
        self.networks.to(memory_format=memory_format())  # type: ignore[call-overload]

    def architectures(self) -> dict[str, tuple[str, dict[str, Any]]]:
        """Architecture and parameters of each network, as the model package stores them."""
        return {view: ("silhouette_unet", dict(p)) for view, p in self._parameters_of.items()}

    def prepare(self, batch: AnyBatch) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Network inputs and targets of a batch, on the task's device."""
        device = next(self.parameters()).device
        visible = torch.from_numpy(batch.visible).to(device)
        images, targets = {}, {"visible": visible, "depth_known": visible.new_ones(len(visible))}
        hidden = torch.rand(len(visible)) < (self.bone_missing if self.training else 0.0)
        for name in self.networks:
            view: ViewBatch = getattr(batch, name)
            image, scale = self._image(view, device)
            if self.bones:
                image[hidden, 4:] = 0.0
            points = torch.from_numpy(view.points).to(device)
            images[name] = image.contiguous(memory_format=memory_format())
            targets[f"{name}_points"] = points[..., :2]
            targets[f"{name}_depth"] = scale.normalise(points[..., 2])
        return images, targets

    def _image(self, view: ViewBatch, device: torch.device) -> tuple[Tensor, DepthScale]:
        """Channels of a view, with those of bone where the networks see it."""
        image, scale = network_input(*_tensors(view, device), self.smallest)
        if not self.bones:
            return image, scale
        assert view.bone is not None and view.bone_depth is not None
        bone, depth = (torch.from_numpy(a).to(device) for a in (view.bone, view.bone_depth))
        return torch.cat([image, bone_input(bone, depth, scale)], dim=1), scale

    def forward(self, images: dict[str, Tensor]) -> dict[str, Heatmaps]:
        """Heatmaps of each view."""
        return {name: self.networks[name](image) for name, image in images.items()}

    def losses(self, outputs: dict[str, Heatmaps], targets: dict[str, Tensor]) -> dict[str, Tensor]:
        """Losses by name; their sum is minimised."""
        visible = targets["visible"]
        losses = {}
        for name, maps in outputs.items():
            points = targets[f"{name}_points"]
            losses[f"{name}_position"] = softmax.cross_entropy(
                maps.logits, maps.absent, points, visible, self._stride(name), TARGET_SIGMA
            ).mean()
            if maps.depth is None or maps.depth_log_scale is None:
                continue
            # Laplace likelihood: the network also says how wrong it expects to be.
            log_scale = softmax.sample(maps.depth_log_scale, points, STRIDE)
            error = (softmax.sample(maps.depth, points, STRIDE) - targets[f"{name}_depth"]).abs()
            likelihood = error * torch.exp(-log_scale) + log_scale
            known = visible & targets["depth_known"][:, None]
            losses[f"{name}_depth"] = (likelihood * known).sum() / known.sum().clamp_min(1)
        return losses

    def picture(self, batch: AnyBatch) -> np.ndarray:
        """Early picture (H, W, 3) uint8 of predictions beside the truth."""
        return prediction_picture(self, batch)

    @torch.no_grad()
    def measure(self, batch: AnyBatch) -> dict[str, Tensor]:
        """Error of every visible landmark in mm: in the coronal plane, along depth, in 3D; and of absence."""
        device = next(self.parameters()).device
        visible = torch.from_numpy(batch.visible).to(device)
        image, scale = self._image(batch.coronal, device)
        plane, depth, present = self._errors(image, scale, batch)
        return {
            "coronal error mm": plane[visible],
            "depth error mm": depth[visible],
            "3D error mm": torch.hypot(plane, depth)[visible],
            "absent wrong": ((present > 0.5) != visible).float().flatten(),
        }

    def _errors(self, image: Tensor, scale: DepthScale, batch: AnyBatch) -> tuple[Tensor, Tensor, Tensor]:
        """Errors (B, L) in mm in the coronal plane and along depth, and probability of presence."""
        maps = self.networks["coronal"](image)
        probability, present = softmax.distribution(maps.logits, maps.absent)
        decoded = softmax.decode(probability, self._stride("coronal"))
        truth = torch.from_numpy(batch.coronal.points).to(image.device)
        spacing = torch.from_numpy(batch.coronal.spacing).to(image.device)
        plane = ((decoded.position - truth[..., :2]) * spacing[:, None]).norm(dim=-1)
        if maps.depth is None:
            return plane, self._lateral_error(batch), present
        depth = (scale.restore((decoded.window * maps.depth).sum(dim=(2, 3))) - truth[..., 2]).abs()
        return plane, depth, present

    def _stride(self, name: str) -> int:
        return cast(SilhouetteUNet, self.networks[name]).stride

    def _lateral_error(self, batch: AnyBatch) -> Tensor:
        """Errors (B, L) in mm along depth, read from the view from the left."""
        view: ViewBatch = batch.lateral  # type: ignore[union-attr]
        network = self.networks["lateral"]
        device = next(self.parameters()).device
        maps = network(self._image(view, device)[0])
        probability, _ = softmax.distribution(maps.logits, maps.absent)
        column = softmax.decode(probability, self._stride("lateral")).position[..., 0]
        truth, spacing = (torch.from_numpy(a).to(device) for a in (view.points[..., 0], view.spacing[:, :1]))
        return ((column - truth) * spacing).abs()


class HandTask(SilhouetteTask):
    """The same for hands, some of which are shown without depth, as a radiograph gives none."""

    def __init__(self, config: TrainingConfig, landmarks: int) -> None:
        super().__init__(config, landmarks)
        self.depth_missing = config.depth_missing

    def prepare(self, batch: AnyBatch) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Network inputs and targets; in training a share of hands loses its depth."""
        images, targets = super().prepare(batch)
        if self.training:
            flat = torch.rand(len(targets["visible"]), device=targets["visible"].device) < self.depth_missing
            image = images["coronal"]
            images["coronal"] = torch.where(flat[:, None, None, None], without_depth(image), image)
            targets["depth_known"] = ~flat
        return images, targets

    @torch.no_grad()
    def measure(self, batch: AnyBatch) -> dict[str, Tensor]:
        """As of bodies; and errors in percent of the hand's length, with and without depth."""
        assert isinstance(batch, HandBatch)
        measured = super().measure(batch)
        device = next(self.parameters()).device
        visible = torch.from_numpy(batch.visible).to(device)
        image, scale = network_input(*_tensors(batch.coronal, device), self.smallest)
        flat = self._errors(without_depth(image), scale, batch)[0]
        length = torch.from_numpy(batch.hand_length).to(device)[:, None].expand_as(flat)[visible]
        measured["coronal error % of hand"] = 100 * measured["coronal error mm"] / length
        measured["coronal error % of hand, no depth"] = 100 * flat[visible] / length
        return measured


class RegionTask(nn.Module):
    """Landmarks of small regions, seen from both sides."""

    ASKED = 14  # landmarks that are asked for in every picture

    def __init__(self, config: TrainingConfig, landmarks: int) -> None:
        super().__init__()
        self.framing = None
        widths = {"coronal": config.channels, "lateral": config.lateral_channels}
        self._parameters_of: dict[str, dict[str, Any]] = {
            view: {"landmarks": landmarks, "channels": channels, "inputs": 4, "depth": False}
            for view, channels in widths.items()
        }
        self.networks = nn.ModuleDict({view: SilhouetteUNet(**p) for view, p in self._parameters_of.items()})
        self.networks.to(memory_format=memory_format())  # type: ignore[call-overload]

    def architectures(self) -> dict[str, tuple[str, dict[str, Any]]]:
        """Architecture and parameters of each network, as the model package stores them."""
        return {view: ("silhouette_unet", dict(p)) for view, p in self._parameters_of.items()}

    def prepare(self, batch: RegionBatch) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Network inputs and targets of a batch, on the task's device."""
        device = next(self.parameters()).device
        visible = torch.from_numpy(batch.visible).to(device)
        # All that are in the picture as far as there is room, and some that are not.
        order = (visible.float() + torch.rand(visible.shape, device=device)).argsort(dim=1, descending=True)
        chosen = order[:, : self.ASKED]
        images = {"chosen": chosen}
        targets = {"visible": visible.gather(1, chosen)}
        for name in self.networks:
            image, points = getattr(batch, name)
            tensor = torch.from_numpy(image).to(device)
            images[name] = tensor.contiguous(memory_format=memory_format())
            marks = torch.from_numpy(points[..., :2]).to(device)
            targets[f"{name}_points"] = marks.gather(1, chosen[..., None].expand(-1, -1, 2))
        return images, targets

    def forward(self, images: dict[str, Tensor]) -> dict[str, Heatmaps]:
        """Heatmaps of each view."""
        return {name: network(images[name], images["chosen"]) for name, network in self.networks.items()}

    def losses(self, outputs: dict[str, Heatmaps], targets: dict[str, Tensor]) -> dict[str, Tensor]:
        """Losses by name; their sum is minimised."""
        return {
            f"{name}_position": softmax.cross_entropy(
                maps.logits, maps.absent, targets[f"{name}_points"], targets["visible"], STRIDE, TARGET_SIGMA
            ).mean()
            for name, maps in outputs.items()
        }

    def picture(self, batch: RegionBatch) -> np.ndarray:
        """Early picture (H, W, 3) uint8 of predictions beside the truth."""
        return region_picture(self, batch)

    @torch.no_grad()
    def measure(self, batch: RegionBatch) -> dict[str, Tensor]:
        """Errors in mm of every landmark in its region, in each picture."""
        images, targets = self.prepare(batch)
        visible = targets["visible"]
        measured = {}
        for name, maps in self(images).items():
            probability, present = softmax.distribution(maps.logits, maps.absent)
            decoded = softmax.decode(probability, STRIDE)
            plane = (decoded.position - targets[f"{name}_points"]).norm(dim=-1) * batch.pixel_mm
            measured[f"{name} error mm"] = plane[visible]
            measured[f"{name} absent wrong"] = ((present > 0.5) != visible).float().flatten()
        return measured


class RegressionTask(nn.Module):
    """The paper's networks: positions from unit-size silhouettes, depths from normalised depth images."""

    def __init__(self, config: TrainingConfig, landmarks: int) -> None:
        super().__init__()
        hands = of_hands(config)
        self.framing: Framing | HandFraming = HAND_UNIT_SIZE if hands else UNIT_SIZE
        self.shape = HAND_UNIT_SIZE.shape if hands else UNIT_SIZE.coronal
        self.smallest = SMALLEST_DEVIATION_OF_HANDS_MM if hands else SMALLEST_DEVIATION_MM
        rows, columns = self.shape
        self._parameters_of: dict[str, dict[str, Any]] = {
            "position": {"outputs": 2 * landmarks, "rows": rows, "columns": columns},
            "depth": {"outputs": landmarks, "rows": rows, "columns": columns},
        }
        self.networks = nn.ModuleDict({name: RegressionCNN(**p) for name, p in self._parameters_of.items()})

    def architectures(self) -> dict[str, tuple[str, dict[str, Any]]]:
        """Architecture and parameters of each network, as the model package stores them."""
        return {name: ("regression_cnn", dict(p)) for name, p in self._parameters_of.items()}

    def prepare(self, batch: AnyBatch) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Network inputs and targets of a batch, on the task's device."""
        device = next(self.parameters()).device
        front, _, _ = _tensors(batch.coronal, device)
        points = torch.from_numpy(batch.coronal.points).to(device)
        scale = depth_scale(front, self.smallest)
        images = {
            "position": (~front.isnan()).float()[:, None],
            "depth": normalised_depth(front, scale)[:, None],
        }
        targets = {
            "visible": torch.from_numpy(batch.visible).to(device),
            "position": to_unit(points[..., :2], *self.shape),
            "depth": scale.normalise(points[..., 2]),
        }
        return images, targets

    def forward(self, images: dict[str, Tensor]) -> dict[str, Tensor]:
        """Positions (B, L, 2) in units of the image, and normalised depths (B, L)."""
        return {
            "position": self.networks["position"](images["position"]).unflatten(1, (-1, 2)),
            "depth": self.networks["depth"](images["depth"]),
        }

    def losses(self, outputs: dict[str, Tensor], targets: dict[str, Tensor]) -> dict[str, Tensor]:
        """Half the squared L2 norm of the error per image (eq. 2), over landmarks inside the scan."""
        visible = targets["visible"]
        position = ((outputs["position"] - targets["position"]) ** 2).sum(-1)
        depth = (outputs["depth"] - targets["depth"]) ** 2
        return {
            "position": 0.5 * (position * visible).sum(1).mean(),
            "depth": 0.5 * (depth * visible).sum(1).mean(),
        }

    def picture(self, batch: AnyBatch) -> np.ndarray:
        """Early picture (H, W, 3) uint8 of predictions beside the truth."""
        return prediction_picture(self, batch)

    @torch.no_grad()
    def measure(self, batch: AnyBatch) -> dict[str, Tensor]:
        """Error of every visible landmark: in pixels of the unit-size image as in the paper, and in mm."""
        device = next(self.parameters()).device
        visible = torch.from_numpy(batch.visible).to(device)
        front, _, _ = _tensors(batch.coronal, device)
        rows, columns = self.shape
        truth = torch.from_numpy(batch.coronal.points).to(device)
        spacing = torch.from_numpy(batch.coronal.spacing).to(device)
        units = self.networks["position"]((~front.isnan()).float()[:, None]).unflatten(1, (-1, 2))
        difference = from_unit(units, rows, columns) - truth[..., :2]
        scale = depth_scale(front, self.smallest)
        depth = scale.restore(self.networks["depth"](normalised_depth(front, scale)[:, None]))
        depth_error = (depth - truth[..., 2]).abs()
        plane = (difference * spacing[:, None]).norm(dim=-1)
        return {
            "coronal error px": difference.norm(dim=-1)[visible],
            "coronal error mm": plane[visible],
            "depth error mm": depth_error[visible],
            "3D error mm": torch.hypot(plane, depth_error)[visible],
        }


def _tensors(view: ViewBatch, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    front, back, inside = (
        torch.from_numpy(a).to(device, non_blocking=True) for a in (view.front, view.back, view.field_of_view)
    )
    return front, back, inside


AnyTask = SilhouetteTask | RegressionTask | RegionTask
