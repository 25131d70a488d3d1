"""The steps in a row: what is done, what is next, what is shown."""

from collections.abc import Container

from psygnal import Signal
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHBoxLayout, QSizePolicy, QToolButton, QWidget

from napari_sciml.plugin.flow.advice import Step

DONE, NEXT = "\N{CHECK MARK}", "\N{BLACK RIGHT-POINTING SMALL TRIANGLE}"
STYLE = """
QToolButton { border: none; border-bottom: 3px solid transparent; border-radius: 0;
              padding: 5px 2px; background: transparent; }
QToolButton:hover { background: rgba(127, 127, 127, 0.25); }
QToolButton:checked { border-bottom-color: #1481d6; font-weight: 600;
                      background: rgba(20, 129, 214, 0.18); }
QToolButton[next="true"] { border-bottom-color: #e8a33d; }
"""
TOOLTIPS = {
    Step.ANNOTATE: "Say what is what with a few strokes.",
    Step.TRAIN: "Let trees and networks learn from your strokes.",
    Step.UNCERTAINTY: "Keep what they are sure of, and see where they are not.",
    Step.FIBERS: "Number the fibers, measure lengths and directions, export.",
}


class StepBar(QWidget):
    """One button a step.

    Attributes
    ----------
    chosen
        Emitted with the step that the user wants to see.
    """

    chosen = Signal(Step)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("step_bar")
        self.buttons: dict[Step, QToolButton] = {}
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(1)
        self.setStyleSheet(STYLE)
        for step in Step:
            made = QToolButton()
            made.setObjectName(f"step_{step.value.lower()}")
            made.setCheckable(True)
            made.setAutoExclusive(True)
            made.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
            made.setSizePolicy(
                QSizePolicy.Policy.MinimumExpanding, QSizePolicy.Policy.Fixed
            )
            made.clicked.connect(self._on_clicked)
            self.buttons[step] = made
            row.addWidget(made)

    def show_state(self, shown: Step, following: Step, done: Container[Step]) -> None:
        """Mark the steps.

        Parameters
        ----------
        shown
            The step whose controls are below.
        following
            The one that is next.
        done
            Those that need no more.
        """
        for number, (step, made) in enumerate(self.buttons.items(), 1):
            mark = DONE if step in done else str(number)
            mark = NEXT if step is following and step not in done else mark
            made.setText(f"{mark} {step.value}")
            made.setChecked(step is shown)
            state = "next step" if step is following else ""
            state = state or ("done" if step in done else "")
            tooltip = TOOLTIPS[step]
            made.setToolTip(f"{tooltip} ({state})" if state else tooltip)
            made.setAccessibleName(f"Step {number}, {step.value}, {state}".strip(", "))
            _set_next(made, step is following and step is not shown)

    def _on_clicked(self) -> None:
        for step, made in self.buttons.items():
            if made.isChecked():
                self.chosen.emit(step)


def _set_next(made: QToolButton, following: bool) -> None:
    if made.property("next") != following:
        made.setProperty("next", following)
        made.style().unpolish(made)
        made.style().polish(made)
