"""Tunable U-Nets."""

from typing import ClassVar

from torch import Tensor, nn

from napari_sciml.networks.base import ConfiguredNetwork
from napari_sciml.networks.config import TUNetConfig, UShapedConfig
from napari_sciml.networks.dense.levels import (
    Interval,
    coarser,
    finer,
    hull,
    level_channels,
    pooling,
    product,
    radius_of,
    wider,
)
from napari_sciml.networks.layers.blocks import (
    ConvReLU,
    Pointwise,
    Up,
    crop_to,
    max_pool,
    pad_to_multiple,
)


class UShaped(ConfiguredNetwork):
    """What U-shaped networks have in common: the way down, and any input size.

    An image is continued at its far ends to whole coarse voxels, and the answer cut
    back. With a ``spacing``, an axis of long voxels is pooled later than the others.
    """

    config: UShapedConfig

    def _build(self) -> None:
        config = self.config
        self.factors, self.sizes = pooling(self.dims, config.depth, self.spacing)
        self.channels = level_channels(config)
        self.encoders = nn.ModuleList()
        for level, (middle, out) in enumerate(self.channels):
            inputs = self.channels[level - 1][1] if level else self.in_channels
            size = self.sizes[level]
            self.encoders.append(
                nn.Sequential(
                    ConvReLU(self.dims, [inputs], middle, spacing=size),
                    ConvReLU(self.dims, [middle], out, spacing=size),
                )
            )
        self.output = Pointwise([self.channels[0][1]], self.classes)
        self.radius = radius_of(lambda interval: self._seen(0, interval), self.stride)

    @property
    def stride(self) -> int:
        """Voxels that a voxel of the coarsest level stands for."""
        return int(2 ** (self.config.depth - 1))

    def forward(self, image: Tensor) -> Tensor:
        """Map ``(n, c, …)`` to class logits ``(n, classes, …)``."""
        state = pad_to_multiple(image, product(self.factors, self.dims))
        states = []
        for level, encoder in enumerate(self.encoders):
            if level:
                state = max_pool(state, self.factors[level - 1])
            state = encoder(state)
            states.append(state)
        logits: Tensor = self.output(self._decode(states))
        return crop_to(logits, image.shape[2:])

    def _decode(self, states: list[Tensor]) -> Tensor:
        """Channels at full resolution from what the encoders made, finest first."""
        raise NotImplementedError

    def _seen(self, level: int, interval: Interval) -> Interval:
        """Input voxels that an interval of a level's decoder depends on."""
        raise NotImplementedError

    def _encoder_sees(self, level: int, interval: Interval) -> Interval:
        """Input voxels that an interval of a level's encoder depends on."""
        interval = wider(interval, 2)
        if level:
            return self._encoder_sees(level - 1, finer(interval, 1))
        return interval


class TUNet(UShaped):
    """A tunable U-Net, after the DLSIA paper (J. Appl. Cryst. 57, 2024).

    Two convolutions with ReLU a level on the way down and up, max-pooling between
    levels, transposed convolutions back up, where the encoder's channels of the
    same level are joined in. There is no normalization: batch normalization would
    make a voxel's answer depend on its batch and tile.

    See `ConfiguredNetwork` for the parameters.
    """

    config_type: ClassVar = TUNetConfig

    def _build(self) -> None:
        super()._build()
        self.ups, self.joins = nn.ModuleList(), nn.ModuleList()
        self.decoders = nn.ModuleList()
        for level, factors in enumerate(self.factors):
            middle, out = self.channels[level]
            self.ups.append(Up(self.channels[level + 1][1], out, factors))
            size = self.sizes[level]
            joined = ConvReLU(self.dims, [out, out], middle, spacing=size)
            self.joins.append(joined)
            self.decoders.append(ConvReLU(self.dims, [middle], out, spacing=size))

    def _decode(self, states: list[Tensor]) -> Tensor:
        state = states.pop()
        for level in reversed(range(self.config.depth - 1)):
            joined = self.joins[level](states.pop(), self.ups[level](state))
            state = self.decoders[level](joined)
        return state

    def _seen(self, level: int, interval: Interval) -> Interval:
        if level == self.config.depth - 1:
            return self._encoder_sees(level, interval)
        interval = wider(interval, 2)
        return hull(
            self._encoder_sees(level, interval),
            self._seen(level + 1, coarser(interval, 1)),
        )
