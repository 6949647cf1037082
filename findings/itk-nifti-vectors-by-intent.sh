#!/bin/sh
# SimpleITK 2.5.7 (ITK 5.4.7) and nibabel 5.4.2
#
# Expected: a displacement field in NIfTI, whose vectors are in NIfTI's world (RAS) as its positions are, is brought into ITK's
#   world (LPS) on reading, whether its header calls it a vector (intent 1007) or a displacement vector (1006).
# Seen: only with 1006. With 1007, which SimpleITK itself writes, the numbers are taken over as they are: a field that moves
#   landmarks 10 mm to the right and 20 mm to the front moves them to the left and back, without a message. Who corrects
#   the intent of a field that SimpleITK wrote (its numbers are LPS) turns it in the same way.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check SimpleITK==2.5.7 nibabel==5.4.2 numpy==2.2.6
cd "$folder"
venv/bin/python - <<'PYTHON'
import nibabel
import numpy as np
import SimpleITK as sitk

field = np.zeros((6, 6, 6, 1, 3), "float32")
field[...] = (10, 20, 30)  # R, A, S
seen = {}
for name, intent in {"vector": 1007, "displacement vector": 1006}.items():
    image = nibabel.Nifti1Image(field, np.eye(4))
    image.header.set_intent(intent)
    nibabel.save(image, "field.nii")
    read = sitk.Cast(sitk.ReadImage("field.nii"), sitk.sitkVectorFloat64)
    start = read.TransformContinuousIndexToPhysicalPoint((2.5, 2.5, 2.5))
    end = sitk.DisplacementFieldTransform(read).TransformPoint(start)
    seen[name] = [round(after - before, 3) for before, after in zip(start, end, strict=True)]
    print("{} ({}): a point moves by L {:g} P {:g} S {:g}".format(name, intent, *seen[name]))

sitk.WriteImage(sitk.Cast(sitk.GetImageFromArray(np.zeros((4, 4, 4, 3)), isVector=True), sitk.sitkVectorFloat32), "own.nii")
own = int(nibabel.load("own.nii").header["intent_code"])
print(f"SimpleITK writes intent {own}")
assert seen["displacement vector"] == [-10, -20, 30], "behaves otherwise now"
assert seen["vector"] == [10, 20, 30] and own == 1007, "behaves otherwise now"
PYTHON
