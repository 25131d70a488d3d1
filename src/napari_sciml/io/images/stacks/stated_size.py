"""Whether files that belong together state the same voxel size."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_sciml.errors import InputError
from napari_sciml.images.units import NO_UNIT, conversion, size_text, unit_name

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

    @classmethod
    def of(cls, volume: Any, path: Path) -> "StatedSize":
        """What the file of a volume, or of a prediction, states."""
        return cls(tuple(volume.voxel_size), volume.unit, path.name)

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
        factor = conversion(self.unit, other.unit) or its[-1] / mine[-1]
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
        factor = 1.0 if self.unit == NO_UNIT else conversion(self.unit, name)
        if factor is None:
            raise InputError(
                f"{self.source} has voxels of {self.text}, which cannot be converted "
                f"to {unit!r}: give a unit of length like µm, or the size by "
                "--voxel-size, too."
            )
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
