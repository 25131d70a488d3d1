"""A linear model beside the trees: where these guess, it goes on as it began.

Trees answer alike on either side of what they have seen, and take a few correcting
strokes too literally; a weighted sum of the channels does neither. Both together are
better than each.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from napari_sciml.errors import InputError

FARTHEST = 6.0
"""Spreads from the mean beyond which a channel counts no further."""
STEEP = 2.0
"""Of the bend through which each channel is seen once more."""
LEAST_TOLD = -5.0
"""Logarithm of the least probability that it gives to a class that it knows."""
LEAST_SHARE = 1e-3
"""Least probability of the trees: they are steps, and beyond it mean nothing."""
FAR = 1e6
"""Spreads that are no further away than this in the bend, or it would be no number."""
MOST_WEIGHTS = 10**7
PIECE = 2**12
"""Rows that are weighed together, in double precision: no block shall matter."""
DAMAGED = "The model is damaged: copy it again, or train it anew."


class LinearModel(nn.Module):
    """Multinomial logistic regression on channels, straight and bent.

    Parameters
    ----------
    features
        Channels in a row.
    classes
        Class probabilities that come out.
    share
        How much it counts beside the trees, 0 to 1: see `mixed`.

    Raises
    ------
    InputError
        When the numbers make no sense.
    """

    def __init__(self, features: int, classes: int, *, share: float) -> None:
        super().__init__()
        sound = min(features, classes) >= 1 and features * classes <= MOST_WEIGHTS
        if not sound or not 0 <= share < 1:
            raise InputError(DAMAGED)
        self.features, self.classes, self.share = features, classes, share
        self.register_buffer("center", torch.zeros(features))
        self.register_buffer("spread", torch.ones(features))
        self.register_buffer("weight", torch.zeros(classes, 2 * features))
        self.register_buffer("bias", torch.zeros(classes))

    center: Tensor
    spread: Tensor
    weight: Tensor
    bias: Tensor

    def seen(self, rows: np.ndarray) -> np.ndarray:
        """What it weighs of rows ``(n, features)``: ``(n, 2 * features)`` float32."""
        with torch.inference_mode():
            return torch.cat(self._seen(torch.from_numpy(rows)), dim=1).numpy()

    def log_probabilities(self, rows: np.ndarray) -> np.ndarray:
        """Logarithms ``(n, class)`` float32; -inf for classes that it never saw.

        Parameters
        ----------
        rows
            ``(n, features)`` float32.
        """
        found = np.empty((len(rows), self.classes), np.float32)
        bias = self.bias.cpu().double()
        straight, bent = self.weight.cpu().double().T.chunk(2)
        for start in range(0, len(rows), PIECE):
            part = slice(start, start + PIECE)
            with torch.inference_mode():
                both = self._seen(torch.from_numpy(rows[part]))
                told = torch.addmm(bias, both[0].double(), straight)
                told = told.addmm_(both[1].double(), bent)
                told = told.log_softmax(1).clamp_min_(LEAST_TOLD)
                found[part] = torch.where(bias.isfinite(), told, bias).numpy()
        return found

    def description(self) -> dict[str, Any]:
        """What `from_description` needs, JSON-able."""
        return {
            "features": self.features,
            "classes": self.classes,
            "share": self.share,
        }

    @classmethod
    def from_description(cls, description: dict[str, Any]) -> "LinearModel":
        """Make room for one whose arrays come separately."""
        return cls(
            int(description["features"]),
            int(description["classes"]),
            share=float(description["share"]),
        )

    def check(self) -> None:
        """Make sure that the arrays are numbers.

        Raises
        ------
        InputError
            When they are not.
        """
        known = self.bias.isfinite()
        told = known | (self.bias == -torch.inf)
        parts = [self.center, self.spread, 1 / self.spread, self.weight]
        sound = all(bool(part.isfinite().all()) for part in parts)
        if not (sound and bool((self.spread > 0).all() and told.all() and known.any())):
            raise InputError(DAMAGED)

    def _seen(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Straight and bent, by operations that are rounded in one way only."""
        units = (rows - self.center.cpu()).mul_(1 / self.spread.cpu())
        units.clamp_(-FAR, FAR)
        length = units.square().mul_(STEEP**2).add_(1).sqrt_()
        bent = (units * STEEP**2).div_(length)
        return units.clamp_(-FARTHEST, FARTHEST), bent


def mixed(shares: np.ndarray, told: np.ndarray, share: float) -> np.ndarray:
    """Weighted geometric mean of probabilities of trees and of a linear model.

    Parameters
    ----------
    shares
        ``(…, n, class)``, of trees.
    told
        ``(n, class)``, as `LinearModel.log_probabilities`.
    share
        Weight of the linear model.

    Returns
    -------
    ndarray
        As ``shares``, float32; sums to 1 over the classes.
    """
    odds = (1 - share) * np.log(np.maximum(shares, LEAST_SHARE)) + share * told
    odds -= odds.max(-1, keepdims=True)
    found = np.exp(odds, out=odds)
    found /= found.sum(-1, keepdims=True)
    return np.asarray(found, np.float32)
