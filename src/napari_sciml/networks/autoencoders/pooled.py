"""The two halves of an autoencoder made of convolutions and poolings."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_sciml.networks.layers.convolution import convolution

POOL = {1: functional.max_pool1d, 2: functional.max_pool2d, 3: functional.max_pool3d}
POINTWISE = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}


class PooledEncoder(nn.Module):
    """Levels of two convolutions, each followed by a pooling.

    Parameters
    ----------
    dims, in_channels
        Axes and channels of the images.
    widths
        Channels of each level.
    dilations
        Dilations that each convolution sums over.
    """

    def __init__(
        self,
        dims: int,
        in_channels: int,
        widths: Sequence[int],
        dilations: Sequence[int],
    ) -> None:
        super().__init__()
        self.dims = dims
        self.levels = nn.ModuleList(
            _level(dims, inputs, outputs, dilations)
            for inputs, outputs in pairwise([in_channels, *widths])
        )

    def forward(self, image: Tensor) -> Tensor:
        """Map ``(n, c, …)`` to ``(n, width, *grid)``."""
        for level in self.levels:
            # Rounding up keeps the last row of an odd size, and an axis of one voxel.
            image = POOL[self.dims](level(image), 2, ceil_mode=True)
        return image


class PooledDecoder(nn.Module):
    """The way back, through the sizes that were pooled.

    Parameters
    ----------
    in_channels, widths, dilations
        As in `PooledEncoder`.
    sizes
        Shape of the image, and of what each pooling left.
    """

    def __init__(
        self,
        in_channels: int,
        widths: Sequence[int],
        dilations: Sequence[int],
        sizes: Sequence[tuple[int, ...]],
    ) -> None:
        super().__init__()
        dims = len(sizes[0])
        self.sizes = list(sizes[-2::-1])
        self.levels = nn.ModuleList(
            _level(dims, inputs, outputs, dilations)
            for inputs, outputs in pairwise([widths[-1], *widths[::-1]])
        )
        self.last = POINTWISE[dims](widths[0], in_channels, kernel_size=1)

    def forward(self, features: Tensor) -> Tensor:
        """Map ``(n, width, *grid)`` to ``(n, c, …)``."""
        for level, size in zip(self.levels, self.sizes, strict=True):
            features = level(functional.interpolate(features, size))
        image: Tensor = self.last(features)
        return image


class MixedScale(nn.Module):
    """``ReLU(sum of convolutions with several dilations + bias)``."""

    def __init__(
        self, dims: int, inputs: int, outputs: int, dilations: Sequence[int]
    ) -> None:
        super().__init__()
        self.scales = nn.ModuleList(
            convolution(dims, inputs, outputs, dilation=d) for d in dilations
        )
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, image: Tensor) -> Tensor:
        """Map ``(n, inputs, …)`` to ``(n, outputs, …)``."""
        parts = [scale(image) for scale in self.scales]
        # Over the root, not the number: the parts are independent at first.
        total = sum(parts[1:], parts[0]) / len(parts) ** 0.5
        return torch.relu(total + self.bias.view(-1, *[1] * (image.ndim - 2)))


def _level(
    dims: int, inputs: int, outputs: int, dilations: Sequence[int]
) -> nn.Sequential:
    return nn.Sequential(
        MixedScale(dims, inputs, outputs, dilations),
        MixedScale(dims, outputs, outputs, dilations),
    )
