"""Which bones of the body model move which bones of a skeleton."""

from __future__ import annotations

import numpy as np

from LandmarkDetectionLib.synthesis.body.anchors import RestBody
from LandmarkDetectionLib.synthesis.body.bone_names import FINGERS, SIDES, TOES, limb_bones
from LandmarkDetectionLib.synthesis.body.model import BodyModel
from LandmarkDetectionLib.typing import Array

CHAIN = ("root", "spine04", "spine03", "spine02", "spine01", "neck01", "neck02", "neck03", "head")


def moving_bones(names: tuple[str, ...], owner: Array, at_rest: Array, rest: RestBody) -> tuple[Array, Array]:
    model = rest.model
    index = np.zeros((len(owner), 2), np.int64)
    weight = np.tile(np.array([1.0, 0.0]), (len(owner), 1))
    heights = np.array([rest.joint("spine05" if name == "root" else name)[2] for name in CHAIN])
    middles = (heights + np.append(heights[1:], heights[-1] + 20)) / 2
    chain = np.array([model.bone("spine05" if name == "root" else name) for name in CHAIN])

    def on_chain(rows: Array, height: Array | float) -> None:
        place = np.interp(height, middles, np.arange(len(CHAIN)))
        below = np.minimum(place.astype(int), len(CHAIN) - 2)
        index[rows, 0], index[rows, 1] = chain[below], chain[below + 1]
        weight[rows, 1] = place - below
        weight[rows, 0] = 1 - weight[rows, 1]

    centre = {name: at_rest[owner == n].mean(axis=0) for n, name in enumerate(names) if (owner == n).any()}
    sternum = centre.get("Fifth_thoracic_vertebra", np.zeros(3))[2]
    rigid = rigid_bones(model)
    for n, name in enumerate(names):
        rows = np.flatnonzero(owner == n)
        if not len(rows):
            continue
        if name in rigid:
            index[rows] = rigid[name]
        elif "vertebra" in name or name == "Axis":
            on_chain(rows, centre[name][2])
        elif name.endswith("_rib"):
            ordinal = name.split("_")[1].capitalize()
            back = centre[f"{ordinal}_thoracic_vertebra"][2]
            y = at_rest[rows, 1]
            forward = np.clip((y - y.min()) / 150.0, 0, 1)
            on_chain(rows, back + (sternum - back) * forward**2)
        elif "costal_cartilage" in name or name in ("Manubrium", "Body_of_sternum"):
            on_chain(rows, sternum)
        elif name.endswith("_femur") or name.endswith("_radius"):
            suffix = ".R" if name.startswith("Right") else ".L"
            limb = "upperleg" if "femur" in name else "lowerarm"
            first, second = (model.bone(f"{limb}0{k}{suffix}") for k in (1, 2))
            start, end = at_rest[rows, 2].max(), at_rest[rows, 2].min()
            share = (start - at_rest[rows, 2]) / (start - end)
            index[rows] = first, second
            weight[rows, 1] = np.clip((share - 0.3) / 0.5, 0, 1)
            weight[rows, 0] = 1 - weight[rows, 1]
        else:
            index[rows] = model.bone("head")
    heavier = np.argsort(-weight, axis=1, kind="stable")  # a weight of zero ends a row
    index, weight = np.take_along_axis(index, heavier, 1), np.take_along_axis(weight, heavier, 1)
    return index.astype(np.int32), weight.astype(np.float32)


def rigid_bones(model: BodyModel) -> dict[str, int]:
    """Bones of the skeleton that one bone of the body moves."""
    rigid = {name: model.bone("root") for name in ("Sacrum", "Right_hip_bone", "Left_hip_bone")}
    rigid["Hyoid_bone"] = model.bone("neck03")
    for n, (side, low, suffix, _) in enumerate(SIDES):
        limbs = limb_bones(side)
        rigid[f"{side}_scapula"] = len(model.bones) + n
        rigid[f"{side}_clavicle"] = model.bone("spine01")
        for limb, bone in (
            ("upper arm", "upperarm01"),
            ("hand", "wrist"),
            ("shank", "lowerleg01"),
            ("foot", "foot"),
        ):
            rigid |= {name: model.bone(bone + suffix) for name in limbs[limb]}
        rigid[f"{side}_ulna"] = model.bone("lowerarm01" + suffix)
        rigid[f"{side}_patella"] = model.bone("upperleg02" + suffix)
        rigid[f"{side}_first_metacarpal_bone"] = model.bone("finger1-1" + suffix)
        for kind, digits in (("finger", FINGERS), ("toe", TOES)):
            for k, digit in enumerate(digits, 1):
                parts = ("Proximal", "Distal") if k == 1 else ("Proximal", "Middle", "Distal")
                first = 2 if (kind, k) == ("finger", 1) else 1
                for segment, part in enumerate(parts, first):
                    rigid[f"{part}_phalanx_of_{low}_{digit}"] = model.bone(f"{kind}{k}-{segment}{suffix}")
    return rigid
