"""Networks of before: models saved with them still rate; none is trained now."""

import torch
from torch import Tensor, nn

from napari_sciml.focus.networks.convolutional import ConvolutionalFocusNet
from napari_sciml.focus.networks.judges import Judges
from napari_sciml.focus.rating.features import (
    radial_spectrum,
    signal_features,
    standardize,
)

WIDTHS = (96, 48)
SHARPER = 0.7
"""Temperature of a `FocusPanel`: a mean of two is less sure than it might be."""


class OneSpectrumNet(nn.Module):
    """Judges of a single spectrum, which is dark near the rim of a tile."""

    version = 2

    def __init__(self) -> None:
        super().__init__()
        self.judges = Judges(1, WIDTHS)

    def forward(self, tiles: Tensor) -> Tensor:
        """Rate tiles ``(n, 1, y, x)``, as log-odds ``(n, 11)``."""
        features, alive = _features(tiles)
        logits: Tensor = self.judges(features)
        return logits * alive[:, None]


class FocusPanel(nn.Module):
    """Judges of a single spectrum and the convolutional network, half and half."""

    version = 3

    def __init__(self) -> None:
        super().__init__()
        self.judges = Judges(1, WIDTHS)
        self.convolutional = ConvolutionalFocusNet()

    def forward(self, tiles: Tensor) -> Tensor:
        """Rate tiles ``(n, 1, y, x)``, as log-odds ``(n, 11)``."""
        features, alive = _features(tiles)
        two = self.judges(features), self.convolutional(tiles)
        mean = (torch.softmax(two[0], dim=1) + torch.softmax(two[1], dim=1)) / 2
        return mean.clamp_min(1e-12).log() / SHARPER * alive[:, None]


def _features(tiles: Tensor) -> tuple[Tensor, Tensor]:
    scaled, alive = standardize(tiles)
    return torch.cat(
        [radial_spectrum(scaled, even=False), signal_features(scaled, even=False)],
        dim=1,
    ), alive
