"""What the rows of numbers are that classes were learned from."""

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from napari_sciml.classification.learning import ImageClasses


class Described(BaseModel):
    """What is sorted, and how it is put into numbers.

    Whole images are described by
    `napari_sciml.classification.description.describe_image`, patches by
    `napari_sciml.exploring.front.describe_front`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["images", "patches"] = Field(description="What a row stands for.")
    axes: int = Field(ge=2, le=3, description="Axes of an image.")
    channels: int = Field(1, ge=1, le=4096, description="Values of a voxel.")
    dims: int = Field(2, ge=2, le=3, description="Axes of a patch.")
    patch: int = Field(32, ge=1, le=4096, description="Edge of a patch in voxels.")
    stride: int = Field(16, ge=1, le=4096, description="Voxels to the next patch.")
    center: tuple[float, ...] = Field(
        (), description="Mean of each number of the patches that were explored."
    )
    spread: tuple[float, ...] = Field(
        (), description="Its standard deviation; 0 = it did not vary."
    )


@dataclass(frozen=True)
class ClassModel:
    """Learned classes that other images can be sorted into.

    Attributes
    ----------
    classes
        The trees.
    of
        What they are asked about.
    """

    classes: ImageClasses
    of: Described
