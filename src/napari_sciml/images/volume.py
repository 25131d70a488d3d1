"""A volume or image with its axes and voxel size."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from typing import Any

from napari_sciml.errors import InputError
from napari_sciml.images.channels import channels_of

SPATIAL_AXES = {2: ("y", "x"), 3: ("z", "y", "x")}


@dataclass(frozen=True)
class Volume:
    """Gray values or channels, with named axes and a physical size.

    Attributes
    ----------
    data
        Array-like (``shape``, ``dtype``, slicing gives numpy): ``(y, x)`` or
        ``(z, y, x)``; a `ChannelImage` where there are several channels.
    axes
        A letter an axis, ``("z", "y", "x")`` or ``("y", "x")``.
    voxel_size
        Edge of a voxel along each axis, in ``unit``.
    unit
        Unit of length; "pixel" where the file does not tell.
    cautions
        Sentences on what a person should know before he trusts the data, such as
        slices that are missing. They go into every summary and record.

    Raises
    ------
    InputError
        When data, axes and voxel size do not fit each other.
    """

    data: Any
    axes: tuple[str, ...]
    voxel_size: tuple[float, ...]
    unit: str = "pixel"
    cautions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.axes != SPATIAL_AXES.get(len(self.shape)):
            raise InputError(
                f"An image has axes (y, x) or (z, y, x), not {self.axes} with shape "
                f"{self.shape}."
            )
        good = [math.isfinite(size) and size > 0 for size in self.voxel_size]
        if len(good) != self.ndim or not all(good):
            raise InputError(
                f"The voxel size must be {self.ndim} positive numbers, one for each "
                f"of {self.axes}, not {self.voxel_size}."
            )

    @property
    def shape(self) -> tuple[int, ...]:
        """Voxels along each axis."""
        return tuple(int(n) for n in self.data.shape)

    @property
    def channels(self) -> int:
        """Values of each voxel; 1 for gray."""
        return channels_of(self.data)

    @property
    def ndim(self) -> int:
        """2 or 3."""
        return len(self.axes)


def unique(*cautions: Iterable[str]) -> tuple[str, ...]:
    """Join the cautions of several files; what two of them say is said once."""
    return tuple(dict.fromkeys(chain.from_iterable(cautions)))
