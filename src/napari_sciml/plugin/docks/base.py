"""What all docks have in common."""

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QEvent, QSize, QTimer
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_sciml.plugin.kit.attempt import attempt
from napari_sciml.plugin.kit.connections import Connections
from napari_sciml.plugin.kit.widgets.controls import error_line
from napari_sciml.plugin.kit.widgets.scrolling import SPACING, ScrollingColumn
from napari_sciml.plugin.session import ViewerSession


class Face(QWidget):
    """Shows a part of the session of a viewer.

    Parameters
    ----------
    napari_viewer
        Given by napari.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self.session = ViewerSession.of(napari_viewer)
        self.wiring = Connections()
        self.destroyed.connect(self.wiring.close)
        self.session.attach(self)

    def changeEvent(self, event: QEvent) -> None:
        """Notice when napari closes the dock: it takes us out, and forgets us."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.ParentChange and self.parent() is None:
            QTimer.singleShot(0, self._leave)

    def _leave(self) -> None:
        # Python would destroy the widget at some time or never; until then the last
        # dock would keep a training running that nobody can stop.
        if self.parent() is None:
            self.deleteLater()


class Dock(Face):
    """A column of controls over one line of errors.

    Parameters
    ----------
    napari_viewer
        Given by napari.

    Attributes
    ----------
    area, column
        Takes the controls; it scrolls.
    below
        Takes what is always seen.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(10, 8, 10, 8)
        outer.setSpacing(SPACING)
        # All of it is higher than a small screen.
        self.area = ScrollingColumn()
        outer.addWidget(self.area)
        self.column, self.below = self.area.column, outer
        self.error = error_line("error_line", "What went wrong, and what to do.")

    def minimumSizeHint(self) -> QSize:
        """As high as the lines below need, which wrap: Qt counts one row of each."""
        hint, layout = super().minimumSizeHint(), self.layout()
        high = layout.minimumHeightForWidth(max(self.width(), hint.width()))
        return QSize(hint.width(), max(hint.height(), high))

    def _try(self, action: Callable[[], object]) -> None:
        """Do something, or say why it cannot be done."""
        attempt(action, tell=self.show_error)

    def show_error(self, text: str) -> None:
        """Show one sentence; an empty one hides the line."""
        self.error.setText(text)
        self.error.setVisible(bool(text))
