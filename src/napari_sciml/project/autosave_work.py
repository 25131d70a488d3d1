"""What waits to be saved, and what to say when it cannot be."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from napari_sciml.errors import InputError
from napari_sciml.io.atomic import cannot_write
from napari_sciml.project.checkpoint import Checkpoint
from napari_sciml.project.journal import JournalEntry
from napari_sciml.project.runs import RunEvent

MakeCheckpoint = Callable[[], Checkpoint]


@dataclass
class Work:
    """What waits to be written, in the order of its urgency."""

    strokes: list[JournalEntry] = field(default_factory=list)
    runs: list[RunEvent] = field(default_factory=list)
    description: dict[str, Any] = field(default_factory=dict)
    models: list[MakeCheckpoint] = field(default_factory=list)
    thumbnails: dict[int, np.ndarray] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return any(vars(self).values())


def sentence_for(error: Exception, folder: Path | None) -> str:
    """Tell a person what could not be saved; the folder is None before it is there."""
    if isinstance(error, InputError):
        return f"Not saved: {error}"
    if isinstance(error, FileNotFoundError) and folder is not None:
        return (
            f"Not saved: something is missing in {folder}. Put it back, or save a copy "
            "elsewhere."
        )
    if isinstance(error, OSError):
        return f"Not saved: {cannot_write(folder or _place(error), error)}"
    return f"Not saved: {error}"


def _place(error: OSError) -> Path:
    return Path(error.filename or "The project")
