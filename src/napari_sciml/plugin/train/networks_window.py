"""The networks of the model at hand: what they are, drawn."""

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtGui import QPixmap
from qtpy.QtWidgets import (
    QDialog,
    QLabel,
    QScrollArea,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from napari_sciml.plugin.kit.runner import JobRunner
from napari_sciml.plugin.kit.widgets.controls import error_line, text_line
from napari_sciml.workflows.drawing import DrawnNetwork, draw_networks

if TYPE_CHECKING:
    from napari_sciml.networks.ensemble import Ensemble

ABOUT = (
    "Each network is wired at random in another way, so that they err in other places. "
    "Circles are nodes; arcs are connections, colored by how far apart the voxels are "
    "that they join."
)


class NetworksWindow(QDialog):
    """A tab a network, drawn in a thread.

    Parameters
    ----------
    parent
        Of the window.
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("networks_window")
        self.setWindowTitle("Networks")
        self.resize(760, 520)
        self.tabs = QTabWidget()
        self.tabs.setObjectName("networks")
        self.tabs.setToolTip("The networks of the model that you see.")
        self.about = text_line("networks_about", "What the pictures show.", ABOUT)
        self.error = error_line("networks_error", "What went wrong.")
        column = QVBoxLayout(self)
        for widget in (self.about, self.tabs, self.error):
            column.addWidget(widget)
        column.setStretch(1, 1)
        self._runner = JobRunner()
        self.destroyed.connect(self._runner.silence)
        self._next: Ensemble | None = None
        self._runner.yielded.connect(self._add)
        self._runner.failed.connect(self._on_failed)
        self._runner.finished.connect(self._on_finished)

    def draw(self, ensemble: "Ensemble") -> None:
        """Show the networks of another ensemble."""
        self._next = ensemble
        if self._runner.busy:
            self._runner.stop()
        else:
            self._begin()

    def done(self, result: int) -> None:
        """Stop drawing when the window goes."""
        self._next = None
        self._runner.stop()
        super().done(result)

    def _begin(self) -> None:
        ensemble, self._next = self._next, None
        self.tabs.clear()
        self.error.hide()
        if ensemble is not None:
            self._runner.start(draw_networks, ensemble)

    def _add(self, drawn: DrawnNetwork) -> None:
        page = QWidget()
        column = QVBoxLayout(page)
        column.addWidget(text_line("network_title", "What it is.", drawn.title))
        if drawn.picture is not None:
            picture = QPixmap()
            picture.loadFromData(drawn.picture)
            label = QLabel()
            label.setObjectName("network_graph")
            label.setPixmap(picture)
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            area = QScrollArea()
            area.setWidget(label)
            area.setAlignment(Qt.AlignmentFlag.AlignCenter)
            column.addWidget(area, 1)
        else:
            column.addStretch()
        self.tabs.addTab(page, f"Network {drawn.number}")

    def _on_failed(self, sentence: str) -> None:
        self.error.setText(sentence)
        self.error.show()

    def _on_finished(self) -> None:
        if self._next is not None:
            self._begin()
