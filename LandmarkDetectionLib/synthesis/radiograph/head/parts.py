"""A head in its parts, as a lateral radiograph sees it: bones, teeth, air, soft tissue, and what is marked.

Bones come from the skeleton; teeth, cavities of air and soft tissue, which it lacks, are made of rings about
them. The frame is the head's own: origin in the sella, x right, y anterior, z superior, mm, turned so that
the line from sella to nasion rises by 7 degrees, which makes the Frankfort horizontal level (Steiner 1953).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from LandmarkDetectionLib.errors import InputError
from LandmarkDetectionLib.synthesis.body.bone_landmarks import bone_landmarks
from LandmarkDetectionLib.synthesis.body.skeleton import Skeleton, read_skeleton, skeleton_path
from LandmarkDetectionLib.synthesis.bone_thickness import Surfaces
from LandmarkDetectionLib.synthesis.radiograph.head.teeth import POINTS, Arch, teeth
from LandmarkDetectionLib.synthesis.radiograph.solids import (
    Solid,
    ellipsoid,
    inner,
    joined,
    loft,
    sagittal_cut,
    tube,
)
from LandmarkDetectionLib.typing import Array, FloatArray

NASION_RISE = np.radians(7.0)
VAULT = ("Frontal_bone", "Occipital_bone", "Right_parietal_bone", "Left_parietal_bone")
FACE = (
    *("Sphenoid_bone", "Ethmoid", "Vomer", "Right_temporal_bone", "Left_temporal_bone"),
    *(f"{side}_{bone}" for side in ("Right", "Left") for bone in (
      "maxilla", "zygomatic_bone", "nasal_bone", "palatine_bone", "lacrimal_bone", "inferior_nasal_concha")),
)  # fmt: skip
NECK = (
    *("Atlas", "Axis"),
    *(f"{ordinal}_cervical_vertebra" for ordinal in ("Third", "Fourth", "Fifth", "Sixth", "Seventh")),
)
NEEDED = (*VAULT, *FACE, "Mandible", *NECK)
OPTIONAL = ("Hyoid_bone", "First_thoracic_vertebra", "Second_thoracic_vertebra")
#: Under so much cortex, mm, a bone is spongy.
CORTEX = {"Mandible": 2.4, **dict.fromkeys((*NECK, *OPTIONAL), 0.9)}
SINUS_WALL = 0.9  # mm
#: Points around a level of the soft tissue; the first of a level lies in front, in the midline.
AROUND = 40
#: Points along each outline on which landmarks are looked for anew in every head.
OUTLINE = 64


@dataclass(frozen=True)
class Head:
    """One head at rest, teeth closed.

    Attributes
    ----------
    points : (N, 3) float32 mm
        Vertices of all surfaces, then marked points.
    surfaces : Surfaces
    kinds : tuple of str
        Of every surface: "skin", "vault", "bone", "jaw", "neck", "marrow", "tooth", "enamel", "air",
        "sinus" (in a bone's mesh) or "walled sinus" (with a wall of its own).
    names : tuple of str
        Of every surface, for example "Mandible" or "tooth lower 3".
    jaw : (N,) float32
        How far a point moves with the mandible.
    neck : (N,) float32
        How far a point moves with the cervical spine.
    marks : dict
        Name -> indices of points: single landmarks, pairs, and outlines from above to below.
    reference : dict
        Name -> (3,) place at rest of what shapes are described by.
    """

    points: Array
    surfaces: Surfaces
    kinds: tuple[str, ...]
    names: tuple[str, ...]
    jaw: Array
    neck: Array
    marks: dict[str, Array]
    reference: dict[str, FloatArray]

    def owned(self, surface: int) -> slice:
        """Rows of ``points`` of a surface."""
        start = self.surfaces.vertex_start
        return slice(int(start[surface]), int(start[surface + 1]))


def load_head(path: str | Path | None = None) -> Head:
    """The head of the skeleton at a path, see ``skeleton.read_skeleton``; made once per file.

    Raises
    ------
    InputError
        When there is no skeleton, or it lacks a bone of the head.
    """
    return _loaded(skeleton_path(path))


@lru_cache(maxsize=2)
def _loaded(path: Path) -> Head:
    return make_head(read_skeleton(path))


def make_head(skeleton: Skeleton) -> Head:
    """The head of a skeleton.

    Raises
    ------
    InputError
        When a bone of the head is missing.
    """
    missing = [name for name in NEEDED if name not in skeleton.names]
    if missing:
        raise InputError(
            f"The skeleton has no {missing[0]}; a head needs all bones of BodyParts3D's skull and neck.",
            about="skeleton",
        )
    bones = {name: _bone(skeleton, name) for name in (*NEEDED, *OPTIONAL) if name in skeleton.names}
    discs = {name: skeleton.bone(name) for name in skeleton.names if "disk" in name}
    measured = bone_landmarks({name: bone.vertices for name, bone in bones.items()} | discs)
    found = {name: position for name, (_, position) in measured.items()}
    sella = _sella(bones["Sphenoid_bone"])
    turn = _frame(sella, found["nasion"])
    bones = {
        name: Solid(((bone.vertices - sella) @ turn.T).astype(np.float32), bone.faces)
        for name, bone in bones.items()
    }
    places = {name: turn @ (place - sella) for name, place in found.items()}
    for side in ("right", "left"):
        # Where raters mark it: moved after a look at the mean of 150 annotated cephalograms, not measured on
        # the mesh.
        places[f"porion_{side}"] = places[f"porion_{side}"] + np.array([0.0, 1.5, -3.5])
    return _Assembly(bones, places).head()


def _bone(skeleton: Skeleton, name: str) -> Solid:
    n = skeleton.names.index(name)
    faces = skeleton.faces[skeleton.face_start[n] : skeleton.face_start[n + 1]]
    return Solid(skeleton.bone(name), faces - skeleton.vertex_start[n])


def _frame(sella: FloatArray, nasion: FloatArray) -> FloatArray:
    """Rotation (3, 3) into the head's frame."""
    rise = np.arctan2(nasion[2] - sella[2], nasion[1] - sella[1])
    angle = NASION_RISE - rise
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def _sella(sphenoid: Solid) -> FloatArray:
    """Centre of the pituitary fossa: between its floor and the line over it, in the midline."""
    points = _midline(sphenoid)
    back = points[:, 1].min()
    edges = np.arange(back, back + 40.0, 1.5)
    bins = np.digitize(points[:, 1], edges) - 1
    top = np.array([points[bins == n, 2].max(initial=-np.inf) for n in range(len(edges))])
    crest = int(np.argmax(top[:7]))  # the dorsum
    ahead = top[crest + 1 : crest + 10]
    floor = crest + 1 + int(np.argmin(np.where(np.isfinite(ahead), ahead, np.inf)))
    front = floor + 1 + int(np.argmax(top[floor + 1 : floor + 9]))  # the tuberculum
    opening = min((top[crest] + top[front]) / 2, top[floor] + 9.0)
    pit = np.flatnonzero(top[crest : front + 1] < (top[floor] + opening) / 2) + crest
    return np.array([points[0, 0], edges[pit].mean() + 0.75, (top[floor] + opening) / 2])


def _midline(bone: Solid) -> Array:
    """A cut near the middle of a bone; exactly there meshes of both sides may leave a gap."""
    middle = (bone.vertices[:, 0].min() + bone.vertices[:, 0].max()) / 2
    return sagittal_cut(bone, float(middle) + 0.3)


def _smooth(x: Array, low: float, high: float) -> Array:
    """0 up to ``low``, 1 from ``high``, smooth between."""
    share = np.clip((x - low) / (high - low), 0, 1)
    return np.asarray(share * share * (3 - 2 * share))


class _Assembly:
    """Collects the parts of a head."""

    def __init__(self, bones: dict[str, Solid], places: dict[str, FloatArray]) -> None:
        self.bones, self.places = bones, places
        self.solids: list[Solid] = []
        self.kinds: list[str] = []
        self.names: list[str] = []
        self.marks: dict[str, tuple[str, Array]] = {}  # what a marked point moves with, and where it lies

    def head(self) -> Head:
        self._measure()
        for name, bone in self.bones.items():
            kind = "vault" if name in VAULT else "jaw" if name == "Mandible" else "bone"
            self._add(bone, "neck" if name in NECK or name in OPTIONAL else kind, name)
            if name in CORTEX:
                self._add(inner(bone, CORTEX[name]), "marrow", name)
        self._add_nasal_root()
        self._add_teeth()
        self._add_air()
        skin_marks = self._add_skin()
        vertices, surfaces = joined(self.solids)
        jaw, neck = self._weights(vertices, surfaces)
        points, marks, jaw_of, neck_of = [vertices], {}, [jaw], [neck]
        start = len(vertices)
        for name, (moves_with, place) in self.marks.items():
            place = np.atleast_2d(place)
            marks[name] = np.arange(start, start + len(place))
            points.append(place.astype(np.float32))
            jaw_of.append(np.full(len(place), float(moves_with == "jaw"), np.float32))
            neck_of.append(np.zeros(len(place), np.float32))
            start += len(place)
        skin = self.kinds.index("skin")
        marks |= {name: np.atleast_1d(surfaces.vertex_start[skin] + n) for name, n in skin_marks.items()}
        return Head(
            np.concatenate(points).astype(np.float32),
            surfaces,
            tuple(self.kinds),
            tuple(self.names),
            np.concatenate(jaw_of).astype(np.float32),
            np.concatenate(neck_of).astype(np.float32),
            marks,
            self.reference,
        )

    def _add(self, solid: Solid, kind: str, name: str) -> None:
        self.solids.append(solid)
        self.kinds.append(kind)
        self.names.append(name)

    # --- landmarks of bones -----------------------------------------------------------------------------
    def _measure(self) -> None:
        """Places that everything else is built about."""
        bones, places = self.bones, self.places
        chin = _midline(bones["Mandible"])
        crest = chin[np.argmax(chin[:, 2])]  # infradentale
        front = _front_outline(chin)
        low = front[front[:, 2] < front[0, 2] - 0.45 * np.ptp(front[:, 2])]
        chin_point = low[np.argmax(low[:, 1])]
        maxilla = np.concatenate([bones["Right_maxilla"].vertices, bones["Left_maxilla"].vertices])
        near = maxilla[np.abs(maxilla[:, 0]) < 6]
        prosthion = near[np.argmax(near[:, 1] - 0.9 * near[:, 2])]
        spine = places["anterior_nasal_spine"]
        palate = np.concatenate([_near_midline(bones[f"{side}_palatine_bone"]) for side in ("Right", "Left")])
        level = palate[palate[:, 2] < spine[2] + 6]
        back = level[np.argmin(level[:, 1])]
        condyle = {side: places[f"mandibular_condyle_{side.lower()}"] for side in ("Right", "Left")}
        self.reference = {
            "nasion": places["nasion"],
            "anterior_nasal_spine": spine,
            "posterior_nasal_spine": np.array([0.0, back[1], back[2]]),
            "prosthion": np.array([0.0, prosthion[1], prosthion[2]]),
            "infradentale": np.array([0.0, crest[1], crest[2]]),
            "menton": front[np.argmin(front[:, 2])],
            "pogonion": chin_point,
            "condyle": (condyle["Right"] + condyle["Left"]) / 2,
            "porion": (places["porion_right"] + places["porion_left"]) / 2,
            "orbitale": (places["orbitale_right"] + places["orbitale_left"]) / 2,
            "gonion": (places["gonion_right"] + places["gonion_left"]) / 2,
            "basion": places["basion"],
        }
        self.marks = {
            "sella": ("skull", np.zeros(3)),
            "nasion": ("skull", places["nasion"]),
            "orbitale": ("skull", np.stack([places["orbitale_right"], places["orbitale_left"]])),
            "porion": ("skull", np.stack([places["porion_right"], places["porion_left"]])),
            "posterior_nasal_spine": ("skull", self.reference["posterior_nasal_spine"]),
            "anterior_nasal_spine": ("skull", spine),
            "upper jaw front": ("skull", _upper_front(bones, spine, self.reference["prosthion"])),
            "chin front": ("jaw", front),
            "base below": ("skull", _base_outline(bones, places["basion"])),
        }
        for side, sign in (("Right", 1.0), ("Left", -1.0)):
            half = bones["Mandible"].vertices[bones["Mandible"].vertices[:, 0] * sign > 8]
            self.marks[f"ramus {side.lower()}"] = ("jaw", _rear_outline(half, condyle[side]))

    def _add_nasal_root(self) -> None:
        """Nasal bones and frontal processes at the suture, thicker than the meshes have them."""
        bones = np.concatenate([self.bones[f"{side}_nasal_bone"].vertices for side in ("Right", "Left")])
        nasion = self.reference["nasion"]
        rings = []
        for below in np.linspace(15.0, 0.5, 8):
            near = bones[np.abs(bones[:, 2] - (nasion[2] - below)) < 2.5]
            front = near[:, 1].max() if len(near) else nasion[1]
            deep, half = (float(np.interp(below, (0, 15), ends)) for ends in ((8.0, 2.0), (11.0, 5.0)))
            angle = np.linspace(0, 2 * np.pi, 12, endpoint=False)
            ring = np.stack([half * np.cos(angle), deep / 2 * np.sin(angle), np.zeros(12)], axis=1)
            rings.append(ring + np.array([nasion[0], front - deep / 2, nasion[2] - below]))
        self._add(loft(np.stack(rings)), "bone", "nasal root")

    # --- teeth ----------------------------------------------------------------------------------------
    def _add_teeth(self) -> None:
        reference = self.reference
        above, below = reference["prosthion"], reference["infradentale"]
        gap = above[2] - below[2]
        # Edges meet between the ridges with an overbite of 2.5 mm and an overjet of 3.
        upper_edge = np.array([0.0, above[1] + 4.5, above[2] - 0.5 * gap - 1.6])
        lower_edge = np.array([0.0, upper_edge[1] - 3.2, upper_edge[2] + 2.5])
        rear = self.bones["Mandible"].vertices
        last = above[1] - 45.0
        ridge = rear[(np.abs(rear[:, 1] - last) < 5) & (np.abs(rear[:, 0]) < 35)]
        ridge_z = np.quantile(ridge[:, 2], 0.9) if len(ridge) else below[2] + 6
        plane = max(ridge_z + 6.5, upper_edge[2] + 1.0)
        for upper, edge, half in ((True, upper_edge, 27.5), (False, lower_edge, 26.5)):
            bite = plane - (0.8 if upper else -0.8)
            arch = Arch(edge, np.array([half, last, bite]), upper)
            whole, crowns = teeth(arch)
            jaw = "upper" if upper else "lower"
            for n, (tooth, crown) in enumerate(zip(whole, crowns, strict=True)):
                self._add(tooth, "tooth", f"{jaw} {n // 2 + 1} {'right' if n % 2 == 0 else 'left'}")
                self._add(crown, "enamel", f"{jaw} {n // 2 + 1} {'right' if n % 2 == 0 else 'left'}")
            ring = whole[0].vertices[:POINTS] if upper else whole[0].vertices[5 * POINTS : 6 * POINTS]
            edge_ring = ring.mean(axis=0) * (0, 1, 1)
            root = (whole[0].vertices[5 * POINTS : 6 * POINTS] if upper else whole[0].vertices[:POINTS]).mean(
                axis=0
            )
            self.marks[f"{jaw}_incisor"] = ("skull" if upper else "jaw", edge_ring)
            self.reference[f"{jaw}_incisor"] = edge_ring
            self.reference[f"{jaw} apex"] = root * (0, 1, 1)

    # --- air ------------------------------------------------------------------------------------------
    def _add_air(self) -> None:
        r = self.reference
        spine, back, nasion = r["anterior_nasal_spine"], r["posterior_nasal_spine"], r["nasion"]
        middle = (spine + back) / 2
        for side in (1.0, -1.0):
            # Its roof is the floor of the orbit, its floor the palate.
            sinus = np.array([side * 26.0, middle[1] - 4.0, (r["orbitale"][2] + middle[2]) / 2 + 1.0])
            high = (r["orbitale"][2] - middle[2]) / 2 + 1.0
            self._add_walled(sinus, (12.0, 15.0, high), "maxillary")
            nose = middle + np.array([side * 7.0, 2.0, 19.0])
            self._add(ellipsoid(nose, (6.5, 27.0, 16.0)), "air", "nasal cavity")
            cells = np.array([side * 9.0, nasion[1] - 24.0, nasion[2] - 14.0])
            self._add(ellipsoid(cells, (7.0, 16.0, 10.0)), "air", "ethmoid")
            frontal = nasion + np.array([side * 9.0, -3.0, 15.0])
            self._add(ellipsoid(frontal, (9.0, 4.6, 12.0)), "sinus", "frontal")
            recess = nasion + np.array([side * 8.0, -10.0, 3.0])
            self._add(ellipsoid(recess, (7.0, 5.0, 9.0)), "sinus", "frontal recess")
            ear = self.places["porion_right" if side > 0 else "porion_left"]
            self._add(
                ellipsoid(ear + np.array([-side * 10.0, 0.0, -4.5]), (13.0, 3.6, 3.6)), "air", "ear canal"
            )
            self._add_mastoid(ear, side)
        self._add_walled(np.array([0.0, 13.0, -8.0]), (11.0, 9.0, 7.0), "sphenoid")
        # The hard palate, whose meshes are thinner than what a film shows of it.
        long = (spine[1] - back[1]) / 2 - 1.0
        self._add(ellipsoid(middle * (0, 1, 1), (8.0, long, 1.6)), "bone", "palate")
        c2, c4 = self.places["dens"], self.places["vertebra_c4"]
        c6 = self.places["vertebra_c6"]
        down = c6 + (c6 - c4) * 1.7
        centres = np.array(
            [
                (0.0, down[1] + 27, down[2]),
                (0.0, c6[1] + 26, c6[2]),
                (0.0, c4[1] + 21, c4[2]),
                (0.0, (c4[1] + c2[1]) / 2 + 17, (c4[2] + c2[2]) / 2 - 4),
                (0.0, c2[1] + 18, c2[2] - 4),
                (0.0, c2[1] + 23, back[2] - 1),
                (0.0, c2[1] + 26, back[2] + 9),
                (0.0, c2[1] + 28, back[2] + 17),
            ]
        )
        widths = np.array([[9, 7], [10, 6], [12, 5.5], [13, 5], [13, 5.5], [12, 8], [10, 9], [3, 2.5]])
        share, fine = np.linspace(0, 1, len(centres)), np.linspace(0, 1, 26)
        from scipy.interpolate import PchipInterpolator

        self._add(
            tube(PchipInterpolator(share, centres)(fine), PchipInterpolator(share, widths)(fine)),
            "air",
            "airway",
        )

    def _add_walled(self, centre: FloatArray, radii: tuple[float, float, float], name: str) -> None:
        """A sinus with its thin wall of bone, which a film shows as a line."""
        self._add(ellipsoid(centre, radii), "bone", f"{name} wall")
        self._add(ellipsoid(centre, np.array(radii) - SINUS_WALL), "walled sinus", name)

    def _add_mastoid(self, ear: FloatArray, side: float) -> None:
        rng = np.random.default_rng(3 + int(side > 0))
        for _ in range(16):
            place = ear + np.array([-side * rng.uniform(0, 12), -rng.uniform(2, 24), rng.uniform(-24, 9)])
            self._add(ellipsoid(place, rng.uniform(1.6, 3.8, 3), 8), "sinus", "mastoid")

    # --- soft tissue ----------------------------------------------------------------------------------
    def _add_skin(self) -> dict[str, int]:
        """Rings about the head from below to above; landmarks are vertices in front."""
        r, places = self.reference, self.places
        skull = np.concatenate([self.bones[name].vertices for name in (*VAULT, *FACE)])
        top = skull[:, 2].max()
        nasion, spine, chin, menton = r["nasion"], r["anterior_nasal_spine"], r["pogonion"], r["menton"]
        upper, lower = r["upper_incisor"], r["lower_incisor"]
        sulcus = (r["infradentale"] + chin) / 2
        neck = places["vertebra_c4"]
        mouth = (upper[2] + lower[2]) / 2 + 2.5
        profile = [  # z, y, name
            (menton[2] - 230, neck[1] + 130, ""),
            (menton[2] - 110, neck[1] + 72, ""),
            (menton[2] - 50, neck[1] + 44, ""),
            (menton[2] - 14, neck[1] + 46, "throat"),
            (menton[2] - 9.0, menton[1] - 10, "under chin"),
            (menton[2] - 4.0, menton[1] + 8, ""),
            (menton[2] + 2.0, menton[1] + 13.0, "soft_pogonion"),
            (chin[2] + 1.0, chin[1] + 11.0, "soft chin"),
            (sulcus[2] - 0.5, sulcus[1] + 10.0, "sulcus"),
            (mouth - 13.0, lower[1] + 9.5, ""),
            (mouth - 9.0, lower[1] + 10.8, "lower_lip"),
            (mouth - 3.5, lower[1] + 9.0, ""),
            (mouth, lower[1] + 4.5, "mouth"),
            (mouth + 2.5, upper[1] + 8.0, ""),
            (mouth + 5.5, upper[1] + 9.5, "upper_lip"),
            (mouth + 9.0, upper[1] + 8.5, ""),
            (spine[2] - 8.0, spine[1] + 10.5, "lip groove"),
            (spine[2] - 4.5, spine[1] + 11.5, "subnasale"),
            (spine[2] + 3.0, spine[1] + 13.5, ""),
            ((spine[2] + nasion[2]) / 2, (spine[1] + nasion[1]) / 2 + 10.0, ""),
            (nasion[2] - 3.0, nasion[1] + 6.0, "soft nasion"),
        ]
        from scipy.interpolate import PchipInterpolator

        vault = top + 6 - (top - nasion[2]) * (1 - np.sin(np.linspace(0.1, np.pi / 2, 16)))
        heights = sorted(
            {z for z, _, _ in profile}
            | {mouth + 1.0}
            | set(np.linspace(menton[2] - 230, mouth - 1.5, 44))
            | set(np.linspace(mouth + 3, nasion[2], 22))
            | set(vault)
        )
        levels = np.array(heights)
        back_limit = skull[:, 1].min()
        scalp = _envelope(skull, levels)
        front_of = PchipInterpolator(*np.array([(z, y) for z, y, _ in profile]).T)
        above = levels > nasion[2] + 2
        front = np.where(above, scalp[:, 0] + 6.5, front_of(np.minimum(levels, nasion[2] - 3)))
        front = np.where(above & (levels < nasion[2] + 12), np.maximum(front, nasion[1] + 5), front)
        occiput = places["inion"][2]
        nape = neck[1] - 52.0
        low = _smooth(levels, menton[2] - 40, occiput)
        nape = nape - 95 * _smooth(menton[2] - levels, 60, 190)
        back = np.where(
            levels >= occiput, scalp[:, 1] - 6.5, low * (back_limit - 3) * 0.93 + (1 - low) * nape
        )
        chin_z, palate = menton[2], spine[2]
        width = np.interp(
            levels,
            [chin_z - 230, chin_z - 125, chin_z - 70, chin_z - 20, chin_z, mouth, palate, palate + 20],
            [210, 190, 62, 50, 46, 50, 58, 64],
        )
        above_face = _smooth(levels, -50, 25)
        width = (1 - above_face) * width + above_face * np.maximum(scalp[:, 2] + 5.5, 8)
        crown = levels > top - 1
        front, back = (
            np.where(crown, np.interp(levels, [top, top + 6], [40, 5]), front),
            np.where(crown, np.interp(levels, [top, top + 6], [-45, -15]), back),
        )
        width = np.where(crown, np.interp(levels, [top, top + 6], [32, 6]), width)
        angle = np.linspace(0, 2 * np.pi, AROUND, endpoint=False)
        half, middle = (front - back) / 2, (front + back) / 2
        cosine, sine = np.cos(angle), np.sin(angle)
        blunt = np.sign(sine) * np.abs(sine) ** 0.9
        rings = np.stack(
            [
                -width[:, None] * blunt,
                middle[:, None] + half[:, None] * cosine,
                np.broadcast_to(levels[:, None], (len(levels), AROUND)),
            ],
            axis=-1,
        )
        self._add(loft(rings), "skin", "head")
        self._add_nose(nasion, spine, front_of)
        return {
            name: int(np.argmin(np.abs(levels - z))) * AROUND for z, _, name in profile if name and name != ""
        }

    def _add_nose(
        self, nasion: FloatArray, spine: FloatArray, face: Callable[[FloatArray], FloatArray]
    ) -> None:
        """The nose in front of the face (its y by height): from its base to its root."""
        share = np.array([0.0, 0.05, 0.1, 0.16, 0.22, 0.28, 0.4, 0.6, 0.8, 1.0])
        low, high = spine[2] - 1.0, nasion[2] - 4.0
        heights = low + share * (high - low)
        tip = np.array([12.0, 17.5, 22.5, 25.5, 26.0, 25.0, 21.5, 15.5, 9.5, 5.5])  # in front of the bones
        base = spine[1] + (nasion[1] - spine[1]) * share
        half = np.array([9.0, 13.0, 15.0, 16.0, 15.5, 14.0, 11.0, 9.0, 8.0, 7.0])
        angle = np.linspace(0, 2 * np.pi, 16, endpoint=False)
        # The face is narrow where it ends: what lies 1.5 mm behind makes up for it and counts once.
        behind = face(heights) - 1.5
        middle, deep = (base + tip + behind) / 2, np.maximum(base + tip - behind, 1.0) / 2
        rings = np.stack(
            [
                -half[:, None] * np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** 0.7,
                middle[:, None] + deep[:, None] * np.cos(angle),
                np.broadcast_to(heights[:, None], (len(heights), 16)),
            ],
            axis=-1,
        )
        self._add(loft(rings), "skin", "nose")

    # --- what moves with what -------------------------------------------------------------------------
    def _weights(self, vertices: Array, surfaces: Surfaces) -> tuple[Array, Array]:
        r = self.reference
        mouth = (r["upper_incisor"][2] + r["lower_incisor"][2]) / 2 + 2.5
        jaw, neck = np.zeros(len(vertices)), np.zeros(len(vertices))
        throat = r["menton"][2]
        for n, (kind, name) in enumerate(zip(self.kinds, self.names, strict=True)):
            own = slice(int(surfaces.vertex_start[n]), int(surfaces.vertex_start[n + 1]))
            points = vertices[own]
            if name == "Mandible" or name.startswith("lower "):
                jaw[own] = 1.0
            elif kind == "neck" or name in NECK:
                neck[own] = 1.0 if name != "Atlas" else 0.8
            elif name == "Hyoid_bone" or name == "airway":
                neck[own] = _smooth(-points[:, 2], 50, 75)
            elif kind == "skin" and name == "head":
                below = _smooth(-points[:, 2], -mouth - 1.5, -mouth + 1.5)
                # Behind the lips there is no slit: the cheek is carried gradually.
                cheek = _smooth(-points[:, 2], -mouth - 30, -mouth + 25)
                lip = _smooth(points[:, 1], r["gonion"][1] + 30, r["lower_incisor"][1] - 5)
                share = lip * below + (1 - lip) * cheek
                share *= _smooth(points[:, 1], -25, 30)
                jaw[own] = share * (1 - _smooth(-points[:, 2], -throat + 8, -throat + 45))
                neck[own] = _smooth(-points[:, 2], 60, 115) * (1 - jaw[own])
        return jaw, neck


def _near_midline(bone: Solid) -> Array:
    """Vertices of a paired bone that lie within 6 mm of the midline."""
    return bone.vertices[np.abs(bone.vertices[:, 0]) < 6]


def _resampled(polyline: Array, count: int = OUTLINE) -> FloatArray:
    """Points at equal distances along a polyline."""
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(polyline, axis=0), axis=1))])
    at = np.linspace(0, length[-1], count)
    return np.stack([np.interp(at, length, polyline[:, k]) for k in range(3)], axis=1)


