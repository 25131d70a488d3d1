"""What can be set for a training; does not import torch."""

from collections.abc import Sequence
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from napari_sciml.bounds import (
    MAX_COUNT,
    MAX_SECONDS,
    MAX_SEED,
    MAX_THREADS,
    wrong_edges,
)
from napari_sciml.networks.config import NetworkConfig, SMSNetConfig
from napari_sciml.training.data.augmentation_config import AugmentationConfig
from napari_sciml.training.optimization.loss_config import LossConfig
from napari_sciml.training.optimization.optimizer_config import OptimizerConfig

CROP = {2: 96, 3: 20}
"""Edge of a crop in voxels: small, as most voxels of a large one have no label."""

SLICES_APART = 1e9
SIGMAS = (0.1, 64.0)
"""Finest and coarsest scale of the front end that can be asked for."""


class TrainingConfig(BaseModel):
    """Everything that decides how an ensemble is trained.

    With ``steps`` the same seed gives the same weights; with ``seconds`` the
    number of steps depends on the machine.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    network: NetworkConfig = Field(
        default_factory=SMSNetConfig, description="What a member is."
    )
    loss: LossConfig = Field(
        default_factory=LossConfig, description="What the training makes small."
    )
    optimizer: OptimizerConfig = Field(
        default_factory=OptimizerConfig, description="How weights follow the gradient."
    )
    augmentation: AugmentationConfig = Field(
        default_factory=AugmentationConfig, description="How crops are varied."
    )
    trees: bool = Field(
        True,
        description="Grow trees beside the networks, which also learn from them; "
        "without, the networks learn from strokes alone.",
    )
    known_fibers: bool = Field(
        True,
        description="In volumes, let trees know what fibers of phantoms look like, "
        "until there are strokes enough; only where a class is called fiber.",
    )
    members: int = Field(
        5, ge=1, le=50, description="Networks in the ensemble, each on its own graph."
    )
    seconds: float = Field(
        60.0,
        gt=0,
        le=MAX_SECONDS,
        description="Stop after this many seconds of training.",
    )
    steps: int | None = Field(
        None,
        ge=1,
        le=MAX_COUNT,
        description="Stop after this many steps of each member, instead of seconds.",
    )
    patience: int | None = Field(
        None,
        ge=1,
        le=MAX_COUNT,
        description="Stop early when no member has become better on the held-out "
        "strokes in this many looks; none = use up the time.",
    )
    seed: int = Field(
        0, ge=0, le=MAX_SEED, description="Seed of graphs, weights and sampling."
    )
    device: str = Field("auto", description="auto, cpu, cuda or mps.")
    threads: int | None = Field(
        None, ge=1, le=MAX_THREADS, description="CPU threads; none = all cores."
    )
    half: bool = Field(
        True, description="Compute in bfloat16 where the device is faster with it."
    )
    batch: int = Field(1, ge=1, le=64, description="Crops in a training step.")
    crop: int | None = Field(
        None,
        ge=8,
        le=4096,
        description="Edge of a crop in voxels; none = 20 in 3D, 96 in 2D.",
    )
    sigmas: tuple[float, ...] = Field(
        (1.0, 2.0, 4.0),
        max_length=32,
        description="Scales of the front end, in voxels; none at all = the networks "
        "see gray values only.",
    )
    spacing: tuple[float, ...] | None = Field(
        None,
        description="Edges of a voxel: kernels, dilations and scales are then in "
        "space; none = as if voxels were cubes.",
    )
    dims: Literal[2, 3] | None = Field(
        None,
        description="2 = look at each slice of a volume by itself; none = as many as "
        "the image has.",
    )
    holdout: float = Field(
        0.2, ge=0, lt=1, description="Share of the strokes kept aside as a test."
    )
    split: Literal["strokes", "blocks"] = Field(
        "strokes",
        description="What is kept aside: strokes, or all labels in cubes of the image.",
    )
    gap: int = Field(
        3, ge=0, le=64, description="Voxels left between trained and held-out labels."
    )
    bootstrap: bool = Field(
        False,
        description="Give each member a random draw of the strokes, with repetition.",
    )
    prior: tuple[float, ...] | None = Field(
        None,
        description="Share of each class in the image; none = estimated from the "
        "unlabeled voxels.",
    )
    before: int | None = Field(
        None,
        ge=0,
        le=MAX_COUNT,
        description="Strokes painted before a prediction was shown; all others correct "
        "one, on which the cut depends; none = all.",
    )
    evaluate_every: int = Field(
        30,
        ge=1,
        le=MAX_COUNT,
        description="Steps of a member between two looks at the test.",
    )
    snapshot_seconds: float = Field(
        4.0,
        gt=0,
        le=MAX_SECONDS,
        description="Seconds between two models that are handed out.",
    )

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        low, high = SIGMAS
        if not all(low <= sigma <= high for sigma in self.sigmas):
            raise ValueError(
                f"scales of the front end must be between {low:g} and {high:g} voxels"
            )
        if problem := wrong_edges(self.spacing or ()):
            raise ValueError(problem)
        if self.prior is not None:
            _check_shares(self.prior)
        return self

    def spacing_for(self, ndim: int) -> tuple[float, ...] | None:
        """Edges of a voxel of an image with that many axes, as networks see it."""
        if self.dims == 2 and ndim == 3:
            # Slices so far apart that no kernel reaches the next one.
            y, x = self.spacing[1:] if self.spacing else (1.0, 1.0)
            return (SLICES_APART * max(y, x), y, x)
        return self.spacing

    def crop_shape(self, ndim: int) -> tuple[int, ...]:
        """Shape of a crop of an image with that many axes, in voxels."""
        if self.dims == 2 and ndim == 3:
            edge = self.crop or CROP[2]
            return (1, edge, edge)
        return (self.crop or CROP[ndim],) * ndim


def _check_shares(shares: Sequence[float]) -> None:
    if any(share <= 0 for share in shares) or abs(sum(shares) - 1) > 1e-3:
        raise ValueError("shares of the classes must be above 0 and add up to 1")
