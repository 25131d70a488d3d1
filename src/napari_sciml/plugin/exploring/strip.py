"""Thumbnails side by side: the selected patches, or the odd ones."""

from collections.abc import Callable

import numpy as np
from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import QIcon, QPixmap
from qtpy.QtWidgets import QListView, QListWidget, QListWidgetItem, QSizePolicy

EDGE = 48
BAR, LINE = 28, 20
"""Pixels of the scroll bar with its margins, and of a line of text."""
SHOWN = 40
"""Thumbnails at most; the eye takes in no more."""


class Strip(QListWidget):
    """A row of pictures that scrolls; a click chooses one.

    Parameters
    ----------
    name, tooltip
        Of the control.
    """

    picked = Signal(int)

    def __init__(self, name: str, tooltip: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setToolTip(tooltip)
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setFlow(QListView.Flow.LeftToRight)
        self.setWrapping(False)
        self.setMovement(QListView.Movement.Static)
        self.setIconSize(QSize(EDGE, EDGE))
        self.setSpacing(2)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.itemClicked.connect(self._on_clicked)

    def show_patches(
        self,
        indices: np.ndarray,
        pixmap: Callable[[int], QPixmap],
        words: Callable[[int], str] | None = None,
    ) -> None:
        """Show patches, evenly chosen where there are many.

        Parameters
        ----------
        indices
            Which.
        pixmap, words
            Give the picture of one, and what stands below it; none = nothing.
        """
        self.clear()
        self.setFixedHeight(EDGE + BAR + (0 if words is None else LINE))
        step = max(1, -(-len(indices) // SHOWN))
        for index in indices[::step].tolist():
            below = "" if words is None else words(index)
            item = QListWidgetItem(QIcon(pixmap(index)), below)
            if words is None:
                item.setSizeHint(QSize(EDGE + 4, EDGE + 4))
            item.setData(Qt.ItemDataRole.UserRole, index)
            self.addItem(item)

    def _on_clicked(self, item: QListWidgetItem) -> None:
        self.picked.emit(int(item.data(Qt.ItemDataRole.UserRole)))
