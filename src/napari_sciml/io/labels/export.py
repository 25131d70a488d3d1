"""Labels and classes as files that other programs read."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from napari_sciml.annotation.classes import ClassTable, from_csv, to_csv
from napari_sciml.errors import InputError
from napari_sciml.images.volume import SPATIAL_AXES, Volume
from napari_sciml.io.atomic import atomic_path
from napari_sciml.io.images.label_classes import check_classes
from napari_sciml.io.images.label_map import LabelMap
from napari_sciml.io.images.reading import open_labels
from napari_sciml.io.labels.painted_before import KEY
from napari_sciml.io.results.arrays import save_labels


def load_annotation(
    path: str | Path,
    shape: Sequence[int],
    classes: ClassTable,
    mapping: LabelMap | None = None,
) -> Volume:
    """Read labels that were painted elsewhere; the formats are those of images.

    Parameters
    ----------
    path
        TIFF, ``.npy``, zarr, PNG or a folder of TIFF slices.
    shape
        Of the image.
    classes
        Which label values there are.
    mapping
        Class of each value or color, as in `open_labels`.

    Returns
    -------
    Volume
        With numpy data, uint8; 0 = not annotated.

    Raises
    ------
    InputError
        When it cannot be read or has another shape; `UnknownClassesError` when it
        holds a value that is no class.
    """
    labels = open_labels(path, tuple(shape), mapping=mapping)
    check_classes(
        labels.data,
        classes.names,
        f"The labels in {path}",
        advice="add classes first, or import them",
        by_map="say which value is which class, like {}",
    )
    return labels


def save_annotation(
    path: str | Path,
    labels: np.ndarray,
    voxel_size: Sequence[float],
    unit: str = "pixel",
    before: int | None = None,
) -> None:
    """Write labels as ``.tif``, ``.npy`` or ``.zarr``; see `save_labels`.

    Parameters
    ----------
    path, labels, voxel_size, unit
        As of `save_labels`.
    before
        Strokes that were painted before a prediction was shown, for `strokes_before`;
        None = all. ``.npy`` does not keep it.

    Raises
    ------
    InputError
        For another extension, more axes than z, y, x, or when the file cannot be
        written.
    """
    if labels.ndim not in SPATIAL_AXES:
        raise InputError(
            f"Labels with {labels.ndim} axes cannot be exported: choose an image with "
            "the axes y, x or z, y, x."
        )
    about = {} if before is None else {KEY: before}
    save_labels(path, labels, voxel_size, unit, about)


def load_classes(path: str | Path) -> ClassTable:
    """Read a CSV file with the columns label, name and color.

    Raises
    ------
    InputError
        Names the file, and the line where one is wrong.
    """
    path = Path(path)
    try:
        return from_csv(path.read_text("utf-8"))
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is no text in UTF-8: save it as CSV.") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error
    except InputError as error:
        raise InputError(f"{path.name}: {error}") from error


def save_classes(path: str | Path, classes: ClassTable) -> None:
    """Write a CSV file, whole or not at all.

    Raises
    ------
    InputError
        When it cannot be written.
    """
    with atomic_path(path) as fresh:
        fresh.write_text(to_csv(classes), "utf-8", newline="\n")
