"""One line about where the work is saved, and what can be brought back."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QVBoxLayout, QWidget

from napari_sciml.plugin.kit.attempt import attempt
from napari_sciml.plugin.kit.connections import Connections
from napari_sciml.plugin.kit.widgets.controls import allow, button, set_grave, text_line
from napari_sciml.plugin.project.controller import ProjectKeeper
from napari_sciml.plugin.project.window import ProjectsWindow
from napari_sciml.workflows.projects import Offer

TICK_MS = 1000
LONG_AGO = 90


class ProjectBar(QWidget):
    """Tells that the work is saved; offers to recover, open and copy projects.

    Parameters
    ----------
    keeper
        Of the viewer.
    """

    def __init__(self, keeper: ProjectKeeper) -> None:
        super().__init__()
        self.setObjectName("project_bar")
        self._keeper = keeper
        self._recovery = keeper.recovery
        self._failure = ""
        self.window_of_projects: ProjectsWindow | None = None
        self._make_controls()
        self._wiring = Connections()
        self.destroyed.connect(self._wiring.close)
        self._wiring.connect(self._keeper.changed, self.redraw)
        self._wiring.connect(self._recovery.changed, self.redraw)
        self._tick = QTimer(self)
        self._tick.setInterval(TICK_MS)
        self._tick.timeout.connect(self.redraw)
        self._tick.start()
        self.redraw()

    def _make_controls(self) -> None:
        self.status = text_line("project_status", "Where your work is saved.")
        self.recover = button(
            "recover_project", "Recover", "Bring back what was saved; Ctrl-Z undoes it."
        )
        self.fresh = button(
            "start_fresh",
            "Start fresh",
            "Leave it; the old project is moved to a folder named older, not deleted.",
        )
        self.open = button(
            "open_project",
            "Projects…",
            "All your projects: open, rename, copy, delete.",
        )
        self.copy = button(
            "save_project_copy",
            "Save a copy…",
            "Copy image, strokes and models, for instance for another machine.",
        )
        self.recover.clicked.connect(self._on_recover)
        self.fresh.clicked.connect(self._recovery.start_fresh)
        self.open.clicked.connect(self._on_open)
        self.copy.clicked.connect(self._on_copy)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.status)
        row = QHBoxLayout()
        for control in (self.recover, self.fresh, self.open, self.copy):
            row.addWidget(control)
        column.addLayout(row)

    def redraw(self) -> None:
        """Show how things are now."""
        offered, busy = bool(self._recovery.offers), self._recovery.busy
        error = self._error()
        self.status.setText(error or self._sentence())
        set_grave(self.status, bool(error))
        folder = self._keeper.folder
        self.status.setToolTip(str(folder or "Where your work is saved."))
        for control in (self.recover, self.fresh):
            control.setVisible(offered)
            control.setEnabled(not busy)
        self.open.setEnabled(not busy)
        self.copy.setVisible(not offered)
        none = "" if folder is not None else "Nothing is saved yet: paint a stroke."
        allow(self.copy, "A project is being read." if busy else none)

    def _error(self) -> str:
        autosave = self._keeper.autosave
        if autosave is not None and autosave.error:
            return autosave.error
        return self._failure or (self._recovery.note if self._recovery.failed else "")

    def _sentence(self) -> str:
        if self._recovery.busy:
            return "Reading or copying a project …"
        if self._recovery.offers:
            return offer_in_words(self._recovery.offers[0])
        autosave = self._keeper.autosave
        elsewhere = elsewhere_in_words(self._recovery.elsewhere)
        saved = ""
        if autosave is not None:
            saved = "Saving …"
            if autosave.folder is not None and autosave.saved is not None:
                ago = (datetime.now(UTC) - autosave.saved).total_seconds()
                saved = f"Saved in {_short(autosave.folder)}, {_ago(ago)}."
        sentences = (elsewhere, self._recovery.note, saved)
        text = " ".join(sentence for sentence in sentences if sentence)
        return text or "What you paint is saved as you go."

    def _on_recover(self) -> None:
        self._try(self._recovery.recover)

    def _on_open(self) -> None:
        if self.window_of_projects is None:
            self.window_of_projects = ProjectsWindow(self, self._recovery.open)
        else:
            self.window_of_projects.refresh()
        self.window_of_projects.show()
        self.window_of_projects.raise_()

    def _on_copy(self) -> None:
        folder = self._keeper.folder
        name = "project" if folder is None else folder.name
        path, _ = QFileDialog.getSaveFileName(self, "Copy to a new folder", name)
        if path:
            self._try(self._recovery.save_copy, path)

    def _try(self, action: Callable[..., None], *args: Any) -> None:
        attempt(action, *args, tell=self._on_failed)
        self.redraw()

    def _on_failed(self, sentence: str) -> None:
        self._failure = sentence


def offer_in_words(offer: Offer) -> str:
    """Ask whether to recover."""
    parts = [
        f"{count} {what}{'' if count == 1 else 's'}"
        for count, what in ((offer.strokes, "stroke"), (offer.models, "model"))
        if count
    ]
    when = offer.time or offer.project.changed
    return f"Recover {' and '.join(parts)} from {when.astimezone():%b %d, %H:%M}?"


def elsewhere_in_words(folders: Sequence[Path]) -> str:
    """Tell that another viewer has the image open, too; empty where none has."""
    if not folders:
        return ""
    return (
        f"This image is open in another viewer, which saves in {_short(folders[0])}; "
        "what you paint here is saved apart from it."
    )


def _short(folder: Path) -> str:
    try:
        return str(Path("~") / folder.relative_to(Path.home()))
    except ValueError:
        return str(folder)


def _ago(seconds: float) -> str:
    if seconds < LONG_AGO:
        return f"{max(0, round(seconds))} s ago"
    return f"{round(seconds / 60)} min ago"
