"""Tunable U-Nets with full-scale skip connections."""

from typing import ClassVar

from torch import Tensor, nn
from torch.nn import functional

from napari_sciml.networks.config import TUNet3PlusConfig
from napari_sciml.networks.dense.levels import (
    Interval,
    coarser,
    finer,
    hull,
    product,
    wider,
)
from napari_sciml.networks.dense.unet import UShaped
from napari_sciml.networks.layers.blocks import ConvReLU, max_pool


class TUNet3Plus(UShaped):
    """A tunable U-Net 3+ (Huang et al., ICASSP 2020; DLSIA's form of it).

    The decoder of a level reads all levels: the encoders of the finer ones, pooled,
    that of its own, and the decoders of the coarser ones, enlarged. Each is squeezed
    to ``carry`` channels by a convolution with ReLU, on the coarser of the two grids,
    where that is cheapest, and one convolution with ReLU joins them.

    See `ConfiguredNetwork` for the parameters.
    """

    config: TUNet3PlusConfig
    config_type: ClassVar = TUNet3PlusConfig

    def _build(self) -> None:
        super()._build()
        depth = self.config.depth
        carry = self.config.carry or self.config.base
        self.squeezers, self.decoders = nn.ModuleList(), nn.ModuleList()
        for level in range(depth - 1):
            squeezers = nn.ModuleList()
            for source, (_, channels) in enumerate(self.channels):
                size = self.sizes[max(level, source)]
                squeezers.append(ConvReLU(self.dims, [channels], carry, spacing=size))
            self.squeezers.append(squeezers)
            out, size = self.channels[level][1], self.sizes[level]
            decoder = ConvReLU(self.dims, [carry] * depth, out, spacing=size)
            self.decoders.append(decoder)

    def _decode(self, states: list[Tensor]) -> Tensor:
        # A level's encoder is read by its own decoder last, which takes its place.
        for level in reversed(range(self.config.depth - 1)):
            parts = [
                self._squeezed(level, source, state)
                for source, state in enumerate(states)
            ]
            states[level] = self.decoders[level](*parts)
        return states[0]

    def _squeezed(self, level: int, source: int, state: Tensor) -> Tensor:
        squeeze = self.squeezers[level][source]  # type: ignore[index]
        if source <= level:
            factors = product(self.factors[source:level], self.dims)
            squeezed: Tensor = squeeze(max_pool(state, factors))
            return squeezed
        small = squeeze(state)
        factors = product(self.factors[level:source], self.dims)
        shape = [n * f for n, f in zip(small.shape[2:], factors, strict=True)]
        return functional.interpolate(small, shape, mode="nearest")

    def _seen(self, level: int, interval: Interval) -> Interval:
        depth = self.config.depth
        if level == depth - 1:
            return self._encoder_sees(level, interval)
        joined = wider(interval, 1)
        finer_levels = [
            self._encoder_sees(source, finer(wider(joined, 1), level - source))
            for source in range(level + 1)
        ]
        coarser_levels = [
            self._seen(source, wider(coarser(joined, source - level), 1))
            for source in range(level + 1, depth)
        ]
        return hull(*finer_levels, *coarser_levels)
