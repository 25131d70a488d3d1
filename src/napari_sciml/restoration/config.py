"""What can be set when an image is restored; importing it does not import torch."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from napari_sciml.networks.config import NetworkConfig, TUNetConfig

Learned = Literal["pixel", "slice", "pairs", "supervised"]
Method = Literal[
    "auto", "pixel", "slice", "pairs", "supervised", "tv", "nlm", "gaussian"
]
LEARNED: tuple[Learned, ...] = ("pixel", "slice", "pairs", "supervised")
METHODS: tuple[Method, ...] = ("auto", *LEARNED, "tv", "nlm", "gaussian")


class RestoreConfig(BaseModel):
    """How an image is restored."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    method: Method = Field(
        "auto", description="auto goes by the measured noise, or refuses."
    )
    axis: Literal["auto", "z", "y", "x"] = Field(
        "auto", description="Of the method slice: across which slices are predicted."
    )
    seconds: float = Field(
        120.0, gt=0, le=1e6, description="Time to train, of all networks together."
    )
    steps: int | None = Field(
        None, ge=1, le=10**7, description="Steps of each network, instead of a time."
    )
    members: int = Field(
        1, ge=1, le=20, description="Networks; several tell how much they differ."
    )
    network: NetworkConfig = Field(
        TUNetConfig(depth=3, base=12), description="Network that restores a slice."
    )
    strength: float | None = Field(
        None,
        gt=0,
        le=100,
        description="Of a filter: sd in voxels of a Gaussian, else in units of the "
        "noise; none = chosen by the measured noise.",
    )
    seed: int = Field(0, ge=0, le=2**31, description="Seed of everything random.")
    device: str = Field("auto", description="auto, cpu, cuda or mps.")
