"""Which patches are selected, and what is done with them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image
from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_sciml.errors import InputError
from napari_sciml.exploring.middles import middle_voxels
from napari_sciml.exploring.objects import Objects
from napari_sciml.exploring.oddness import farthest_first
from napari_sciml.exploring.patches import PatchGrid, WholeImages
from napari_sciml.exploring.result import Explored
from napari_sciml.plugin.exploring.layers import (
    ODDNESS,
    go_to_patch,
    place_in_image,
    remove_layer,
    show_oddness,
)
from napari_sciml.plugin.exploring.squares import Squares
from napari_sciml.plugin.kit.clicks import Clicks
from napari_sciml.plugin.layers.images import pixels
from napari_sciml.plugin.state.labels.annotation import UNDOABLE

if TYPE_CHECKING:
    import weakref

    from napari_sciml.plugin.state.workspace import Workspace

NOT_EXPLORED = 'Nothing is explored yet: press "Explore".'
ODDEST = 50
"""Patches in the list of odd ones."""
NEAR = 30
"""Selected patches that suggestions keep away from; more take long and say no more."""


@dataclass(frozen=True, eq=False)
class Exploration:
    """What was explored, and where it is in the viewer.

    Attributes
    ----------
    explored
        The result.
    patches
        What gives thumbnails.
    layers
        The image, or the images of which each is a point.
    """

    explored: Explored
    patches: PatchGrid | WholeImages | Objects
    layers: "tuple[weakref.ref[Image], ...]"


class PatchSelection:
    """Selects patches, goes to them and labels them.

    Attributes
    ----------
    exploration
        What is looked at; None before.
    selected
        Indices of the selected patches, ascending.
    at
        The patch that the camera was sent to; -1 = none.
    changed
        Other patches are selected, or gone to.
    """

    changed = Signal()

    def __init__(self, workspace: "Workspace") -> None:
        self._workspace = workspace
        self.exploration: Exploration | None = None
        self.selected = np.zeros(0, np.intp)
        self.at = -1
        self._clicks = Clicks(self._on_click)
        self._squares = Squares(workspace)
        self._squares.picked.connect(self.changed.emit)
        self._squares.removed.connect(self._on_removed)
        self._squares.added.connect(self._on_added)
        self._showing = QTimer()
        self._showing.setSingleShot(True)
        self._showing.setInterval(0)
        self._showing.timeout.connect(self.show_selected)

    @property
    def marked(self) -> np.ndarray:
        """Patches with a ring in the map: gone to, or selected in the layer."""
        at = [self.at] if self.at >= 0 else []
        return np.union1d(self._squares.chosen, np.array(at, np.intp)).astype(np.intp)

    @property
    def image(self) -> Image | None:
        """The image that was explored, while it is in the viewer."""
        return None if self.exploration is None else self._layer(0)

    def use(self, exploration: Exploration | None) -> None:
        """Look at another exploration, or at none."""
        self.exploration, self.at = exploration, -1
        self.selected = np.zeros(0, np.intp)
        self.show_selected()
        self.watch()
        self.changed.emit()

    def select(self, indices: np.ndarray, how: str = "set") -> None:
        """Select patches.

        Parameters
        ----------
        indices
            Which.
        how
            "set", "add" to those that are selected, or "remove" from them.
        """
        if how == "add":
            self.selected = np.union1d(self.selected, indices)
        elif how == "remove":
            self.selected = np.setdiff1d(self.selected, indices)
        else:
            self.selected = np.unique(indices)
        self.changed.emit()
        # The map answers at once; the layer takes longer.
        self._showing.start()

    def select_cluster(self, number: int) -> None:
        """Select the patches of a cluster."""
        self.select(np.flatnonzero(self._explored().clusters == number))

    def suggest(self) -> np.ndarray:
        """Select ten patches that differ most from the selected ones and each other.

        Returns
        -------
        ndarray
            Their indices, the most different first.
        """
        explored = self._explored()
        step = max(1, -(-len(self.selected) // NEAR))
        found = farthest_first(explored.latent, near=self.selected[::step])
        self.select(found)
        if len(found):
            self.go_to(int(found[0]))
        return found

    def oddest(self) -> np.ndarray:
        """Indices of the oddest patches, the oddest first."""
        if self.exploration is None:
            return np.zeros(0, np.intp)
        odd = self.exploration.explored.oddness
        return np.argsort(-odd, kind="stable")[:ODDEST]

    def go_to(self, index: int) -> None:
        """Send the camera to a patch, or choose the image that it is."""
        explored = self._explored()
        self.at = index
        viewer = self._workspace.viewer
        layer = self._layer(index if explored.several else 0)
        if layer is not None and explored.several:
            viewer.layers.selection.active = layer
        elif layer is not None:
            go_to_patch(viewer, layer, explored.places[index])
            self._squares.choose(index)
        self.changed.emit()

    def label(self, label: int) -> str:
        """Label the middle thirds of the selected patches, as one step to undo.

        What was painted before stays as it is.

        Returns
        -------
        str
            What was done, in a sentence.

        Raises
        ------
        InputError
            When nothing is selected, or there is no such image any more.
        """
        explored, image = self._explored(), self.image
        if not len(self.selected):
            raise InputError(
                'Nothing is selected: draw a lasso in the map with "Lasso" first.'
            )
        if explored.several or explored.objects or image is None:
            raise InputError("Only patches of an image in the viewer can be labeled.")
        shape = tuple(pixels(image).shape)
        voxels = middle_voxels(explored.places[self.selected], explored.size, shape)
        if len(voxels) > UNDOABLE:
            raise InputError(
                "These are too many voxels to label at once: select fewer patches."
            )
        annotation = self._workspace.annotation
        if annotation.layer is None:
            self._workspace.start_annotating()
        annotation.read_now()
        free = voxels[annotation.store.labels_at(voxels) == 0]
        annotation.write(free, np.full(len(free), label, np.uint8))
        kept = len(voxels) - len(free)
        told = f"; {kept:,} were painted before and stay" if kept else ""
        name = annotation.class_names[label - 1]
        return f"{len(free):,} voxels are labeled {name}{told}. Ctrl-Z undoes it."

    def show_odd(self, on: bool) -> None:
        """Show or hide the heat layer.

        Raises
        ------
        InputError
            When there is no image to show it on.
        """
        layers, viewer = self._workspace.layers, self._workspace.viewer
        if not on:
            remove_layer(layers, viewer, ODDNESS)
            return
        explored, image = self._explored(), self.image
        patches = None if self.exploration is None else self.exploration.patches
        if image is None or not isinstance(patches, PatchGrid):
            raise InputError("Oddness is shown over patches of an image in the viewer.")
        show_oddness(layers, viewer, patches, explored.oddness, image)

    def show_selected(self) -> None:
        """Bring the layer up to date."""
        image = self.image
        if image is None:
            return
        explored = self._explored()
        rows = self.selected[:0] if explored.several else self.selected
        self._squares.show(image, rows, explored.places[rows], explored.size)

    def watch(self) -> None:
        """Listen to clicks on patches, where there are some."""
        self._clicks.close()
        if self.exploration is not None and self._workspace.viewer is not None:
            self._clicks.listen(self._workspace.viewer)

    def close(self) -> None:
        """Listen no more."""
        self._clicks.close()
        self._squares.close()
        self._showing.stop()

    def _layer(self, index: int) -> Image | None:
        assert self.exploration is not None
        layer = self.exploration.layers[index]()
        return layer if self._workspace.has(layer) else None

    def _explored(self) -> Explored:
        if self.exploration is None:
            raise InputError(NOT_EXPLORED)
        return self.exploration.explored

    def _on_click(self, event: Any) -> None:
        """Mark the patch next to a click in the image, in the map too."""
        image = self.image
        if image is None or len(event.dims_displayed) != 2:
            return
        if self._explored().several:
            return
        at, shape = place_in_image(image, event.position), pixels(image).shape
        if ((at >= -0.5) & (at <= np.array(shape) - 0.5)).all():
            self.at = self._nearest(at)
            self._squares.choose(self.at)
            self.changed.emit()

    def _nearest(self, at: np.ndarray) -> int:
        """The patch at a voxel, or where none is the next one."""
        explored = self._explored()
        away = np.abs(explored.places - at)
        rows = np.flatnonzero((away <= np.array(explored.size) / 2).all(1))
        if not len(rows):
            rows = np.arange(len(away))
        return int(rows[np.linalg.norm(away[rows], axis=1).argmin()])

    def _on_removed(self, rows: np.ndarray) -> None:
        """Squares were deleted in the layer."""
        self.select(rows, "remove")

    def _on_added(self, place: np.ndarray) -> None:
        """A point in the layer means the patch there."""
        self.select(np.array([self._nearest(place)]), "add")
