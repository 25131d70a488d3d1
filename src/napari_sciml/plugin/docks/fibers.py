"""The Fibers dock: number them, measure them, look at each, correct them."""

from pathlib import Path
from typing import Any

from qtpy.QtWidgets import (
    QHBoxLayout,
    QMessageBox,
    QProgressBar,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from napari_sciml.fibers.report.figures import count_title
from napari_sciml.plugin.docks.base import Dock
from napari_sciml.plugin.fibers.colors import FiberColors
from napari_sciml.plugin.fibers.export import FiberExport
from napari_sciml.plugin.fibers.filters import FiberFilters
from napari_sciml.plugin.fibers.form import FiberForm
from napari_sciml.plugin.fibers.plots import FiberPlots
from napari_sciml.plugin.fibers.table import FiberTable
from napari_sciml.plugin.fibers.tools import FiberTools
from napari_sciml.plugin.kit.widgets.controls import (
    button,
    caution_line,
    primary_button,
    set_running,
    text_line,
)
from napari_sciml.plugin.kit.widgets.copying import HINT, RecipeMenu, path_of
from napari_sciml.plugin.layers.images import voxel_size
from napari_sciml.workflows.measuring.export import Exported
from napari_sciml.workflows.recipes import Recipe, fibers_recipe

TABLE, FILTER = range(2)
MEASURE = "Measure fibers"
IN_AN_IMAGE = (
    "Lengths are those in the image: of a fiber across it, it shows a section."
)


class FibersDock(Dock):
    """From a mask to a table of fibers."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        run = self.session.fibers
        sure = self.session.sure
        self.form = FiberForm(self.session.workspace, run, lambda: sure.layer_name)
        self.measure = primary_button("measure_fibers", MEASURE, "")
        self.progress = QProgressBar()
        self.progress.setObjectName("fiber_progress")
        self.progress.setToolTip("How much of this stage is done.")
        self.progress.setTextVisible(False)
        self.progress.setFixedHeight(8)
        self.summary = text_line("fiber_summary", "How many fibers are shown.")
        self.told = text_line("fiber_message", "What was done last.")
        self.caution = caution_line(
            "fiber_caution", "Whether the mask can be relied on."
        )
        self.show_layer = button(
            "show_fiber_layer", "Show layer", "Bring the deleted layer back."
        )
        self.colors = FiberColors(run.view)
        self.plots = FiberPlots(run.view)
        self.table = FiberTable()
        self.tools = FiberTools(run, self)
        self.filters = FiberFilters(run.view)
        self.export = FiberExport(run)
        self._lay_out()
        self._connect()
        self._show_fibers()
        self.plots.redraw()
        self.redraw()

    def _lay_out(self) -> None:
        column = self.column
        column.setSpacing(6)
        line = QHBoxLayout()
        line.addWidget(self.summary, stretch=1)
        line.addWidget(self.show_layer)
        for widget in (
            *(self.form, self.measure, self.caution),
            *(self.progress, self.error),
        ):
            column.addWidget(widget)
        column.addLayout(line)
        self.results = QWidget()
        results = QVBoxLayout(self.results)
        results.setContentsMargins(0, 0, 0, 0)
        results.setSpacing(6)
        results.addWidget(self.colors)
        results.addWidget(self.plots)
        results.addWidget(self._tabs(), stretch=1)
        column.addWidget(self.results, stretch=1)
        column.addStretch()
        self.below.addWidget(self.told)
        self.below.addWidget(self.export)

    def _tabs(self) -> QTabWidget:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 4, 0, 0)
        column.addWidget(self.table)
        column.addWidget(self.tools)
        self.tabs = QTabWidget()
        self.tabs.setObjectName("fiber_tabs")
        self.tabs.setToolTip("The fibers one by one, and which of them are shown.")
        self.tabs.addTab(page, "Table")
        self.tabs.addTab(self.filters, "Filter")
        return self.tabs

    def _connect(self) -> None:
        run = self.session.fibers
        self.measure.clicked.connect(self._on_measure)
        RecipeMenu(self.measure, self._recipe)
        self.form.mask.picked.connect(self._warn)
        self.show_layer.clicked.connect(self._on_show_layer)
        self.table.chosen.connect(self._on_rows)
        self.table.delete_pressed.connect(run.hand.delete)
        self.plots.directions.chosen.connect(run.choose)
        for signal, slot in (
            (run.changed, self.redraw),
            (run.failed, self.show_error),
            (run.exported, self._on_exported),
            (run.hand.failed, self.show_error),
            (run.hand.told, self._on_told),
            (run.hand.changed, self._on_hand),
            (run.view.filtered, self._show_fibers),
            (run.view.choice_changed, self.table.choose),
            (run.view.layer_gone, self.redraw),
            (self.session.prediction.model_changed, self._warn),
        ):
            self.wiring.connect(signal, slot)

    def _on_measure(self) -> None:
        self.show_error("")
        run = self.session.fibers
        if run.running:
            run.stop()
            return
        if not self._may_replace():
            return
        self._tell("")
        self._try(lambda: run.start(self.form.mask.layer, self.form.config))

    def _recipe(self) -> Recipe:
        layer, config = self.form.mask.layer, self.form.config
        if layer is None:
            return fibers_recipe(None, config, (1.0,), "pixel")
        known = self.session.fibers.class_predicted(layer)
        return fibers_recipe(path_of(layer), config, *voxel_size(layer), known)

    def _may_replace(self) -> bool:
        """Ask before corrections by hand are lost."""
        edits = self.session.fibers.edits
        if edits is None or not edits.undo_text:
            return True
        answer = QMessageBox.question(
            self,
            "Measure again",
            "The corrections by hand are lost when you measure again. Go on?",
        )
        return bool(answer == QMessageBox.StandardButton.Yes)

    def _on_rows(self, labels: tuple[int, ...]) -> None:
        self.session.fibers.view.choose(labels, go=True)

    def _on_show_layer(self) -> None:
        run = self.session.fibers
        if run.mask is not None:
            run.view.show_again(run.mask)
            run.hand.watch()
        self.redraw()

    def _on_told(self, text: str) -> None:
        self.show_error("")
        self._tell(text)

    def _tell(self, text: str) -> None:
        self.told.setText(text)
        self.told.setVisible(bool(text))

    def _on_hand(self) -> None:
        if self.session.fibers.hand.cutting:
            self._on_told("Click a fiber in the image where it is to be cut.")
        elif self.told.text().startswith("Click"):
            self._tell("")

    def export_to(self, folder: Path) -> None:
        """Write what is shown, or say why not."""
        self._try(lambda: self.export.write(folder))

    def _on_exported(self, found: Exported) -> None:
        of = "" if found.fibers == found.total else f" of {found.total:,}"
        self._tell(f"{found.fibers:,}{of} fibers written to {found.folder}.")

    def redraw(self) -> None:
        """Show the state of the job."""
        run = self.session.fibers
        self.measure.setText("Stop" if run.running else MEASURE)
        self.measure.setToolTip(
            "Stop it; the fibers from before stay."
            if run.running
            else f"Number the fibers and measure each.\n{HINT}"
        )
        set_running(self.measure, run.running)
        self.progress.setVisible(run.running)
        self.progress.setRange(0, 0 if run.done is None else 1000)
        self.progress.setValue(int(1000 * (run.done or 0)))
        self.form.follow()
        self._warn()
        gone = run.result is not None and run.view.layer is None
        self.show_layer.setVisible(gone)
        self.results.setVisible(run.result is not None)
        self.told.setVisible(bool(self.told.text()))
        self._sum_up()

    def _warn(self) -> None:
        """Say what is not known of the mask."""
        doubts = self.session.fibers.doubts_of(self.form.mask.layer)
        run = self.session.fibers
        if run.drops_most and self.form.mask.layer is run.mask:
            doubts = (*doubts, run.left_out)
        self.caution.setText(" ".join(doubts))
        self.caution.setVisible(bool(self.caution.text()))

    def _show_fibers(self) -> None:
        run = self.session.fibers
        if run.result is None:
            return
        unit, ndim = run.result.unit, run.result.labels.ndim
        for panel in (self.plots, self.filters, self.colors):
            panel.set_units(unit, ndim)
        self.table.show_fibers(run.view.shown_table, unit, ndim)
        self._sum_up()

    def _sum_up(self) -> None:
        run = self.session.fibers
        if run.running:
            self.summary.setText(run.stage)
        elif run.result is None:
            self.summary.setText("Nothing is measured yet.")
        else:
            self.summary.setText(_sentence(run))


def _sentence(run: Any) -> str:
    """How many fibers there are, and are shown."""
    table, shown = run.view.table, int(run.view.shown.sum())
    count = count_title(len(table))
    if shown < len(table):
        count = f"{shown:,} of {count}"
    cut = int(table["touches_border"][run.view.shown].sum())
    gone = "" if run.view.layer is not None else " Their layer is deleted."
    out = "" if run.drops_most else run.left_out  # else it is a caution
    flat = IN_AN_IMAGE if run.result.labels.ndim == 2 else ""
    told = f"{count}, {cut:,} at the border of the image.{gone}"
    return " ".join(filter(None, (told, out, flat)))
