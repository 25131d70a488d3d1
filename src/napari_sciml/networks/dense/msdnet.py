"""Mixed-scale dense networks: every layer reads all maps made before it."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from napari_sciml.networks.base import ConfiguredNetwork, check_size
from napari_sciml.networks.config import MSDNetConfig
from napari_sciml.networks.layers.blocks import ConvReLU, Pointwise, prepared

PACK = 16
"""Narrow maps are strung together up to this many channels: that runs fastest."""


class MSDNet(ConfiguredNetwork):
    """A mixed-scale dense network (Pelt & Sethian, PNAS 115, 2018, 254-259).

    Layer i makes ``relu(sum_j conv(map_j, dilation_i) + bias)`` from the input and
    the maps of all layers before it; each map is made once and kept as it is. The
    output is linear in all maps and the input, voxel by voxel. There is no
    normalization.

    See `ConfiguredNetwork` for the parameters.
    """

    config: MSDNetConfig
    config_type: ClassVar = MSDNetConfig
    stride = 1

    def _build(self) -> None:
        dilations = self.config.layer_dilations(self.dims)
        # A default that is changed one day must not change stored networks.
        self.config = self.config.model_copy(update={"layers": len(dilations)})
        width, packs = self.config.width, [self.in_channels]
        check_size(self._count(len(dilations)))
        self.layers = nn.ModuleList()
        for dilation in dilations:
            layer = ConvReLU(
                *(self.dims, packs, width), dilation=dilation, spacing=self.spacing
            )
            self.layers.append(layer)
            if packs[-1] + width <= PACK:
                packs[-1] += width
            else:
                packs.append(width)
        self.output = Pointwise(packs, self.classes)

    def _count(self, layers: int) -> int:
        """Parameters of the layers (without a spacing): building many takes long."""
        width, taps = self.config.width, 1 if self.spacing else 3**self.dims
        read = layers * self.in_channels + width * layers * (layers - 1) // 2
        return taps * read * width

    @property
    def radius(self) -> int:
        """Voxels that an output voxel sees on each side."""
        return sum(self.config.layer_dilations(self.dims))

    def forward(self, image: Tensor) -> Tensor:
        """Map ``(n, c, …)`` to class logits ``(n, classes, …)``."""
        packs = [prepared(image)]
        for layer in self.layers:
            new = layer(*packs)
            if packs[-1].shape[1] + new.shape[1] <= PACK:
                packs[-1] = torch.cat([packs[-1], new], 1)
            else:
                packs.append(new)
        logits: Tensor = self.output(*packs)
        return logits
