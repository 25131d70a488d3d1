"""The networks that rate a tile."""

from typing import cast

import torch
from torch import Tensor, nn

from napari_sciml.errors import InputError
from napari_sciml.focus.features import (
    BINS,
    SCALARS,
    radial_spectrum,
    signal_features,
    standardize,
)
from napari_sciml.focus.levels import LEVELS


class FocusNet(nn.Module):
    """A small convolutional network that also sees the spectrum and the noise.

    Tiles ``(n, 1, y, x)`` of any gain and offset to log-odds ``(n, 11)``.

    Attributes
    ----------
    mixed
        Convolve in bfloat16. Training is several times as fast on processors that
        have units for it, and slower on others.
    """

    def __init__(self) -> None:
        super().__init__()
        self.mixed = False
        self.convolutions = nn.Sequential(
            # Even strides everywhere: a flip must not move what is sampled.
            *_stage(1, 16, kernel=6, stride=2),
            *_stage(16, 24),
            nn.MaxPool2d(2),
            *_stage(24, 32),
            nn.MaxPool2d(3, stride=2, padding=1),
            *_stage(32, 48),
        )
        self.head = _head(2 * 48 + BINS + SCALARS)

    def forward(self, tiles: Tensor) -> Tensor:
        """Rate tiles; what has no contrast at all is rated evenly."""
        scaled, alive = standardize(tiles)
        with torch.autocast(tiles.device.type, torch.bfloat16, enabled=self.mixed):
            maps = self.convolutions(scaled.clamp(-8, 8))
        maps = maps.float()
        pooled = [maps.mean(dim=(2, 3)), maps.amax(dim=(2, 3))]
        seen = torch.cat(
            [*pooled, radial_spectrum(scaled), signal_features(scaled)], dim=1
        )
        return cast("Tensor", self.head(seen)) * alive[:, None]


class SpectrumNet(nn.Module):
    """The baseline: only the radial spectrum, about 7,600 weights."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Sequential(
            nn.Linear(BINS, 72), nn.ReLU(), nn.Linear(72, 52), nn.ReLU(),
            nn.Linear(52, LEVELS),
        )  # fmt: skip

    def forward(self, tiles: Tensor) -> Tensor:
        """Rate tiles; what has no contrast at all is rated evenly."""
        scaled, alive = standardize(tiles)
        return cast("Tensor", self.head(radial_spectrum(scaled))) * alive[:, None]


def make_network(kind: str) -> nn.Module:
    """Build "focusnet" or "spectrum"."""
    kinds: dict[str, type[nn.Module]] = {"focusnet": FocusNet, "spectrum": SpectrumNet}
    if kind not in kinds:
        raise InputError(f"'{kind}' is no focus network; use {' or '.join(kinds)}.")
    return kinds[kind]()


def ranked_probability_score(logits: Tensor, levels: Tensor) -> Tensor:
    """Mean over tiles of ``Σ (CDF predicted - CDF true)² / (K - 1)``.

    A proper score, so that a tile that tells nothing comes out even; an error of
    many levels costs more than one of a few.
    """
    predicted = torch.softmax(logits, dim=1).cumsum(dim=1)
    steps = torch.arange(LEVELS, device=logits.device)
    true = (steps >= levels[:, None]).to(predicted.dtype)
    return (predicted - true).pow(2).sum(dim=1).mean() / (LEVELS - 1)


def _stage(
    inputs: int, outputs: int, *, kernel: int = 3, stride: int = 1
) -> list[nn.Module]:
    convolution = nn.Conv2d(
        inputs, outputs, kernel, stride=stride, padding=(kernel - 1) // 2, bias=False
    )
    return [convolution, nn.BatchNorm2d(outputs), nn.ReLU()]


def _head(inputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inputs, 96), nn.ReLU(), nn.Dropout(0.1), nn.Linear(96, LEVELS)
    )