def _front_outline(cut: Array) -> FloatArray:
    """The front of the symphysis from the ridge down to the lowest point and a little beyond."""
    centre = cut.mean(axis=0)
    angle = np.arctan2(cut[:, 2] - centre[2], cut[:, 1] - centre[1])
    top = np.argmax(cut[:, 2])
    order = np.argsort(-angle)
    ordered, angles = cut[order], angle[order]
    kept = (angles <= angle[top]) & (angles > -np.radians(135))
    outline = ordered[kept]
    outline = outline[np.argsort(-np.unwrap(angles[kept]))]
    # The mean of what lies close together: cuts meet every edge twice.
    return _resampled(_thinned(outline, 1.5)) * np.array([0, 1, 1])


def _thinned(points: Array, apart: float) -> Array:
    kept = [points[0]]
    for point in points[1:]:
        if np.linalg.norm(point[1:] - kept[-1][1:]) >= apart:
            kept.append(point)
    return np.array(kept)


def _upper_front(bones: dict[str, Solid], spine: FloatArray, ridge: FloatArray) -> FloatArray:
    """The front of the upper jaw from the nasal spine to the ridge: most of it is a shallow bay."""
    share = np.linspace(0, 1, OUTLINE)[:, None]
    start, end = spine * (0, 1, 1), ridge
    chord = start + share * (end - start)
    # The cortex over the roots stands 2.5 to 3 mm behind the chord.
    depth = 3.0 * np.sin(np.pi * share[:, 0] ** 1.2) ** 0.8
    chord[:, 1] -= depth
    return np.asarray(chord)


