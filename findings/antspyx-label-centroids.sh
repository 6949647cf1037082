#!/bin/sh
# antspyx 0.6.3
#
# Expected: label_image_centroids gives the centres of labels (vertebrae, say) as x, y, z of voxels, or of the patient with
#   physical=True, as center_of_mass of SciPy and label_geometry_measures of the same package do.
# Seen: of a cube of voxels the three come in the order z, y, x. Of any other image they are mixed up with its size: the
#   label at 4, 10, 7 of 20 x 24 x 18 voxels is put at 15, 23, 5. physical=True gives the same numbers, which are voxels
#   still. No message.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check antspyx==0.6.3 numpy==1.26.4
cd "$folder"
HOME="$folder" venv/bin/python - <<'PYTHON'
import ants
import numpy as np


def image(size, voxel):
    array = np.zeros(size, "float32")
    array[voxel] = 1
    return ants.from_numpy(array, origin=(-5.0, 7.0, 3.0), spacing=(1.0, 2.0, 3.0))


def centroid(labels, **options):
    return [float(value) for value in np.ravel(ants.label_image_centroids(labels, **options)["vertices"])]


seen = {}
for size, voxel in {(20, 20, 20): (4, 10, 7), (20, 24, 18): (4, 10, 7)}.items():
    seen[size] = centroid(image(size, voxel))
    print(f"{size} voxels: the label at {voxel} is said to be at {seen[size]}")
labels = image((20, 24, 18), (4, 10, 7))
right = ants.label_geometry_measures(labels)[["Centroid_x", "Centroid_y", "Centroid_z"]].to_numpy()[0].tolist()
physical = centroid(labels, physical=True)
print(f"physical=True: {physical}; label_geometry_measures: {right} mm")
assert seen[20, 20, 20] == [7, 10, 4] and seen[20, 24, 18] == [15, 23, 5], "behaves otherwise now"
assert physical == seen[20, 24, 18] and np.allclose(right, [-1, 27, 24]), "behaves otherwise now"
PYTHON
