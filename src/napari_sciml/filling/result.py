"""What a filling tells and gives."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from napari_sciml.filling.scores import Scores

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
        What to expect in the gaps by the test, on gaps moved to where the truth is
        known: see `napari_sciml.filling.place.Place.figures`; ``within_1_std`` and
        ``within_2_std``; and ``ceiling`` where two exposures were given.
    errors
        How far each of these may be off, in 19 of 20 places; None where only one
        could be tested.
    places
        Number of places of the test.
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
    scores: Scores
    errors: Scores
    places: int
    method: str
    cautions: tuple[str, ...] = ()
    model: "ImageModel | None" = field(default=None, repr=False)

    @property
    def verdict(self) -> str:
        """What the test found, in a sentence."""
        told = [
            _told(words, form, value, self.errors.get(name))
            for name, (words, form) in SAID.items()
            if (value := self.scores.get(name)) is not None
        ]
        where = "a place" if self.places == 1 else f"{self.places} places"
        test = (
            f"Tested on gaps moved to {where} where the truth is known; expected here: "
        )
        return test + ", ".join(told)


SAID = {
    "error7": ("means of 7x7 pixels off by", ".1%"),
    "cc7": ("CC7", ".3f"),
    "cc": ("CC", ".3f"),
    "photons": ("photons", "+.1%"),
    "ring_error": ("rings", ".1%"),
    "ceiling": ("ceiling by shot noise", ".2f"),
}
"""Words for a score, and its format."""


def _told(words: str, form: str, value: float, error: float | None) -> str:
    said = f"{words} {value:{form}}"
    return said if error is None else f"{said} ± {error:{form.lstrip('+')}}"
