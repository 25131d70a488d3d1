"""The models of a project's history, a folder each."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from napari_sciml.errors import InputError
from napari_sciml.io.atomic import atomic_path
from napari_sciml.io.models.folder import (
    read_weights_sha256,
    save_model,
)
from napari_sciml.json_files import read_object
from napari_sciml.project.checkpoint import (
    KEPT_MODELS,
    THUMBNAIL_FILE,
    Checkpoint,
    superfluous,
)

MODELS_FOLDER = "models"
ENTRY_FILE = "entry.json"


class ModelStore:
    """The folder ``models`` of a project.

    Parameters
    ----------
    folder
        Made when the first model comes. Holds ``0001``, ``0002`` …
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def entries(self) -> list[Checkpoint]:
        """The models that are whole, by number."""
        folders = sorted(self.folder.glob("[0-9]*"))
        entries = [_read_entry(folder) for folder in folders]
        known = [entry for entry in entries if entry is not None]
        return sorted(known, key=lambda entry: entry.number)

    def add(self, kept: Checkpoint) -> Checkpoint:
        """Write a model, whole or not at all, and remove the oldest ones.

        Raises
        ------
        InputError
            When it cannot be written.
        """
        if kept.ensemble is None:
            raise InputError(f"Model {kept.number} has no networks to write.")
        number = self._free_number(kept.number)
        with atomic_path(self._folder_of(number)) as folder:
            save_model(kept.ensemble, folder, record=kept.record)
            content = _entry_as_json(kept, number, read_weights_sha256(folder))
            (folder / ENTRY_FILE).write_text(content, "utf-8")
            if kept.thumbnail is not None:
                _write_picture(folder / THUMBNAIL_FILE, kept.thumbnail)
        entries = self.entries()
        for old in superfluous(entries):
            if old.folder is not None:
                self._remove(old.folder)
        return next(entry for entry in entries if entry.number == number)

    def set_thumbnail(self, number: int, picture: np.ndarray) -> None:
        """Write what a model predicts, ``(h, w, 3)`` uint8, if it is still there.

        Raises
        ------
        OSError
            When it cannot be written.
        """
        folder = self._folder_of(number)
        if folder.is_dir():
            _write_picture(folder / THUMBNAIL_FILE, picture)

    def entry(self, number: int) -> Checkpoint:
        """Give a model by its number.

        Raises
        ------
        InputError
            When it is not there.
        """
        found = _read_entry(self._folder_of(number))
        if found is None:
            raise InputError(
                f"The project has no model {number}: older ones are removed after "
                f"{KEPT_MODELS} newer ones."
            )
        return found

    def _folder_of(self, number: int) -> Path:
        return self.folder / f"{number:04d}"

    def _free_number(self, wanted: int) -> int:
        """The one that is wanted, unless there are models that come after it."""
        names = [folder.name for folder in self.folder.glob("[0-9]*")]
        return max([wanted, *(int(name) + 1 for name in names if name.isdigit())])

    def _remove(self, folder: Path) -> None:
        # Out of sight first: half a model is not to be seen.
        gone = folder.with_name(f".{folder.name}.partial-removed")
        folder.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)


def _entry_as_json(kept: Checkpoint, number: int, weights_sha256: str) -> str:
    content = {
        "number": number,
        "time": kept.time.astimezone(UTC).isoformat(timespec="milliseconds"),
        "revision": kept.revision,
        "kind": kept.kind,
        "score": kept.score,
        "seconds": kept.seconds,
        "run": kept.run,
        "round": kept.round,
        "weights_sha256": weights_sha256,
    }
    return json.dumps(content, indent=2) + "\n"


def _read_entry(folder: Path) -> Checkpoint | None:
    try:
        return _entry_from(read_object(folder / ENTRY_FILE), folder)
    except (ValueError, KeyError, TypeError, OverflowError):
        return None


def _entry_from(content: dict[str, Any], folder: Path) -> Checkpoint:
    revision, score = content["revision"], content["score"]
    return Checkpoint(
        number=int(folder.name),
        time=datetime.fromisoformat(content["time"]),
        revision=None if revision is None else int(revision),
        kind=str(content["kind"]),
        score=None if score is None else float(score),
        seconds=float(content["seconds"]),
        run=int(content["run"]),
        round=int(content["round"]),
        weights_sha256=str(content["weights_sha256"]),
        folder=folder,
    )


def _write_picture(path: Path, picture: np.ndarray) -> None:
    from skimage.io import imsave

    imsave(path, np.ascontiguousarray(picture, np.uint8), check_contrast=False)
