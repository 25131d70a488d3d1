"""Run job generators beside a living GUI."""

import atexit
import gc
import logging
import os
import sys
import threading
import time
import weakref
from collections.abc import Callable, Generator, Iterator
from typing import Any

from qtpy.QtCore import QObject, QTimer, Signal

from napari_sciml.errors import InputError, first_line
from napari_sciml.plugin.kit.garbage import collect_in_gui_thread

SLICE_SECONDS = 0.012
"""An idle job gives way to the event loop after this long."""
NICENESS = 10
"""Of a job's thread, so that painting goes first where cores are short."""
THREAD_NAME = "napari-sciml job"
LEAVE_SECONDS = 10.0

JobOf = Callable[..., Generator[Any, None, Any]]
"""Makes a job of its arguments."""

_log = logging.getLogger(__name__)


def explain(error: BaseException) -> str:
    """Tell a person what went wrong, in one sentence."""
    from napari_sciml.networks.device import is_out_of_memory

    if isinstance(error, InputError):
        return str(error)
    if is_out_of_memory(error):
        return "There is not enough memory: close other programs or crop the image."
    return f"Something went wrong that should not: {first_line(error)}"


class _Run(threading.Thread):
    """One job in a thread of its own: pool threads could not be made nice again."""

    def __init__(self, runner: "JobRunner", events: Generator) -> None:
        super().__init__(name=THREAD_NAME, daemon=True)
        self.asked_to_stop = threading.Event()
        self.job = Job()
        self._runner, self._events = runner, events
        _running.add(self)
        _garbage.hold(self)

    def run(self) -> None:
        """Drive the generator; everything goes out as signals of the runner."""
        _give_way()
        error: BaseException | None = None
        try:
            for event in self._events:
                if self.asked_to_stop.is_set():
                    break
                if event is not None:
                    self._tell(event)
        except BaseException as caught:
            error = caught
        finally:
            self._events.close()
            _garbage.let_go(self)
            self._tell(_Ended(error))

    def _tell(self, event: object) -> None:
        try:
            self._runner.came.emit(self, event)
        except RuntimeError:  # Qt is gone already
            self.asked_to_stop.set()


class _Ended:
    """The last thing that a thread tells."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


class _Garbage:
    """Spares what exists when jobs begin from the search for garbage.

    Looking through all of torch and napari stops every thread for a quarter of a
    second; a training makes it happen again and again.
    """

    def __init__(self) -> None:
        self._holders: set[int] = set()
        self._lock = threading.Lock()

    def hold(self, job: object) -> None:
        with self._lock:
            if not self._holders:
                gc.freeze()
            self._holders.add(id(job))

    def let_go(self, job: object) -> None:
        with self._lock:
            self._holders.discard(id(job))
            if not self._holders:
                gc.unfreeze()


_running: weakref.WeakSet[_Run] = weakref.WeakSet()
_garbage = _Garbage()


@atexit.register
def _leave() -> None:
    """Let threads end before the interpreter does: torch would crash in them."""
    threads = [thread for thread in _running if thread.is_alive()]
    for thread in threads:
        thread.asked_to_stop.set()
    for thread in threads:
        thread.join(LEAVE_SECONDS)


def _give_way() -> None:
    """Lower the priority of this thread alone; only Linux can."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


class Job(QObject):
    """What is heard of one job, and of no other one of its runner.

    The signals come in the GUI thread: `yielded` for each thing that the job
    yields (but None), `failed` with a sentence for the user, and `finished` at
    the end, always and last.
    """

    yielded = Signal(object)
    failed = Signal(str)
    finished = Signal()


class JobRunner(QObject):
    """Runs one long job at a time in a thread of low priority.

    The signals are those of each `Job`, for who alone uses this runner.
    """

    yielded = Signal(object)
    failed = Signal(str)
    finished = Signal()
    came = Signal(object, object)

    def __init__(self) -> None:
        super().__init__()
        self._thread: _Run | None = None
        self.came.connect(self._on_came)

    @property
    def busy(self) -> bool:
        """Whether a job runs, or has not yet obeyed `stop`."""
        return self._thread is not None

    @property
    def stopping(self) -> bool:
        """Whether the job was told to stop."""
        return self._thread is not None and self._thread.asked_to_stop.is_set()

    def start(
        self, job: Callable[..., Generator[Any, None, Any]], *args: Any, **kwargs: Any
    ) -> Job:
        """Start a job; whoever shares the runner listens to what is returned.

        Raises
        ------
        InputError
            When another one is running.
        """
        self.check_free()
        collect_in_gui_thread()
        self._thread = _Run(self, job(*args, **kwargs))
        self._thread.start()
        return self._thread.job

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
        if self._thread is not None:
            self._thread.asked_to_stop.set()

    def silence(self) -> None:
        """Stop the job, and let nobody hear of its end: who listened goes away."""
        self.stop()
        self.blockSignals(True)
        if self._thread is not None:
            self._thread.job.blockSignals(True)
        # The last word of the thread would not come any more.
        self._thread = None

    def _on_came(self, thread: _Run, event: object) -> None:
        if thread is not self._thread:
            return
        if isinstance(event, _Ended):
            self._end(thread.job, event.error)
        elif not thread.asked_to_stop.is_set():
            thread.job.yielded.emit(event)
            self.yielded.emit(event)

    def _end(self, job: Job, error: BaseException | None) -> None:
        if error is not None:
            if not isinstance(error, InputError):
                _log.error("A job failed", exc_info=error)
            job.failed.emit(explain(error))
            self.failed.emit(explain(error))
        self._thread = None
        job.finished.emit()
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
