"""What can be set for a training."""

from pydantic import BaseModel, ConfigDict, Field

from napari_sciml.networks.config import SMSNetConfig


class TrainingConfig(BaseModel):
    """Everything that decides how an ensemble is trained.

    With ``steps`` the same seed gives the same weights; with ``seconds`` the
    number of steps depends on the machine.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    network: SMSNetConfig = Field(
        default_factory=SMSNetConfig, description="What a member is."
    )
    members: int = Field(
        5, ge=1, le=50, description="Networks in the ensemble, each on its own graph."
    )
    seconds: float = Field(
        60.0, gt=0, le=86400, description="Stop after this many seconds of training."
    )
    steps: int | None = Field(
        None,
        ge=1,
        description="Stop after this many steps of each member, instead of seconds.",
    )
    seed: int = Field(0, ge=0, description="Seed of graphs, weights and sampling.")
    device: str = Field("auto", description="auto, cpu, cuda or mps.")
    threads: int | None = Field(
        None, ge=1, description="CPU threads; none = all cores."
    )
    learning_rate: float = Field(3e-3, gt=0, description="Peak step size of AdamW.")
    batch: int = Field(1, ge=1, le=64, description="Crops in a training step.")
    crop: int | None = Field(
        None, ge=8, description="Edge of a crop in voxels; none = 32 in 3D, 128 in 2D."
    )
    sigmas: tuple[float, ...] = Field(
        (1.0, 2.0, 4.0), description="Scales of the front end, in voxels."
    )
    holdout: float = Field(
        0.2, ge=0, lt=1, description="Share of the strokes kept aside as a test."
    )
    gap: int = Field(
        3, ge=0, description="Voxels left between trained and held-out labels."
    )
    evaluate_every: int = Field(
        20, ge=1, description="Steps of a member between two looks at the test."
    )
    snapshot_seconds: float = Field(
        4.0, gt=0, description="Seconds between two models that are handed out."
    )

    def crop_edge(self, dims: int) -> int:
        """Edge of a crop in voxels."""
        return self.crop or {2: 128, 3: 32}[dims]
