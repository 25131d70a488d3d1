"""From which mask the fibers come, and with which settings."""

from collections.abc import Callable
from typing import Any

import numpy as np
from napari.layers import Labels
from qtpy.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QWidget,
)

from napari_sciml.errors import InputError
from napari_sciml.fibers.config import FiberConfig
from napari_sciml.fibers.report.figures import unit_symbol, volume_symbol
from napari_sciml.plugin.fibers.controller import FiberController
from napari_sciml.plugin.kit.connections import Connections
from napari_sciml.plugin.kit.widgets.controls import allow, text_line
from napari_sciml.plugin.kit.widgets.forms import LARGEST, ratio, switch, whole_number
from napari_sciml.plugin.kit.widgets.layer_picker import LayerPicker
from napari_sciml.plugin.layers.images import voxel_size
from napari_sciml.plugin.state.workspace import Workspace

VOXELS, VOLUME = range(2)
DIGITS = 4


class FiberForm(QWidget):
    """Mask, size of a voxel, and what makes a fiber.

    Parameters
    ----------
    workspace
        Has the layers.
    fibers
        Has what is no mask: the fibers themselves.
    newest
        Tells the name of the mask that is chosen when it appears.
    """

    def __init__(
        self, workspace: Workspace, fibers: FiberController, newest: Callable[[], str]
    ) -> None:
        super().__init__()
        self._workspace, self._fibers, self._newest = workspace, fibers, newest
        self.mask = LayerPicker(
            workspace.viewer,
            self._masks,
            name="mask",
            tooltip="Labels layer that holds the fibers.",
        )
        self.dust = whole_number(FiberConfig, "dust")
        self.dust_volume = _volume_box()
        self.dust_unit = QComboBox()
        self.dust_unit.setObjectName("dust_unit")
        self.dust_unit.setToolTip("Count small pieces by voxels, or by their volume.")
        self.dust_unit.addItems(["voxels", "volume"])
        self.slenderness = ratio(FiberConfig, "slenderness", " times as long as wide")
        self.split = switch(FiberConfig, "split", "Take touching fibers apart")
        self.extend = switch(FiberConfig, "extend", "Extend to the likely rim")
        self.size = text_line("voxel_size", "From the scale and units of the layer.")
        self._edges: tuple[float, ...] = ()
        self._lay_out()
        self.mask.picked.connect(self.follow)
        self.dust_unit.currentIndexChanged.connect(self._on_unit)
        self._wiring = Connections()
        layers = workspace.viewer.layers.events
        self._wiring.connect(layers.inserted, self._on_inserted)
        self._wiring.connect(layers.removed, self.follow)
        self.destroyed.connect(self._wiring.close)
        self._on_unit(VOXELS)
        self.follow()

    @property
    def config(self) -> FiberConfig:
        """What is set."""
        by_volume = self.dust_unit.currentIndex() == VOLUME
        volume = self.dust_volume.value() if by_volume else None
        return FiberConfig(
            dust=self.dust.value(),
            dust_volume=volume,
            split=self.split.isChecked(),
            slenderness=self.slenderness.value(),
            extend=self.extend.isChecked(),
        )

    def follow(self, event: object = None) -> None:
        """Show the size of a voxel of the chosen mask."""
        layer = self.mask.layer
        self._edges = ()
        if layer is None:
            self.size.setText("")
            return
        try:
            self._edges, unit = voxel_size(layer)
        except InputError as error:
            self.size.setText(str(error))
            return
        edges = " x ".join(f"{edge:g}" for edge in self._edges)
        self.size.setText(f"{edges} {unit_symbol(unit)}")
        flat = len(self._edges) == 2
        allow(self.slenderness, "Only fibers of a volume are judged so." * flat)
        self.dust_unit.setItemText(VOLUME, volume_symbol(unit, 2 if flat else 3))
        self.dust_unit.setVisible(unit != "pixel")
        if unit == "pixel":
            self.dust_unit.setCurrentIndex(VOXELS)

    def _lay_out(self) -> None:
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.setVerticalSpacing(5)
        small = QHBoxLayout()
        small.addWidget(self.dust, stretch=1)
        small.addWidget(self.dust_volume, stretch=1)
        small.addWidget(self.dust_unit)
        form.addRow("Mask", self.mask)
        form.addRow("Voxel", self.size)
        form.addRow("Drop under", small)
        form.addRow("or not", self.slenderness)
        form.addRow("", self.split)
        form.addRow("", self.extend)

    def _masks(self) -> list[Labels]:
        """Labels that can be a mask, the confident ones first."""
        viewer = self._workspace.viewer
        out = (self._workspace.annotation.layer, self._fibers.view.layer)
        layers = [] if viewer is None else reversed(viewer.layers)
        found = [x for x in layers if isinstance(x, Labels) and x not in out]
        return sorted(found, key=_not_confident)

    def _on_inserted(self, event: Any) -> None:
        if event.value.name == self._newest():
            self.mask.refill()
            self.mask.choose(event.value)
        self.follow()

    def _on_unit(self, unit: int) -> None:
        """Keep the size that is dropped, in the other unit."""
        voxel = float(np.prod(self._edges)) if self._edges else 1.0
        if unit == VOLUME:
            volume = self.dust.value() * voxel
            shown = float(f"{volume:.{DIGITS}g}")
            digits = int(np.clip(DIGITS - 1 - np.floor(np.log10(shown or 1)), 0, 9))
            self.dust_volume.setDecimals(digits)
            self.dust_volume.setSingleStep(10.0 ** (1 - digits))
            self.dust_volume.setValue(shown)
        elif self.dust_volume.value():
            self.dust.setValue(max(0, round(self.dust_volume.value() / voxel)))
        self.dust.setVisible(unit == VOXELS)
        self.dust_volume.setVisible(unit == VOLUME)


def _volume_box() -> QDoubleSpinBox:
    box = QDoubleSpinBox()
    box.setObjectName("dust_volume")
    box.setRange(0, LARGEST)
    box.setToolTip("Pieces of less than this volume (in 2D area) are dropped.")
    return box


def _not_confident(layer: Labels) -> bool:
    return not layer.name.startswith("Confident")