def _base_outline(bones: dict[str, Solid], basion: FloatArray) -> FloatArray:
    """The lower outline of the skull base in front of the foramen, from behind to the front."""
    points = _midline(bones["Occipital_bone"])
    points = points[(points[:, 1] > basion[1] - 3) & (points[:, 1] < basion[1] + 18)]
    edges = np.arange(basion[1] - 3, basion[1] + 18, 3.0)
    bins = np.digitize(points[:, 1], edges)
    low = [points[bins == n][np.argmin(points[bins == n, 2])] for n in np.unique(bins)]
    return _resampled(np.array(low)) * np.array([0, 1, 1])


def _rear_outline(half: Array, condyle: FloatArray) -> FloatArray:
    """The outline of one side of the mandible from behind the condyle around the angle to the chin."""
    from scipy.spatial import ConvexHull

    seen = half[:, 1:].astype(np.float64)
    hull = ConvexHull(seen)
    order = hull.vertices  # counter-clockwise in (anterior, superior)
    start = int(np.argmax(seen[order, 1] - 0.5 * seen[order, 0]))
    order = np.roll(order, -start)
    lowest = int(np.argmin(seen[order, 1]))
    return _resampled(half[order[: lowest + 1]])


def _envelope(points: Array, levels: Sequence[float] | Array) -> FloatArray:
    """Foremost, hindmost and widest extent (n, 3) of points near each height, smoothed along it."""
    from scipy.ndimage import gaussian_filter1d

    rows = []
    for level in levels:
        near = points[np.abs(points[:, 2] - level) < 5]
        if not len(near):
            rows.append((np.nan,) * 3)
            continue
        rows.append((near[:, 1].max(), near[:, 1].min(), np.abs(near[:, 0]).max()))
    found = np.array(rows)
    for column in found.T:
        known = np.isfinite(column)
        column[~known] = np.interp(np.flatnonzero(~known), np.flatnonzero(known), column[known])
    return np.asarray(gaussian_filter1d(found, 0.7, axis=0))
