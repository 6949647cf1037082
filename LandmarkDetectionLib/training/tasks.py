"""What each kind of network learns from a batch of synthetic scans."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor, nn

from LandmarkDetectionLib import heatmap
from LandmarkDetectionLib.depth import depth_scale, network_input, normalised_depth
from LandmarkDetectionLib.networks.regression_cnn import RegressionCNN, from_unit, to_unit
from LandmarkDetectionLib.networks.silhouette_unet import STRIDE, Heatmaps, SilhouetteUNet
from LandmarkDetectionLib.synthesis.stream import UNIT_SIZE, Batch, Framing, ViewBatch
from LandmarkDetectionLib.training.presets import TrainingConfig

TARGET_SIGMA = 0.8  # cells; narrower targets make the position jump between cells


class Task(Protocol):
    """Networks with a loss.

    ``forward`` is what Fabric wraps, in the chosen precision and on several devices; ``losses`` are
    computed outside it in full precision, since positions in pixels do not fit 8 bits of mantissa.
    """

    framing: Framing
    networks: nn.ModuleDict

    def prepare(self, batch: Batch) -> tuple[dict[str, Tensor], dict[str, Tensor]]: ...

    def __call__(self, images: dict[str, Tensor]) -> dict[str, Any]: ...

    def losses(self, outputs: dict[str, Any], targets: dict[str, Tensor]) -> dict[str, Tensor]: ...

    def architectures(self) -> dict[str, tuple[str, dict[str, Any]]]: ...

    def measure(self, batch: Batch) -> dict[str, Tensor]: ...


def make_task(config: TrainingConfig, landmarks: int) -> SilhouetteTask | RegressionTask:
    """The task a config asks for."""
    return (SilhouetteTask if config.network == "silhouette_unet" else RegressionTask)(config, landmarks)


class SilhouetteTask(nn.Module):
    """Heatmaps, absence and depth from the coronal view, and positions from the lateral view."""

    def __init__(self, config: TrainingConfig, landmarks: int) -> None:
        super().__init__()
        self.framing = Framing(pixel_mm=config.pixel_mm)
        self._parameters_of: dict[str, dict[str, Any]] = {
            "coronal": {"landmarks": landmarks, "channels": config.channels},
            "lateral": {"landmarks": landmarks, "channels": config.lateral_channels},
        }
        self.networks = nn.ModuleDict({view: SilhouetteUNet(**p) for view, p in self._parameters_of.items()})
        self.networks.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def architectures(self) -> dict[str, tuple[str, dict[str, Any]]]:
        """Architecture and parameters of each network, as the model package stores them."""
        return {view: ("silhouette_unet", dict(p)) for view, p in self._parameters_of.items()}

    def prepare(self, batch: Batch) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Network inputs and targets of a batch, on the task's device."""
        device = next(self.parameters()).device
        images, targets = {}, {"visible": torch.from_numpy(batch.visible).to(device)}
        for name, view in (("coronal", batch.coronal), ("lateral", batch.lateral)):
            image, scale = network_input(*_tensors(view, device))
            points = torch.from_numpy(view.points).to(device)
            images[name] = image.contiguous(memory_format=torch.channels_last)
            targets[f"{name}_points"] = points[..., :2]
            targets[f"{name}_depth"] = scale.normalise(points[..., 2])
        return images, targets

    def forward(self, images: dict[str, Tensor]) -> dict[str, Heatmaps]:
        """Heatmaps of each view."""
        return {name: self.networks[name](image) for name, image in images.items()}

    def losses(self, outputs: dict[str, Heatmaps], targets: dict[str, Tensor]) -> dict[str, Tensor]:
        """Losses by name; their sum is minimised."""
        visible = targets["visible"]
        losses = {}
        for name, maps in outputs.items():
            points = targets[f"{name}_points"]
            losses[f"{name}_position"] = heatmap.cross_entropy(
                maps.logits, maps.absent, points, visible, STRIDE, TARGET_SIGMA
            ).mean()
            # Laplace likelihood: the network also says how wrong it expects to be.
            log_scale = heatmap.sample(maps.depth_log_scale, points, STRIDE)
            error = (heatmap.sample(maps.depth, points, STRIDE) - targets[f"{name}_depth"]).abs()
            likelihood = error * torch.exp(-log_scale) + log_scale
            losses[f"{name}_depth"] = (likelihood * visible).sum() / visible.sum().clamp_min(1)
        return losses

    @torch.no_grad()
    def measure(self, batch: Batch) -> dict[str, Tensor]:
        """Error of every visible landmark in mm: in the coronal plane, along depth, in 3D; and of absence."""
        device = next(self.parameters()).device
        visible = torch.from_numpy(batch.visible).to(device)
        image, scale = network_input(*_tensors(batch.coronal, device))
        maps = self.networks["coronal"](image)
        probability, present = heatmap.distribution(maps.logits, maps.absent)
        decoded = heatmap.decode(probability, STRIDE)
        truth = torch.from_numpy(batch.coronal.points).to(device)
        spacing = torch.from_numpy(batch.coronal.spacing).to(device)
        plane = ((decoded.position - truth[..., :2]) * spacing[:, None]).norm(dim=-1)
        depth = (scale.restore((decoded.window * maps.depth).sum(dim=(2, 3))) - truth[..., 2]).abs()
        return {
            "coronal error mm": plane[visible],
            "depth error mm": depth[visible],
            "3D error mm": torch.hypot(plane, depth)[visible],
            "absent wrong": ((present > 0.5) != visible).float().flatten(),
        }


