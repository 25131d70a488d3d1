"""The Uncertainty dock: keep what is sure."""

from typing import Any

import numpy as np
from qtpy.QtCore import QSignalBlocker, QTimer
from qtpy.QtGui import QHideEvent
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QVBoxLayout,
    QWidget,
)

from napari_sciml.plugin.docks.base import Dock
from napari_sciml.plugin.explaining.part import WhyPart
from napari_sciml.plugin.kit.widgets.controls import (
    allow,
    button,
    caution_line,
    primary_button,
    text_line,
)
from napari_sciml.plugin.kit.widgets.copying import RecipeMenu, path_of
from napari_sciml.plugin.kit.widgets.forms import slider
from napari_sciml.plugin.kit.widgets.plots import HistogramPlot
from napari_sciml.plugin.state.evidence import caution
from napari_sciml.plugin.state.measures import MEASURES
from napari_sciml.plugin.uncertainty.controller import (
    NOT_CALIBRATED,
    NOTHING_PREDICTED,
    RuleKind,
)
from napari_sciml.plugin.uncertainty.usual_k import tell_k
from napari_sciml.uncertainty.threshold import (
    CoverageConfig,
    CoverageRule,
    ThresholdConfig,
)
from napari_sciml.workflows.recipes import Recipe, mask_recipe
from napari_sciml.workflows.thresholding.arrays import BINS

LARGEST_K = 3.0
K_TOOLTIP = (
    "Deviations of trees and networks that are taken off the mean probability. "
    "Move it, and it is yours; Auto gives it back."
)
LARGEST_T = 0.99
LARGEST_COVERAGE = 0.99
RULES: dict[str, RuleKind] = {
    "Mean less k deviations": "deviations",
    "Coverage": "coverage",
}


