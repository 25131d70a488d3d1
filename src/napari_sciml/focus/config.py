"""Settings of a focus training."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from napari_sciml.bounds import MAX_COUNT, MAX_SECONDS, MAX_SEED, MAX_THREADS


class FocusTrainingConfig(BaseModel):
    """How to train a focus network on in-focus images."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    network: Literal["focusnet", "spectrum"] = Field(
        "focusnet",
        description="Judges of spectrum and noise, or the spectrum baseline.",
    )
    seconds: float = Field(
        300.0, ge=1, le=MAX_SECONDS, description="Seconds of training."
    )
    steps: int | None = Field(
        None, ge=1, le=MAX_COUNT, description="Steps of training, instead of seconds."
    )
    batch: int = Field(64, ge=4, le=65536, description="Tiles a step.")
    learning_rate: float = Field(
        2e-3, ge=1e-12, le=100, description="Peak step size of Adam."
    )
    held_out: float = Field(
        0.2, ge=0, le=0.5, description="Share of the images to measure on, not train."
    )
    blanks: float = Field(
        0.12, ge=0, le=0.5, description="Share of tiles that show only noise."
    )
    noise: bool = Field(
        True,
        description="Noise after the blur. Only the benchmark's canary goes without.",
    )
    from_pretrained: bool = Field(
        False, description="Begin with the weights that come with the program."
    )
    seed: int = Field(0, ge=0, le=MAX_SEED, description="Seed of all that is random.")
    device: str = Field("auto", description="auto, cpu, cuda or mps.")
    threads: int | None = Field(
        None, ge=1, le=MAX_THREADS, description="CPU threads; all cores."
    )
