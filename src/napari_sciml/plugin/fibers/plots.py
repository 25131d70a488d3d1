"""Lengths, directions and tensor of the fibers that are shown, live."""

import numpy as np
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_sciml.escape import for_html
from napari_sciml.fibers.report.figures import unit_symbol
from napari_sciml.fibers.statistics.bootstrap import Interval
from napari_sciml.plugin.fibers.direction_plot import DirectionPlot
from napari_sciml.plugin.fibers.view import FiberView
from napari_sciml.plugin.kit.connections import Connections
from napari_sciml.plugin.kit.runner import JobRunner
from napari_sciml.plugin.kit.widgets.controls import text_line
from napari_sciml.plugin.kit.widgets.plots import HistogramPlot
from napari_sciml.workflows.measuring.numbers import (
    FiberNumbers,
    estimate_numbers,
    quick_numbers,
)

LIVE_MS = 100
REST_MS = 500
HEIGHT = 106


class FiberPlots(QWidget):
    """Follows the filter: plots at once, intervals when it rests.

    Parameters
    ----------
    view
        Tells which fibers are shown.
    """

    def __init__(self, view: FiberView) -> None:
        super().__init__()
        self._view = view
        self._unit, self._ndim = "pixel", 3
        self.lengths = HistogramPlot(
            "length_histogram",
            "Fibers of each length, end to end; gray: those that are hidden, too.",
            x="length",
            y="fibers",
        )
        self.lengths.widget.setFixedHeight(HEIGHT)
        self.directions = DirectionPlot()
        self.numbers = text_line(
            "fiber_numbers",
            "Means of the fibers that are shown, with 95 % bootstrap intervals. zz, "
            "yy, xx: diagonal of the orientation tensor, weighted by length.",
            rich=True,
        )
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        for widget in (self.lengths.widget, self.directions, self.numbers):
            column.addWidget(widget)
        self._live, self._rest = QTimer(self), QTimer(self)
        for timer, pause in ((self._live, LIVE_MS), (self._rest, REST_MS)):
            timer.setSingleShot(True)
            timer.setInterval(pause)
        self._live.timeout.connect(self.redraw)
        self._rest.timeout.connect(self._estimate)
        self._runner = JobRunner()
        self._runner.yielded.connect(self._tell)
        self._wiring = Connections()
        self._wiring.connect(view.filtered, self._on_filtered)
        self._wiring.connect(view.renewed, self.redraw)
        self._wiring.connect(view.choice_changed, self.directions.mark)
        self.destroyed.connect(self._wiring.close)
        self.destroyed.connect(self._runner.stop)

    def set_units(self, unit: str, ndim: int) -> None:
        """Tell the unit of length, and whether it is an image."""
        self._unit, self._ndim = unit, ndim
        self.directions.set_flat(ndim == 2)
        self.lengths.widget.setLabel(
            "bottom", f"length ({for_html(unit_symbol(unit))})"
        )

    def redraw(self) -> None:
        """Draw the fibers that are shown now."""
        view = self._view
        if not len(view.table):
            return
        lengths = view.table["length"].to_numpy(np.float64)
        edges = np.histogram_bin_edges(lengths, bins=_bins(len(lengths)))
        every = np.histogram(lengths, edges)[0]
        shown = np.histogram(lengths[view.shown], edges)[0]
        self.lengths.show(edges, shown, of=every)
        table = view.shown_table
        self.directions.show_fibers(table)
        self._tell(quick_numbers(table))

    def _on_filtered(self) -> None:
        # Not started anew: while a slider moves, the plots follow it.
        if not self._live.isActive():
            self._live.start()
        self._rest.start()

    def _estimate(self) -> None:
        if self._runner.busy:
            self._runner.stop()
            self._rest.start()
        elif len(self._view.table):
            self._runner.start(estimate_numbers, self._view.shown_table)

    def _tell(self, found: FiberNumbers) -> None:
        if self._live.isActive() and np.isfinite(found.length.low):
            return  # others are shown by now
        symbol = for_html(unit_symbol(self._unit))
        if not found.count:
            self.numbers.setText("The filters hide all fibers.")
            return
        axes = zip(("zz", "yy", "xx"), found.tensor, strict=True)
        cells = [
            _cells("length", f"{found.length.text()} {symbol}"),
            _cells("diameter", f"{found.diameter.text()} {symbol}"),
            *[_cells(name, _share(value)) for name, value in axes][-self._ndim :],
        ]
        table = "".join(f"<tr>{cell}</tr>" for cell in cells)
        self.numbers.setText(f'<table style="font-size: 9pt">{table}</table>')


def _cells(name: str, text: str) -> str:
    text = text.replace(" to ", "\N{EN DASH}")
    return f"<td>{name} </td><td>{text}</td>".replace(" ", "&nbsp;")


def _share(value: Interval) -> str:
    text = f"{value.value:.2f}"
    if np.isfinite(value.low):
        text += f" ({value.low:.2f} to {value.high:.2f})"
    return text


def _bins(count: int) -> int:
    return int(np.clip(np.sqrt(count) * 1.5, 5, 40))
