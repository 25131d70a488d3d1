"""The Workflow dock: the steps from an image to lengths, one after the other."""

from typing import Any

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QMenu,
    QSizePolicy,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
)

from napari_sciml.errors import InputError
from napari_sciml.plugin.docks.annotate import AnnotateDock
from napari_sciml.plugin.docks.base import Dock, Face
from napari_sciml.plugin.docks.fibers import FibersDock
from napari_sciml.plugin.docks.train import TrainDock
from napari_sciml.plugin.docks.uncertainty import UncertaintyDock
from napari_sciml.plugin.flow.advice import Step, advise, done_steps
from napari_sciml.plugin.flow.facts import facts_of
from napari_sciml.plugin.flow.header import EvidenceHeader
from napari_sciml.plugin.flow.step_bar import StepBar
from napari_sciml.plugin.flow.turntable import FORMATS, Turntable
from napari_sciml.plugin.kit.opening import open_dock
from napari_sciml.plugin.kit.widgets.controls import error_line, text_line
from napari_sciml.plugin.kit.widgets.scrolling import SPACING

REDRAW_MS = 200
DOCKS: dict[Step, type[Dock]] = {
    Step.ANNOTATE: AnnotateDock,
    Step.TRAIN: TrainDock,
    Step.UNCERTAINTY: UncertaintyDock,
    Step.FIBERS: FibersDock,
}
BESIDE = {
    "Explore": "A map of patches, to find what to label and what is odd",
    "Focus": "Which parts of a microscope image are in focus",
    "Fill": "Gaps of detectors in scattering images",
    "Restore": "Noise, as far as it can be told from structure",
}


class WorkflowDock(Face):
    """Four docks in one, and what to do next.

    Attributes
    ----------
    step
        The one that is shown.
    docks
        Those that were shown so far.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self.docks: dict[Step, Dock] = {}
        self.bar, self.evidence = StepBar(), EvidenceHeader()
        self.pages = QStackedWidget()
        # Or napari adds a spacer below, which takes half of the height from the second
        # dock on that is opened.
        self.pages.setSizePolicy(
            QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding
        )
        self.turntable = Turntable(self.session.workspace)
        self.destroyed.connect(self.turntable.close)
        self.more = self._more()
        self.told = text_line("workflow_message", "What was done last.")
        self.error = error_line("workflow_error", "What went wrong, and what to do.")
        self.told.hide()
        self._lay_out()
        self._redraw = QTimer(self)
        self._redraw.setSingleShot(True)
        self._redraw.setInterval(REDRAW_MS)
        self._redraw.timeout.connect(self.redraw)
        self._connect()
        self.step = Step(self.session.step or advise(facts_of(self.session)).step)
        self.go_to(self.step)

    def _more(self) -> QToolButton:
        more = QToolButton()
        more.setObjectName("more_docks")
        more.setText("\N{MIDLINE HORIZONTAL ELLIPSIS}")
        more.setToolTip("What there is beside these steps: focus, gaps, noise.")
        more.setAccessibleName("Other docks")
        more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(more)
        for name, what in BESIDE.items():
            action = menu.addAction(f"{name}: {what[0].lower()}{what[1:]}")
            action.setData(name)
        menu.addSeparator()
        menu.addAction("Turntable movie of the 3D view\N{HORIZONTAL ELLIPSIS}")
        menu.triggered.connect(self._on_more)
        more.setMenu(menu)
        more.setStyleSheet("QToolButton::menu-indicator { image: none; }")
        return more

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 4, 0, 0)
        column.setSpacing(SPACING)
        top = QHBoxLayout()
        top.setContentsMargins(10, 0, 10, 0)
        top.addWidget(self.bar, 1)
        top.addWidget(self.more)
        evidence = QHBoxLayout()
        evidence.setContentsMargins(10, 0, 10, 0)
        evidence.addWidget(self.evidence)
        column.addLayout(top)
        column.addLayout(evidence)
        column.addWidget(self.pages, 1)
        lines = QVBoxLayout()
        lines.setContentsMargins(10, 0, 10, 6)
        lines.addWidget(self.told)
        lines.addWidget(self.error)
        column.addLayout(lines)

    def _connect(self) -> None:
        session = self.session
        annotation = session.workspace.annotation
        self.bar.chosen.connect(self.go_to)
        self.evidence.wanted.connect(self.go_to)
        self.wiring.connect(self.turntable.changed, self._tell)
        self.wiring.connect(self.turntable.failed, self._fail)
        for signal in (
            *(session.workspace.image_changed, annotation.layer_changed),
            *(annotation.counted, annotation.classes_changed),
            *(session.training.changed, session.prediction.model_changed),
            *(session.prediction.changed, session.sure.changed),
            session.fibers.changed,
        ):
            self.wiring.connect(signal, self._on_changed)

    def go_to(self, step: Step) -> None:
        """Show the controls of a step."""
        self.step = step
        self.session.step = step.value
        if step not in self.docks:
            made = self.docks[step] = DOCKS[step](self.session.workspace.viewer)
            if isinstance(made, TrainDock | UncertaintyDock):
                made.alone = False
                made.redraw()
            self.pages.addWidget(made)
        self.pages.setCurrentWidget(self.docks[step])
        self.redraw()

    def redraw(self) -> None:
        """Show what is done and what is next."""
        facts = facts_of(self.session)
        advice = advise(facts)
        self.bar.show_state(self.step, advice.step, done_steps(facts))
        self.evidence.tell(self.session, advice, self.step)

    def _on_changed(self, *_: object) -> None:
        if not self._redraw.isActive():
            self._redraw.start()

    def _on_more(self, action: Any) -> None:
        name = action.data()
        if name is None:
            self._ask_for_movie()
            return
        open_dock(self.session.workspace.viewer, name)

    def _ask_for_movie(self) -> None:
        endings = " ".join(f"*{ending}" for ending in FORMATS)
        path, _ = QFileDialog.getSaveFileName(
            self, "Save the movie", "turntable.gif", f"Movies ({endings})"
        )
        if path:
            self.make_movie(path)

    def make_movie(self, path: str) -> None:
        """Let the 3D view turn once round, and write it."""
        try:
            self.turntable.start(path)
        except InputError as error:
            self._fail(str(error))

    def _tell(self, sentence: str) -> None:
        self.error.hide()
        self.told.setText(sentence)
        self.told.show()

    def _fail(self, sentence: str) -> None:
        self.told.hide()
        self.error.setText(sentence)
        self.error.show()
