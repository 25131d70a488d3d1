"""How gaps are filled; does not import torch."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class FillConfig(BaseModel):
    """How gaps are filled."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    method: Literal["auto", "symmetry", "network"] = Field(
        "auto",
        description="symmetry = from the same ring, and the point across the center; "
        "network = one that learns from the image's own gaps, moved to where the "
        "truth is known; auto = the better of the two in the test, or their mean.",
    )
    symmetry: bool = Field(
        True,
        description="Whether the pattern may be the same on both sides of the center; "
        "switch it off for grazing incidence.",
    )
    seconds: float = Field(
        60.0, gt=0, le=10**6, description="Time for all networks to learn."
    )
    steps: int | None = Field(
        None,
        ge=1,
        le=10**7,
        description="Steps of each network instead of seconds, for results that "
        "repeat.",
    )
    members: int = Field(2, ge=1, le=50, description="Networks that fill together.")
    network: Literal["tunet", "msdnet", "smsnet"] = Field(
        "tunet", description="Kind of network."
    )
    seed: int = Field(0, ge=0, description="Decides everything that is random.")
