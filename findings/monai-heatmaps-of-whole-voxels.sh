#!/bin/sh
# MONAI 1.6.1
#
# Expected: GenerateHeatmap, which takes points as decimal numbers, also those that it has itself brought from RAS mm into
#   voxels, puts each Gaussian where its point is, or says that it takes whole voxels only.
# Seen: the Gaussian is centred on the nearest voxel, to the even one from the middle between two: up to half a voxel off
#   along every axis, without a word. A point in the outer half of the first voxel (-0.4) has no heatmap and counts as
#   not visible; one in the outer half of the last voxel has both.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check monai==1.6.1 torch==2.13.0 numpy==2.2.6
cd "$folder"
HOME="$folder" venv/bin/python - <<'PYTHON'
import numpy
import torch
from monai.data import MetaTensor
from monai.transforms import GenerateHeatmapd

# Voxels of 2 mm: the world is twice the voxel.
image = MetaTensor(torch.zeros(1, 40, 50, 16), affine=torch.diag(torch.tensor([2.0, 2.0, 2.0, 1.0])))
voxels = numpy.array([[12.4, 30.5, 8.0], [20.5, 17.49, 8.0], [-0.4, 10.0, 8.0], [39.4, 10.0, 8.0]])
make = GenerateHeatmapd(
    "points", ref_image_keys="image", sigma=1.5, coordinate_space="world", visibility_keys="visible"
)
made = make({"points": (2 * voxels).astype(numpy.float32), "image": image})
heatmaps, visible = numpy.asarray(made["points_heatmap"], float), numpy.asarray(made["visible"]).tolist()
axes = numpy.indices(heatmaps.shape[1:])


def centre(heatmap):
    total = heatmap.sum()
    return [round(float((along * heatmap).sum() / total), 3) for along in axes] if total else None


for point, heatmap, seen in zip(voxels, heatmaps, visible):
    print("point", point.tolist(), "centre of its heatmap", centre(heatmap), "visible", seen)
assert numpy.allclose([centre(one) for one in heatmaps[:2]], [[12, 30, 8], [20, 17, 8]], atol=0.02), (
    "behaves otherwise now"
)
assert not heatmaps[2].any() and heatmaps[3].max() == 1 and visible == [True, True, False, True], (
    "behaves otherwise now"
)
PYTHON
