"""What the axes of a layer are, and which of them an image and our layers have."""

from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from napari.layers import Image, Layer

from napari_sciml.images.lazy import AxesView, Key, LazyArray, without_callbacks

CHANNEL = ("c", "ch", "channel", "channels")
TIME = ("t", "time", "frame", "frames")
"""Names of axes in ``layer.axis_labels``, whatever their case."""
PLANE = 2
"""The last axes are those of a picture, also where one of them has length 1."""


@dataclass(frozen=True)
class LayerAxes:
    """The axes of a layer, less those of length 1, as files are read, too.

    Napari lines layers up by their last axes. So ours on the layer have all of its
    axes from the first one of space on, those of length 1 included.

    Attributes
    ----------
    space
        Axes of the image, time included.
    own
        Axes that our layers have.
    channel, time
        None where there is no such axis, or it has length 1.
    ndim
        Of the layer: without the samples of a color image.
    """

    space: tuple[int, ...]
    own: tuple[int, ...]
    channel: int | None
    time: int | None
    ndim: int

    @classmethod
    def of(cls, layer: Layer) -> "LayerAxes":
        """Look at a layer."""
        ndim = layer.ndim
        kept = long_axes(layer)
        channel = _named(layer, CHANNEL, kept) if isinstance(layer, Image) else None
        space = tuple(axis for axis in kept if axis != channel)
        own = range(space[0], ndim) if space else range(ndim)
        return cls(
            space,
            tuple(axis for axis in own if axis != channel),
            channel,
            _named(layer, TIME, kept),
            ndim,
        )

    @property
    def plain(self) -> bool:
        """Whether our layers have just the axes of the image."""
        return self.own == self.space

    def take(self, data: Any) -> Any:
        """Leave out the axes of length 1 of the array of this layer.

        An array of numpy gives a view. Channels and samples of colors stay.
        """
        if isinstance(data, Lifted):
            return data.source
        used = {*self.space, self.channel}
        left_out = {axis for axis in range(self.ndim) if axis not in used}
        if not left_out:
            return data
        if isinstance(data, np.ndarray):
            return data.squeeze(tuple(left_out))
        return AxesView(data, [a for a in range(len(data.shape)) if a not in left_out])

    def lift(self, data: Any) -> Any:
        """Give an array on the image the axes of our layers; numpy gives a view."""
        if self.plain or isinstance(data, Lifted):
            return data
        if isinstance(data, np.ndarray):
            return data[
                tuple(slice(None) if a in self.space else None for a in self.own)
            ]
        added = [i for i, axis in enumerate(self.own) if axis not in self.space]
        return Lifted(data, added)

    def point(self, place: Sequence[float] | np.ndarray) -> np.ndarray:
        """Coordinates in the layer of a place in the image."""
        full = np.zeros(self.ndim)
        full[list(self.space)] = place
        return full

    def spread(self, values: Any, fill: float) -> np.ndarray:
        """A number for each axis of our layers from one for each of the image."""
        full = np.full(self.ndim, float(fill))
        full[list(self.space)] = values
        return full[list(self.own)]


class Lifted(LazyArray):
    """An array with further axes of length 1.

    Parameters
    ----------
    source
        Array-like.
    added
        Where the axes are in this one, ascending.

    Attributes
    ----------
    source
        The array-like.
    """

    def __init__(self, source: Any, added: Sequence[int]) -> None:
        shape = list(source.shape)
        for axis in added:
            shape.insert(axis, 1)
        super().__init__(shape, np.dtype(source.dtype))
        self.source, self._added = source, tuple(added)

    def _read(self, key: Key) -> Any:
        inner = [part for axis, part in enumerate(key) if axis not in self._added]
        values = np.asarray(self.source[tuple(inner)])
        lengths = iter(values.shape)
        shape, at = [], []
        for axis, part in enumerate(key):
            if axis in self._added:
                shape.append(1)
                at.append(part)
            elif isinstance(part, slice):
                shape.append(next(lengths))
                at.append(slice(None))
        return values.reshape(shape)[tuple(at)]


def long_axes(layer: Layer) -> list[int]:
    """Axes longer than 1, and those of the plane; samples of a color do not count."""
    shape, ndim = napari_array(layer).shape, layer.ndim
    return [axis for axis in range(ndim) if shape[axis] > 1 or axis >= ndim - PLANE]


def image_array(layer: Layer) -> Any:
    """The array of a layer, a view, with the axes of the image; see `LayerAxes.take`.

    Of a pyramid, its finest level.
    """
    return LayerAxes.of(layer).take(finest(layer))


def finest(layer: Layer) -> Any:
    """The array of a layer, for any thread; of a pyramid, its finest level."""
    return without_callbacks(napari_array(layer))


def napari_array(layer: Layer) -> Any:
    """The array as napari has it, which no job may read; see `finest`."""
    return layer.data[0] if getattr(layer, "multiscale", False) else layer.data


def _named(layer: Layer, names: Container[str], kept: Sequence[int]) -> int | None:
    labels = [str(label).strip().lower() for label in layer.axis_labels]
    return next((axis for axis in kept if labels[axis] in names), None)
