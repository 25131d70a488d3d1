"""The Fibers dock: number them, measure them, look at each."""

from pathlib import Path
from typing import Any

import numpy as np
from napari.layers import Labels
from qtpy.QtWidgets import QCheckBox, QFileDialog, QFormLayout

from napari_sciml.errors import InputError
from napari_sciml.fibers.config import FiberConfig
from napari_sciml.fibers.figures import unit_symbol
from napari_sciml.widgets.direction_plot import DirectionPlot
from napari_sciml.widgets.dock import Dock, button, primary_button, text_line
from napari_sciml.widgets.export import export_fibers
from napari_sciml.widgets.fiber_run import FIBERS
from napari_sciml.widgets.fiber_table import FiberTable
from napari_sciml.widgets.forms import whole_number
from napari_sciml.widgets.images import voxel_size
from napari_sciml.widgets.layer_picker import LayerPicker
from napari_sciml.widgets.plots import HistogramPlot

FOLDER = "fibers"


class FibersDock(Dock):
    """From a mask to a table of fibers."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self._make_controls()
        self._lay_out()
        self._connect()
        self.redraw()

    def _make_controls(self) -> None:
        self.mask = LayerPicker(
            self.session.viewer,
            self._masks,
            name="mask",
            tooltip="Labels layer that holds the fibers.",
        )
        self.dust = whole_number(FiberConfig, "dust")
        self.dust.setSuffix(" voxels")
        self.split = QCheckBox("Take touching fibers apart")
        self.split.setObjectName("split")
        self.split.setToolTip(str(FiberConfig.model_fields["split"].description))
        self.split.setChecked(FiberConfig().split)
        self.size = text_line("voxel_size", "From the scale and units of the layer.")
        self.measure = primary_button(
            "measure_fibers", "Measure fibers", "Number the fibers and measure each."
        )
        self.summary = text_line("fiber_summary", "All fibers in a line.")
        self.lengths = HistogramPlot(
            "length_histogram",
            "Fibers of each length, end to end.",
            x="length",
            y="fibers",
            color="#6f8fb8",
        )
        self.directions = DirectionPlot()
        self.table = FiberTable()
        self.export = button(
            "export_fibers", "Export…", "Write table, labels, summary and pictures."
        )

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.addRow("Mask", self.mask)
        form.addRow("Drop under", self.dust)
        form.addRow("", self.split)
        form.addRow("Voxel", self.size)
        self.column.addLayout(form)
        for widget in (self.measure, self.error, self.summary, self.lengths.widget):
            self.column.addWidget(widget)
        self.column.addWidget(self.directions)
        self.column.addWidget(self.table, stretch=1)
        self.column.addWidget(self.export)

    def _connect(self) -> None:
        run = self.session.fibers
        layers = self.session.viewer.layers.events
        self.measure.clicked.connect(self._on_measure)
        self.export.clicked.connect(self._on_export)
        self.mask.picked.connect(self._on_mask)
        self.table.chosen.connect(run.choose)
        self.directions.chosen.connect(self._on_chosen)
        self.wiring.connect(run.changed, self.redraw)
        self.wiring.connect(run.failed, self.show_error)
        self.wiring.connect(run.chosen, self.table.choose)
        self.wiring.connect(layers.inserted, self._on_inserted)
        self.wiring.connect(layers.removed, self._on_mask)

    def _masks(self) -> list[Labels]:
        """Labels that can be a mask, the confident ones first."""
        session = self.session
        out = (session.annotation.layer, session.layers.get(FIBERS))
        layers = [] if session.viewer is None else reversed(session.viewer.layers)
        found = [x for x in layers if isinstance(x, Labels) and x not in out]
        return sorted(found, key=_not_confident)

    def _on_inserted(self, event: Any) -> None:
        if event.value.name == self.session.sure.layer_name:
            self.mask.refill()
            self.mask.choose(event.value)
        self._on_mask()

    def _on_mask(self, event: object = None) -> None:
        layer = self.mask.layer
        if layer is None:
            self.size.setText("")
            return
        size, unit = voxel_size(layer)
        edges = " x ".join(f"{edge:g}" for edge in size)
        self.size.setText(f"{edges} {unit_symbol(unit)}")

    def _on_measure(self) -> None:
        self.show_error("")
        config = FiberConfig(dust=self.dust.value(), split=self.split.isChecked())
        try:
            self.session.fibers.start(self.mask.layer, config)
        except InputError as error:
            self.show_error(str(error))

    def _on_chosen(self, label: int) -> None:
        self.table.choose(label)
        self.session.fibers.choose(label)

    def _on_export(self) -> None:
        parent = QFileDialog.getExistingDirectory(self, "Folder for the results")
        if parent:
            self.export_to(Path(parent) / FOLDER)

    def export_to(self, folder: Path) -> None:
        """Write the results, or say why not."""
        result = self.session.fibers.result
        try:
            if result is None:
                raise InputError("Nothing is measured yet.")
            export_fibers(result, folder)
        except InputError as error:
            self.show_error(str(error))
        else:
            self.show_error("")
            self.summary.setText(f"Written to {folder}")

    def redraw(self) -> None:
        """Show the state of the job and its result."""
        run = self.session.fibers
        self.measure.setEnabled(not run.running)
        self.export.setEnabled(run.result is not None and not run.running)
        self._on_mask()
        if run.running and run.result is None:
            self.summary.setText(run.stage)
            return
        if run.result is None:
            self.summary.setText("Nothing is measured yet.")
            return
        self._show_result()

    def _show_result(self) -> None:
        run = self.session.fibers
        result = run.result
        assert result is not None
        table, unit = result.table, unit_symbol(result.unit)
        lengths = table["length"].to_numpy(np.float64)
        cut = int(table["touches_border"].sum())
        self.summary.setText(
            run.stage
            or f"{_count(len(table))}, mean length {lengths.mean():.3g} {unit}; "
            f"{cut:,} at the border of the image."
        )
        counts, edges = np.histogram(lengths, bins=_bins(len(lengths)))
        self.lengths.show(edges, counts)
        self.lengths.widget.setLabel("bottom", f"length ({unit})")
        self.directions.show_fibers(table)
        self.table.show_fibers(table)


def _count(fibers: int) -> str:
    return "1 fiber" if fibers == 1 else f"{fibers:,} fibers"


def _bins(count: int) -> int:
    return int(np.clip(np.sqrt(count) * 1.5, 5, 40))


def _not_confident(layer: Labels) -> bool:
    return not layer.name.startswith("Confident")
