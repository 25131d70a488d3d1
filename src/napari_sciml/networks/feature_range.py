"""Which features a model has seen in the image that it was trained on."""

from collections.abc import Mapping
from typing import Any, Self

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from torch import Tensor

from napari_sciml.errors import InputError

SHARE = 0.001
"""Of the voxels that lie beyond each end of the range of a channel."""
MARGIN = 0.1
"""Of the width of the range, that a channel may go beyond it: the ends of a sample are
not known better than that. Of other phantoms of the same scanner 0.8 % of the voxels
are outside on average, of those of other contrast or noise 7 to 40 %."""
LARGEST = 2**20
"""Values whose order is looked for; a quantile needs no more."""


class FeatureRange(BaseModel):
    """Quantiles of each channel of the front end in a training image."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    low: tuple[float, ...] = Field(description="0.1 % of the voxels are below it.")
    high: tuple[float, ...] = Field(description="0.1 % of the voxels are above it.")

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if len(self.low) != len(self.high):
            raise ValueError("a range of features needs as many lows as highs")
        if any(a > b for a, b in zip(self.low, self.high, strict=True)):
            raise ValueError("a range of features ends before it begins")
        return self

    @classmethod
    def of(cls, channels: Tensor) -> "FeatureRange":
        """Find the range of channels ``(c, n)``, of one voxel at least."""
        step = -(-channels.shape[1] // LARGEST)
        ordered = channels[:, ::step].float().cpu().sort(1).values
        beyond = int(SHARE * ordered.shape[1])
        ends = ordered[:, beyond], ordered[:, ordered.shape[1] - 1 - beyond]
        low, high = (tuple(map(float, end)) for end in ends)
        return cls(low=low, high=high)

    @classmethod
    def from_description(cls, stored: Any, channels: int) -> "FeatureRange | None":
        """Read what a model file holds; older ones do not know it.

        Raises
        ------
        InputError
            When it is damaged, or not of so many channels.
        """
        if stored is None:
            return None
        try:
            if not isinstance(stored, Mapping):
                raise ValueError("it is no object")
            found = cls.model_validate(stored)
        except (ValidationError, ValueError) as error:
            raise _damaged(channels) from error
        if len(found.low) != channels:
            raise _damaged(channels)
        return found

    def joined(self, other: "FeatureRange") -> "FeatureRange":
        """What was seen in either of two images."""
        return FeatureRange(
            low=tuple(map(min, self.low, other.low)),
            high=tuple(map(max, self.high, other.high)),
        )

    def outside(self, channels: Tensor) -> Tensor:
        """Tell which voxels of ``(c, …)`` are unlike all that was seen, bool ``(…)``.

        One channel that is beyond its range, and a margin, is enough.
        """
        shape = (-1, *[1] * (channels.ndim - 1))
        low, high = (
            torch.tensor(end, dtype=torch.float32, device=channels.device).view(shape)
            for end in (self.low, self.high)
        )
        room = MARGIN * (high - low)
        return ((channels < low - room) | (channels > high + room)).any(0)


def _damaged(channels: int) -> InputError:
    return InputError(
        "The description of the model is damaged: its range of features should be one "
        f"low and one high number for each of {channels} channels."
    )
