"""A skeleton made of spheres, ellipsoids and rods, whose landmarks are known by construction.

Bones carry the names of BodyParts3D. Positions are RAS mm; the skeleton stands and looks forwards (y), its
palms too. Every part of a bone is convex, so that ``small_skeleton`` can close it.
"""

from functools import cache

import numpy as np

from LandmarkDetectionLib.typing import FloatArray

HEAD_RADIUS = 23.0
FEMORAL_HEAD = np.array([85.0, 0.0, 850.0])
HUMERAL_HEAD = np.array([165.0, -10.0, 1350.0])
CERVICAL = (
    "Axis",
    *(f"{name}_cervical_vertebra" for name in ("Third", "Fourth", "Fifth", "Sixth", "Seventh")),
)
ORDINALS = ("First", "Second", "Third", "Fourth", "Fifth", "Sixth", "Seventh", "Eighth", "Ninth", "Tenth")
ORDINALS = (*ORDINALS, "Eleventh", "Twelfth")
VERTEBRAE = (
    *CERVICAL,
    *(f"{name}_thoracic_vertebra" for name in ORDINALS),
    *(f"{name}_lumbar_vertebra" for name in ORDINALS[:5]),
)
HEIGHTS = (*(16.0,) * 6, *(23.0,) * 12, *(34.0,) * 5)  # from disc to disc
LOWEST_DISC = 955.0  # level of the disc between L5 and S1

Parts = list[FloatArray]


def ball(centre: tuple[float, ...] | FloatArray, radius: float, count: int = 60) -> FloatArray:
    """Evenly spread points of a sphere (a Fibonacci lattice), (count, 3)."""
    return ellipsoid(centre, (radius, radius, radius), count)


def at(x: float, y: float, z: float) -> FloatArray:
    return np.array([x, y, z])


def ellipsoid(
    centre: tuple[float, ...] | FloatArray, radii: tuple[float, ...], count: int = 60
) -> FloatArray:
    turns = np.arange(count) + 0.5
    height = 1.0 - 2.0 * turns / count
    angle = np.pi * (1.0 + np.sqrt(5.0)) * turns
    across = np.sqrt(1.0 - height**2)
    unit = np.stack([across * np.cos(angle), across * np.sin(angle), height], axis=1)
    return np.asarray(unit * np.asarray(radii) + np.asarray(centre))


def rod(
    start: tuple[float, ...] | FloatArray,
    end: tuple[float, ...] | FloatArray,
    radius: float,
    rings: int = 16,
) -> FloatArray:
    """Points of a rod with flat ends exactly at ``start`` and ``end``: rings around its axis, (V, 3).

    It is wider in its middle by a fiftieth, so that all of them are corners of the hull.
    """
    start, end = np.asarray(start, float), np.asarray(end, float)
    axis = (end - start) / np.linalg.norm(end - start)
    across = np.cross(axis, np.eye(3)[np.argmin(np.abs(axis))])
    across /= np.linalg.norm(across)
    angles = np.linspace(0.0, 2.0 * np.pi, 8, endpoint=False)[:, None]
    ring = radius * (np.cos(angles) * across + np.sin(angles) * np.cross(axis, across))
    return np.concatenate(
        [
            start + share * (end - start) + ring * (1.0 + 0.08 * share * (1.0 - share))
            for share in np.linspace(0.0, 1.0, rings)
        ]
    )


@cache
def made_skeleton() -> dict[str, FloatArray]:
    """Name -> vertices (V, 3), RAS mm; every bone that a landmark needs."""
    return {name: np.concatenate(parts) for name, parts in made_parts().items()}


@cache
def made_parts() -> dict[str, Parts]:
    """Name -> vertices (V, 3) of every convex part, RAS mm."""
    return {
        "Sacrum": _sacrum(),
        **_head(),
        **_spine(),
        **_breastbone(),
        **on_both_sides({**_half_head(), **_arm(), **_leg()}),
    }


def on_both_sides(right: dict[str, Parts]) -> dict[str, Parts]:
    """Bones of the right side, ``{side}`` or ``{Side}`` in their names, and their mirror images."""
    return {
        name.format(side=side, Side=side.capitalize()): [part * mirror for part in parts]
        for side, mirror in (("right", np.ones(3)), ("left", np.array([-1.0, 1.0, 1.0])))
        for name, parts in right.items()
    }


def disc_level(vertebra: int) -> float:
    """Level of the disc below the vertebra of an index into ``VERTEBRAE``, mm."""
    return LOWEST_DISC + sum(HEIGHTS[vertebra + 1 :])


