"""The work of a feature in a viewer: one job at a time, and what it says of itself."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from psygnal import Signal

from napari_sciml.plugin.kit.activity import Activity

if TYPE_CHECKING:
    from napari_sciml.plugin.kit.runner import JobOf, JobRunner
    from napari_sciml.plugin.state.workspace import Workspace


class Work(ABC):
    """Runs the jobs of a feature, one at a time.

    A subclass takes the events of its jobs, and says how far they are.

    Attributes
    ----------
    title
        What it does, for napari's list of activities.
    doing
        What runs, in a word of the subclass; "" for nothing.
    stopped
        What is noted when a job is stopped.
    note
        What was done last, for the user.
    changed, failed
        Something here is another; a sentence on what went wrong.
    """

    title: ClassVar[str]
    stopped: ClassVar[str] = "Stopped."
    changed = Signal()
    failed = Signal(str)

    def __init__(self, workspace: "Workspace") -> None:
        self._workspace = workspace
        self.doing = self.note = ""

    @property
    def running(self) -> bool:
        """Whether a job is at work."""
        return bool(self.doing)

    @property
    @abstractmethod
    def share(self) -> float:
        """How much of what runs is done, 0 to 1."""

    @property
    def stage(self) -> str:
        """What the job is at, in words; empty where there is nothing to tell."""
        return ""

    def activity(self) -> Activity:
        """The work as napari's list of activities shows it."""

        def state() -> tuple[float, str] | None:
            return (self.share, self.stage) if self.running else None

        return Activity(self.title, self.changed, state, self.stop)

    def stop(self) -> None:
        """Stop soon; what was there before stays."""
        if self.running:
            self._runner(self.doing).stop()
            self.note = self.stopped
            self.changed.emit()

    def _runner(self, doing: str) -> "JobRunner":
        """Who runs a job; what need not wait for a training has one of its own."""
        return self._workspace.measuring

    def _start(self, doing: str, job: "JobOf", *args: Any, **settings: Any) -> None:
        """Start a job; InputError when another one is running."""
        started = self._runner(doing).start(job, *args, **settings)
        started.yielded.connect(self._on_event)
        started.failed.connect(self._on_failed)
        started.finished.connect(self._on_finished)
        self.doing, self.note = doing, ""
        self._reset_progress()
        self.changed.emit()

    def _interrupt(self, why: str, *doing: str) -> None:
        """Stop what is of an image that is left, and say so."""
        if self.doing in doing:
            self._runner(self.doing).stop()
            self.failed.emit(why)

    @abstractmethod
    def _on_event(self, event: object) -> None:
        """Take what the job has yielded."""

    @abstractmethod
    def _reset_progress(self) -> None:
        """Forget how far the last job was: another one begins, or none is left."""

    def _on_failed(self, sentence: str) -> None:
        self.failed.emit(sentence)

    def _on_finished(self) -> None:
        self.doing = ""
        self._reset_progress()
        self.changed.emit()
