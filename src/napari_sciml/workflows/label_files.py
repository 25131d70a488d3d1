"""Import and export labels beside a living GUI."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from napari_sciml.annotation.changes import LabelChange
from napari_sciml.annotation.classes import ClassTable
from napari_sciml.annotation.scribbles import Scribbles
from napari_sciml.io.images.label_classes import UnknownClassesError
from napari_sciml.io.images.label_map import LabelMap
from napari_sciml.io.labels.export import load_annotation, save_annotation
from napari_sciml.io.labels.painted_before import strokes_before

NOT_KEPT = (
    "A file of this kind does not keep that {0} of its strokes were painted before a "
    "prediction was shown: write a TIFF, or train on it with --before {0}."
)


@dataclass(frozen=True)
class LabelsRead:
    """Voxels in which a file differs from the annotation.

    Attributes
    ----------
    path
        The file.
    labels
        All that it holds, uint8.
    indices, values
        ``(n,)``: places in which it differs, flat in C order, and its labels there.
    cautions
        What a person should know before he trusts them.
    before
        Strokes that were painted before a prediction was shown; None where the file
        does not tell.
    """

    path: Path
    labels: np.ndarray
    indices: np.ndarray
    values: np.ndarray
    cautions: tuple[str, ...] = ()
    before: int | None = None


@dataclass(frozen=True)
class MapWanted:
    """The labels are those of another program: somebody has to say what they mean.

    Attributes
    ----------
    path
        Of the labels.
    found
        What is in them, a sentence without its end.
    suggestion
        A map to begin with, such as ``127:1,255:2``.
    """

    path: Path
    found: str
    suggestion: str


@dataclass(frozen=True)
class LabelsWritten:
    """The file is there.

    Attributes
    ----------
    path
        Of the labels.
    caution
        What was known of them and is not in it; a sentence, or empty.
    """

    path: Path
    caution: str = ""


def import_labels(
    path: Path,
    shape: Sequence[int],
    classes: ClassTable,
    present: LabelChange,
    mapping: LabelMap | None = None,
    *,
    count: bool = False,
) -> Generator[LabelsRead | MapWanted, None, None]:
    """Read labels, and compare them with the annotation.

    Parameters
    ----------
    path, shape, classes, mapping
        As of `load_annotation`.
    present
        Snapshot of the annotation.
    count
        Whether to count the strokes of a file that tells nothing: a prediction is shown
        already, and strokes to come will correct it.
    """
    try:
        volume = load_annotation(path, shape, classes, mapping)
    except UnknownClassesError as error:
        yield MapWanted(path, error.found, error.suggestion)
        return
    labels: np.ndarray = volume.data
    differs = labels > 0
    held = labels.reshape(-1)[present.indices]
    differs.reshape(-1)[present.indices] = held != present.values
    indices = np.flatnonzero(differs)
    values = labels.reshape(-1)[indices]
    before = None if mapping else strokes_before(path)
    count = count and len(indices) > 0
    if count or before is not None:
        strokes = len(Scribbles.from_dense(labels).strokes())
        before = strokes if before is None else min(before, strokes)
        before = before if count or before < strokes else None
    yield LabelsRead(path, labels, indices, values, volume.cautions, before)


def export_labels(
    path: Path,
    present: LabelChange,
    shape: Sequence[int],
    voxel_size: Sequence[float],
    unit: str,
    before: int | None = None,
) -> Generator[LabelsWritten, None, None]:
    """Write a snapshot of the annotation; parameters as of `save_annotation`."""
    labels = np.zeros(tuple(shape), np.uint8)
    present.apply_to(labels)
    if before is not None:
        given = Scribbles(tuple(shape), present.indices, present.values)
        before = before if before < len(given.strokes()) else None
    save_annotation(path, labels, voxel_size, unit, before)
    caution = "" if strokes_before(path) == before else NOT_KEPT.format(before)
    yield LabelsWritten(path, caution)
