#!/bin/sh
# anny 0.6.2
#
# Expected: "gender" runs as in MakeHuman, whose bodies and macro targets anny is made of: 0 female, 1 male.
# Seen: 0 is male and 1 female. No name, range or warning tells: settings of MakeHuman files that are taken
#   over give people of the other sex, whose body is shorter and whose pelvis is wider for its height.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check anny==0.6.2 torch==2.13.0
cd "$folder"
HOME="$folder" venv/bin/python - <<'PYTHON'
import warnings

warnings.simplefilter("ignore")
import anny
import torch

model = anny.create_fullbody_model()
adult = {"age": 0.67, "muscle": 0.5, "weight": 0.5, "height": 0.5, "proportions": 0.5}
heights, hips = {}, {}
for gender in (0.0, 1.0):
    values = {name: torch.tensor([value]) for name, value in {**adult, "gender": gender}.items()}
    vertices = model(phenotype_kwargs=values)["vertices"][0]
    up = int((vertices.max(dim=0).values - vertices.min(dim=0).values).argmax())
    height = float(vertices[:, up].max() - vertices[:, up].min())
    share = (vertices[:, up] - vertices[:, up].min()) / height
    across = 1 if up == 0 else 0
    band = vertices[(share > 0.47) & (share < 0.53)][:, across]
    near = band[(band.abs() < 0.3)]
    heights[gender], hips[gender] = height, float(near.max() - near.min()) / height
print("labels:", list(model.phenotype_labels))
for gender in heights:
    print(f"gender {gender:g}: {heights[gender]:.2f} m tall, hips {hips[gender]:.3f} of the height")
boys = "gender <= 0.5" in open(anny.__path__[0] + "/shape_distribution.py", encoding="utf-8").read()
print("its own statistics of growth take gender <= 0.5 for boys:", boys)
assert heights[0.0] > heights[1.0] + 0.05 and boys, "behaves otherwise now"
PYTHON
