"""Which image layers can be used, and how our layers lie on them."""

from collections.abc import Container
from typing import Any, Literal

import numpy as np
import pint
from napari.layers import Image, Layer

from napari_sciml.errors import InputError
from napari_sciml.images.channels import ChannelImage
from napari_sciml.images.tiles import Region
from napari_sciml.prediction.view import View

MAX_VOXELS = 2**29
"""What is kept of a prediction of two classes takes 6 GiB then, and two masks."""

SHEARED = 1e-3
"""Cosine between two axes that is no rounding error."""

CHANNEL = ("c", "ch", "channel", "channels")
TIME = ("t", "time", "frame", "frames")
"""Names of axes in ``layer.axis_labels``, whatever their case."""

PLACE = ("scale", "translate", "rotate", "shear", "units", "axis_labels")


def pixels(layer: Image | None, *, any_size: bool = False) -> Any:
    """The image behind a layer, as the stages take it; of a pyramid, its finest level.

    Parameters
    ----------
    layer
        An image.
    any_size
        Whether it may be larger than what can be annotated.

    Returns
    -------
    array-like
        ``(y, x)`` or ``(z, y, x)``. Color images, and those whose axis of channels
        is named "c", "channel" or "channels" in ``layer.axis_labels``, are a
        `ChannelImage`: of that shape, too. Alpha is left out.

    Raises
    ------
    InputError
        When the image cannot be annotated and trained on.
    """
    if layer is None:
        raise InputError("There is no image: open one, or File > Open Sample.")
    data = layer.data[0] if layer.multiscale else layer.data
    channel = _axis_named(layer, CHANNEL)
    if layer.rgb:
        _check_color(layer, channel)
        image: Any = ChannelImage(data, -1, channels=3)
    elif channel is not None:
        _check_channels_first(layer, channel)
        image = ChannelImage(data, channel)
    else:
        image = data
    _check_space(layer, image)
    if not any_size:
        _check_size(layer, image)
    return image


def dims_for(layer: Image) -> Literal[2, None]:
    """What `TrainingConfig.dims` should be: 2 for a time series of 2D frames.

    So each frame is looked at by itself. None = as many as the image has.
    """
    axes = space_of(layer)
    return 2 if len(axes) == 3 and _axis_named(layer, TIME) in axes else None


def space_of(layer: Layer) -> list[int]:
    """Axes of a layer that our layers on it have, too: all but that of channels.

    For a color image napari does not count that axis.
    """
    channel = _axis_named(layer, CHANNEL) if isinstance(layer, Image) else None
    return [axis for axis in range(layer.ndim) if axis != channel]


