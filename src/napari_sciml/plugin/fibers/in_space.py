"""Fibers as tubes in a view in space, where voxels look like crumbs."""

from typing import Any

import numpy as np
from napari.layers import Image, Labels, Layer

from napari_sciml.fibers.report.tubes import Mesh
from napari_sciml.plugin.fibers.view import FiberView
from napari_sciml.plugin.kit.connections import Connections
from napari_sciml.plugin.layers.axes import LayerAxes
from napari_sciml.plugin.state.coloring import CONFIDENT
from napari_sciml.plugin.state.in_space import InSpace
from napari_sciml.plugin.state.prediction import PREDICTED
from napari_sciml.plugin.state.workspace import Workspace

TUBES = "Fiber tubes"


class FiberTubes:
    """Takes the place of the labels as long as the view is one in space.

    Parameters
    ----------
    workspace
        Has the layers.
    view
        The fibers, and their colors.
    space
        Tells of the switch.
    """

    def __init__(self, workspace: Workspace, view: FiberView, space: InSpace) -> None:
        self._workspace, self._view, self._space = workspace, view, space
        self._mesh: Mesh | None = None
        self._hidden: list[Layer] = []
        self._wiring = Connections()

    def watch(self) -> None:
        """Follow the switch and the fibers."""
        for signal, slot in (
            (self._space.entered, self._renew),
            (self._space.left, self._leave),
            (self._view.filtered, self._renew),
            (self._view.recolored, self._paint),
            (self._view.choice_changed, self._on_choice),
            (self._view.layer_gone, self._leave),
        ):
            self._wiring.connect(signal, slot)

    def close(self) -> None:
        """Follow them no more."""
        self._wiring.close()
        self._hidden = []

    def _renew(self) -> None:
        """Show tubes of the fibers that are to be seen, and hide what covers them."""
        on = self._view.layer
        if not self._space.active or on is None:
            return
        self._mesh = self._view.tubes()
        if self._mesh is None:
            self._leave()
            return
        layers, colors = self._workspace.layers, self._vertex_colors()
        layers.show_surface(TUBES, _placed(self._mesh, on), colors, on)
        if not self._view.as_tubes:
            self._view.as_tubes = True
            self._hide(on)

    def _hide(self, fibers: Labels) -> None:
        layers = self._workspace.layers
        masks = layers.of(Labels, CONFIDENT)
        covering = [fibers, *masks, *layers.of(Image, PREDICTED)]
        self._hidden = [layer for layer in covering if layer.visible]
        for layer in self._hidden:
            layer.visible = False

    def _leave(self) -> None:
        layer, viewer = self._workspace.layers.get(TUBES), self._workspace.viewer
        if layer is not None:
            layer.visible = False
        self._view.as_tubes = False
        hidden, self._hidden = self._hidden, []
        for one in hidden:
            if viewer is not None and one in viewer.layers:
                one.visible = True

    def _vertex_colors(self) -> np.ndarray:
        assert self._mesh is not None
        return self._view.shown_colors()[self._mesh.owners]

    def _paint(self) -> None:
        layer = self._workspace.layers.get(TUBES)
        if layer is not None and layer.visible and self._mesh is not None:
            layer.vertex_colors = self._vertex_colors()

    def _on_choice(self, labels: tuple[int, ...]) -> None:
        self._paint()


def _placed(mesh: Mesh, on: Any) -> tuple[np.ndarray, np.ndarray]:
    """The mesh with the axes of a layer, whose voxels the vertices are in."""
    axes = LayerAxes.of(on)
    vertices = np.zeros((len(mesh.vertices), on.ndim), np.float32)
    vertices[:, list(axes.space)] = mesh.vertices
    return vertices, mesh.faces
