"""What is asked when a voxel is explained; does not import torch."""

from pydantic import BaseModel, ConfigDict, Field


class ExplainConfig(BaseModel):
    """What is asked when a voxel is explained."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    class_name: str | None = Field(
        None, description="Class to explain; none = the one that is predicted there."
    )
    blocks: int = Field(
        9,
        ge=1,
        le=31,
        description="Blocks along each axis round the voxel that are covered, one "
        "after the other; fewer where the model does not look so far.",
    )
    edge: int = Field(
        5, ge=1, le=64, description="Edge of a block, in voxels of the finest axis."
    )
    strokes: int = Field(
        5, ge=1, le=100, description="Most similar strokes that are told."
    )
    seed: int = Field(0, ge=0, description="Decides everything that is random.")
