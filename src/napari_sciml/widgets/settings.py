"""What the Train dock asks for, out of everything that a training can be told."""

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from napari_sciml.training.config import TrainingConfig


class TrainSettings(BaseModel):
    """The part of `TrainingConfig` that has a control in the dock.

    `TrainingConfig` cannot be imported without torch, which takes a second too long
    for a dock to open; a test holds the two together.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    members: int = Field(
        5, ge=1, le=50, description="Networks in the ensemble, each on its own graph."
    )
    seconds: float = Field(
        60.0, gt=0, le=86400, description="Stop after this many seconds of training."
    )
    seed: int = Field(0, ge=0, description="Seed of graphs, weights and sampling.")
    device: str = Field("auto", description="auto, cpu, cuda or mps.")

    def to_config(self) -> "TrainingConfig":
        """Everything else at its default. Imports torch."""
        from napari_sciml.training.config import TrainingConfig

        return TrainingConfig(**self.model_dump())
