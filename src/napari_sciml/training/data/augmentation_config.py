"""What can be set for augmentation; imports neither torch nor scipy."""

from pydantic import BaseModel, ConfigDict, Field

ALWAYS_EXACT = ("flips", "turns")
"""Changes that only reorder voxels: nothing is interpolated or altered."""


class AugmentationConfig(BaseModel):
    """How crops are varied in training; each amount is drawn anew for each crop.

    Gray values are those of `IntensityScale`: about zero mean and unit spread.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    flips: bool = Field(True, description="Mirror along any axis.")
    turns: bool = Field(
        True, description="Quarter turns, between axes of equal voxel size."
    )
    rotation: float = Field(
        0.0, ge=0, le=180, description="Largest rotation, in degrees, about any axis."
    )
    elastic: float = Field(
        0.0, ge=0, le=32, description="Largest smooth displacement, in voxels."
    )
    blur: float = Field(0.0, ge=0, le=5, description="Largest blur: sigma in voxels.")
    gamma: float = Field(
        0.0, ge=0, le=2, description="Largest log of the power on the gray values."
    )
    gain: float = Field(
        0.0, ge=0, le=2, description="Largest log of the factor on the gray values."
    )
    offset: float = Field(
        0.0, ge=0, le=5, description="Largest shift of the gray values, in spreads."
    )
    noise: float = Field(
        0.0, ge=0, le=5, description="Largest standard deviation of noise, in spreads."
    )
    cutout: int = Field(0, ge=0, le=100, description="Boxes that are blanked out.")
    cutout_size: int = Field(
        8, ge=1, le=256, description="Edge of a blanked-out box, in voxels."
    )

    @property
    def active(self) -> bool:
        """Whether anything is set beyond flips and quarter turns."""
        amounts = self.model_dump(exclude={*ALWAYS_EXACT, "cutout_size"})
        return any(amounts.values())
