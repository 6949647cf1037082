"""Names of bones as BodyParts3D has them, by side and by limb."""

from __future__ import annotations

SIDES = (("Right", "right", ".R", 1.0), ("Left", "left", ".L", -1.0))
ORDINALS = (
    "First",
    "Second",
    "Third",
    "Fourth",
    "Fifth",
    "Sixth",
    "Seventh",
    "Eighth",
    "Ninth",
    "Tenth",
    "Eleventh",
    "Twelfth",
)
FINGERS = ("thumb", "index_finger", "middle_finger", "ring_finger", "little_finger")
TOES = ("big_toe", "second_toe", "third_toe", "fourth_toe", "little_toe")
CARPALS = (
    "scaphoid",
    "lunate",
    "triquetral",
    "pisiform",
    "trapezium",
    "trapezoid",
    "capitate",
    "hamate",
)
TARSALS = (
    "talus",
    "calcaneus",
    "medial_cuneiform_bone",
    "intermediate_cuneiform_bone",
    "lateral_cuneiform_bone",
    "cuboid_bone",
)


def limb_bones(side: str) -> dict[str, tuple[str, ...]]:
    """Bones of one side, "Right" or "Left", by limb segment."""
    low = side.lower()
    parts = ("Proximal", "Middle", "Distal")
    return {
        "upper arm": (f"{side}_humerus",),
        "forearm": (f"{side}_ulna", f"{side}_radius"),
        "hand": (
            *(f"{side}_{name}" for name in CARPALS),
            *(f"{side}_{o.lower()}_metacarpal_bone" for o in ORDINALS[:5]),
            *(f"{part}_phalanx_of_{low}_{finger}" for part in parts for finger in FINGERS),
        ),
        "thigh": (f"{side}_femur",),
        "shank": (f"{side}_tibia", f"{side}_fibula", f"{side}_patella"),
        "foot": (
            *(f"{side}_{name}" for name in TARSALS),
            f"Navicular_bone_of_{low}_foot",
            f"Sesamoid_bone_of_{low}_foot",
            *(f"{side}_{o.lower()}_metatarsal_bone" for o in ORDINALS[:5]),
            *(f"{part}_phalanx_of_{low}_{toe}" for part in parts for toe in TOES),
        ),
    }
