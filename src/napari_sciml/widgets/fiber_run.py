"""Measuring fibers in a viewer."""

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels
from psygnal import Signal

from napari_sciml.errors import InputError
from napari_sciml.fibers.config import FiberConfig
from napari_sciml.jobs.measuring import FibersMeasured, Stage, find_and_measure
from napari_sciml.widgets.images import voxel_size

if TYPE_CHECKING:
    from napari_sciml.widgets.session import ViewerSession

FIBERS = "Fibers"
SHOWN = ("length", "radius", "theta_deg", "phi_deg", "mean_confidence")


class FiberRun:
    """Runs the job, shows the fibers, and knows which one is chosen."""

    changed = Signal()
    chosen = Signal(int)
    failed = Signal(str)

    def __init__(self, session: "ViewerSession") -> None:
        self._session = session
        self.running = False
        self.stage = ""
        self.result: FibersMeasured | None = None
        self._mask: Labels | None = None
        runner = session.measuring
        runner.yielded.connect(self._on_event)
        runner.failed.connect(self._on_failed)
        runner.finished.connect(self._on_finished)

    def start(self, layer: Labels | None, config: FiberConfig | None = None) -> None:
        """Number and measure the fibers of a mask.

        Raises
        ------
        InputError
            When there is no mask, or something else is running.
        """
        if layer is None:
            raise InputError(
                'There is no mask: press "Keep what is sure" in the Uncertainty dock.'
            )
        if layer.multiscale or layer.data.ndim not in (2, 3):
            raise InputError(f"'{layer.name}' is not a single 2D or 3D mask.")
        # A slider may just have moved.
        self._session.sure.settle()
        mask = np.array(layer.data)
        size, unit = voxel_size(layer)
        self._session.measuring.start(
            find_and_measure,
            mask,
            config or FiberConfig(),
            voxel_size=size,
            unit=unit,
            probability=self._probability(layer),
        )
        self._mask = layer
        self.running = True
        self.changed.emit()

    def choose(self, label: int) -> None:
        """Go to a fiber and mark it."""
        if self.result is None:
            return
        row = self.result.table.set_index("label").loc[label]
        layer = self._session.layers.get(FIBERS)
        if layer is not None:
            layer.selected_label = label
            axes = ("centroid_z", "centroid_y", "centroid_x")[-layer.ndim :]
            center = np.divide([row[a] for a in axes], self.result.voxel_size)
            _go_to(self._session.viewer, layer.data_to_world(center))

    def _probability(self, mask: Labels) -> np.ndarray | None:
        volume = self._session.prediction.probabilities
        if volume is None or volume.shape != mask.data.shape or not volume.complete:
            return None
        # Our masks hold the value of their class; of another mask it is unknown.
        value = int(mask.data.max()) if self._session.layers.owns(mask) else 0
        return volume.mean[value - 1] if value else None

    def _on_event(self, event: object) -> None:
        if isinstance(event, Stage):
            self.stage = event.text
            self.changed.emit()
        elif isinstance(event, FibersMeasured):
            self.result = event
            self._show(event)
            self.changed.emit()

    def _on_failed(self, sentence: str) -> None:
        if self.running:
            self.failed.emit(sentence)

    def _on_finished(self) -> None:
        if self.running:
            self.running, self.stage = False, ""
            self.changed.emit()

    def _show(self, result: FibersMeasured) -> None:
        session = self._session
        fresh = session.layers.get(FIBERS) is None
        mask = self._mask
        layer = session.layers.show_labels(FIBERS, result.labels, mask, opacity=0.8)
        shown = [name for name in SHOWN if name in result.table]
        layer.features = result.table[["label", *shown]].rename(
            columns={"label": "index"}
        )
        if mask is not None and mask in session.viewer.layers:
            mask.visible = False
        if fresh:
            layer.events.selected_label.connect(self._on_picked)

    def _on_picked(self, event: Any) -> None:
        layer = self._session.layers.get(FIBERS)
        if layer is not None and str(layer.mode) == "pick":
            self.chosen.emit(int(layer.selected_label))


def _go_to(viewer: Any, world: np.ndarray) -> None:
    offset = viewer.dims.ndim - len(world)
    viewer.dims.set_point([offset + i for i in range(len(world))], list(world))
    shown = [axis - offset for axis in viewer.dims.displayed]
    center = [float(world[axis]) for axis in shown]
    # napari 0.9 moved the camera and warns at the old place.
    camera = getattr(viewer, "scene", viewer).camera
    camera.center = (0.0, *center)[-3:]
