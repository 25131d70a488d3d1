"""What a phantom is made of, as one flat, frozen configuration."""

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from napari_sciml.bounds import EDGES, MAX_SEED


class FiberSettings(BaseModel):
    """Sizes, shapes and arrangement of the fibers."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    n_fibers: int | None = Field(
        None, ge=1, le=5000, description="Visible fibers; None: by volume fraction."
    )
    volume_fraction: float = Field(
        0.025, gt=0, le=0.15, description="Share of the volume that is fiber."
    )
    radius_mean: float = Field(2.5, ge=1, le=12, description="Mean radius, voxels.")
    radius_sd: float = Field(0.2, ge=0, le=3, description="Its spread, voxels.")
    length_mean: float = Field(45, ge=8, le=400, description="Mean length, voxels.")
    length_sd: float = Field(12, ge=0, le=100, description="Its spread, voxels.")
    bending: float = Field(
        0.35, ge=0, le=2, description="Spread of a fiber's total turn, radians."
    )
    direction: tuple[float, float, float] = Field(
        (0.0, 0.0, 1.0), description="Preferred direction (z, y, x), any length."
    )
    concentration: float = Field(
        0, ge=0, le=500, description="von Mises-Fisher concentration; 0: isotropic."
    )
    clearance: float = Field(
        2.5, ge=0, le=20, description="Least gap between fiber surfaces, voxels."
    )
    bundled: float = Field(
        0.03, ge=0, le=1, description="Share of fibers laid along another, touching."
    )


class MatrixSettings(BaseModel):
    """Aggregates and voids round the fibers."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    aggregate_fraction: float = Field(
        0.24, ge=0, le=0.5, description="Share of the volume that is aggregate, about."
    )
    aggregate_radius: tuple[float, float] = Field(
        (4.5, 19), description="Smallest and largest aggregate radius, voxels."
    )
    bright_share: float = Field(
        0.4, ge=0, le=1, description="Share of aggregates as bright as fibers."
    )
    void_fraction: float = Field(
        0.02, ge=0, le=0.3, description="Share of the volume that is air, about."
    )
    void_radius: tuple[float, float] = Field(
        (1.5, 7), description="Smallest and largest void radius, voxels."
    )

    @model_validator(mode="after")
    def _radii_are_ordered(self) -> Self:
        for low, high in (self.aggregate_radius, self.void_radius):
            if not 1 <= low <= high:
                raise ValueError("give radii as (smallest, largest), at least 1 voxel")
        return self


class ImagingSettings(BaseModel):
    """Gray levels (0 to 1, the range of uint16) and flaws of the scan."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    paste_gray: float = Field(0.42, ge=0, le=1, description="Cement paste.")
    fiber_gray: float = Field(0.61, ge=0, le=1, description="Fibers.")
    aggregate_gray: float = Field(0.48, ge=0, le=1, description="Dull aggregates.")
    aggregate_spread: float = Field(
        0.05, ge=0, le=0.5, description="Spread of gray between aggregates."
    )
    void_gray: float = Field(0.15, ge=0, le=1, description="Air.")
    paste_texture: float = Field(
        0.012, ge=0, le=0.5, description="Standard deviation of gray in the paste."
    )
    aggregate_texture: float = Field(
        0.03, ge=0, le=0.5, description="Standard deviation of gray in an aggregate."
    )
    blur: float = Field(0.8, ge=0, le=5, description="Gaussian blur, sd in voxels.")
    cupping: float = Field(
        0.10, ge=0, le=0.8, description="How much darker the axis is than the rim."
    )
    rings: float = Field(
        0.012, ge=0, le=0.5, description="Standard deviation of ring artifacts."
    )
    noise: float = Field(
        0.02, ge=0, le=0.5, description="Standard deviation of correlated noise."
    )
    noise_grain: float = Field(
        0.8, ge=0, le=5, description="Correlation of that noise, sd in voxels."
    )
    white_noise: float = Field(
        0.013, ge=0, le=0.5, description="Standard deviation of white noise."
    )


class PhantomConfig(FiberSettings, MatrixSettings, ImagingSettings):
    """All that decides about a phantom: the same configuration, the same bytes.

    Lengths are in voxels, gray levels in shares of the uint16 range. The defaults
    give a volume in which no global threshold finds the fibers, as some aggregates
    are as bright (Dice of Otsu's about 0.2, of the best about 0.25), but in which
    their shape tells them apart; contrast to noise of the fibers is about 4.
    """

    shape: tuple[int, int, int] = Field(
        (128, 128, 128), description="Voxels along z, y, x; at least 32 each."
    )
    voxel_size: float = Field(
        20.0, ge=EDGES[0], le=EDGES[1], description="Edge of a voxel, in `unit`."
    )
    unit: str = Field("um", min_length=1, description="Unit of length.")
    seed: int = Field(0, ge=0, le=MAX_SEED, description="Seed of everything random.")

    @classmethod
    def clustered(cls, **changes: Any) -> "PhantomConfig":
        """Bundles: most fibers touch a neighbor, so that instances must be split."""
        bundles = {
            "bundled": 0.65,
            "clearance": 1.0,
            "bending": 0.2,
            "volume_fraction": 0.03,
        }
        return cls(**{**bundles, **changes})

    @classmethod
    def thin(cls, **changes: Any) -> "PhantomConfig":
        """Thin, nearly straight fibers of a preferred direction, in more noise."""
        thin = {
            "radius_mean": 2.0,
            "concentration": 15.0,
            "bending": 0.15,
            "volume_fraction": 0.02,
            "fiber_gray": 0.62,
            "noise": 0.025,
        }
        return cls(**{**thin, **changes})
