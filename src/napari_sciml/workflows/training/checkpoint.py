"""The state of a training on disk, to go on from after an interruption."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_sciml.errors import InputError, first_line
from napari_sciml.io.atomic import atomic_path
from napari_sciml.io.models.training_state import (
    RECORD_FILE,
    checkpoint_of,
    write_state,
)
from napari_sciml.io.workshop import remove_abandoned
from napari_sciml.progress import Say

if TYPE_CHECKING:
    from napari_sciml.training.events import Snapshot

CHECKPOINT_SECONDS = 15.0


class Checkpoint:
    """Renewed now and then while a training runs."""

    def __init__(
        self, out: Path, settings: dict[str, Any], start: Path | None, say: Say
    ) -> None:
        self._folder = checkpoint_of(out)
        self._start = None if start is None else str(start.absolute())
        self._settings = settings
        self._say = say
        self._failed = False
        self._last = time.monotonic()

    def update(self, snapshot: "Snapshot") -> None:
        """Write the newest state, where the last one is old enough."""
        if time.monotonic() - self._last < CHECKPOINT_SECONDS:
            return
        self._last = time.monotonic()
        try:
            with atomic_path(self._folder) as folder:
                folder.mkdir()
                write_state(snapshot.state, folder, self._settings, self._start)
        except Exception as error:  # a disk says so through any library
            if not self._failed:
                self._say(
                    "The training goes on, but could not be resumed if it were stopped "
                    f"now: {first_line(error)}"
                )
            self._failed = True

    @contextmanager
    def named(self) -> Iterator[None]:
        """Tell whom the end has failed that the training is not lost."""
        try:
            yield
        except InputError as error:
            if not (self._folder / RECORD_FILE).exists():
                raise
            told = str(error).rstrip(".")
            raise InputError(f"{told}, and go on with --resume.") from error

    def remove(self) -> None:
        """The training has ended well."""
        shutil.rmtree(self._folder, ignore_errors=True)
        # Of a run before, where this one was too short to write one itself.
        remove_abandoned(self._folder)
