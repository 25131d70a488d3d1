"""How measured fibers are shown: their layer, its colors, which are hidden."""

import weakref
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from napari.layers import Labels
from napari.utils.colormaps import CyclicLabelColormap
from psygnal import Signal

from napari_sciml.errors import InputError
from napari_sciml.fibers.report.coloring import fiber_colors, number_colors
from napari_sciml.fibers.report.filtering import FiberFilter
from napari_sciml.fibers.report.tubes import Mesh, tubes
from napari_sciml.plugin.kit.camera import go_to
from napari_sciml.plugin.kit.connections import Connections
from napari_sciml.plugin.kit.many_labels import colormap_of_many
from napari_sciml.plugin.layers.axes import LayerAxes
from napari_sciml.plugin.layers.layers import CHEAP

if TYPE_CHECKING:
    from napari_sciml.plugin.state.workspace import Workspace
    from napari_sciml.workflows.measuring.arrays import FibersMeasured

FIBERS = "Fibers"
CHOSEN = (1.0, 1.0, 1.0, 1.0)
SPARE = 64
"""Colors for fibers that the user paints before they are measured."""
MOST_CYCLIC = 2**16 - 1
OPACITY = 0.8


class FiberView:
    """Colors, filter and selection; the same for table, plots and layer.

    Attributes
    ----------
    color_by
        One of `COLOR_BY`.
    filter
        Fibers that it does not keep are hidden.
    chosen
        Labels of the selected fibers.
    shown
        For each row of the table, whether it is shown.
    as_tubes
        Whether tubes are seen in the place of the layer.
    """

    filtered = Signal()
    renewed = Signal()
    recolored = Signal()
    choice_changed = Signal(tuple)
    layer_gone = Signal()

    def __init__(self, workspace: "Workspace") -> None:
        self._workspace = workspace
        self.color_by = "number"
        self.filter = FiberFilter()
        self.chosen: tuple[int, ...] = ()
        self.shown = np.zeros(0, bool)
        self.as_tubes = False
        self._result: FibersMeasured | None = None
        self._made: tuple[pd.DataFrame, str, np.ndarray] | None = None
        self._layer: weakref.ref[Labels] | None = None
        self._wiring = Connections()

    @property
    def viewer(self) -> Any:
        """The viewer; None when it is gone."""
        return self._workspace.viewer

    @property
    def layer(self) -> Labels | None:
        """The layer of the fibers, unless the user has deleted it."""
        layer = self._layer() if self._layer is not None else None
        return layer if self._workspace.has(layer) else None

    @property
    def table(self) -> pd.DataFrame:
        """All fibers; empty as long as nothing is measured."""
        return pd.DataFrame() if self._result is None else self._result.table

    @property
    def shown_table(self) -> pd.DataFrame:
        """The fibers that the filter keeps."""
        return self.table[self.shown].reset_index(drop=True)

    def show(self, result: "FibersMeasured", on: Labels) -> None:
        """Show other fibers, in the layer that there is or in a new one."""
        workspace = self._workspace
        self._result, self.chosen = result, ()
        layer = workspace.layers.show_labels(FIBERS, result.labels, on, opacity=OPACITY)
        layer.iso_gradient_mode = "smooth"  # or fibers in 3D look like cobs
        self._layer = weakref.ref(layer)
        selection = workspace.viewer.layers.selection
        if on in workspace.viewer.layers:
            on.visible = False
            if selection.active is on:
                selection.active = layer
        self.watch()
        self._refresh()
        self.choice_changed.emit(())

    def show_again(self, on: Labels) -> None:
        """Make the layer anew that the user has deleted."""
        if self._result is not None:
            self.show(self._result, on)

    def renew(self, result: "FibersMeasured") -> None:
        """Show what has changed in the fibers."""
        self._result = result
        layer = self.layer
        if layer is not None:
            labels = LayerAxes.of(layer).lift(result.labels)
            if not np.shares_memory(layer.data, labels):
                layer.data = labels
            layer.refresh(**CHEAP)
        self._refresh()
        known = set(result.table["label"])
        if not known.issuperset(self.chosen):
            self.choose(tuple(n for n in self.chosen if n in known))

    def color(self, by: str) -> None:
        """Color by something else."""
        self.color_by = by
        self._paint()
        self.recolored.emit()

    def keep(self, chosen: FiberFilter) -> None:
        """Hide other fibers."""
        if chosen != self.filter:
            self.filter = chosen
            self._filter()
            self._paint()

    def choose(self, labels: Iterable[int], *, go: bool = False) -> None:
        """Select fibers, and perhaps go to the first one."""
        labels = tuple(labels)
        if labels != self.chosen:
            self.chosen = labels
            layer = self.layer
            if layer is not None and labels and layer.selected_label != labels[-1]:
                layer.selected_label = labels[-1]
            self._paint()
            self.choice_changed.emit(labels)
        if go and labels:
            self.go_to(labels[-1])

    def go_to(self, label: int) -> None:
        """Center slice and camera on the middle of a fiber."""
        result, layer = self._result, self.layer
        if result is None or layer is None:
            return
        rows = np.flatnonzero(result.table["label"] == label)
        if len(rows):
            line = result.lines[rows[0]]
            size = np.asarray(result.voxel_size)
            middle = line[len(line) // 2][-len(size) :] / size
            world = layer.data_to_world(LayerAxes.of(layer).point(middle))
            go_to(self._workspace.viewer, np.asarray(world))

    def tubes(self) -> Mesh | None:
        """Tubes of the fibers that are shown, in voxels; None without any in space."""
        result = self._result
        if result is None or result.labels.ndim != 3 or not self.shown.any():
            return None
        size = np.asarray(result.voxel_size)
        # What is thinner than a voxel could not be seen.
        diameters = self.table["diameter"].to_numpy(float).clip(min=size.min())
        made = tubes(result.lines[self.shown], diameters[self.shown] / 2)
        # Ends that stick out of the image would give it more slices.
        last = np.subtract(result.labels.shape, 1)
        vertices = np.clip(made.vertices / size, 0, last).astype(np.float32)
        return made._replace(vertices=vertices)

    def shown_colors(self) -> np.ndarray:
        """Color ``(n, 4)`` of each fiber that is shown."""
        labels = self.shown_table["label"].to_numpy(np.int64)
        return self._colors()[labels]

    def hidden(self) -> np.ndarray:
        """For each label up to the greatest one, whether it is not shown."""
        labels = self.table["label"].to_numpy(np.int64)
        hidden = np.zeros(labels.max(initial=0) + 1, bool)
        hidden[labels[~self.shown]] = True
        return hidden

    def watch(self) -> None:
        """Listen to the layer, and to its being deleted."""
        self._wiring.close()
        layer, viewer = self.layer, self._workspace.viewer
        if viewer is not None and layer is not None:
            self._wiring.connect(layer.events.selected_label, self._on_picked)
            self._wiring.connect(viewer.layers.events.removed, self._on_removed)

    def close(self) -> None:
        """Stop listening."""
        self._wiring.close()

    def checked_layer(self) -> Labels:
        """The layer, to change it.

        Raises
        ------
        InputError
            When nothing is measured, or the layer is deleted.
        """
        if self._result is None:
            raise InputError("Nothing is measured yet.")
        layer = self.layer
        if layer is None:
            raise InputError(
                'The layer of the fibers is deleted: press "Show layer" to get it back.'
            )
        return layer

    def _refresh(self) -> None:
        result = self._result
        assert result is not None
        layer = self.layer
        if layer is not None:
            layer.features = result.table.rename(columns={"label": "index"})
        self._filter()
        self._paint()
        self.renewed.emit()
        self.recolored.emit()

    def _filter(self) -> None:
        if self._result is not None:
            self.shown = self.filter.keeps(self.table)
            self.filtered.emit()

    def _paint(self) -> None:
        layer = self.layer
        if layer is None or self._result is None:
            return
        colors = self._colors()
        if len(colors) <= MOST_CYCLIC + 1 and layer.data.dtype.itemsize <= 2:
            layer.colormap = CyclicLabelColormap(colors=colors)
        else:
            layer.colormap = colormap_of_many(colors)

    def _colors(self) -> np.ndarray:
        """Color and opacity of each label; a spare one for new labels."""
        table = self.table
        labels = table["label"].to_numpy(np.int64)
        count = min(int(labels.max(initial=0)) + SPARE, MOST_CYCLIC)
        count = max(count, int(labels.max(initial=0)))
        colors = np.ones((count + 1, 4), np.float32)
        colors[:, :3] = number_colors(np.arange(count + 1))
        colors[labels, :3] = self._base_colors()
        chosen = [name for name in self.chosen if name <= count]
        colors[chosen] = CHOSEN
        colors[labels[~self.shown], 3] = 0
        colors[0] = 0
        return colors

    def _base_colors(self) -> np.ndarray:
        """Of each row, whatever is selected; kept, as a click must be quick."""
        table, made = self.table, self._made
        if made is None or made[0] is not table or made[1] != self.color_by:
            colors = fiber_colors(table, self.color_by)
            self._made = made = (table, self.color_by, colors)
        return made[2]

    def _on_picked(self, event: Any) -> None:
        layer = self.layer
        if layer is None or str(layer.mode) != "pick":
            return
        label = int(layer.selected_label)
        if (label,) != self.chosen and label in set(self.table["label"]):
            self.choose((label,))

    def _on_removed(self, event: Any) -> None:
        if self._layer is not None and event.value is self._layer():
            self.layer_gone.emit()
