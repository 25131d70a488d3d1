"""Exploring the image in a viewer."""

import threading
import weakref
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from napari.layers import Image

from napari_sciml.errors import InputError
from napari_sciml.exploring.config import ExploreConfig, Grouping
from napari_sciml.exploring.objects import Objects
from napari_sciml.exploring.patches import WholeImages
from napari_sciml.exploring.result import Explored, ExploreStep
from napari_sciml.exploring.session import cut
from napari_sciml.io.results.outputs import check_output
from napari_sciml.plugin.exploring.classes import PatchClasses
from napari_sciml.plugin.exploring.layers import fibers_in
from napari_sciml.plugin.exploring.opening import layers_called, patches_on
from napari_sciml.plugin.exploring.selection import (
    NOT_EXPLORED,
    Exploration,
    PatchSelection,
)
from napari_sciml.plugin.kit.replacing import sources
from napari_sciml.plugin.layers.images import dims_for, pixels, voxel_size
from napari_sciml.plugin.state.work import Work
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
    import numpy as np

    from napari_sciml.plugin.state.prediction import Prediction
    from napari_sciml.plugin.state.workspace import Workspace

GONE = "The image was closed or changed, so exploring was stopped: explore it again."

What = Literal["patches", "images", "fibers"]
"""What the points are."""


