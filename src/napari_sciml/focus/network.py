"""The networks that rate a tile."""

from typing import cast

import torch
from torch import Tensor, nn

from napari_sciml.errors import InputError
from napari_sciml.focus.convolutional import ConvolutionalFocusNet
from napari_sciml.focus.features import (
    BINS,
    SCALARS,
    other_texture,
    radial_spectrum,
    signal_features,
    standardize,
)
from napari_sciml.focus.levels import LEVELS

JUDGES = 4
SHARPER = 0.7
"""Temperature of a `FocusPanel`: a mean of two is less sure than it might be."""
TILT, WAVE = 0.3, 0.15
"""How much the texture of the specimen is changed in training; see `other_texture`."""


class FocusNet(nn.Module):
    """Judges of the spectrum and the noise of a tile, and their mean.

    Tiles ``(n, 1, y, x)`` of any gain and offset to log-odds ``(n, 11)``; in
    training the log-odds of every judge, one after another, ``(4 n, 11)``.
    """

    version = 2

    def __init__(self) -> None:
        super().__init__()
        self.judges = Judges()

    def forward(self, tiles: Tensor) -> Tensor:
        """Rate tiles; what has no contrast at all is rated evenly."""
        features, alive = tile_features(tiles)
        logits = cast("Tensor", self.judges(features))
        return logits * alive.repeat(len(logits) // len(alive))[:, None]


class Judges(nn.Module):
    """Small networks that began differently: where they disagree, none is sure.

    Features ``(n, 45)`` of `tile_features` to log-odds as `FocusNet`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(BINS + SCALARS, affine=False, momentum=0.02)
        self.heads = nn.ModuleList(_judge() for _ in range(JUDGES))
        self.temperature: Tensor
        self.register_buffer("temperature", torch.ones(()))

    def forward(self, features: Tensor) -> Tensor:
        """Rate features."""
        if self.training:
            features = other_texture(features, TILT, WAVE)
        # What is far from all that was seen must not pull a judge along.
        normed = self.norm(features).clamp(-6, 6)
        logits = torch.stack([head(normed) for head in self.heads])
        if self.training:  # each learns on its own
            return logits.flatten(0, 1)
        mean = torch.softmax(logits / self.temperature, dim=2).mean(dim=0)
        return mean.clamp_min(1e-12).log()


class FocusPanel(nn.Module):
    """`FocusNet` and the convolutional network, half and half: what ships.

    The judges know new instruments better; convolutions see what lies near the rim
    of a tile, where the window of a spectrum is dark, and so tell blank tiles better.
    """

    version = 3

    def __init__(self) -> None:
        super().__init__()
        self.judges = Judges()
        self.convolutional = ConvolutionalFocusNet()

    def forward(self, tiles: Tensor) -> Tensor:
        """Rate tiles as `FocusNet` does; in training the last n are convolved."""
        features, alive = tile_features(tiles)
        two = self.judges(features), self.convolutional(tiles)
        if self.training:
            logits = torch.cat(two)
            return logits * alive.repeat(len(logits) // len(alive))[:, None]
        mean = (torch.softmax(two[0], dim=1) + torch.softmax(two[1], dim=1)) / 2
        return mean.clamp_min(1e-12).log() / SHARPER * alive[:, None]


class SpectrumNet(nn.Module):
    """The baseline: only the radial spectrum, about 7,600 weights."""

    version = 1

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


def tile_features(tiles: Tensor) -> tuple[Tensor, Tensor]:
    """Spectrum and signal ``(n, 45)`` of tiles, and which have any contrast."""
    scaled, alive = standardize(tiles)
    return torch.cat([radial_spectrum(scaled), signal_features(scaled)], dim=1), alive


def make_network(kind: str, version: int = FocusNet.version) -> nn.Module:
    """Build "spectrum" or "focusnet", of the version trained now if none is given."""
    versions: dict[tuple[str, int], type[nn.Module]] = {
        ("focusnet", kept.version): kept
        for kept in (ConvolutionalFocusNet, FocusNet, FocusPanel)
    }
    if kind == "spectrum":
        return SpectrumNet()
    if kind == "focusnet" and version > max(known for _, known in versions):
        raise InputError(
            "The focus model was made by a newer version of napari-sciml "
            f"({kind} {version}): upgrade napari-sciml to use it."
        )
    if (kind, version) not in versions:
        raise InputError(f"'{kind}' is no focus network; use focusnet or spectrum.")
    return versions[kind, version]()


def ranked_probability_score(logits: Tensor, levels: Tensor) -> Tensor:
    """Mean over tiles of ``Σ (CDF predicted - CDF true)² / (K - 1)``.

    A proper score, so that a tile that tells nothing comes out even; an error of
    many levels costs more than one of a few.
    """
    predicted = torch.softmax(logits, dim=1).cumsum(dim=1)
    steps = torch.arange(LEVELS, device=logits.device)
    true = (steps >= levels[:, None]).to(predicted.dtype)
    return (predicted - true).pow(2).sum(dim=1).mean() / (LEVELS - 1)


def _judge() -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(BINS + SCALARS, 96), nn.ReLU(), nn.Dropout(0.15),
        nn.Linear(96, 48), nn.ReLU(), nn.Dropout(0.15),
        nn.Linear(48, LEVELS),
    )  # fmt: skip
