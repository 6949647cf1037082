#!/bin/sh
# kornia 0.9.0
#
# Expected: AugmentationSequential with data_keys "input" and "keypoints" moves the points with the image, or says that
#   a transform cannot.
# Seen: rotations, crops and resizing take points along to a hundredth of a pixel. Those that bend the image (thin plate spline,
#   fish-eye, elastic) return the points where they were, without a message: labels that no longer fit their image.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check kornia==0.9.0 torch==2.13.0 numpy==2.2.6
cd "$folder"
HOME="$folder" venv/bin/python - <<'PYTHON'
import kornia.augmentation as K
import torch

HEIGHT, WIDTH, POINT = 80, 120, torch.tensor([[[37.0, 52.0]]])
rows, columns = torch.meshgrid(torch.arange(HEIGHT), torch.arange(WIDTH), indexing="ij")
image = torch.exp(-((columns - 37.0) ** 2 + (rows - 52.0) ** 2) / (2 * 3.0**2))[None, None]


def middle(values):
    values = torch.where(values > 0.05 * values.max(), values, 0.0)
    return torch.stack([(columns * values).sum(), (rows * values).sum()]) / values.sum()


lens = [torch.tensor([-0.3, 0.3]), torch.tensor([-0.3, 0.3]), torch.tensor([0.9, 1.0])]
transforms = {
    "rotation": K.RandomRotation((20.0, 20.0), p=1.0),
    "thin plate spline": K.RandomThinPlateSpline(p=1.0),
    "fish-eye": K.RandomFisheye(*lens, p=1.0),
    "elastic": K.RandomElasticTransform(alpha=(4.0, 4.0), p=1.0),
}
moved, off = {}, {}
for name, transform in transforms.items():
    moved[name], off[name] = 0.0, 0.0
    for seed in range(10):
        torch.manual_seed(seed)
        new, points = K.AugmentationSequential(transform, data_keys=["input", "keypoints"])(image, POINT)
        moved[name] = max(moved[name], float((points - POINT).norm()))
        off[name] = max(off[name], float((points[0, 0] - middle(new[0, 0])).norm()))
    print(f"{name}: point moved by up to {moved[name]:.2f}, up to {off[name]:.2f} pixels from its picture")
assert moved.pop("rotation") > 5 and off.pop("rotation") < 0.1, "behaves otherwise now"
assert all(distance == 0 for distance in moved.values()), "behaves otherwise now"
assert all(distance > 1 for distance in off.values()), "behaves otherwise now"
PYTHON
