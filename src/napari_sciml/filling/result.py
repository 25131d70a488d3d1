"""What a filling tells and gives."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from napari_sciml.networks.image_model import ImageModel


@dataclass(frozen=True)
class FillStep:
    """Something is done.

    Attributes
    ----------
    fraction
        Of the whole, 0 to 1.
    doing
        What is done now, in words.
    """

    fraction: float
    doing: str


@dataclass(frozen=True)
class Filled:
    """An image without gaps, and how far it may be trusted.

    Attributes
    ----------
    image
        ``(y, x)`` or ``(t, y, x)`` float32: the counts that were given, and filled
        ones in the gaps.
    std
        One standard deviation of the mean over 7x7 filled pixels around each, float32,
        as the test found it; 0 where nothing was filled.
    filled_mask
        True where a value was filled in: the gaps, and what the beamstop hides as far
        as something is known of its ring.
    source
        Where filled values come from, uint8: 1 = from around and across the center,
        2 = from around on the ring, 3 = from the nearest known pixels, 4 = network,
        0 = not filled.
    gaps, beamstop
        What was not known, ``(y, x)`` or ``(t, y, x)``, and which part of it lies
        behind the beamstop, ``(y, x)``.
    center
        ``(y, x)`` in pixels.
    scores
        Of the test on gaps moved to where the truth is known: see
        `napari_sciml.filling.scores.score`; ``within_1_std`` and ``within_2_std``;
        and ``ceiling`` where two exposures were given.
    method
        What filled, in words.
    cautions
        What a person should know.
    model
        The networks, if any filled or were tried.
    """

    image: np.ndarray
    std: np.ndarray
    filled_mask: np.ndarray
    source: np.ndarray
    gaps: np.ndarray
    beamstop: np.ndarray
    center: tuple[float, float]
    scores: dict[str, float | None]
    method: str
    cautions: tuple[str, ...] = ()
    model: "ImageModel | None" = field(default=None, repr=False)

    @property
    def verdict(self) -> str:
        """What the test found, in a sentence."""
        told = [
            text.format(self.scores[name])
            for name, text in SAID.items()
            if self.scores.get(name) is not None
        ]
        return "Tested on gaps moved to where the truth is known: " + ", ".join(told)


SAID = {
    "cc7": "CC7 {:.3f}",
    "cc": "CC {:.3f}",
    "photons": "photons {:+.1%}",
    "ring_error": "rings {:.1%}",
    "ceiling": "ceiling by shot noise {:.2f}",
}
