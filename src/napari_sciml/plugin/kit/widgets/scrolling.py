"""A column of controls that scrolls up and down where it is too high."""

from typing import Any

from qtpy.QtCore import QEvent, QPoint, QSize, Qt
from qtpy.QtWidgets import (
    QAbstractSpinBox,
    QComboBox,
    QFrame,
    QScrollArea,
    QSlider,
    QVBoxLayout,
    QWidget,
)

SPACING = 8
TURNED_BY_WHEEL = (QAbstractSpinBox, QComboBox, QSlider)


class ScrollingColumn(QScrollArea):
    """Is as wide as what is in it, so that nothing is cut off at the side.

    A scroll area of Qt takes any width that it is given: without a bar below, the
    right edge of what does not fit can never be seen.

    Attributes
    ----------
    column
        Takes the controls.
    """

    def __init__(self) -> None:
        super().__init__()
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inner = QWidget()
        self.column = QVBoxLayout(inner)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(SPACING)
        self.setWidget(inner)
        self._first: QWidget | None = None
        self.verticalScrollBar().rangeChanged.connect(self._make_way)
        self.verticalScrollBar().actionTriggered.connect(self._let_go)

    def begin_with(self, control: QWidget) -> None:
        """Scroll so that a control, of what is seen, is at the top.

        Where there is not room enough below it yet, as what is to be shown there is
        not laid out, it goes on as there is more, until the user scrolls.
        """
        self._first = control
        self._go_to_first()

    def showEvent(self, event: Any) -> None:
        """Keep the wheel from changing what it is to scroll past."""
        super().showEvent(event)
        for control in self.widget().findChildren(QWidget):
            if isinstance(control, TURNED_BY_WHEEL):
                control.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
                control.installEventFilter(self)

    def eventFilter(self, watched: Any, event: Any) -> bool:
        """Tell the dock of another width, which Qt keeps for itself."""
        if isinstance(watched, TURNED_BY_WHEEL):
            return self._is_to_scroll(watched, event)
        if watched is self.widget() and event.type() == QEvent.Type.LayoutRequest:
            self.updateGeometry()
        return bool(super().eventFilter(watched, event))

    def minimumSizeHint(self) -> QSize:
        """As wide as the controls and the bar beside them, of any height."""
        width = self.widget().minimumSizeHint().width() + self._bar()
        return QSize(width, super().minimumSizeHint().height())

    def sizeHint(self) -> QSize:
        """As large as all of it; Qt says no more than some lines."""
        hint = self.widget().sizeHint()
        return QSize(hint.width() + self._bar(), hint.height())

    def _is_to_scroll(self, control: QWidget, event: Any) -> bool:
        if event.type() != QEvent.Type.Wheel or control.hasFocus():
            return False
        if self.verticalScrollBar().maximum() == 0:
            return False
        event.ignore()  # the widget round the control gets it then
        return True

    def _bar(self) -> int:
        """Width of the bar, and of the frame that styles draw all the same."""
        return int(self.verticalScrollBar().sizeHint().width() + 2 * self.frameWidth())

    def _make_way(self, low: int, high: int) -> None:
        """Leave a gap to the bar, where there is one."""
        self.column.setContentsMargins(0, 0, SPACING // 2 if high > low else 0, 0)
        self._go_to_first()

    def _go_to_first(self) -> None:
        if self._first is None:
            return
        bar, top = self.verticalScrollBar(), self._first.mapTo(self.widget(), QPoint())
        bar.setValue(top.y())
        if bar.value() == top.y():
            self._first = None

    def _let_go(self, _: int) -> None:
        self._first = None
