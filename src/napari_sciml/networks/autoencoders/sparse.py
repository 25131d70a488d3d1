"""The two halves of an autoencoder made of sparse mixed-scale networks."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_sciml.networks.heads import mean_in_cells
from napari_sciml.networks.sparse.smsnet import SMSNet

LINEAR = {1: "linear", 2: "bilinear", 3: "trilinear"}


class SparseEncoder(nn.Module):
    """Features of an SMSNet at full size, averaged in the cells of a grid."""

    def __init__(self, network: SMSNet, grid: Sequence[int]) -> None:
        super().__init__()
        self.network = network
        self.grid = tuple(grid)

    def initialize(self, generator: torch.Generator) -> None:
        """Draw the weights."""
        self.network.initialize(generator)

    def forward(self, image: Tensor) -> Tensor:
        """Map ``(n, c, …)`` to ``(n, features, *grid)``."""
        return mean_in_cells(torch.relu(self.network(image)), self.grid)


class SparseDecoder(nn.Module):
    """Features of a grid, interpolated to full size and read by an SMSNet."""

    def __init__(self, network: SMSNet, shape: Sequence[int]) -> None:
        super().__init__()
        self.network = network
        self.shape = tuple(shape)

    def initialize(self, generator: torch.Generator) -> None:
        """Draw the weights."""
        self.network.initialize(generator)

    def forward(self, features: Tensor) -> Tensor:
        """Map ``(n, features, *grid)`` to ``(n, c, *shape)``."""
        mode = LINEAR[len(self.shape)]
        image: Tensor = self.network(
            functional.interpolate(features, self.shape, mode=mode)
        )
        return image