def _spine() -> dict[str, Parts]:
    bones = {}
    for index, name in enumerate(VERTEBRAE):
        level = disc_level(index)
        body = ellipsoid((0.0, 20.0, level + HEIGHTS[index] / 2.0), (18.0, 14.0, HEIGHTS[index] / 2.0 - 3.0))
        process = rod((0.0, 6.0, level), (0.0, -30.0, level - 10.0), 4.0)
        bones[name] = [body, process]
        bones[f"Intervertebral_disk_of_{name.lower()}"] = [ellipsoid((0.0, 20.0, level), (18.0, 14.0, 3.0))]
    top = disc_level(0)
    dens = rod((0.0, 20.0, top + 3.0), (0.0, 20.0, top + 35.0), 4.0)
    bones["Axis"].append(dens)
    return bones


def _sacrum() -> Parts:
    plate = ellipsoid((0.0, 20.0, LOWEST_DISC - 5.0), (30.0, 15.0, 2.0))
    return [plate, rod((0.0, 10.0, LOWEST_DISC - 5.0), (0.0, -25.0, 810.0), 8.0)]


def _breastbone() -> dict[str, Parts]:
    manubrium = rod((0.0, 85.0, 1365.0), (0.0, 105.0, 1320.0), 5.0)
    wings = [ball((side * 20.0, 85.0, 1362.0), 6.0) for side in (-1, 1)]
    body = rod((0.0, 105.0, 1320.0), (0.0, 125.0, 1210.0), 5.0)
    ribs = [ball((side * 18.0, 115.0, 1265.0), 6.0) for side in (-1, 1)]
    return {
        "Manubrium": [manubrium, *wings],
        "Body_of_sternum": [body, *ribs],
    }


def _head() -> dict[str, Parts]:
    front = ellipsoid((0.0, 60.0, 1590.0), (62.0, 45.0, 50.0), 1500)
    rings = [
        np.stack([side * 30 + 20 * np.cos(t), 98 - 4 * np.cos(t) ** 2, 1562 + 17 * np.sin(t)], axis=1)
        for side in (-1, 1)
        for t in [np.linspace(0.0, np.pi, 20)]
    ]
    basion = ball((0.0, 35.0, 1518.0), 4.0)
    squama = rod((0.0, -2.0, 1515.0), (0.0, -60.0, 1545.0), 4.0)
    wall = [ball((side * 50.0, -40.0, 1545.0), 6.0) for side in (-1, 1)]
    mandible = [ball((0.0, 100.0, 1470.0), 7.0)]
    for side in (-1, 1):
        mandible += [
            rod((side * 8.0, 100.0, 1472.0), (side * 42.0, 35.0, 1490.0), 5.0),
            rod((side * 42.0, 35.0, 1490.0), (side * 45.0, 25.0, 1540.0), 5.0),
        ]
    return {
        "Frontal_bone": [front[front[:, 2] > 1582.0], *rings],
        "Occipital_bone": [basion, squama, *wall],
        "Mandible": mandible,
    }


def _half_head() -> dict[str, Parts]:
    floor = rod((13.0, 95.0, 1545.0), (40.0, 93.0, 1545.0), 3.0)
    face = rod((3.0, 97.0, 1510.0), (3.0, 97.0, 1520.0), 3.0)
    return {
        "{Side}_nasal_bone": [rod((3.0, 100.0, 1575.0), (3.0, 112.0, 1550.0), 2.0)],
        "{Side}_maxilla": [floor, face, rod((14.0, 90.0, 1540.0), (14.0, 90.0, 1570.0), 3.0)],
        "{Side}_zygomatic_bone": [
            rod((50.0, 85.0, 1530.0), (50.0, 85.0, 1580.0), 3.0),
            rod((50.0, 85.0, 1540.0), (66.0, 55.0, 1542.0), 3.0),
        ],
        "{Side}_temporal_bone": [
            rod((66.0, 55.0, 1542.0), (64.0, 20.0, 1547.0), 3.0),  # arch
            rod((62.0, 20.0, 1550.0), (62.0, -20.0, 1560.0), 4.0),
            rod((58.0, -5.0, 1550.0), (58.0, -5.0, 1522.0), 4.0),  # mastoid process
            rod((44.0, 12.0, 1545.0), (42.0, 15.0, 1505.0), 2.0),  # styloid process
        ],
    }


