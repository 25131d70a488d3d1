"""The convolutional network of the first weights: models saved with it still load."""

from typing import cast

import torch
from torch import Tensor, nn

from napari_sciml.focus.levels import LEVELS
from napari_sciml.focus.rating.features import (
    BINS,
    SCALARS,
    radial_spectrum,
    signal_features,
    standardize,
)


class ConvolutionalFocusNet(nn.Module):
    """A small convolutional network that also sees the spectrum and the noise.

    Tiles ``(n, 1, y, x)`` of any gain and offset to log-odds ``(n, 11)``. On
    instruments that it had not seen, the spectrum alone did better.
    """

    version = 1

    def __init__(self) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            # Even strides everywhere: a flip must not move what is sampled.
            *_stage(1, 16, kernel=6, stride=2),
            *_stage(16, 24),
            nn.MaxPool2d(2),
            *_stage(24, 32),
            nn.MaxPool2d(3, stride=2, padding=1),
            *_stage(32, 48),
        )
        self.head = nn.Sequential(
            nn.Linear(2 * 48 + BINS + SCALARS, 96), nn.ReLU(), nn.Dropout(0.1),
            nn.Linear(96, LEVELS),
        )  # fmt: skip

    def forward(self, tiles: Tensor) -> Tensor:
        """Rate tiles; what has no contrast at all is rated evenly."""
        scaled, alive = standardize(tiles)
        maps = self.convolutions(scaled.clamp(-8, 8))
        pooled = [maps.mean(dim=(2, 3)), maps.amax(dim=(2, 3))]
        seen = torch.cat(
            [
                *pooled,
                radial_spectrum(scaled, even=False),
                signal_features(scaled, even=False),
            ],
            dim=1,
        )
        return cast("Tensor", self.head(seen)) * alive[:, None]


def _stage(
    inputs: int, outputs: int, *, kernel: int = 3, stride: int = 1
) -> list[nn.Module]:
    convolution = nn.Conv2d(
        inputs, outputs, kernel, stride=stride, padding=(kernel - 1) // 2, bias=False
    )
    return [convolution, nn.BatchNorm2d(outputs), nn.ReLU()]
