"""Writes a project in a thread of its own, so that nobody waits for the disk."""

import contextlib
import logging
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from napari_sciml.annotation.changes import LabelChange
from napari_sciml.errors import InputError
from napari_sciml.project.autosave_work import MakeCheckpoint, Work, sentence_for
from napari_sciml.project.checkpoint import Checkpoint
from napari_sciml.project.file import ClassEntry
from napari_sciml.project.folder import Project
from napari_sciml.project.journal import JournalEntry
from napari_sciml.project.runs import RunEvent

if TYPE_CHECKING:
    from pathlib import Path

THREAD_NAME = "napari-sciml autosave"
GATHER_SECONDS = 0.3
"""Strokes that come so close upon each other wait for the disk once."""
RETRY_SECONDS = 2.0
IDLE_SECONDS = 1.0
"""So often the thread looks whether the program has ended without closing it."""
WAITING_MODELS = 20
"""Models that wait for a full disk at most; the oldest are dropped."""

_log = logging.getLogger(__name__)

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")


class Autosave:
    """Takes what changes in a viewer and puts it into a project, soon.

    All methods but `flush` and `close` come back at once, and none raises: what
    goes wrong is told by `error`, and tried again. Painted strokes are on the disk
    two seconds after they were handed over, unless a large model is just being
    written or the disk fails.

    Parameters
    ----------
    open_project
        Makes or opens the project; called in the thread, and again when it fails.
        It comes back locked.
    image
        Array behind the project, to hash and maybe copy when there is time; None
        when that is not wanted.

    Attributes
    ----------
    error
        One sentence about what cannot be saved; empty when all is well.
    saved
        When something was last put onto the disk; None before the first time.
    folder
        Of the project; None before it is there.
    """

    def __init__(
        self, open_project: Callable[[], Project], image: Any | None = None
    ) -> None:
        self.error = ""
        self.saved: datetime | None = None
        self.folder: Path | None = None
        self._open, self._image = open_project, image
        self._project: Project | None = None
        self._work = Work()
        self._numbers: dict[int, int] = {}
        self._rest: Generator[None, None, None] | None = None
        self._closing = self._hurried = False
        self._changed = threading.Condition()
        # Not a daemon: the last strokes are written even if nobody closes it.
        self._thread = threading.Thread(
            target=self._run, name=THREAD_NAME, daemon=False
        )
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether the thread lives."""
        return self._thread.is_alive()

    @property
    def pending(self) -> bool:
        """Whether something was handed over that is not on the disk yet."""
        with self._changed:
            return bool(self._work)

    @property
    def settled(self) -> bool:
        """Whether all is on the disk, a copy of the image too."""
        with self._changed:
            return not self._work and self._rest is None

    def labels(self, change: LabelChange, *, whole: bool = False) -> None:
        """Save a change of the annotation; see `JournalEntry` for ``whole``."""
        entry = JournalEntry(change, datetime.now(UTC), whole)
        self._hand_over(lambda work: work.strokes.append(entry))

    def classes(self, classes: Sequence[ClassEntry]) -> None:
        """Save the table of classes."""
        changes = {"classes": tuple(classes)}
        self._hand_over(lambda work: work.description.update(changes))

    def settings(self, settings: Mapping[str, Any]) -> None:
        """Save settings, JSON-able, in the place of those that there were."""
        changes = {"settings": dict(settings)}
        self._hand_over(lambda work: work.description.update(changes))

    def strokes_before(self, number: int | None) -> None:
        """Save how many strokes were painted before a picture was shown; None = all."""
        changes = {"strokes_before": "all" if number is None else number}
        self._hand_over(lambda work: work.description.update(changes))

    def run(self, event: RunEvent) -> None:
        """Save what a training does."""
        self._hand_over(lambda work: work.runs.append(event))

    def model(self, make: Checkpoint | MakeCheckpoint) -> None:
        """Save a model of the history, or what a function gives in the thread."""
        given = make if callable(make) else lambda: make

        def add(work: Work) -> None:
            work.models.append(given)
            del work.models[:-WAITING_MODELS]

        self._hand_over(add)

    def thumbnail(self, number: int, picture: np.ndarray) -> None:
        """Save the picture of a model that was handed over before."""
        self._hand_over(lambda work: work.thumbnails.update({number: picture}))

    def flush(self, timeout: float) -> bool:
        """Write now; wait, and tell whether everything is on the disk."""
        with self._changed:
            self._hurried = True
            self._changed.notify_all()
            return self._changed.wait_for(
                lambda: not self._work or not self.running, timeout
            ) and not bool(self._work)

    def close(self, timeout: float = 0.0) -> bool:
        """End the thread once everything is written; tell whether it has ended.

        Parameters
        ----------
        timeout
            Seconds to wait for it. Writing goes on behind it, but what fails then
            is not tried again.
        """
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if timeout > 0:
            self._thread.join(timeout)
        return not self.running

    def join(self) -> None:
        """Wait for the end of the thread, after `close`."""
        self._thread.join()

    def _hand_over(self, put: Callable[[Work], None]) -> None:
        with self._changed:
            put(self._work)
            self._changed.notify_all()

    def _run(self) -> None:
        try:
            while self._wait():
                self._try()
        finally:
            if self._rest is not None:
                self._rest.close()
            if self._project is not None:
                self._project.unlock()
            with self._changed:
                self._changed.notify_all()

    def _wait(self) -> bool:
        """Wait for something to do; False at the end."""
        with self._changed:
            while not self._work and not self._rest and not self._is_over():
                self._hurried = False
                self._changed.wait(IDLE_SECONDS)
                with contextlib.suppress(OSError):
                    self._keep_lock()
            if self._work.strokes and not self._is_urgent():
                self._changed.wait_for(self._is_urgent, GATHER_SECONDS)
            return bool(self._work) or not self._is_over()

    def _is_over(self) -> bool:
        return self._closing or not threading.main_thread().is_alive()

    def _is_urgent(self) -> bool:
        return self._hurried or self._is_over()

    def _try(self) -> None:
        try:
            self._write()
        except (OSError, InputError) as error:
            self._on_failed(error)
        except Exception as error:
            _log.exception("What was to be saved cannot be written")
            if self._project is not None:
                # It would fail for ever, and hold up all that comes after it.
                self._drop_next()
            self._on_failed(error)
        else:
            self.error = ""

    def _on_failed(self, error: Exception) -> None:
        self.error = sentence_for(error, self.folder)
        with self._changed:
            if self._is_over():
                self._work = Work()
            else:
                self._changed.wait_for(self._is_over, RETRY_SECONDS)

    def _drop_next(self) -> None:
        with self._changed:
            waiting = next((w for w in vars(self._work).values() if w), None)
            if waiting is not None:
                waiting.clear()

    def _write(self) -> None:
        """One thing, the most urgent one."""
        work = self._work
        if self._project is None:
            self._open_project()
        assert self._project is not None
        self._keep_lock()
        if work.strokes:
            self._write_all(work.strokes, self._project.append_strokes)
        elif work.runs:
            self._write_all(work.runs, self._project.append_runs)
        elif work.description:
            self._describe(self._project)
        elif work.models:
            self._write_model(self._project)
        elif work.thumbnails:
            self._write_thumbnail(self._project)
        elif self._rest is not None:
            self._go_on(self._rest)
            return
        self.saved = datetime.now(UTC)

    def _open_project(self) -> None:
        self._project = self._open()
        self.folder = self._project.folder
        if self._image is not None:
            self._rest, self._image = self._project.complete(self._image), None

    def _keep_lock(self) -> None:
        if self._project is not None:
            self._project.keep_lock()

    def _write_all(self, waiting: list[T], write: Callable[[list[T]], None]) -> None:
        with self._changed:
            batch = list(waiting)
        write(batch)
        with self._changed:
            del waiting[: len(batch)]
            self._changed.notify_all()

    def _describe(self, project: Project) -> None:
        waiting = self._work.description
        with self._changed:
            changes = dict(waiting)
        project.describe(**changes)
        self._remove(waiting, changes)

    def _write_model(self, project: Project) -> None:
        make = self._work.models[0]
        kept = make()
        self._numbers[kept.number] = project.models.add(kept).number
        with self._changed:
            # It may have been dropped meanwhile, as too many waited.
            if make in self._work.models:
                self._work.models.remove(make)
            self._changed.notify_all()

    def _write_thumbnail(self, project: Project) -> None:
        waiting = self._work.thumbnails
        with self._changed:
            number, picture = next(iter(waiting.items()))
        if number in self._numbers:
            project.models.set_thumbnail(self._numbers[number], picture)
        self._remove(waiting, {number: picture})

    def _remove(self, waiting: dict[K, V], written: Mapping[K, V]) -> None:
        """Take away what is done, but not what has come in its place."""
        with self._changed:
            for key, value in written.items():
                if waiting.get(key) is value:
                    del waiting[key]
            self._changed.notify_all()

    def _go_on(self, rest: Generator[None, None, None]) -> None:
        try:
            next(rest)
        except StopIteration:
            self._rest = None
        except BaseException:
            self._rest = None
            raise
