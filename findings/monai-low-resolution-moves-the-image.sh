#!/bin/sh
# MONAI 1.6.1
#
# Expected: RandSimulateLowResolution makes an image coarser where it is; points of the same sample stay true.
# Seen: with its default settings the image moves towards the end of every axis by (1 / zoom - 1) / 2 voxels, half a voxel
#   at a zoom of 0.5 and one and a half at 0.25: taking the nearest voxel takes the first of each group, and the way back
#   puts it in the middle of the group. The affine of the image stays as it was.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check monai==1.6.1 torch==2.13.0 numpy==2.2.6
cd "$folder"
HOME="$folder" venv/bin/python - <<'PYTHON'
import torch
from monai.data import MetaTensor
from monai.transforms import RandSimulateLowResolution

axes = torch.meshgrid(*[torch.arange(48.0)] * 3, indexing="ij")
point = (20.0, 25.0, 22.0)
blob = torch.exp(-sum((along - at) ** 2 for along, at in zip(axes, point)) / (2 * 5.0**2))
image = MetaTensor(blob[None], affine=torch.eye(4))


def centre(values):
    return [round(float((along * values).sum() / values.sum()), 2) for along in axes]


seen = {}
for zoom in (1.0, 0.5, 0.25):
    coarser = RandSimulateLowResolution(prob=1.0, zoom_range=(zoom, zoom))(image)
    seen[zoom] = [round(now - before, 2) for now, before in zip(centre(coarser[0]), centre(image[0]))]
    assert torch.equal(coarser.affine, image.affine)
    print(f"zoom {zoom}: moved by {seen[zoom]} voxels, expected there {(1 / zoom - 1) / 2}")
for zoom, moves in seen.items():
    assert all(abs(move - (1 / zoom - 1) / 2) < 0.05 for move in moves), "behaves otherwise now"
PYTHON