def place_of(layer: Layer, axes: list[int] | None = None) -> dict[str, Any]:
    """Keywords that put a new layer where another one lies.

    Parameters
    ----------
    layer
        The other one.
    axes
        Those of its axes that the new layer has; all but that of channels by
        default.

    Raises
    ------
    InputError
        When an axis that is left out is mixed with others by a rotation or a shear.
    """
    place = {name: getattr(layer, name) for name in PLACE}
    place["affine"] = layer.affine.affine_matrix
    axes = space_of(layer) if axes is None else axes
    if len(axes) == layer.ndim:
        return place
    for name in ("scale", "translate"):
        place[name] = np.asarray(place[name])[axes]
    for name in ("units", "axis_labels"):
        place[name] = tuple(place[name][axis] for axis in axes)
    place["shear"] = _as_matrix(place["shear"], layer.ndim)
    for name, kept in (
        *(("rotate", axes), ("shear", axes)),
        ("affine", [*axes, layer.ndim]),
    ):
        place[name] = _without_channels(place[name], kept, layer)
    return place


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
        An image that `pixels` takes.
    dims
        ``viewer.dims``, which may have more axes than the layer.

    Returns
    -------
    View
        In voxels, without the axis of channels.
    """
    axes = space_of(layer)
    shape = [layer.data.shape[axis] for axis in axes]
    extra = dims.ndim - layer.ndim
    inside = np.asarray(layer.world_to_data(dims.point))[axes]
    point = np.clip(np.rint(inside), 0, np.subtract(shape, 1))
    shown = {axis - extra for axis in dims.order[-2:]}
    in_plane = {place for place, axis in enumerate(axes) if axis in shown}
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
    low, high = np.asarray(layer.corner_pixels)[:, space_of(layer)]
    seen = list(region)
    for axis in in_plane:
        start = max(region[axis].start, int(low[axis]))
        stop = min(region[axis].stop, int(high[axis]) + 1)
        if start >= stop:
            return None
        seen[axis] = slice(start, stop)
    return tuple(seen)


def _axis_named(layer: Layer, names: Container[str]) -> int | None:
    labels = [str(label).strip().lower() for label in layer.axis_labels]
    found = [axis for axis, label in enumerate(labels) if label in names]
    return found[0] if found else None


def _check_color(layer: Image, channel: int | None) -> None:
    if channel is not None:
        raise InputError(
            f"'{layer.name}' is a color image and has an axis of channels, too: choose "
            "one of the channels (right-click the layer, Split Stack)."
        )


def _check_channels_first(layer: Image, channel: int) -> None:
    """Napari lines layers up by their last axes: ours would lie across the image."""
    if channel:
        raise InputError(
            f"The channels of '{layer.name}' are its axis {channel + 1}, but have to "
            "be the first one, or our layers do not line up with it: open it with "
            f"numpy.moveaxis(data, {channel}, 0)."
        )


def _check_space(layer: Image, image: Any) -> None:
    axes, time = space_of(layer), _axis_named(layer, TIME)
    if time is not None and len(axes) == 4:
        raise InputError(
            f"'{layer.name}' is a time series of volumes: choose a single time point "
            "(right-click the layer, Split Stack)."
        )
    if image.ndim not in (2, 3):
        raise InputError(
            f"'{layer.name}' has {image.ndim} axes: choose an image with the axes y, x "
            "or z, y, x, for instance a single time point. An axis of channels has to "
            "be named: layer.axis_labels = ('c', 'z', 'y', 'x')."
        )
    if time is not None and axes.index(time) > 0:
        raise InputError(
            f"The time axis of '{layer.name}' has to come before the axes of space: "
            f"open it with numpy.moveaxis(data, {time}, {axes[0]})."
        )


def _check_size(layer: Image, image: Any) -> None:
    if np.prod(image.shape, dtype=float) > MAX_VOXELS:
        raise InputError(
            f"'{layer.name}' has more than {MAX_VOXELS // 10**6} million voxels: train "
            'on a crop of it, then press "Predict whole volume" in the Train dock.'
        )


def _as_matrix(shear: Any, ndim: int) -> np.ndarray:
    """Napari gives a shear as it was set: all numbers, or those above the diagonal."""
    shear = np.asarray(shear, float)
    if shear.ndim == 2:
        return shear
    matrix = np.eye(ndim)
    matrix[np.triu_indices(ndim, 1)] = shear
    return matrix


def _without_channels(matrix: Any, kept: list[int], layer: Layer) -> np.ndarray:
    matrix = np.asarray(matrix, float)
    dropped = [axis for axis in range(layer.ndim) if axis not in kept]
    # The last column of an affine matrix is a shift, which may well be there.
    mixed = matrix[np.ix_(dropped, [a for a in kept if a < layer.ndim])]
    if mixed.any() or matrix[np.ix_(kept, dropped)].any():
        raise InputError(
            f"'{layer.name}' is rotated or sheared across its channels, so that they "
            "do not lie upon each other: set its transforms anew."
        )
    return matrix[np.ix_(kept, kept)]


def value_range(layer: Image, data: Any) -> tuple[float, float]:
    """Values for 0 and 1: those of the type, or of the contrast limits' range."""
    if data.dtype.kind in "iu":
        return 0.0, float(np.iinfo(data.dtype).max)
    low, high = layer.contrast_limits_range
    return float(low), float(high)
