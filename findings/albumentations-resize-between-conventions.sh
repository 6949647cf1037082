#!/bin/sh
# albumentations 2.0.8
#
# Expected: keypoints go where the image goes, by one convention in every transform.
# Seen: flips and affine transforms count pixels by their middles and take a point exactly along. Resize and LongestMaxSize
#   multiply coordinates that count from a pixel's middle as if they counted from its corner: points are (factor - 1) / 2
#   pixels of the new image too far up and left, 1.5 at a factor of 4.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check albumentations==2.0.8 numpy==2.2.6
cd "$folder"
NO_ALBUMENTATIONS_UPDATE=1 HOME="$folder" venv/bin/python - <<'PYTHON'
import albumentations as A
import numpy as np

SHAPE, POINT = (80, 120), np.array([37.0, 52.0])


def middle(image):
    rows, columns = np.mgrid[: image.shape[0], : image.shape[1]]
    return np.array([(columns * image).sum(), (rows * image).sum()]) / image.sum()


rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
image = np.exp(-((columns - POINT[0]) ** 2 + (rows - POINT[1]) ** 2) / (2 * 4.0**2)).astype(np.float32)
transforms = {
    "flipped": A.HorizontalFlip(p=1),
    "turned by 20 degrees": A.Affine(rotate=(20, 20), p=1),
    "twice as large by Affine": A.Affine(scale=(2, 2), fit_output=True, p=1),
    "twice as large by Resize": A.Resize(160, 240),
    "four times by LongestMaxSize": A.LongestMaxSize(480),
}
seen = {}
for name, transform in transforms.items():
    both = A.Compose([transform], keypoint_params=A.KeypointParams(format="xy", remove_invisible=False))
    done = both(image=image, keypoints=POINT[None])
    seen[name] = np.round(np.asarray(done["keypoints"])[0] - middle(done["image"]), 2)
    print(f"{name}: the point is {seen[name]} pixels from its picture")
exact = list(seen.values())[:2]
assert all(np.abs(off).max() < 0.05 for off in exact), "behaves otherwise now"
assert np.abs(seen["twice as large by Resize"] + 0.5).max() < 0.05, "behaves otherwise now"
assert np.abs(seen["four times by LongestMaxSize"] + 1.5).max() < 0.05, "behaves otherwise now"
PYTHON
