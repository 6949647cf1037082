"""The coordinate regression network of Riegler et al. 2015, Table 1."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class RegressionCNN(nn.Module):
    """conv5-32, maxpool2, conv5-32, maxpool2, conv3-32, fc2048, fc2048, fc(outputs).

    ReLU after every layer but the last, dropout in the fully connected layers. Convolutions keep the size
    (padded), which the paper leaves open.

    Parameters
    ----------
    outputs : int
        2 k for the positions of k landmarks, k for their depths.
    rows, columns : int
        Size of the input; the paper's unit sizes are 160 x 76 (body) and 96 x 96 (hand).
    dropout : float
        Probability in the fully connected layers; the paper gives none, 0.5 was usual.
    """

    def __init__(self, outputs: int, rows: int = 160, columns: int = 76, dropout: float = 0.5) -> None:
        super().__init__()
        self.outputs, self.rows, self.columns = outputs, rows, columns
        self.features = nn.Sequential(
            nn.Conv2d(1, 32, 5, padding=2),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            nn.Conv2d(32, 32, 5, padding=2),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            nn.Conv2d(32, 32, 3, padding=1),
            nn.ReLU(inplace=True),
        )
        self.regression = nn.Sequential(
            nn.Flatten(),
            nn.Linear(32 * (rows // 4) * (columns // 4), 2048),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(2048, 2048),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(2048, outputs),
        )

    def forward(self, image: Tensor) -> Tensor:
        """Images (B, 1, rows, columns) to (B, outputs), in units of the image about its centre (eq. 1)."""
        result: Tensor = self.regression(self.features(image))
        return result


def to_unit(points: Tensor, rows: int, columns: int) -> Tensor:
    """Column and row (..., 2) in pixels to network units: (x - p_w / 2) / p_w, (y - p_h / 2) / p_h (eq. 1).

    The text names the interval [-1, 1]; the formula gives [-0.5, 0.5], and the formula is what is used here.
    """
    size = torch.tensor([columns, rows], dtype=points.dtype, device=points.device)
    return (points - size / 2) / size


def from_unit(units: Tensor, rows: int, columns: int) -> Tensor:
    """The inverse of ``to_unit``."""
    size = torch.tensor([columns, rows], dtype=units.dtype, device=units.device)
    return units * size + size / 2
