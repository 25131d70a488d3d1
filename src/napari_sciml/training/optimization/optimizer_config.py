"""What can be set for the optimizer; does not import torch."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class OptimizerConfig(BaseModel):
    """How a member's weights follow the gradient."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: Literal["adamw", "adam", "sgd"] = Field("adamw", description="Optimizer.")
    learning_rate: float = Field(3e-3, ge=1e-12, le=100, description="Peak step size.")
    weight_decay: float = Field(
        0.01,
        ge=0,
        le=10,
        description=(
            "Pull of the weights to zero; adamw takes it off the weights, adam and "
            "sgd add it to the gradient, where it acts more strongly."
        ),
    )
    momentum: float = Field(0.9, ge=0, lt=1, description="Memory of sgd.")
    schedule: Literal["cosine", "constant", "step"] = Field(
        "cosine",
        description=(
            "Learning rate over the training: cosine = short warm-up, then smoothly "
            "down to 2 %; step = short warm-up, then a tenth from the middle on and "
            "a hundredth for the last quarter; constant = none of it."
        ),
    )
    clip: float | None = Field(
        1.0,
        ge=1e-6,
        le=1e6,
        description="Longest gradient (norm) that is followed; none = any.",
    )
    accumulate: int = Field(
        1, ge=1, le=64, description="Batches whose gradients make up one step."
    )
