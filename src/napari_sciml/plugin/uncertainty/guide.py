"""Shows where the next stroke would teach most."""

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.colormaps import Colormap
from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_sciml.annotation.changes import LabelChange
from napari_sciml.errors import InputError
from napari_sciml.plugin.kit.camera import camera_of
from napari_sciml.plugin.kit.runner import IdleRunner
from napari_sciml.plugin.layers.axes import LayerAxes
from napari_sciml.plugin.layers.images import voxel_size
from napari_sciml.plugin.layers.places import place_of_part
from napari_sciml.plugin.uncertainty.controller import NOTHING_PREDICTED
from napari_sciml.uncertainty.acquisition import Query, search

if TYPE_CHECKING:
    from napari.layers import Layer

    from napari_sciml.plugin.state.prediction import Prediction
    from napari_sciml.plugin.state.workspace import Workspace

LOOK_HERE = "Look here"
SURROUNDINGS = 6
"""Block edges that the window shows after a jump."""
COLOR = "#f6d32d"
FRAME, LINE = 64, 2
"""Edge of the picture of the box, and width of its line, in its own pixels."""
DISAGREE = "trees and networks disagree"
NOTHING_LEFT = "No disputed place is left in what is predicted so far."


class Guide:
    """Chooses a disputed place, goes there, and remembers where it has been.

    Attributes
    ----------
    spot
        The place that is shown; None before the first and after the last one.
    """

    changed = Signal()

    def __init__(self, workspace: "Workspace", prediction: "Prediction") -> None:
        self._workspace, self._prediction = workspace, prediction
        self.spot: Query | None = None
        self._visited: list[tuple[int, ...]] = []
        self._dismissed: list[tuple[int, ...]] = []
        self._sentence = ""
        self._found: Query | None = None
        self._stale: list[Layer] = []
        self._search = IdleRunner()
        self._search.yielded.connect(self._on_yielded)
        self._search.finished.connect(self._on_finished)
        workspace.image_leaving.connect(self.forget)
        workspace.annotation.changed.connect(self._on_painted)

    @property
    def searching(self) -> bool:
        """Whether a place is being searched."""
        return self._search.busy

    def sentence(self) -> str:
        """Tell a person."""
        return "Searching …" if self.searching else self._sentence

    def show_next(self) -> None:
        """Go to the most disputed place that was not visited lately."""
        volume = self._prediction.probabilities
        if volume is None or not volume.known.any():
            self._tell(NOTHING_PREDICTED)
            return
        store = self._workspace.annotation.store
        labeled = None
        if store.shape == volume.shape and len(store):
            labeled = np.stack(np.unravel_index(store.indices, store.shape)).T
        self._found = None
        self._search.start(
            search(
                volume.entropy if self._alone() else volume.mutual_information,
                self._prediction.valid,
                labeled=labeled,
                visited=tuple(self._visited),
                dismissed=tuple(self._dismissed),
                spacing=self._spacing(),
                axis=self._slider_axis(),
            )
        )
        self.changed.emit()

    def dismiss(self) -> None:
        """The place is no use: never show it again, and go on."""
        if self.spot is not None:
            self._dismissed.append(self.spot.center)
        self.show_next()

    def forget(self) -> None:
        """Another image is next."""
        self._search.stop()
        mark = self._workspace.layers.get(LOOK_HERE)
        if mark is not None:
            self._stale.append(mark)
        # Where the image is being deleted, others may be too: hands off the list now.
        QTimer.singleShot(0, self._remove_stale)
        self._visited.clear()
        self._dismissed.clear()
        self.spot, self._sentence = None, ""
        self.changed.emit()

    def close(self) -> None:
        """Stop what runs."""
        self._search.stop()

    def _slider_axis(self) -> int | None:
        view = self._workspace.target.view
        if view is None or len(view.region) < 3:
            return None
        thin = [
            axis for axis, part in enumerate(view.region) if part.stop - part.start == 1
        ]
        return thin[0] if len(thin) == 1 else None

    def _alone(self) -> bool:
        """Whether there is one network only, which cannot disagree."""
        model = self._prediction.model
        if model is None or model.ensemble.forest is not None:
            return False
        return len(model.ensemble.members) < 2

    def _spacing(self) -> tuple[float, ...] | None:
        image = self._workspace.image
        assert image is not None
        try:
            return voxel_size(image)[0]
        except InputError:
            return None  # on sheared axes, blocks of as many voxels along each

    def _on_yielded(self, spot: Query | None) -> None:
        self._found = spot or self._found

    def _on_finished(self) -> None:
        self.spot = self._found
        if self.spot is None:
            self._remove_mark()
            self._tell(NOTHING_LEFT)
            return
        self._visited.append(self.spot.center)
        self._mark(self.spot)
        self._go_to(self.spot)
        doubt = "the network is not sure" if self._alone() else DISAGREE
        self._tell(
            f"Place {len(self._visited)}: {doubt} here; paint a short stroke of each "
            "class that you see."
        )

    def _tell(self, sentence: str) -> None:
        self._sentence = sentence
        self.changed.emit()

    def _mark(self, spot: Query) -> None:
        """A thin box round the place.

        An image, as marks come and go: see `LayerGroup.shapes_lost`.
        """
        image, layers = self._workspace.image, self._workspace.layers
        assert image is not None
        corners = _outline(spot)
        low, high = corners.min(axis=0), corners.max(axis=0)
        flat = low == high
        frame = _frame(np.where(flat, 1, FRAME).tolist())
        steps = np.where(flat, 1, high - low) / frame.shape
        place = place_of_part(image, np.where(flat, low, low + 0.5), steps)
        color = Colormap([COLOR, COLOR], name="look here")
        options = {"colormap": color, "contrast_limits": (0, 1), **place}
        mark, shape = layers.get(LOOK_HERE), LayerAxes.of(image).lift(frame).shape
        if mark is not None and mark.data.shape != shape:
            self._remove_mark()
        mark = layers.show_image(LOOK_HERE, frame, image, **options)
        mark.scale, mark.translate = place["scale"], place["translate"]

    def _remove_mark(self) -> None:
        layer = self._workspace.layers.get(LOOK_HERE)
        if layer is not None:
            self._workspace.viewer.layers.remove(layer)

    def _remove_stale(self) -> None:
        stale, self._stale = self._stale, []
        viewer = self._workspace.viewer
        for layer in stale:
            if viewer is not None and layer in viewer.layers:
                viewer.layers.remove(layer)

    def _go_to(self, spot: Query) -> None:
        image, viewer = self._workspace.image, self._workspace.viewer
        if image is None or viewer is None:
            return
        viewer.dims.ndisplay = 2  # where one can paint
        axes = LayerAxes.of(image)
        corners = np.array([image.data_to_world(axes.point(c)) for c in _outline(spot)])
        corners = corners[:, list(axes.own)]
        world = corners.mean(axis=0)
        offset = viewer.dims.ndim - len(world)
        viewer.dims.set_point(
            [offset + axis for axis in range(len(world))], [float(w) for w in world]
        )
        shown = [axis - offset for axis in viewer.dims.displayed if axis >= offset]
        camera = camera_of(viewer)
        camera.center = (0.0, *(float(world[axis]) for axis in shown))[-3:]
        edges = np.diff(corners[:3, shown], axis=0)
        edge = float(np.linalg.norm(edges, axis=1).max())
        camera.zoom = _window(viewer) / (SURROUNDINGS * edge)

    def _on_painted(self, change: LabelChange) -> None:
        """A stroke in the box answers the question."""
        if self.spot is None or not change.values.any():
            return
        places = np.unravel_index(
            change.indices, self._workspace.annotation.store.shape
        )
        inside = np.ones(len(change), bool)
        for axis, part in enumerate(self.spot.region):
            inside &= (places[axis] >= part.start) & (places[axis] < part.stop)
        if inside.any():
            self.spot = None
            self._remove_mark()
            self._tell("Thank you: the training takes it in.")


def _outline(spot: Query) -> np.ndarray:
    """Corners of the box in its plane, ``(4, ndim)``."""
    thick = [a for a, p in enumerate(spot.region) if p.stop - p.start > 1]
    first, second = thick[-2:] if len(thick) >= 2 else range(len(spot.region))[-2:]
    y, x = spot.region[first], spot.region[second]
    corners = np.tile(np.array(spot.center, float), (4, 1))
    corners[:, first] = np.array([y.start, y.start, y.stop, y.stop]) - 0.5
    corners[:, second] = np.array([x.start, x.stop, x.stop, x.start]) - 0.5
    return corners


def _frame(shape: list[int]) -> np.ndarray:
    """Ones round nothing, along the axes that are more than a voxel thick."""
    frame = np.ones(shape, np.float32)
    inside = [slice(LINE, -LINE) if n > 1 else slice(None) for n in shape]
    frame[tuple(inside)] = np.nan
    return frame


def _window(viewer: Any) -> float:
    """Shorter edge of the canvas in pixels."""
    canvas = getattr(viewer, "canvas", None)
    size = getattr(canvas, "size", None) or (600, 600)
    return float(min(size))
