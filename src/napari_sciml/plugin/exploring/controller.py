"""Exploring the image in a viewer."""

import threading
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image
from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_sciml.errors import InputError
from napari_sciml.exploring.config import ExploreConfig, Grouping
from napari_sciml.exploring.middles import middle_voxels
from napari_sciml.exploring.oddness import farthest_first
from napari_sciml.exploring.patches import PatchGrid, WholeImages
from napari_sciml.exploring.result import Explored, ExploreStep
from napari_sciml.exploring.session import cut
from napari_sciml.io.results.outputs import check_output
from napari_sciml.plugin.exploring.layers import (
    ODDNESS,
    go_to_patch,
    place_in_image,
    show_oddness,
    show_selected,
)
from napari_sciml.plugin.kit.clicks import Clicks
from napari_sciml.plugin.kit.replacing import sources
from napari_sciml.plugin.layers.images import dims_for, pixels, voxel_size
from napari_sciml.plugin.state.annotation import UNDOABLE
from napari_sciml.workflows.exploring.arrays import (
    ExplorationRead,
    ExplorationWritten,
    ExploredPatches,
    Regrouped,
    explore,
    read,
    regroup,
    write,
)

if TYPE_CHECKING:
    from napari_sciml.plugin.state.prediction import Prediction
    from napari_sciml.plugin.state.workspace import Workspace

GONE = "The image was closed or changed, so exploring was stopped: explore it again."
NOT_EXPLORED = 'Nothing is explored yet: press "Explore".'
ODDEST = 50
"""Patches in the list of odd ones."""
NEAR = 30
"""Selected patches that suggestions keep away from; more take long and say no more."""


