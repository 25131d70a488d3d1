"""A job behind a button that also stops it, and a line that tells how far it is."""

from collections.abc import Callable
from typing import Any

from qtpy.QtWidgets import QLabel, QPushButton

from napari_sciml.errors import InputError
from napari_sciml.plugin.kit.connections import Connections
from napari_sciml.plugin.kit.runner import Job, JobRunner
from napari_sciml.plugin.kit.widgets.controls import allow


class ButtonJob:
    """Starts a job when its button is pressed, and stops it when it is once more.

    Parameters
    ----------
    runner
        Runs the job.
    button, line
        What it shows itself by; the line is hidden while it is empty.
    stop
        Text of the button while the job runs.
    working
        What the job does, such as "Checking your strokes".
    begin
        Starts the job on the runner; InputError is told in the line.
    take
        Gets what the job yields but shares that are done; InputError is told, too.
    """

    def __init__(
        self,
        runner: JobRunner,
        button: QPushButton,
        line: QLabel,
        *,
        stop: str,
        working: str,
        begin: Callable[[], Job],
        take: Callable[[Any], None],
    ) -> None:
        self._runner, self._hearing = runner, Connections()
        self._button, self._line = button, line
        self._title, self._stop_title, self._working = button.text(), stop, working
        self._begin, self._take = begin, take
        self._job: Job | None = None  # held as long as its signals are heard
        self._why_not = ""
        line.hide()
        button.clicked.connect(self._on_click)
        button.destroyed.connect(self._on_gone)

    @property
    def running(self) -> bool:
        """Whether the job is at work."""
        return self._job is not None

    def stop(self) -> None:
        """Stop soon."""
        if self.running:
            self._runner.stop()

    def allow(self, why_not: str) -> None:
        """Let it begin, or say why not; what runs can be stopped at any time."""
        self._why_not = why_not
        allow(self._button, "" if self.running else why_not)

    def say(self, sentence: str) -> None:
        """Show a sentence, or nothing."""
        self._line.setText(sentence)
        self._line.setVisible(bool(sentence))

    def _on_click(self) -> None:
        if self.running:
            self.stop()
            return
        try:
            self._job = job = self._begin()
        except InputError as error:
            self.say(str(error))
            return
        self._hearing.connect(job.yielded, self._on_event)
        self._hearing.connect(job.failed, self.say)
        self._hearing.connect(job.finished, self._on_finished)
        self._button.setText(self._stop_title)
        self.say(f"{self._working} …")

    def _on_event(self, event: object) -> None:
        if isinstance(event, float):
            self.say(f"{self._working}: {event:.0%}.")
            return
        try:
            self._take(event)
        except InputError as error:
            self.say(str(error))

    def _on_gone(self) -> None:
        """Nobody could stop it any more."""
        self.stop()
        self._hearing.close()

    def _on_finished(self) -> None:
        self._hearing.close()
        self._job = None
        self._button.setText(self._title)
        allow(self._button, self._why_not)
        if self._line.text().startswith(self._working):
            self.say(f"{self._working} was stopped.")
