"""The list of kept models in the Train dock."""

from collections.abc import Callable

import numpy as np
from qtpy.QtCore import QSize, Signal
from qtpy.QtGui import QIcon, QImage, QPixmap
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QVBoxLayout,
    QWidget,
)
from superqt import QCollapsible

from napari_sciml.plugin.kit.attempt import attempt
from napari_sciml.plugin.kit.connections import Connections
from napari_sciml.plugin.kit.widgets.controls import allow, button, text_line
from napari_sciml.plugin.state.history import THUMBNAIL, History
from napari_sciml.plugin.train.words import tell_checkpoint

HEIGHT = 170


class HistoryList(QCollapsible):
    """Earlier models: go back to one, or compare two.

    Parameters
    ----------
    history
        Of the viewer.
    go_back
        Uses the model with a number of the list; InputError where it cannot.
    """

    failed = Signal(str)

    def __init__(self, history: History, go_back: Callable[[int], None]) -> None:
        super().__init__("History", expandedIcon="▾", collapsedIcon="▸")
        self.setObjectName("history")
        self.setToolTip("Models that the training has made.")
        self._history, self._go_back = history, go_back
        self._wiring = Connections()
        self.destroyed.connect(self._wiring.close)
        self._make_controls()
        self._wiring.connect(history.changed, self.redraw)
        self._wiring.connect(history.compared, self._on_compared)
        self.redraw()

    def _make_controls(self) -> None:
        self.rows = QListWidget()
        self.rows.setObjectName("kept_models")
        self.rows.setToolTip("The newest first; choose one to go back, two to compare.")
        self.rows.setIconSize(QSize(THUMBNAIL, THUMBNAIL))
        self.rows.setWordWrap(True)  # beside a scroll bar a line is cut
        self.rows.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.rows.setFixedHeight(HEIGHT)
        self.use = button(
            "use_model", "Go back to this model", "Show and use it; training pauses."
        )
        self.compare = button(
            "compare_models", "Compare two", "Show where two models differ."
        )
        self.told = text_line("comparison", "How much the two models differ.")
        self.rows.itemSelectionChanged.connect(self._on_selected)
        self.use.clicked.connect(self._on_use)
        self.compare.clicked.connect(self._on_compare)
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.rows)
        buttons = QHBoxLayout()
        buttons.addWidget(self.use)
        buttons.addWidget(self.compare)
        column.addLayout(buttons)
        column.addWidget(self.told)
        self.addWidget(inner)

    def redraw(self) -> None:
        """Show the models that there are; what is chosen stays chosen."""
        models = self._history.models
        chosen = {item.text() for item in self.rows.selectedItems()}
        count = f"{len(models)} model{'s' if len(models) > 1 else ''}"
        self.setText(f"History: {count}" if models else "History: empty")
        blocked = self.rows.blockSignals(True)
        self.rows.clear()
        for kept in reversed(models):
            item = QListWidgetItem(tell_checkpoint(kept))
            if kept.thumbnail is not None:
                item.setIcon(_icon(kept.thumbnail))
            self.rows.addItem(item)
            item.setSelected(item.text() in chosen)
        self.rows.blockSignals(blocked)
        self._on_selected()

    def _chosen(self) -> list[int]:
        """Indices into the history, the oldest first."""
        last = len(self._history.models) - 1
        rows = [last - self.rows.row(item) for item in self.rows.selectedItems()]
        return sorted(rows)

    def _on_selected(self) -> None:
        count = len(self._chosen())
        allow(self.use, "" if count == 1 else "Choose one model in the list.")
        allow(self.compare, "" if count == 2 else "Choose two models, with Ctrl.")

    def _on_use(self) -> None:
        self._try(lambda: self._go_back(self._chosen()[0]))

    def _on_compare(self) -> None:
        self.told.setText("Comparing …")
        self._try(lambda: self._history.compare(*self._chosen()))

    def _on_compared(self, sentence: str) -> None:
        self.told.setText(sentence)

    def _try(self, action: Callable[[], None]) -> None:
        attempt(action, tell=self.failed.emit)


def _icon(picture: np.ndarray) -> QIcon:
    picture = np.ascontiguousarray(picture)
    height, width, _ = picture.shape
    image = QImage(picture.data, width, height, 3 * width, QImage.Format.Format_RGB888)
    return QIcon(QPixmap.fromImage(image.copy()))
