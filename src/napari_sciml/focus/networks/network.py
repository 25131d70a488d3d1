"""The networks that rate a tile."""

import math
from typing import cast

import torch
from torch import Tensor, nn

from napari_sciml.errors import InputError
from napari_sciml.focus.levels import IN_FOCUS_LEVELS, LEVELS
from napari_sciml.focus.networks.mlp_ensemble import MLPEnsemble
from napari_sciml.focus.rating.features import (
    BINS,
    radial_spectrum,
    signal_features,
    standardize,
    steady_spectrum,
)

IN_FOCUS_ODDS = 2.0
"""How much more images are expected in focus than by counting levels.

Training draws all levels alike: three in focus, eight out of focus. Left at that, what
is in doubt round level 2 would be called out of focus, and so it was for nearly all
images on the wrong side. People mean their images to be in focus.
"""


class FocusNet(nn.Module):
    """Judges of two spectra and the noise of a tile, and their mean.

    Tiles ``(n, 1, y, x)`` of any gain and offset to log-odds ``(n, 11)``; in
    training the log-odds of every judge, one after another, ``(4 n, 11)``.
    """

    version = 5

    def __init__(self) -> None:
        super().__init__()
        self.judges = MLPEnsemble(2, (128, 64))

    def forward(self, tiles: Tensor) -> Tensor:
        """Rate tiles; what has no contrast at all is rated evenly."""
        features, alive = tile_features(tiles)
        logits = cast("Tensor", self.judges(features))
        if not self.training:
            inside = torch.arange(LEVELS, device=logits.device) < IN_FOCUS_LEVELS
            logits = logits + math.log(IN_FOCUS_ODDS) * inside
        return logits * alive.repeat(len(logits) // len(alive))[:, None]


class SpectrumNet(nn.Module):
    """The baseline: only the radial spectrum, about 7,600 weights."""

    version = 2

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Sequential(
            nn.Linear(BINS, 72), nn.ReLU(), nn.Linear(72, 52), nn.ReLU(),
            nn.Linear(52, LEVELS),
        )  # fmt: skip

    def forward(self, tiles: Tensor) -> Tensor:
        """Rate tiles; what has no contrast at all is rated evenly."""
        scaled, alive = standardize(tiles)
        spectrum = radial_spectrum(scaled)
        return cast("Tensor", self.head(spectrum)) * alive[:, None]


def tile_features(tiles: Tensor) -> tuple[Tensor, Tensor]:
    """Spectra and signal ``(n, 86)`` of tiles, and which have any contrast."""
    scaled, alive = standardize(tiles)
    looks = radial_spectrum, steady_spectrum, signal_features
    return torch.cat([look(scaled) for look in looks], dim=1), alive


def make_network(kind: str, version: int | None = None) -> nn.Module:
    """Build "spectrum" or "focusnet", where the version is the one of today.

    Raises
    ------
    InputError
        When there is no such network, or a model was saved with another version.
    """
    network = _NETWORKS.get(kind)
    if network is None:
        raise InputError(
            f"'{str(kind)[:40]}' is no focus network; use focusnet or spectrum."
        )
    if version in (None, network.version):
        return network()
    if version > network.version:
        raise InputError(
            "The focus model was made by a newer version of napari-sciml "
            f"({kind} {version}): upgrade napari-sciml to use it."
        )
    raise InputError(
        f"The focus model was made by an older version of napari-sciml ({kind} "
        f"{version}), whose networks were built differently: train it again."
    )


_NETWORKS: dict[str, type[FocusNet] | type[SpectrumNet]] = {
    "focusnet": FocusNet,
    "spectrum": SpectrumNet,
}


def ranked_probability_score(logits: Tensor, levels: Tensor) -> Tensor:
    """Mean over tiles of ``Σ (CDF predicted - CDF true)² / (K - 1)``.

    A proper score, so that a tile that tells nothing comes out even; an error of
    many levels costs more than one of a few.
    """
    predicted = torch.softmax(logits, dim=1).cumsum(dim=1)
    steps = torch.arange(LEVELS, device=logits.device)
    true = (steps >= levels[:, None]).to(predicted.dtype)
    return (predicted - true).pow(2).sum(dim=1).mean() / (LEVELS - 1)
