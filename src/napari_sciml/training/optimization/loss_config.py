"""What can be set for the training loss; does not import torch."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from napari_sciml.bounds import MAX_WEIGHT

LABELED_TERMS = ("cross_entropy", "dice", "focal", "tversky", "focal_tversky")
"""Terms that learn from labels; the others only shape the answer."""


class LossConfig(BaseModel):
    """Weighted sum of loss terms; a term of weight 0 is not computed."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    cross_entropy: float = Field(
        1.0, ge=0, le=MAX_WEIGHT, description="Weight of the cross entropy."
    )
    dice: float = Field(
        0.0,
        ge=0,
        le=MAX_WEIGHT,
        description="Weight of the Dice loss: overlap, whatever the size.",
    )
    focal: float = Field(
        0.0,
        ge=0,
        le=MAX_WEIGHT,
        description="Weight of the focal loss: mostly the hard voxels.",
    )
    focal_gamma: float = Field(
        2.0, ge=0, le=10, description="How little easy voxels count in the focal loss."
    )
    tversky: float = Field(
        0.0,
        ge=0,
        le=MAX_WEIGHT,
        description="Weight of the Tversky loss: Dice that takes sides.",
    )
    tversky_alpha: float = Field(
        0.3,
        gt=0,
        lt=1,
        description=(
            "Cost of a voxel too many in the Tversky losses; one missed costs "
            "1 minus this. 0.5 = Dice."
        ),
    )
    focal_tversky: float = Field(
        0.0, ge=0, le=MAX_WEIGHT, description="Weight of the focal Tversky loss."
    )
    focal_tversky_gamma: float = Field(
        0.75,
        gt=0,
        le=3,
        description="Power of the focal Tversky loss; below 1 = more for good classes.",
    )
    total_variation: float = Field(
        0.0,
        ge=0,
        le=MAX_WEIGHT,
        description="Weight of the total variation: smoother answers, labeled or not.",
    )

    @model_validator(mode="after")
    def _learns_from_labels(self) -> Self:
        if not any(getattr(self, term) > 0 for term in LABELED_TERMS):
            raise ValueError(
                "A loss needs one term that learns from labels: give "
                f"{', '.join(LABELED_TERMS[:-1])} or {LABELED_TERMS[-1]} a weight."
            )
        return self
