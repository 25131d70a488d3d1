"""How a mask becomes fibers."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from napari_sciml.bounds import MAX_COUNT
from napari_sciml.fibers.report.figures import volume_symbol

Connectivity = Literal[4, 6, 8, 18, 26]


class FiberConfig(BaseModel):
    """Settings of the instances; forms and command-line options come from here.

    The default of `dust` is a fiber of radius 2 voxels that is twice as long as wide
    (in the plane one of 7 by 14 pixels): what is smaller has neither a length nor a
    direction that could be trusted, and most pieces of things that are no fibers are.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    connectivity: Literal[6, 18, 26] = Field(
        26,
        description="Neighbors that join voxels to one fiber: 6 = by faces, 18 = and "
        "by edges, 26 = and by corners. A 2D mask takes 4 for 6, and 8 otherwise.",
    )
    dust: int = Field(
        100,
        ge=0,
        le=MAX_COUNT,
        description="Pieces of fewer voxels than this are dropped (voxels).",
    )
    dust_volume: float | None = Field(
        None,
        ge=0,
        le=1e36,
        description="The same as a volume (in 2D an area) in the unit of the voxel "
        "size, in place of the number of voxels.",
    )
    split: bool = Field(
        True,
        description="Take touching, crossing and bundled fibers apart along their "
        "center lines, and join what continues across a small gap.",
    )
    slenderness: float = Field(
        2.5,
        ge=0,
        le=100,
        description="In a volume, bodies that are not so many times as long as wide "
        "are no fibers and are dropped, unless the border cuts them; 0 = none.",
    )
    extend: bool = Field(
        True,
        description="Where the probability is known, add to a fiber the voxels next "
        "to it that are likelier fiber than not: what is sure ends before its rim.",
    )

    def dust_text(self, unit: str, ndim: int = 3) -> str:
        """What is dropped, in words; `unit` is that of the voxel size."""
        if self.dust_volume is None:
            return f"{self.dust} voxels"
        return f"{self.dust_volume:g} {volume_symbol(unit, ndim)}"

    def dropped_text(self, unit: str, ndim: int = 3) -> str:
        """All that is dropped, in words."""
        text = f"under {self.dust_text(unit, ndim)}"
        if ndim == 3 and self.slenderness:
            text += f", or not {self.slenderness:g} times as long as wide"
        return text
