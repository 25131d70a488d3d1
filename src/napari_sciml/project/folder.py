"""A project: a folder with all that was painted and trained on an image."""

import contextlib
import math
import shutil
from collections.abc import Generator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sciml.errors import InputError
from napari_sciml.io.atomic import atomic_path
from napari_sciml.io.provenance import jsonable, provenance
from napari_sciml.project.file import (
    PROJECT_FILE,
    ClassEntry,
    ProjectFile,
    read_project_file,
    write_project_file,
)
from napari_sciml.project.image import copy_image, open_image
from napari_sciml.project.image_identity import (
    ImageIdentity,
    hash_all,
    is_hashed_whole,
)
from napari_sciml.project.journal import Journal, JournalEntry, JournalReading
from napari_sciml.project.lock import LOCK_FILE, ProjectLock, is_wanted
from napari_sciml.project.models import MODELS_FOLDER, ModelStore
from napari_sciml.project.runs import Run, RunEvent, RunLog

if TYPE_CHECKING:
    from napari_sciml.networks.ensemble import Ensemble

STROKES_FILE = "strokes.jsonl"
RUNS_FILE = "runs.jsonl"


class Project:
    """A project that exists; make or find one with `create` or `open`.

    Reading needs no lock. Whoever writes takes the `lock` first.

    Attributes
    ----------
    folder
        ``project.json``, ``strokes.jsonl``, ``runs.jsonl``, ``models`` and maybe
        ``image.npy``.
    description
        What ``project.json`` holds.
    """

    def __init__(self, folder: Path, description: ProjectFile) -> None:
        self.folder = folder
        self.description = description
        self.journal = Journal(folder / STROKES_FILE)
        self.models = ModelStore(folder / MODELS_FOLDER)
        self._runs = RunLog(folder / RUNS_FILE)
        self._lock = ProjectLock(folder)

    @classmethod
    def create(
        cls,
        folder: str | Path,
        image: ImageIdentity,
        *,
        classes: Sequence[ClassEntry],
        labels_shape: Sequence[int] | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> "Project":
        """Make a project without strokes, and lock it.

        Parameters
        ----------
        folder
            Does not exist yet, or is empty.
        image
            From `napari_sciml.project.image_identity.identify`.
        classes
            Of the annotation.
        labels_shape
            Of the annotation; that of the image if not given.
        settings
            What the docks were set to; made JSON-able.

        Raises
        ------
        InputError
            When there is something in the folder.
        OSError
            When the folder cannot be made or written.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise InputError(
                f"{folder} is not empty; choose another folder for the project."
            )
        shape = image.shape if labels_shape is None else tuple(labels_shape)
        description = ProjectFile(
            image=image,
            labels_shape=shape,
            classes=tuple(classes),
            settings=jsonable(settings or {}),
            provenance=provenance(),
        )
        project = cls(folder, description)
        try:
            project.lock()
            write_project_file(folder, description)
        except OSError:
            # Tried again later, it would not be empty and need another name.
            project.unlock()
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return project

    @classmethod
    def open(cls, folder: str | Path) -> "Project":
        """Open a project to read it.

        Raises
        ------
        InputError
            When the folder is none, was written by a newer version, or its
            ``project.json`` is damaged.
        """
        folder = Path(folder)
        return cls(folder, read_project_file(folder))

    def lock(self) -> None:
        """Keep others from writing, and clear away what a crash has left.

        Raises
        ------
        InputError
            When it is open in another viewer.
        OSError
            When the folder cannot be written.
        """
        self._lock.acquire()
        for folder in (self.folder, self.models.folder):
            for rest in folder.glob(".*.partial*"):
                if is_wanted(rest):
                    continue  # of another viewer that wants in
                if rest.is_dir():
                    shutil.rmtree(rest, ignore_errors=True)
                else:
                    rest.unlink(missing_ok=True)

    def keep_lock(self) -> None:
        """Show now and then that this process lives."""
        self._lock.heartbeat()

    def unlock(self) -> None:
        """Let others write."""
        with contextlib.suppress(OSError):
            self._lock.release()

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes; the label value is the index plus one."""
        return tuple(entry.name for entry in self.description.classes)

    @property
    def changed(self) -> datetime:
        """When something was last written that a person would miss."""
        names = (PROJECT_FILE, STROKES_FILE, MODELS_FOLDER)
        times = [_modified(self.folder / name) for name in names]
        return datetime.fromtimestamp(max(times), UTC)

    def strokes(self) -> JournalReading:
        """Read the journal of strokes."""
        return self.journal.read(math.prod(self.description.labels_shape))

    def labels(self, revision: int | None = None) -> np.ndarray:
        """Build the annotation, as it is or as it was at a revision.

        Raises
        ------
        InputError
            When the strokes do not fit the image.
        """
        return self.strokes().labels(self.description.labels_shape, revision)

    def runs(self) -> dict[int, Run]:
        """What each training was told, and when it took which labels."""
        return self._runs.read()

    def load_model(self, number: int) -> "Ensemble":
        """Read the networks of a model of the history, on the CPU.

        Raises
        ------
        InputError
            When it is not there or damaged.
        """
        return self.models.entry(number).load()

    def append_strokes(self, entries: Sequence[JournalEntry]) -> None:
        """Put changes of the annotation onto the disk; OSError when it fails."""
        self.journal.append(entries)

    def append_runs(self, events: Sequence[RunEvent]) -> None:
        """Put events of trainings onto the disk; OSError when it fails."""
        self._runs.append(events)

    def describe(self, **changes: Any) -> None:
        """Change fields of ``project.json``; OSError when it cannot be written."""
        changed = self.description.model_copy(update=changes)
        if changed != self.description:
            write_project_file(self.folder, changed)
            self.description = changed

    def complete(self, data: Any) -> Generator[None, None, None]:
        """Hash the image, and copy it if it is small and has no file of its own.

        Gives way every few milliseconds; may be dropped at any time.

        Raises
        ------
        OSError
            When it cannot be written.
        """
        image = self.description.image
        if image.sha256_of != "all" and is_hashed_whole(data):
            whole = yield from hash_all(data)
            image = image.model_copy(update={"sha256": whole, "sha256_of": "all"})
            self.describe(image=image)
        yield from copy_image(self.folder, image, data)

    def open_image(self) -> Any:
        """Open the image; see `napari_sciml.project.image.open_image`."""
        return open_image(self.folder, self.description.image)

    def copy_to(self, target: str | Path) -> Path:
        """Copy the whole project, whole or not at all, but for the lock.

        Raises
        ------
        InputError
            When the target cannot be written, or is not empty.
        """
        target = Path(target)
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise InputError(f"{target} is there already; choose a new folder.")
        ignored = shutil.ignore_patterns(LOCK_FILE, ".*.partial*")
        with atomic_path(target) as folder:
            shutil.copytree(self.folder, folder, ignore=ignored)
        return target


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
