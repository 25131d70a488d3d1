"""A model of the history: what made it, and how good it is."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from napari_sciml.networks.ensemble import Ensemble


@dataclass(frozen=True)
class KeptModel:
    """A model that one can go back to.

    Attributes
    ----------
    number
        Its name: 1, 2, 3 … in the order in which models were kept.
    time
        When, with a time zone.
    revision
        Of the annotation that it was trained on; None where that is not known.
    kind
        "trees" or "ensemble"; "instant" in older projects stands for "trees".
    score
        On held-out strokes, more is better; None where nothing was held out.
    seconds
        Of training.
    run, round
        Which training made it, and after how many rounds.
    thumbnail
        ``(h, w, 3)`` uint8: what it predicted.
    ensemble
        The networks; None where they are still on the disk.
    record
        For the model file: provenance, settings, calibration …
    """

    number: int
    time: datetime
    revision: int | None
    kind: str
    score: float | None
    seconds: float
    run: int
    round: int
    thumbnail: np.ndarray | None = field(repr=False)
    ensemble: "Ensemble | None" = field(repr=False)
    record: dict[str, Any] = field(repr=False)