class ExploreController(Work):
    """Explores, groups, writes and reads.

    Attributes
    ----------
    doing
        "explore", "group", "sort", "write", "read", or "" for nothing.
    progress
        How far it is.
    sketch
        A rough map of some patches while an autoencoder learns; None = there is none.
    selection
        What was explored, and which patches are selected.
    classes
        What they are examples of, and sorted into.
    """

    title = "Exploring"

    def __init__(self, workspace: "Workspace", prediction: "Prediction") -> None:
        super().__init__(workspace)
        self._prediction = prediction
        self.progress = ExploreStep(0.0, "")
        self.sketch: np.ndarray | None = None
        self.selection = PatchSelection(workspace)
        self.classes = PatchClasses(workspace, self.selection, self._start)
        self._unsorted = False
        self._of: tuple[weakref.ref[Image], ...] = ()
        self._objects: Objects | None = None
        self._enough = threading.Event()
        workspace.image_left.connect(self.forget)

    @property
    def result(self) -> Explored | None:
        """What was explored; None before."""
        exploration = self.selection.exploration
        return None if exploration is None else exploration.explored

    def explore(self, config: ExploreConfig, *, what: What = "patches") -> None:
        """Explore the image at hand; what was explored before stays till the end.

        Parameters
        ----------
        config
            Settings.
        what
            What the points are: patches of the image, all images in the viewer, or the
            fibers that were measured in this one.

        Raises
        ------
        InputError
            When there is no image, it cannot be explored so, or something else runs.
        """
        layer = self._workspace.image
        image = pixels(layer)
        assert layer is not None
        layers, images, model = [layer], image, None
        if what == "images":
            layers = self._workspace.images
            images = [pixels(each) for each in layers]
            WholeImages(images)  # says what is wrong with them
        elif what == "fibers":
            images = fibers_in(self._workspace.viewer, layer, config.patch)
        elif config.dims is None and config.describe != "model":
            config = config.model_copy(update={"dims": dims_for(layer)})
        if config.describe == "model" and what != "fibers":
            model = self._model()
        if what == "patches":
            cut(images, config, model)
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
        self._of = tuple(weakref.ref(each) for each in layers)
        self._objects = images if isinstance(images, Objects) else None

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
        self._start("group", regroup, self._exploration().explored, grouping)

    def save(self, folder: Path, *, overwrite: bool = False) -> None:
        """Write the folder that the command writes.

        Raises
        ------
        InputError
            When there is nothing to write, or something else runs.
        """
        exploration, image = self._exploration(), self.selection.image
        if image is None:
            raise InputError(GONE)
        layers = [ref() for ref in exploration.layers]
        check_output(
            folder,
            "exploration",
            inputs=sources(*layers),
            overwrite=overwrite,
            folder=True,
        )
        size, unit = voxel_size(image)
        names = ["" if each is None else each.name for each in layers]
        explored, patches = exploration.explored, exploration.patches
        about = size, unit, names, self.classes.examples, self.classes.found
        self._start("write", write, explored, patches, folder, *about)

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
        self._of, self._objects = (weakref.ref(layer),), None

    def label(self, label: int) -> None:
        """Label the selection; see `PatchSelection.label`."""
        self.note = self.selection.label(label)
        self.changed.emit()

    def forget(self) -> None:
        """Another image is next."""
        self._interrupt(GONE, "explore", "read")
        self.selection.use(None)
        self.classes.begin()
        self.note = ""
        self.changed.emit()

    def watch(self) -> None:
        """Listen to clicks on patches."""
        self.selection.watch()

    def close(self) -> None:
        """Stop everything."""
        self.selection.close()
        self._enough.set()

    def _model(self) -> Any:
        model = self._prediction.model
        if model is None:
            raise InputError("There is no model yet: train one or load one.")
        return model.ensemble

    def _exploration(self) -> Exploration:
        if self.selection.exploration is None:
            raise InputError(NOT_EXPLORED)
        return self.selection.exploration

    @property
    def share(self) -> float:
        """How much of what runs is done, 0 to 1."""
        return self.progress.fraction

    def _reset_progress(self) -> None:
        self.progress = ExploreStep(0.0, "starting" if self.running else "")
        self.sketch = None

    def _on_event(self, event: object) -> None:
        if isinstance(event, ExploreStep):
            self.progress = event
            if event.sketch is not None:
                self.sketch = event.sketch
        elif isinstance(event, ExploredPatches):
            self._show(event.explored)
        elif isinstance(event, ExplorationRead):
            self._show_kept(event)
        elif isinstance(event, Regrouped):
            self._regrouped(event.explored)
        elif isinstance(event, ExplorationWritten):
            self.note = f"Written to {event.folder}"
        else:
            self.classes.heard(event)
        self.changed.emit()

    def _show(self, explored: Explored) -> None:
        layers = [ref() for ref in self._of]
        if not all(map(self._workspace.has, layers)):
            self.failed.emit(GONE)
            return
        try:
            patches = patches_on(explored, layers, self._objects)
        except InputError as error:
            self.failed.emit(str(error))
            return
        self.note, self.sketch = " ".join(explored.cautions), None
        self.selection.use(Exploration(explored, patches, self._of))
        self.classes.begin()

    def _show_kept(self, event: ExplorationRead) -> None:
        """Show what was read, on the images that it is of."""
        try:
            if event.explored.several:
                found = layers_called(self._workspace, event.names)
                self._of = tuple(weakref.ref(layer) for layer in found)
        except InputError as error:
            self.failed.emit(str(error))
            return
        self._show(event.explored)
        if self.result is event.explored:
            self.classes.begin(dict(event.examples))
            self._unsorted = len(event.examples) > 1

    def _sort_again(self) -> None:
        try:
            self.classes.classify()
        except InputError as error:
            self.failed.emit(str(error))

    def _regrouped(self, explored: Explored) -> None:
        exploration = self.selection.exploration
        if exploration is not None and exploration.explored.plane is explored.plane:
            self.selection.exploration = replace(exploration, explored=explored)

    def _on_failed(self, sentence: str) -> None:
        self._unsorted = False
        super()._on_failed(sentence)

    def _on_finished(self) -> None:
        super()._on_finished()
        if self._unsorted:  # what was kept with classes comes back with them
            self._unsorted = False
            self._sort_again()


def _spacing(layer: Image) -> tuple[float, ...] | None:
    try:
        return voxel_size(layer)[0]
    except InputError:
        return None  # on sheared axes, as if voxels were cubes
