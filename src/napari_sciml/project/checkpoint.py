"""A model that one can go back to: in memory, in a project, or in a folder."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sciml.errors import InputError
from napari_sciml.io.models.folder import load_model
from napari_sciml.json_files import read_file

if TYPE_CHECKING:
    from napari_sciml.networks.ensemble import Ensemble

KEPT_MODELS = 20
"""Older models are removed, but never the best one."""
THUMBNAIL_FILE = "thumbnail.png"
THUMBNAIL_EDGE = 4096
"""Pixels at most; ours have a few hundred."""


@dataclass(frozen=True, eq=False)
class Checkpoint:
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
        Mean held-out Dice, more is better; None where nothing was held out.
    seconds
        Of training.
    run, round
        Which training made it, and after how many rounds.
    thumbnail
        ``(h, w, 3)`` uint8: what it predicted; None as long as it has predicted
        nothing, or the picture is on the disk.
    ensemble
        The networks; None where they are still on the disk.
    folder
        Where it lies; None as long as it is in memory only.
    weights_sha256
        Of the file with the weights, where it lies in a project.
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
    thumbnail: np.ndarray | None = field(default=None, repr=False)
    ensemble: "Ensemble | None" = field(default=None, repr=False)
    folder: Path | None = None
    weights_sha256: str = ""
    record: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def loaded_from(self) -> str:
        """Name of the folder that a person has loaded it from; empty where nobody."""
        apart = self.folder is not None and not self.weights_sha256
        return self.folder.name if apart and self.folder is not None else ""

    def load(self) -> "Ensemble":
        """Give the networks; reads them, on the CPU, where they are on the disk.

        Raises
        ------
        InputError
            When they are damaged or gone.
        """
        if self.ensemble is not None:
            return self.ensemble
        if self.folder is None:
            raise InputError(f"Model {self.number} has no networks.")
        return load_model(self.folder)

    def picture(self) -> np.ndarray | None:
        """What the model predicted, ``(h, w, 3)`` uint8; None when there is none."""
        if self.thumbnail is not None or self.folder is None:
            return self.thumbnail
        from PIL import Image

        try:
            content = read_file(self.folder / THUMBNAIL_FILE)
            with Image.open(BytesIO(content), formats=("PNG",)) as picture:
                if max(picture.size) > THUMBNAIL_EDGE:
                    return None
                return np.asarray(picture.convert("RGB"))
        except Exception:  # a picture is no reason to fail, whatever is wrong with it
            return None


def superfluous(checkpoints: Sequence[Checkpoint]) -> list[Checkpoint]:
    """Models that make room, of all in their order: not the newest, not the best."""
    older = list(checkpoints[:-KEPT_MODELS])
    scored = [entry for entry in checkpoints if entry.score is not None]
    best = max(scored, key=lambda entry: (entry.score, entry.number), default=None)
    return [entry for entry in older if entry is not best]