def _arm() -> dict[str, Parts]:
    elbow = np.array([220.0, -10.0, 1060.0])
    hand = {}
    for digit, x, z in (
        ("thumb", 315.0, 705.0),
        ("middle_finger", 276.0, 635.0),
        ("little_finger", 234.0, 655.0),
    ):
        before = "Proximal" if digit == "thumb" else "Middle"
        hand[f"{before}_phalanx_of_{{side}}_{digit}"] = [rod((x, 0.0, z + 45.0), (x, 0.0, z + 21.0), 5.0)]
        hand[f"Distal_phalanx_of_{{side}}_{digit}"] = [rod((x, 0.0, z + 20.0), (x, 0.0, z), 4.0)]
    return {
        "{Side}_clavicle": [rod((15.0, 75.0, 1365.0), (145.0, -10.0, 1385.0), 6.0)],
        "{Side}_scapula": [
            rod((90.0, -80.0, 1330.0), (95.0, -80.0, 1230.0), 4.0),
            rod((90.0, -75.0, 1340.0), (172.0, -20.0, 1390.0), 4.0),  # spine and acromion
            rod((130.0, -30.0, 1360.0), (140.0, 25.0, 1365.0), 4.0),  # coracoid
        ],
        "{Side}_humerus": [
            ball(HUMERAL_HEAD, HEAD_RADIUS, 120),
            ball(HUMERAL_HEAD + at(22.0, 0.0, -5.0), 12.0, 30),  # tubercle
            rod(HUMERAL_HEAD + at(8.0, 0.0, -20.0), elbow, 9.0),
            rod(elbow + at(-30.0, 0.0, 0.0), elbow + at(30.0, 0.0, 0.0), 6.0),
        ],
        "{Side}_ulna": [rod((215.0, -20.0, 1065.0), (240.0, 0.0, 820.0), 6.0)],
        "{Side}_radius": [rod((235.0, -10.0, 1045.0), (270.0, 0.0, 818.0), 7.0)],
        "{Side}_scaphoid": [ball((275.0, 0.0, 812.0), 7.0)],
        "{Side}_lunate": [ball((258.0, 0.0, 812.0), 7.0)],
        **hand,
    }


def _leg() -> dict[str, Parts]:
    knee = np.array([80.0, 0.0, 430.0])
    toes = {}
    for digit, x, end in (("big_toe", 75.0, 190.0), ("little_toe", 125.0, 150.0)):
        before = "Proximal" if digit == "big_toe" else "Middle"
        toes[f"{before}_phalanx_of_{{side}}_{digit}"] = [rod((x, end - 45.0, 5.0), (x, end - 21.0, 5.0), 4.0)]
        toes[f"Distal_phalanx_of_{{side}}_{digit}"] = [rod((x, end - 20.0, 5.0), (x, end, 5.0), 4.0)]
    return {
        "{Side}_hip_bone": [
            ellipsoid((110.0, 10.0, 960.0), (12.0, 70.0, 30.0), 200),  # wing
            rod((110.0, 10.0, 950.0), (60.0, -10.0, 790.0), 12.0),
            rod((60.0, -10.0, 800.0), (8.0, 60.0, 830.0), 10.0),  # pubis
        ],
        "{Side}_femur": [
            ball(FEMORAL_HEAD, HEAD_RADIUS, 120),
            rod(FEMORAL_HEAD + at(15.0, 0.0, -15.0), FEMORAL_HEAD + at(45.0, 0.0, -45.0), 10.0),
            rod(FEMORAL_HEAD + at(45.0, 0.0, 0.0), FEMORAL_HEAD + at(45.0, 0.0, -60.0), 8.0),
            ball(FEMORAL_HEAD + at(20.0, -20.0, -70.0), 6.0, 30),  # lesser trochanter
            rod(FEMORAL_HEAD + at(40.0, 0.0, -60.0), knee, 12.0),
            ball(knee + at(-22.0, -5.0, 0.0), 20.0, 80),
            ball(knee + at(22.0, -5.0, 0.0), 20.0, 80),
        ],
        "{Side}_patella": [ellipsoid((80.0, 40.0, 440.0), (20.0, 8.0, 20.0))],
        "{Side}_tibia": [
            ellipsoid((80.0, -5.0, 395.0), (38.0, 26.0, 12.0), 120),
            rod((80.0, -5.0, 395.0), (80.0, -10.0, 85.0), 12.0),
            ball((60.0, -10.0, 78.0), 6.0),
        ],
        "{Side}_fibula": [rod((110.0, -20.0, 390.0), (108.0, -20.0, 60.0), 6.0)],
        "{Side}_talus": [ellipsoid((80.0, -8.0, 60.0), (20.0, 26.0, 16.0), 120)],
        "{Side}_calcaneus": [ellipsoid((82.0, -30.0, 25.0), (15.0, 36.0, 22.0), 120)],
        "{Side}_first_metatarsal_bone": [rod((72.0, 70.0, 25.0), (75.0, 140.0, 10.0), 8.0)],
        "{Side}_fifth_metatarsal_bone": [rod((110.0, 35.0, 12.0), (122.0, 105.0, 8.0), 6.0)],
        **toes,
    }
