"""Several networks that answer together."""

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from napari_sciml.images.intensity import IntensityScale
from napari_sciml.networks.scale_space import ScaleSpace
from napari_sciml.networks.smsnet import SMSNet


class Ensemble(nn.Module):
    """Networks with a shared front end and everything needed to use them.

    Parameters
    ----------
    members
        Networks from front-end channels ``(n, c, …)`` to logits
        ``(n, classes, …)``, each with a ``radius`` and a ``description()``.
    front
        Fixed front end that all members share.
    intensity
        Linear map of raw gray values that the model was trained with.
    class_names
        Name of each class; the label value of a class is its index plus one.
    """

    def __init__(
        self,
        members: Sequence[SMSNet],
        *,
        front: ScaleSpace,
        intensity: IntensityScale,
        class_names: Sequence[str],
    ) -> None:
        super().__init__()
        self.networks = nn.ModuleList(members)
        self.front = front
        self.intensity = intensity
        self.class_names = tuple(class_names)

    @property
    def members(self) -> list[SMSNet]:
        """The networks."""
        return [cast("SMSNet", member) for member in self.networks]

    @property
    def dims(self) -> int:
        """2 or 3."""
        return self.front.dims

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.front.center.device

    @property
    def halo(self) -> int:
        """Voxels around a block that its prediction depends on."""
        return self.front.radius + max(m.radius for m in self.members)

    def channels(self, image: Tensor) -> Tensor:
        """Front-end channels ``(1, c, …)`` of gray values ``(…)``.

        The gray values are float32, after `intensity`.
        """
        channels = self.front(image[None, None])
        return channels.contiguous(memory_format=memory_format(self.dims))

    def probabilities(self, member: int, channels: Tensor) -> Tensor:
        """Class probabilities ``(class, …)`` of one member."""
        return torch.softmax(self.members[member](channels)[0], dim=0)

    def description(self) -> dict[str, Any]:
        """Everything but the weights, JSON-able."""
        return {
            "dims": self.dims,
            "class_names": list(self.class_names),
            "intensity": {
                "offset": self.intensity.offset,
                "scale": self.intensity.scale,
            },
            "sigmas": list(self.front.sigmas),
            "members": [member.description() for member in self.members],
        }

    @classmethod
    def from_description(cls, description: dict[str, Any]) -> "Ensemble":
        """Build an ensemble with arbitrary weights, to load a state into."""
        return cls(
            [SMSNet.from_description(d) for d in description["members"]],
            front=ScaleSpace(description["dims"], description["sigmas"]),
            intensity=IntensityScale(**description["intensity"]),
            class_names=description["class_names"],
        )


def memory_format(dims: int) -> torch.memory_format:
    """Order of the channels that convolutions run fastest in."""
    return torch.channels_last if dims == 2 else torch.channels_last_3d
