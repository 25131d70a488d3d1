"""What is shown, how good it is, and what to do next."""

from typing import TYPE_CHECKING

from psygnal import Signal
from qtpy.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout

from napari_sciml.plugin.flow.advice import Advice, Step
from napari_sciml.plugin.kit.widgets.controls import button, caution_line, text_line
from napari_sciml.plugin.state.evidence import caution, quality
from napari_sciml.plugin.train.words import tell_predicted, tell_shown

if TYPE_CHECKING:
    from napari_sciml.plugin.session import ViewerSession

ELSEWHERE = "On the image that it was trained on:"
FRAME = """
QFrame#evidence { border: 1px solid rgba(127, 127, 127, 0.45); border-radius: 4px; }
"""


class EvidenceHeader(QFrame):
    """Three short lines, the same in every step.

    Attributes
    ----------
    wanted
        Emitted with the step that the user wants to go to.
    """

    wanted = Signal(Step)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("evidence")
        self.setStyleSheet(FRAME)
        self.shown = text_line("shown_line", "What made the picture over the image.")
        self.quality = text_line(
            "quality_line",
            "Dice on strokes that the training never saw; 1 is best. Strokes are often "
            "easier than the rest of the image.",
        )
        self.doubt = caution_line("doubt_line", "What is not known.")
        self.next = text_line("next_line", "What to do next.")
        self.go = button("go_to_next_step", "Go there", "Show the controls for it.")
        self._step = Step.ANNOTATE
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 6, 8, 6)
        column.setSpacing(3)
        for line in (self.shown, self.quality, self.doubt):
            column.addWidget(line)
        row = QHBoxLayout()
        row.addWidget(self.next, 1)
        row.addWidget(self.go)
        column.addLayout(row)
        self.go.clicked.connect(self._on_go)

    def tell(self, session: "ViewerSession", advice: Advice, shown: Step) -> None:
        """Show it.

        Parameters
        ----------
        session
            Has the model and its picture.
        advice
            What to do next.
        shown
            The step whose controls are below.
        """
        prediction, target = session.prediction, session.sure
        model, name = prediction.model, target.class_names[target.class_index]
        what = tell_shown(model, session.history.newest)
        part = tell_predicted(prediction.probabilities)
        self._set(self.shown, f"{what} {part}".strip())
        told = quality(model, name)
        elsewhere = told and prediction.doubts
        self._set(self.quality, f"{ELSEWHERE} {told}" if elsewhere else told)
        self._set(self.doubt, " ".join((caution(model, name), *prediction.doubts)))
        self.next.setText(f"Next: {advice.sentence}")
        self._step = advice.step
        self.go.setVisible(advice.step is not shown)

    def _set(self, line: "QFrame", text: str) -> None:
        line.setText(text.strip())
        line.setVisible(bool(text.strip()))

    def _on_go(self) -> None:
        self.wanted.emit(self._step)
