"""Run job generators beside a living GUI."""

import functools
import logging
import time
from collections.abc import Callable, Generator, Iterator
from typing import Any

from napari.qt.threading import create_worker
from qtpy.QtCore import QObject, QTimer, Signal

from napari_sciml.errors import InputError

SLICE_SECONDS = 0.012
"""An idle job gives way to the event loop after this long."""

_log = logging.getLogger(__name__)


class JobError(Exception):
    """Stands for a RuntimeError in a job, which superqt would drop."""


def guarded(job: Callable[..., Generator]) -> Callable[..., Generator]:
    """Make the errors of torch arrive.

    superqt 0.9 takes every RuntimeError in a generator worker, and with it all
    errors of torch, for a deleted worker: no signal comes and the worker stays
    busy for ever.
    """

    @functools.wraps(job)
    def run(*args: Any, **kwargs: Any) -> Generator:
        try:
            return (yield from job(*args, **kwargs))
        except RuntimeError as error:
            raise JobError(f"{type(error).__name__}: {error}") from error

    return run


def explain(error: BaseException) -> str:
    """Tell a person what went wrong, in one sentence."""
    if isinstance(error, InputError):
        return str(error)
    if isinstance(error, MemoryError) or "out of memory" in str(error).lower():
        return "There is not enough memory: close other programs or crop the image."
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    return f"Something went wrong that should not: {text}"


class JobRunner(QObject):
    """Runs one long job at a time in a thread of napari's pool.

    The signals come in the GUI thread: `yielded` for each thing that the job
    yields (but None), `failed` with a sentence for the user, and `finished` at
    the end, always and last.
    """

    yielded = Signal(object)
    failed = Signal(str)
    finished = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._worker: Any = None
        self._stopping = False

    @property
    def busy(self) -> bool:
        """Whether a job runs, or has not yet obeyed `stop`."""
        return self._worker is not None

    @property
    def stopping(self) -> bool:
        """Whether the job was told to stop."""
        return self._stopping

    def start(self, job: Callable[..., Generator], *args: Any, **kwargs: Any) -> None:
        """Start a job.

        Raises
        ------
        InputError
            When another one is running.
        """
        self.check_free()
        self._stopping = False
        worker = create_worker(
            guarded(job), *args, _start_thread=False, _ignore_errors=True, **kwargs
        )
        worker.yielded.connect(self._on_yielded)
        worker.errored.connect(self._on_errored)
        worker.finished.connect(self._on_finished)
        self._worker = worker
        worker.start()

    def check_free(self) -> None:
        """Make sure that a job can start now.

        Raises
        ------
        InputError
            When another one is running.
        """
        if self.busy:
            raise InputError(
                "Another job is still running: wait for its end or stop it first."
            )

    def stop(self) -> None:
        """Stop the job at its next step; nothing that it still yields counts."""
        if self._worker is not None:
            self._stopping = True
            self._worker.quit()

    def _on_yielded(self, event: object) -> None:
        if event is not None and not self._stopping:
            self.yielded.emit(event)

    def _on_errored(self, error: BaseException) -> None:
        if not isinstance(error, InputError):
            _log.error("A job failed", exc_info=error)
        self.failed.emit(explain(error))

    def _on_finished(self) -> None:
        self._worker = None
        self.finished.emit()


class IdleRunner(QObject):
    """Drives a short job in the GUI thread, some milliseconds at a time.

    For work that has to be thrown away and begun anew at each move of a slider:
    no thread to wait for, and no race.
    """

    yielded = Signal(object)
    finished = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._job: Iterator[object] | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._advance)

    @property
    def busy(self) -> bool:
        """Whether there is something left to do."""
        return self._job is not None

    def start(self, job: Iterator[object]) -> None:
        """Begin a job, in place of the one that may be running."""
        self._job = job
        self._timer.start()

    def finish(self) -> None:
        """Do at once what is left."""
        while self.busy:
            self._advance()

    def stop(self) -> None:
        """Forget the job."""
        self._job = None
        self._timer.stop()

    def _advance(self) -> None:
        deadline = time.monotonic() + SLICE_SECONDS
        while self._job is not None and time.monotonic() < deadline:
            try:
                self.yielded.emit(next(self._job))
            except StopIteration:
                self.stop()
                self.finished.emit()
