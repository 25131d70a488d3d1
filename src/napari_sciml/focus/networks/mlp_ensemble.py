"""Small networks that judge spectra and signal of a tile."""

import torch
from torch import Tensor, nn

from napari_sciml.focus.levels import LEVELS
from napari_sciml.focus.rating.features import BINS, SCALARS, other_texture

JUDGES = 4
TILT, WAVE = 0.3, 0.15
"""How much the texture of the specimen is changed in training; see `other_texture`."""


class MLPEnsemble(nn.Module):
    """Networks that began differently: where they disagree, none is sure.

    Features ``(n, 41 * spectra + 4)`` to log-odds ``(n, 11)``; in training the
    log-odds of every judge, one after another, ``(4 n, 11)``.

    Parameters
    ----------
    spectra
        How many spectra of a tile there are.
    widths
        Of the two hidden layers of a judge.
    """

    def __init__(self, spectra: int, widths: tuple[int, int]) -> None:
        super().__init__()
        self.spectra = spectra
        inputs = BINS * spectra + SCALARS
        self.norm = nn.BatchNorm1d(inputs, affine=False, momentum=0.02)
        self.heads = nn.ModuleList(_judge(inputs, *widths) for _ in range(JUDGES))
        self.temperature: Tensor
        self.register_buffer("temperature", torch.ones(()))

    def forward(self, features: Tensor) -> Tensor:
        """Rate features."""
        if self.training:
            features = other_texture(features, TILT, WAVE, self.spectra)
        # What is far from all that was seen must not pull a judge along.
        normed = self.norm(features).clamp(-6, 6)
        logits = torch.stack([head(normed) for head in self.heads])
        if self.training:  # each learns on its own
            return logits.flatten(0, 1)
        mean = torch.softmax(logits / self.temperature, dim=2).mean(dim=0)
        return mean.clamp_min(1e-12).log()


def _judge(inputs: int, first: int, second: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inputs, first), nn.ReLU(), nn.Dropout(0.15),
        nn.Linear(first, second), nn.ReLU(), nn.Dropout(0.15),
        nn.Linear(second, LEVELS),
    )  # fmt: skip