class ExploreRun:
    """Explores, groups, writes and reads, and knows what is selected.

    Attributes
    ----------
    doing
        "explore", "group", "write", "read", or "" for nothing.
    progress
        How far it is.
    result
        What was explored; None before.
    selected
        Indices of the selected patches, ascending.
    at
        The patch that the camera was sent to; -1 = none.
    note
        What was done last, for the user.
    changed, selection_changed, failed
        Something here is another; other patches are selected, or gone to; a sentence
        on what went wrong.
    """

    changed = Signal()
    selection_changed = Signal()
    failed = Signal(str)

    def __init__(self, workspace: "Workspace", prediction: "Prediction") -> None:
        self._workspace, self._prediction = workspace, prediction
        self.doing, self.note = "", ""
        self.progress = ExploreStep(0.0, "")
        self.result: Explored | None = None
        self.patches: PatchGrid | WholeImages | None = None
        self.selected = np.zeros(0, np.intp)
        self.at = -1
        self._of: weakref.ref[Image] | None = None
        self._images: list[weakref.ref[Image]] = []
        self._enough = threading.Event()
        self._clicks = Clicks(self._on_click)
        self._showing = QTimer()
        self._showing.setSingleShot(True)
        self._showing.setInterval(0)
        self._showing.timeout.connect(self._show_selected)
        workspace.image_left.connect(self.forget)

    @property
    def busy(self) -> bool:
        """Whether something runs."""
        return bool(self.doing)

    @property
    def image(self) -> Image | None:
        """The image that was explored, while it is in the viewer."""
        layer = None if self._of is None else self._of()
        viewer = self._workspace.viewer
        return layer if viewer is not None and layer in viewer.layers else None

    def explore(self, config: ExploreConfig, *, several: bool = False) -> None:
        """Explore the image at hand.

        Parameters
        ----------
        config
            Settings.
        several
            Whether each image in the viewer is a point, in place of patches of one.

        Raises
        ------
        InputError
            When there is no image, it cannot be explored so, or something else runs.
        """
        layer = self._workspace.image
        image = pixels(layer)
        assert layer is not None
        layers = self._workspace.images if several else [layer]
        images: Any = [pixels(each) for each in layers] if several else image
        if not several and config.dims is None:
            config = config.model_copy(update={"dims": self._dims(layer, config)})
        model = self._model() if config.describe == "model" else None
        patches = WholeImages(images) if several else cut(images, config, model)
        self._enough.clear()
        self._start(
            "explore",
            explore,
            images,
            config,
            model=model,
            spacing=_spacing(layer),
            enough=self._enough.is_set,
        )
        self._of = weakref.ref(layer)
        self._images = [weakref.ref(each) for each in layers]
        self._take(None)
        self.patches = patches

    def end_learning(self) -> None:
        """Let the autoencoder end with what it has learned."""
        self._enough.set()

    def regroup(self, grouping: Grouping) -> None:
        """Look for other clusters in the map that there is.

        Raises
        ------
        InputError
            When there is none, or something else runs.
        """
        self._start("group", regroup, self._explored(), grouping)

    def save(self, folder: Path, *, overwrite: bool = False) -> None:
        """Write the folder that the command writes.

        Raises
        ------
        InputError
            When there is nothing to write, or something else runs.
        """
        explored, layer = self._explored(), self.image
        if layer is None or self.patches is None:
            raise InputError(GONE)
        layers = [ref() for ref in self._images]
        check_output(
            folder,
            "exploration",
            inputs=sources(*layers),
            overwrite=overwrite,
            folder=True,
        )
        size, unit = voxel_size(layer)
        names = ["" if each is None else each.name for each in layers]
        self._start("write", write, explored, self.patches, folder, size, unit, names)

    def open(self, folder: Path) -> None:
        """Read a folder that the command wrote, for the image at hand.

        Raises
        ------
        InputError
            When there is no image, or something else runs.
        """
        layer = self._workspace.image
        image = pixels(layer)
        assert layer is not None
        self._start("read", read, folder, tuple(image.shape))
        self._of = weakref.ref(layer)
        self._images = [self._of]

    def stop(self) -> None:
        """Stop soon; what was there before stays."""
        if self.doing:
            self._workspace.measuring.stop()
            self.note = "Stopped."
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
        self.selection_changed.emit()
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
        if self.result is None:
            return np.zeros(0, np.intp)
        return np.argsort(-self.result.oddness, kind="stable")[:ODDEST]

    def go_to(self, index: int) -> None:
        """Send the camera to a patch, or choose the image that it is."""
        explored = self._explored()
        self.at = index
        viewer = self._workspace.viewer
        if explored.several:
            layer = self._images[index]() if index < len(self._images) else None
            if layer is not None and viewer is not None and layer in viewer.layers:
                viewer.layers.selection.active = layer
        elif self.image is not None and viewer is not None:
            go_to_patch(viewer, self.image, explored.places[index])
        self.selection_changed.emit()

    def label(self, label: int) -> None:
        """Label the middle thirds of the selected patches, as one step to undo.

        What was painted before stays as it is.

        Raises
        ------
        InputError
            When nothing is selected, or there is no such image any more.
        """
        explored = self._explored()
        if not len(self.selected):
            raise InputError(
                'Nothing is selected: draw a lasso in the map with "Lasso" first.'
            )
        if explored.several or self.image is None:
            raise InputError("Only patches of an image in the viewer can be labeled.")
        workspace = self._workspace
        workspace.choose_image(self.image)
        if workspace.annotation.layer is None:
            workspace.start_annotating()
        shape = tuple(pixels(self.image).shape)
        voxels = middle_voxels(explored.places[self.selected], explored.size, shape)
        if len(voxels) > UNDOABLE:
            raise InputError("These are too many voxels to label at once: select less.")
        annotation = workspace.annotation
        annotation.read_now()
        free = voxels[annotation.store.labels_at(voxels) == 0]
        annotation.write(free, np.full(len(free), label, np.uint8))
        kept = len(voxels) - len(free)
        name = annotation.class_names[label - 1]
        told = f"; {kept:,} were painted before and stay" if kept else ""
        self.note = f"{len(free):,} voxels are labeled {name}{told}. Ctrl-Z undoes it."
        self.changed.emit()

    def show_odd(self, on: bool) -> None:
        """Show or hide the heat layer."""
        layers, viewer = self._workspace.layers, self._workspace.viewer
        layer = layers.get(ODDNESS)
        if not on:
            if layer is not None:
                viewer.layers.remove(layer)
            return
        explored, image = self._explored(), self.image
        if image is None or not isinstance(self.patches, PatchGrid):
            raise InputError("Oddness is shown over patches of an image in the viewer.")
        show_oddness(layers, viewer, self.patches, explored.oddness, image)

    def forget(self) -> None:
        """Another image is next."""
        if self.doing in ("explore", "read"):
            self._workspace.measuring.stop()
            self.failed.emit(GONE)
        self._of, self._images, self.patches = None, [], None
        self._take(None)
        self.note = ""
        self.changed.emit()

    def watch(self) -> None:
        """Listen to clicks on patches."""
        if self.result is not None and self._workspace.viewer is not None:
            self._clicks.listen(self._workspace.viewer)

    def close(self) -> None:
        """Stop everything."""
        self._clicks.close()
        self._showing.stop()
        self._enough.set()

    def _dims(self, layer: Image, config: ExploreConfig) -> int | None:
        if config.describe == "model":
            return None
        return dims_for(layer)

    def _model(self) -> Any:
        model = self._prediction.model
        if model is None:
            raise InputError("There is no model yet: train one or load one.")
        return model.ensemble

    def _explored(self) -> Explored:
        if self.result is None:
            raise InputError(NOT_EXPLORED)
        return self.result

    def _take(self, result: Explored | None) -> None:
        self.result, self.at = result, -1
        self.selected = np.zeros(0, np.intp)
        self._show_selected()
        self.selection_changed.emit()
        if result is None:
            self._clicks.close()
        else:
            self.watch()

    def _show_selected(self) -> None:
        viewer, image = self._workspace.viewer, self.image
        if viewer is None or image is None:
            return
        places, size = np.zeros((0, 2)), tuple[int, ...]((1,))
        if self.result is not None and not self.result.several:
            places, size = self.result.places[self.selected], self.result.size
        show_selected(self._workspace.layers, viewer, image, places, size)

    def _start(self, doing: str, job: Any, *args: Any, **kwargs: Any) -> None:
        started = self._workspace.measuring.start(job, *args, **kwargs)
        started.yielded.connect(self._on_event)
        started.failed.connect(self._on_failed)
        started.finished.connect(self._on_finished)
        self.doing, self.note = doing, ""
        self.progress = ExploreStep(0.0, "starting")
        self.changed.emit()

    def _on_event(self, event: object) -> None:
        if isinstance(event, ExploreStep):
            self.progress = event
        elif isinstance(event, ExploredPatches | ExplorationRead):
            self._show(event.explored)
        elif isinstance(event, Regrouped) and self.result is not None:
            self.result = event.explored
        elif isinstance(event, ExplorationWritten):
            self.note = f"Written to {event.folder}"
        self.changed.emit()

    def _show(self, explored: Explored) -> None:
        layer = self.image
        if layer is None:
            self.failed.emit(GONE)
            return
        if not explored.several:
            self.patches = cut(pixels(layer), explored.config)
            if len(self.patches) != len(explored):
                self.failed.emit(GONE)
                return
        self.note = " ".join(explored.cautions)
        self._take(explored)

    def _on_click(self, event: Any) -> None:
        """Mark the patch at a click in the image, in the map too."""
        image = self.image
        if self.result is None or self.result.several or image is None:
            return
        if len(event.dims_displayed) != 2:
            return
        at = place_in_image(image, event.position)
        away = np.abs(self.result.places - at)
        inside = (away <= np.array(self.result.size) / 2).all(1)
        if inside.any():
            rows = np.flatnonzero(inside)
            self.at = int(rows[np.linalg.norm(away[rows], axis=1).argmin()])
            self.selection_changed.emit()

    def _on_failed(self, sentence: str) -> None:
        self.failed.emit(sentence)

    def _on_finished(self) -> None:
        self.doing, self.progress = "", ExploreStep(0.0, "")
        self.changed.emit()


def _spacing(layer: Image) -> tuple[float, ...] | None:
    try:
        return voxel_size(layer)[0]
    except InputError:
        return None  # on sheared axes, as if voxels were cubes