class UncertaintyDock(Dock):
    """Choose how sure is sure enough.

    Attributes
    ----------
    alone
        Whether nobody else tells beside it whether the class is known.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self.alone = True
        self._make_controls()
        self._lay_out()
        self._connect()
        self._on_prediction(None)
        self.session.sure.compute()
        self.redraw()

    def _make_controls(self) -> None:
        self.classes = QComboBox()
        self.classes.setObjectName("sure_class")
        self.classes.setToolTip("Class to keep.")
        self.k = slider(ThresholdConfig, "k", "k_std", largest=LARGEST_K)
        self.k.setToolTip(K_TOOLTIP)
        self.auto_k = button(
            "auto_k", "Auto", "Let k be chosen again, by what is predicted."
        )
        self.k_words = text_line("k_words", "Who has chosen k, and what it keeps.")
        self.t = slider(ThresholdConfig, "t", "threshold", largest=LARGEST_T)
        self.t.setValue(self.session.sure.config.t)
        self._make_rule_controls()
        self.keep = primary_button(
            "keep_sure",
            "Keep what is sure",
            "Make the mask of the whole image, by the rule that is chosen.",
        )
        self.rule = text_line("rule", "What the rule decides.")
        self.histogram = HistogramPlot(
            "probability_histogram",
            "Predicted voxels at each probability (logarithmic), and the probability "
            "that nothing below is kept at.",
            x="probability",
            y="log₁₀ voxels",
        )
        self.contour = QCheckBox("Contour")
        self.contour.setObjectName("sure_contour")
        self.contour.setToolTip(
            "Draw what is sure as a contour at the threshold, so that the image can be "
            "seen in it; it follows the sliders."
        )
        self.contour.setChecked(self.session.sure.outlined)
        self.blink = button(
            "blink",
            "Blink",
            "Show the image alone and with the result in turn: what is wrong meets "
            "the eye. Press again to stop.",
        )
        self.blink.setCheckable(True)
        self.share = text_line("sure_share", "How much is kept.")
        self.caution = caution_line(
            "sure_caution", "Whether the class is known at all."
        )
        self.show_next = button(
            "show_next",
            "Show me where to label next",
            "Go to the place where trees and networks disagree most.",
        )
        self.dismiss = button(
            "dismiss_spot", "Not here", "Never show this place again, and go on."
        )
        self.guidance = text_line("guidance", "What to do at the place that is shown.")

    def _make_rule_controls(self) -> None:
        sure = self.session.sure
        self.rule_kind = QComboBox()
        self.rule_kind.setObjectName("rule_kind")
        self.rule_kind.setToolTip(
            "What is sure: a probability that is high in spite of its deviation, or "
            "what held-out strokes leave no other class possible for."
        )
        self.rule_kind.addItems(list(RULES))
        self.rule_kind.setCurrentIndex(list(RULES.values()).index(sure.kind))
        self.coverage = slider(
            CoverageConfig, "coverage", "coverage", largest=LARGEST_COVERAGE
        )
        self.coverage.setValue(sure.coverage.coverage)

        self.measure = QComboBox()
        self.measure.setObjectName("uncertainty_measure")
        self.measure.setToolTip(
            "What the layer Uncertainty shows.\n"
            + "\n".join(f"{name}: {m.meaning}." for name, m in MEASURES.items())
        )
        # It may be narrow, as there are two buttons beside it.
        self.measure.setMinimumContentsLength(10)
        policy = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        self.measure.setSizeAdjustPolicy(policy)
        self.measure.addItems(list(MEASURES))
        self.measure.setCurrentText(self.session.prediction.measure)

    def _lay_out(self) -> None:
        self.form = QFormLayout()
        self.form.addRow("Class", self.classes)
        looks = QHBoxLayout()
        looks.addWidget(self.measure, 1)
        looks.addWidget(self.blink)
        looks.addWidget(self.contour)
        self.form.addRow("Show", looks)
        self.form.addRow("Rule", self.rule_kind)
        self.k_rows = QWidget()
        rows = QVBoxLayout(self.k_rows)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(2)
        row = QHBoxLayout()
        row.addWidget(self.k, 1)
        row.addWidget(self.auto_k)
        rows.addLayout(row)
        rows.addWidget(self.k_words)
        self.form.addRow("k", self.k_rows)
        self.form.addRow("t", self.t)
        self.form.addRow("Coverage", self.coverage)
        self._show_sliders()
        self.column.addLayout(self.form)
        for widget in (
            *(self.rule, self.histogram.widget, self.share),
            *(self.caution, self.keep),
        ):
            self.column.addWidget(widget)
        self.column.addWidget(self.error)
        guide = QHBoxLayout()
        guide.addWidget(self.show_next, 2)
        guide.addWidget(self.dismiss, 1)
        self.column.addLayout(guide)
        self.column.addWidget(self.guidance)
        self.why = WhyPart(self.session.why, self.wiring, self.area)
        self.column.addWidget(self.why)
        self.column.addStretch()

    def _connect(self) -> None:
        session = self.session
        self.classes.activated.connect(self._on_class)
        self.k.valueChanged.connect(self._on_k)
        self.auto_k.clicked.connect(self._on_auto_k)
        self.t.valueChanged.connect(self._on_t)
        self.k.sliderReleased.connect(session.sure.compute)
        self.t.sliderReleased.connect(session.sure.compute)
        self.rule_kind.currentTextChanged.connect(self._on_rule_kind)
        self.coverage.valueChanged.connect(self._on_coverage)
        self.coverage.sliderReleased.connect(session.sure.compute)
        self.measure.currentTextChanged.connect(session.prediction.show_measure)
        self.contour.toggled.connect(session.sure.outline)
        self.blink.clicked.connect(self._on_blink)
        self.wiring.connect(session.blink.changed, self._show_blink)
        self.keep.clicked.connect(self._on_keep)
        RecipeMenu(self.keep, self._recipe)
        self.show_next.clicked.connect(session.guide.show_next)
        self.dismiss.clicked.connect(session.guide.dismiss)
        self.wiring.connect(session.guide.changed, self._on_guide)
        self._on_guide()
        self.wiring.connect(session.sure.changed, self.redraw)
        self.wiring.connect(session.prediction.changed, self._on_prediction)
        self.wiring.connect(session.prediction.model_changed, self._tell_rule)
        self.wiring.connect(session.prediction.model_changed, self._warn)
        changed = session.workspace.annotation.classes_changed
        self.wiring.connect(changed, self._fill_classes)

    def _on_class(self, index: int) -> None:
        self.session.sure.change(class_name=self.classes.itemText(index))
        self.redraw()

    def _on_k(self, value: float) -> None:
        self.session.sure.change(k=value)
        self._tell_rule()

    def _on_auto_k(self) -> None:
        self.session.sure.change(k=None)
        self._tell_rule()

    def _on_t(self, value: float) -> None:
        self.session.sure.change(t=value)
        self._tell_rule()

    def _on_rule_kind(self, text: str) -> None:
        self.session.sure.choose(RULES[text])
        self._show_sliders()
        self._tell_rule()

    def _on_coverage(self, value: float) -> None:
        self.session.sure.cover(value)
        self._tell_rule()

    def _show_sliders(self) -> None:
        covers = self.session.sure.kind == "coverage"
        for control in (self.k_rows, self.t, self.coverage):
            visible = covers == (control is self.coverage)
            # Qt 5 has no `setRowVisible`, but leaves no gap where both are hidden.
            self.form.labelForField(control).setVisible(visible)
            control.setVisible(visible)

    def _on_keep(self) -> None:
        self._try(self.session.sure.keep)

    def _on_blink(self) -> None:
        blink = self.session.blink
        if blink.running:
            blink.stop()
        else:
            blink.start()
        self._show_blink()

    def _show_blink(self) -> None:
        self.blink.setChecked(self.session.blink.running)

    def hideEvent(self, event: QHideEvent) -> None:
        """Nobody could stop it: the button is not seen any more."""
        super().hideEvent(event)
        self.session.blink.stop()

    def _recipe(self) -> Recipe:
        session, model = self.session, self.session.prediction.model
        source = None if model is None else model.source
        return mask_recipe(
            source, path_of(session.workspace.image), *session.sure.for_files
        )

    def _on_guide(self) -> None:
        guide = self.session.guide
        self.guidance.setText(guide.sentence())
        allow(self.dismiss, "" if guide.spot is not None else "No place is shown.")
        allow(self.show_next, "A place is being searched." if guide.searching else "")
        if guide.spot is not None:
            # The words are laid out after this.
            QTimer.singleShot(0, self._reveal)

    def _reveal(self) -> None:
        """What is to be done at the place must be seen without scrolling."""
        if self.guidance.isVisible():
            self.area.ensureWidgetVisible(self.guidance)

    def _on_prediction(self, region: object) -> None:
        if region is None or not self.classes.count():
            self._fill_classes()
            self.redraw()

    def _fill_classes(self) -> None:
        self.classes.clear()
        self.classes.addItems(self.session.sure.class_names)
        self.classes.setCurrentIndex(self.session.sure.class_index)
        self._tell_rule()

    def _tell_rule(self) -> None:
        sure = self.session.sure
        self._show_k()
        rule, name = sure.rule, self.classes.currentText()
        if rule is None:
            self.rule.setText(NOT_CALIBRATED)
            return
        if isinstance(rule, CoverageRule):
            self.rule.setText(_tell_coverage(rule, sure.class_index, name))
        else:
            self.rule.setText(
                f"Keeps a voxel where the probability of {name}, less "
                f"{sure.k:.2g} times the deviation of trees and networks, is over "
                f"{sure.config.t:.2f}."
            )
        self.histogram.mark(rule.least(sure.class_index))

    def _show_k(self) -> None:
        """The number of deviations, and who has chosen it."""
        sure = self.session.sure
        own = sure.config.k is not None
        allow(self.auto_k, "" if own else "k is chosen already, by what is predicted.")
        if not own:
            with QSignalBlocker(self.k):
                self.k.setValue(sure.k)
        self.k_words.setText("yours" if own else tell_k(sure.k, sure.config.t))

    def _warn(self) -> None:
        """Say so where nobody can tell yet whether the class is found."""
        model, name = self.session.prediction.model, self.classes.currentText()
        self.caution.setText(caution(model, name))
        self.caution.setVisible(self.alone and bool(self.caution.text()))

    def redraw(self) -> None:
        """Show histogram and share."""
        sure = self.session.sure
        counts = np.log10(np.maximum(sure.histogram, 1))
        self.histogram.show(np.linspace(0, 1, BINS + 1), counts)
        self._tell_rule()
        self._warn()
        self.share.setText(self._share())
        nothing = "" if sure.predicted else NOTHING_PREDICTED
        allow(self.contour, nothing)
        allow(self.blink, nothing)

    def _share(self) -> str:
        sure = self.session.sure
        if not sure.predicted:
            return NOTHING_PREDICTED
        if sure.rule is None and not sure.kept:
            return ""
        percent = 100 * sure.kept / sure.predicted
        where = "the image" if sure.complete else "what is predicted so far"
        if self.session.workspace.exclusion.active:
            where = f"{where}, where it is in focus,"
        name = self.classes.currentText()
        return f"{percent:.3g} % of {where} is sure to be {name}."


def _tell_coverage(rule: CoverageRule, index: int, name: str) -> str:
    percent = f"{100 * rule.coverage:.0f} %"
    if not rule.can_keep(index):
        return (
            f"The held-out strokes are too few for {percent}, so nothing is kept: "
            "choose less, or label more."
        )
    return (
        f"Keeps a voxel where only {name} is possible. Of the held-out labels of each "
        f"class, {percent} have their true class among the possible ones."
    )
