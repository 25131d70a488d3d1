"""A network that looks at one voxel at a time: cheap, and there in a moment."""

from itertools import pairwise
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_sciml.networks.base import check_shape, check_size

HIDDEN = (32, 16)


class PixelNet(nn.Module):
    """A multilayer perceptron of each voxel's channels.

    Behind the front end (`napari_sciml.networks.scale_space.ScaleSpace`) it is what
    a random forest on filter responses is in other tools: it learns from some
    thousand labeled voxels in a fraction of a second, on those voxels alone.

    Parameters
    ----------
    in_channels, classes
        Channels of the input and of the output (class logits).
    dims
        1, 2 or 3 spatial axes.
    hidden
        Widths of the hidden layers.

    Raises
    ------
    InputError
        When the data are of a shape that no network can take.
    """

    kind: ClassVar[str] = "pixelwise"
    radius = 0
    stride = 1

    def __init__(
        self,
        *,
        in_channels: int,
        classes: int,
        dims: int,
        hidden: tuple[int, ...] = HIDDEN,
    ) -> None:
        super().__init__()
        check_shape(in_channels, classes, dims, None)
        self.in_channels, self.classes, self.dims = in_channels, classes, dims
        self.hidden = hidden
        widths = (in_channels, *hidden, classes)
        pairs = list(pairwise(widths))
        check_size(sum((a + 1) * b for a, b in pairs))
        self.weights = nn.ParameterList(torch.zeros(b, a) for a, b in pairs)
        self.biases = nn.ParameterList(torch.zeros(b) for _, b in pairs)

    def initialize(self, generator: torch.Generator) -> None:
        """Draw weights that keep the spread of the signal (He et al., 2015)."""
        for weight, bias in zip(self.weights, self.biases, strict=True):
            weight.data.normal_(std=(2 / weight.shape[1]) ** 0.5, generator=generator)
            bias.data.zero_()

    def rows(self, channels: Tensor) -> Tensor:
        """Map ``(n, c)`` to class logits ``(n, classes)``."""
        last = len(self.weights) - 1
        for index, (weight, bias) in enumerate(
            zip(self.weights, self.biases, strict=True)
        ):
            channels = functional.linear(channels, weight, bias)
            channels = channels if index == last else functional.relu(channels)
        return channels

    def forward(self, image: Tensor) -> Tensor:
        """Map ``(n, c, …)`` to class logits ``(n, classes, …)``."""
        return self.rows(image.movedim(1, -1)).movedim(-1, 1)

    def description(self) -> dict[str, Any]:
        """What `from_description` needs to build the same network, JSON-able."""
        return {
            "kind": self.kind,
            "in_channels": self.in_channels,
            "classes": self.classes,
            "dims": self.dims,
            "hidden": list(self.hidden),
        }

    @classmethod
    def from_description(cls, description: dict[str, Any]) -> "PixelNet":
        """Build a network to load weights into."""
        shape = {key: description[key] for key in ("in_channels", "classes", "dims")}
        return cls(**shape, hidden=tuple(map(int, description["hidden"])))
