"""Which image layers can be used, and how our layers lie on them."""

from typing import Any

import numpy as np
import pint
from napari.layers import Image, Layer

from napari_sciml.errors import InputError
from napari_sciml.images.tiles import Region
from napari_sciml.prediction.view import View

MAX_VOXELS = 2**29
"""Mean and deviation of two classes, and information, take 5 GiB then."""

SHEARED = 1e-3
"""Cosine between two axes that is no rounding error."""

PLACE = ("scale", "translate", "rotate", "shear", "units", "axis_labels")


def place_of(layer: Layer) -> dict[str, Any]:
    """Keywords that put a new layer where another one lies."""
    place = {name: getattr(layer, name) for name in PLACE}
    return {**place, "affine": layer.affine.affine_matrix}


def gray_values(layer: Image | None) -> Any:
    """The array behind an image layer; of a pyramid, its finest level.

    Raises
    ------
    InputError
        When the image cannot be annotated and trained on.
    """
    if layer is None:
        raise InputError("There is no image: open one, or File > Open Sample.")
    data = layer.data[0] if layer.multiscale else layer.data
    if layer.rgb:
        raise InputError(
            f"'{layer.name}' is a color image: convert it to gray first (right-click "
            "the layer, Split RGB)."
        )
    if data.ndim not in (2, 3):
        raise InputError(
            f"'{layer.name}' has {data.ndim} axes: choose an image with the axes y, x "
            "or z, y, x, for instance a single time point or channel."
        )
    if np.prod(data.shape, dtype=float) > MAX_VOXELS:
        raise InputError(
            f"'{layer.name}' has more than {MAX_VOXELS // 10**6} million voxels: crop "
            "it, or use napari-sciml on the command line."
        )
    return data


def voxel_size(layer: Layer) -> tuple[tuple[float, ...], str]:
    """Edge of a voxel along each axis as it lies in the world, and the unit.

    Raises
    ------
    InputError
        When the axes have units that cannot be converted, or are sheared.
    """
    unit = layer.units[-1]
    try:
        factors = [(1 * other).to(unit).magnitude for other in layer.units]
    except pint.DimensionalityError as error:
        raise InputError(
            f"The axes of '{layer.name}' have units that do not go together: "
            f"{', '.join(map(str, layer.units))}."
        ) from error
    origin = np.asarray(layer.data_to_world(np.zeros(layer.ndim)))
    ends = np.array([layer.data_to_world(axis) for axis in np.eye(layer.ndim)])
    edges = (ends - origin) * factors
    lengths = np.linalg.norm(edges, axis=1)
    cosines = edges @ edges.T / np.outer(lengths, lengths)
    if np.abs(cosines - np.eye(layer.ndim)).max() > SHEARED:
        raise InputError(
            f"'{layer.name}' is sheared: lengths can be measured on straight axes only."
        )
    return tuple(float(length) for length in lengths), str(unit)


def shown_view(layer: Image, dims: Any) -> View:
    """Part of an image that the viewer shows: a slice, also where it shows 3D.

    Parameters
    ----------
    layer
        A gray image.
    dims
        ``viewer.dims``.
    """
    shape = layer.data.shape
    extra = dims.ndim - len(shape)
    inside = np.asarray(layer.world_to_data(dims.point))[-len(shape) :]
    point = np.clip(np.rint(inside), 0, np.subtract(shape, 1))
    in_plane = {axis - extra for axis in dims.order[-2:]}
    region = []
    for axis, (length, position) in enumerate(zip(shape, point, strict=True)):
        start = int(position)
        whole = axis in in_plane
        region.append(slice(0, length) if whole else slice(start, start + 1))
    visible = _within_window(layer, region, in_plane) if dims.ndisplay == 2 else None
    if visible is not None:
        point = [(part.start + part.stop - 1) / 2 for part in visible]
    return View(
        tuple(region),
        tuple(float(p) for p in point),
        visible=visible,
        volume=dims.ndisplay == 3 and len(shape) == 3,
    )


def _within_window(
    layer: Image, region: list[slice], in_plane: set[int]
) -> Region | None:
    """What of a slice lies in the window; None where napari does not tell."""
    if layer.multiscale:
        return None
    low, high = np.asarray(layer.corner_pixels)
    seen = list(region)
    for axis in in_plane:
        start = max(region[axis].start, int(low[axis]))
        stop = min(region[axis].stop, int(high[axis]) + 1)
        if start >= stop:
            return None
        seen[axis] = slice(start, stop)
    return tuple(seen)
