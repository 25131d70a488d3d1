"""How patches are explored; importing it does not import torch."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from napari_sciml.bounds import MAX_SEED
from napari_sciml.errors import InputError

Describe = Literal["front", "autoencoder", "model"]
MapKind = Literal["auto", "tsne", "pca", "umap"]
GroupKind = Literal["kmeans", "hdbscan"]
LEAST_PATCHES = 20
"""Fewer are looked at one by one, and neither mapped nor grouped."""


class Grouping(BaseModel):
    """How patches are put into clusters."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: GroupKind = Field(
        "kmeans",
        description="kmeans makes as many as are asked for; hdbscan finds what lies "
        "close together, and leaves out the rest.",
    )
    number: int = Field(
        6,
        ge=2,
        le=10**6,
        description="Clusters of kmeans; least patches in one of hdbscan.",
    )

    @classmethod
    def parse(cls, text: str) -> "Grouping":
        """Read ``kmeans:6`` or ``hdbscan:50``.

        Raises
        ------
        InputError
            When it is neither.
        """
        kind, _, number = text.partition(":")
        try:
            return cls.model_validate({"kind": kind, "number": int(number)})
        except ValueError as error:
            raise InputError(
                f"Clusters are asked for as kmeans:6 or hdbscan:50, with a number from "
                f"2 on, not as {text!r}."
            ) from error

    @property
    def text(self) -> str:
        """As `parse` reads it."""
        return f"{self.kind}:{self.number}"


class ExploreConfig(BaseModel):
    """How patches are cut, described, mapped and grouped."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    describe: Describe = Field(
        "front",
        description="front: fixed filters, at once; autoencoder: a network that "
        "learns here; model: what a trained model sees.",
    )
    dims: Literal[2, 3] | None = Field(
        None,
        description="Patches of slices (2) or of the volume (3); none = 2, or as the "
        "model looks.",
    )
    patch: int = Field(32, ge=4, le=4096, description="Edge of a patch in voxels.")
    stride: int = Field(
        16, ge=1, le=4096, description="Voxels from one patch to the next."
    )
    latent: int = Field(
        16, ge=1, le=1024, description="Numbers that the autoencoder makes of a patch."
    )
    map: MapKind = Field(
        "auto",
        description="How the plane is found; auto = t-SNE where openTSNE is "
        "installed, else PCA.",
    )
    clusters: Grouping = Field(
        Grouping(), description="How patches are put into clusters."
    )
    seconds: float = Field(
        120.0, gt=0, le=1e6, description="Time for the autoencoder to learn."
    )
    steps: int | None = Field(
        None, ge=1, le=10**7, description="Steps of the autoencoder, instead of a time."
    )
    seed: int = Field(0, ge=0, le=MAX_SEED, description="Seed of everything random.")
    device: str = Field("auto", description="auto, cpu, cuda or mps.")
