"""What people said of landmarks, kept so that the next model learns from it: one file per annotation.

::

    STORE/protocol.json               the landmarks, where they are known
    STORE/annotations/<id>.mrk.json   one annotation: points for 3D Slicer, and the entry "annotation"
    STORE/images/<hash>.nrrd          copies of images, where they were asked for
    STORE/local/                      where images lie on this computer, and the key of pseudonyms
    STORE/datalist.json               the same as a datalist, for other programs

:mod:`.annotation` is one annotation and its file, :mod:`.store` the folder, :mod:`.summary` what is in it,
:mod:`.image_content` how an image is recognised whatever its file is called.
"""

from LandmarkDetectionLib.datasets.annotations.annotation import Annotation
from LandmarkDetectionLib.datasets.annotations.store import (
    HELD_OUT,
    TRAIN,
    AnnotationStore,
    is_store,
    read_store,
)
from LandmarkDetectionLib.datasets.annotations.summary import StoreSummary, summarise_store

__all__ = [
    "HELD_OUT",
    "TRAIN",
    "Annotation",
    "AnnotationStore",
    "StoreSummary",
    "is_store",
    "read_store",
    "summarise_store",
]
