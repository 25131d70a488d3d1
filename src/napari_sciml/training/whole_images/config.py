"""How networks are trained on whole images; does not import torch."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

STEPS = 1000
"""Of a training that is given neither steps nor seconds."""


class FitConfig(BaseModel):
    """How a network is trained on whole images, or on crops of them."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    steps: int | None = Field(
        None,
        ge=1,
        le=10**9,
        description="Steps of the optimizer; none = as many as fit into the seconds, "
        f"or {STEPS} where none are given.",
    )
    seconds: float | None = Field(
        None,
        gt=0,
        le=10**7,
        description="Time to train for; a break between two steps is not counted. "
        "With steps too, what is over first ends it.",
    )
    patience: int | None = Field(
        None,
        ge=1,
        le=10**6,
        description="Looks at the test without a better one before it ends; none = it "
        "goes on.",
    )
    batch: int = Field(16, ge=1, le=4096, description="Images in a step.")
    learning_rate: float = Field(
        2e-3, gt=0, le=100, description="Peak step size of AdamW."
    )
    loss: Literal["l1", "l2"] = Field(
        "l2", description="Mean absolute or mean squared difference of images."
    )
    class_weight: float = Field(
        0.1, ge=0, description="Weight of the class cross entropy beside it."
    )
    holdout: float = Field(
        0.2,
        ge=0,
        lt=1,
        description="Share of the images kept aside as a test; a source of pairs of "
        "one's own decides that itself.",
    )
    evaluate_every: int = Field(
        50, ge=1, description="Steps between two looks at the test."
    )
    seed: int = Field(0, ge=0, description="Seed of the split and of the batches.")
    device: str = Field("auto", description="auto, cpu, cuda or mps.")

    @model_validator(mode="before")
    @classmethod
    def _neither_means_the_usual_steps(cls, data: Any) -> Any:
        # Written down here, so that a stored and reread configuration stays the same.
        if isinstance(data, Mapping) and not (data.get("steps") or data.get("seconds")):
            return {**data, "steps": data.get("steps", STEPS)}
        return data
