"""Whether files that belong together state the same voxel size."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from napari_sciml.errors import InputError
from napari_sciml.images.units import METERS, NO_UNIT, size_text, unit_name

SAME = 0.01
"""Of a size: what is less is rounding."""


@dataclass(frozen=True)
class StatedSize:
    """The voxel size that a file states.

    Attributes
    ----------
    voxel_size
        Edges, in ``unit``; 1 where the file does not tell.
    unit
        Of length, or "pixel".
    source
        Name of the file, for sentences.
    """

    voxel_size: tuple[float, ...]
    unit: str
    source: str

    @property
    def is_stated(self) -> bool:
        """Whether there is a size at all."""
        return self.unit != NO_UNIT or any(edge != 1 for edge in self.voxel_size)

    @property
    def text(self) -> str:
        """The size for a sentence."""
        return size_text(self.voxel_size, self.unit)

    def differs(self, other: "StatedSize") -> bool:
        """Whether both state a size, in units that can be compared, and not the same.

        Where one has no unit, the edges must have the same ratio to each other.
        """
        mine, its = self.voxel_size, other.voxel_size
        if not (self.is_stated and other.is_stated) or len(mine) != len(its):
            return False
        if {self.unit, other.unit} <= METERS.keys():
            factor = METERS[self.unit] / METERS[other.unit]
        elif self.unit == other.unit:
            factor = 1.0
        else:
            factor = its[-1] / mine[-1]
        return not all(
            math.isclose(factor * a, b, rel_tol=SAME)
            for a, b in zip(mine, its, strict=True)
        )

    def in_unit(self, unit: str) -> "StatedSize":
        """The same lengths in another unit; without a unit, it gets its name.

        Raises
        ------
        InputError
            When one of the two is no unit of length that we know.
        """
        name = unit_name(unit)
        if self.unit in (NO_UNIT, name):
            return StatedSize(self.voxel_size, name, self.source)
        if not {self.unit, name} <= METERS.keys():
            raise InputError(
                f"{self.source} has voxels of {self.text}, which cannot be converted "
                f"to {unit!r}: give a unit of length like µm, or the size by "
                "--voxel-size, too."
            )
        factor = METERS[self.unit] / METERS[name]
        edges = tuple(edge * factor for edge in self.voxel_size)
        return StatedSize(edges, name, self.source)


def disagreements(first: StatedSize, others: Sequence[StatedSize]) -> tuple[str, ...]:
    """A caution for each file that states another voxel size than the first."""
    return tuple(
        f"{first.source} has voxels of {first.text}, but {other.source} of "
        f"{other.text}; look whether they belong together. The size of "
        f"{first.source} is used."
        for other in others
        if first.differs(other)
    )
