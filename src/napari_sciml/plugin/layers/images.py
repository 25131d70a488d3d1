"""Which image layers can be used, and how our layers lie on them."""

from typing import Any, Literal

import numpy as np
import pint
from napari.layers import Image, Layer

from napari_sciml.errors import InputError
from napari_sciml.images.channels import ChannelImage
from napari_sciml.images.tiles import Region
from napari_sciml.plugin.layers.axes import LayerAxes, image_array, napari_array
from napari_sciml.prediction.viewport import Viewport

MAX_VOXELS = 2**29
"""What is kept of a prediction of two classes takes 6 GiB then, and two masks."""

SHEARED = 1e-3
"""Cosine between two axes that is no rounding error."""

RESULT = "napari_sciml_result"
"""Key of ``layer.metadata``: a result of ours, and no image to annotate."""

CAUTIONS = "cautions"
"""Key of ``layer.metadata``: what a person should know of the file."""

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
        ``(y, x)`` or ``(z, y, x)``, without axes of length 1. Color images, and those
        whose axis of channels is named "c", "channel" or "channels" in
        ``layer.axis_labels``, are a `ChannelImage`: of that shape, too. Alpha is left
        out.

    Raises
    ------
    InputError
        When the image cannot be annotated and trained on.
    """
    if layer is None:
        raise InputError("There is no image: open one, or File > Open Sample.")
    axes = LayerAxes.of(layer)
    image = image_array(layer)
    if layer.rgb:
        _check_color(layer, axes)
        image = ChannelImage(image, -1, channels=3)
    elif axes.channel is not None:
        _check_channels_first(layer, axes)
        image = ChannelImage(image, 0)
    _check_space(layer, axes)
    if not any_size:
        _check_size(layer, image)
    return image


def cautions_on(layer: Layer | None) -> tuple[str, ...]:
    """What our reader said of the file of a layer; of another reader nothing."""
    found = () if layer is None else layer.metadata.get(CAUTIONS, ())
    return tuple(map(str, found)) if isinstance(found, list | tuple) else ()


def dims_for(layer: Image) -> Literal[2, None]:
    """What `TrainingConfig.dims` should be: 2 for a time series of 2D frames.

    So each frame is looked at by itself. None = as many as the image has.
    """
    axes = LayerAxes.of(layer)
    return 2 if len(axes.space) == 3 and axes.time is not None else None


def space_of(layer: Layer) -> list[int]:
    """Axes of a layer that the image has: not channels, nor any of length 1.

    For a color image napari does not count its samples.
    """
    return list(LayerAxes.of(layer).space)


def layer_transform(layer: Layer, axes: list[int] | None = None) -> dict[str, Any]:
    """Keywords that put a new layer where another one lies.

    Parameters
    ----------
    layer
        The other one.
    axes
        Those of its axes that the new layer has; by default the ones that
        `LayerAxes.own` tells.

    Raises
    ------
    InputError
        When an axis that is left out is mixed with others by a rotation or a shear.
    """
    place = {name: getattr(layer, name) for name in PLACE}
    place["affine"] = layer.affine.affine_matrix
    axes = list(LayerAxes.of(layer).own) if axes is None else axes
    if len(axes) == layer.ndim:
        return place
    for name in ("scale", "translate"):
        place[name] = np.asarray(place[name])[axes]
    for name in ("units", "axis_labels"):
        place[name] = tuple(place[name][axis] for axis in axes)
    place["shear"] = shear_matrix(place["shear"], layer.ndim)
    for name, kept in (
        *(("rotate", axes), ("shear", axes)),
        ("affine", [*axes, layer.ndim]),
    ):
        place[name] = _without_axes(place[name], kept, layer)
    return place


def voxel_size(layer: Layer) -> tuple[tuple[float, ...], str]:
    """Edge of a voxel along each axis of the image in the world, and the unit.

    Raises
    ------
    InputError
        When the axes have units that cannot be converted, or are sheared.
    """
    axes, time = space_of(layer), LayerAxes.of(layer).time
    unit = layer.units[axes[-1]]
    # Nobody measures along time, whatever it counts in.
    units = [unit if axis == time else layer.units[axis] for axis in axes]
    try:
        factors = [(1 * other).to(unit).magnitude for other in units]
    except pint.DimensionalityError as error:
        raise InputError(
            f"The axes of '{layer.name}' have units that do not go together: "
            f"{', '.join(map(str, units))}."
        ) from error
    origin = np.asarray(layer.data_to_world(np.zeros(layer.ndim)))
    ends = np.array([layer.data_to_world(axis) for axis in np.eye(layer.ndim)[axes]])
    edges = (ends - origin)[:, axes] * factors
    lengths = np.linalg.norm(edges, axis=1)
    cosines = edges @ edges.T / np.outer(lengths, lengths)
    if np.abs(cosines - np.eye(len(axes))).max() > SHEARED:
        raise InputError(
            f"'{layer.name}' is sheared: lengths can be measured on straight axes only."
        )
    return tuple(float(length) for length in lengths), str(unit)


def shown_view(layer: Image, dims: Any) -> Viewport:
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
    shape = [napari_array(layer).shape[axis] for axis in axes]
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
    return Viewport(
        tuple(region),
        tuple(float(p) for p in point),
        visible=visible,
        volume=dims.ndisplay == 3 and len(shape) == 3,
        shape=tuple(map(int, shape)),
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


def _check_color(layer: Image, axes: LayerAxes) -> None:
    if axes.channel is not None:
        raise InputError(
            f"'{layer.name}' is a color image and has an axis of channels, too: choose "
            "one of the channels (right-click the layer, Split Stack)."
        )


def _check_channels_first(layer: Image, axes: LayerAxes) -> None:
    """Napari lines layers up by their last axes: ours would lie across the image."""
    channel = axes.channel
    if channel is not None and channel > axes.space[0]:
        raise InputError(
            f"The channels of '{layer.name}' are its axis {channel + 1}, but have to "
            "be the first one, or our layers do not line up with it: open it with "
            f"numpy.moveaxis(data, {channel}, 0)."
        )


def _check_space(layer: Image, axes: LayerAxes) -> None:
    if axes.time is not None and len(axes.space) == 4:
        raise InputError(
            f"'{layer.name}' is a time series of volumes: choose a single time point "
            "(right-click the layer, Split Stack)."
        )
    if len(axes.space) not in (2, 3):
        raise InputError(
            f"'{layer.name}' has {len(axes.space)} axes: say at \"Axes\" in the "
            "Annotate dock which of them are channels or time (in Python: "
            "layer.axis_labels = ('c', 'z', 'y', 'x')), or choose an image with the "
            "axes y, x or z, y, x."
        )
    if axes.time is not None and axes.time > axes.space[0]:
        raise InputError(
            f"The time axis of '{layer.name}' has to come before the axes of space: "
            f"open it with numpy.moveaxis(data, {axes.time}, {axes.space[0]})."
        )


def _check_size(layer: Image, image: Any) -> None:
    if np.prod(image.shape, dtype=float) > MAX_VOXELS:
        raise InputError(
            f"'{layer.name}' has more than {MAX_VOXELS // 10**6} million voxels: train "
            'on a crop of it, then press "Predict whole volume" in the Train dock.'
        )


def shear_matrix(shear: Any, ndim: int) -> np.ndarray:
    """Napari gives a shear as it was set: all numbers, or those above the diagonal."""
    shear = np.asarray(shear, float)
    if shear.ndim == 2:
        return shear
    matrix = np.eye(ndim)
    matrix[np.triu_indices(ndim, 1)] = shear
    return matrix


def _without_axes(matrix: Any, kept: list[int], layer: Layer) -> np.ndarray:
    matrix = np.asarray(matrix, float)
    dropped = [axis for axis in range(layer.ndim) if axis not in kept]
    # The last column of an affine matrix is a shift, which may well be there.
    mixed = matrix[np.ix_(dropped, [a for a in kept if a < layer.ndim])]
    if mixed.any() or matrix[np.ix_(kept, dropped)].any():
        raise InputError(
            f"'{layer.name}' is rotated or sheared across its channels or an axis of "
            "length 1, so that our layers cannot lie on it: set its transforms anew."
        )
    return matrix[np.ix_(kept, kept)]


def value_range(layer: Image, data: Any) -> tuple[float, float]:
    """Values for 0 and 1: those of the type, or of the contrast limits' range."""
    if data.dtype.kind in "iu":
        return 0.0, float(np.iinfo(data.dtype).max)
    low, high = layer.contrast_limits_range
    return float(low), float(high)