class RegressionTask(nn.Module):
    """The paper's networks: positions from unit-size silhouettes, depths from normalised depth images."""

    def __init__(self, config: TrainingConfig, landmarks: int) -> None:
        super().__init__()
        self.framing = UNIT_SIZE
        rows, columns = self.framing.coronal
        self._parameters_of: dict[str, dict[str, Any]] = {
            "position": {"outputs": 2 * landmarks, "rows": rows, "columns": columns},
            "depth": {"outputs": landmarks, "rows": rows, "columns": columns},
        }
        self.networks = nn.ModuleDict({name: RegressionCNN(**p) for name, p in self._parameters_of.items()})

    def architectures(self) -> dict[str, tuple[str, dict[str, Any]]]:
        """Architecture and parameters of each network, as the model package stores them."""
        return {name: ("regression_cnn", dict(p)) for name, p in self._parameters_of.items()}

    def prepare(self, batch: Batch) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Network inputs and targets of a batch, on the task's device."""
        device = next(self.parameters()).device
        front, _, _ = _tensors(batch.coronal, device)
        points = torch.from_numpy(batch.coronal.points).to(device)
        scale = depth_scale(front)
        images = {
            "position": (~front.isnan()).float()[:, None],
            "depth": normalised_depth(front, scale)[:, None],
        }
        targets = {
            "visible": torch.from_numpy(batch.visible).to(device),
            "position": to_unit(points[..., :2], *self.framing.coronal),
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

    @torch.no_grad()
    def measure(self, batch: Batch) -> dict[str, Tensor]:
        """Error of every visible landmark: in pixels of the unit-size image as in the paper, and in mm."""
        device = next(self.parameters()).device
        visible = torch.from_numpy(batch.visible).to(device)
        front, _, _ = _tensors(batch.coronal, device)
        rows, columns = self.framing.coronal
        truth = torch.from_numpy(batch.coronal.points).to(device)
        spacing = torch.from_numpy(batch.coronal.spacing).to(device)
        units = self.networks["position"]((~front.isnan()).float()[:, None]).unflatten(1, (-1, 2))
        difference = from_unit(units, rows, columns) - truth[..., :2]
        scale = depth_scale(front)
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
