"""Keeps on the disk what a viewer does."""

import contextlib
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psygnal import Signal

from napari_sciml.annotation.changes import LabelChange
from napari_sciml.errors import InputError
from napari_sciml.plugin.kit.connections import Connections
from napari_sciml.plugin.layers.axes import finest
from napari_sciml.plugin.project.facts import (
    checkpoint_to_store,
    class_entries,
    image_facts,
)
from napari_sciml.plugin.project.recovery import Recovery, Trainer
from napari_sciml.plugin.state.history import History
from napari_sciml.project.autosave import Autosave
from napari_sciml.project.checkpoint import Checkpoint
from napari_sciml.project.file import ClassEntry
from napari_sciml.project.folder import Project
from napari_sciml.project.image_identity import identify
from napari_sciml.project.lock import is_locked
from napari_sciml.project.places import free_place
from napari_sciml.project.runs import RunEvent, RunStarted

if TYPE_CHECKING:
    from napari.layers import Image

    from napari_sciml.plugin.state.model import Model
    from napari_sciml.plugin.state.workspace import Workspace

CLOSE_SECONDS = 2.0


class ProjectKeeper:
    """Saves strokes, classes, trainings and models as they come.

    A project begins with the first stroke on an image, or with the first training,
    in a folder of its own; the one that is offered for recovery stays as it is.

    Attributes
    ----------
    autosave
        Writes the project; None before there is something to write.
    recovery
        Brings back what was saved earlier.
    """

    changed = Signal()

    def __init__(
        self, workspace: "Workspace", history: History, training: Trainer
    ) -> None:
        self._workspace, self._history = workspace, history
        self._training = training
        self.autosave: Autosave | None = None
        self._image: Image | None = None
        self._shape: tuple[int, ...] = ()
        self._places: weakref.WeakKeyDictionary[Image, Path]
        self._places = weakref.WeakKeyDictionary()
        self._made: list[Autosave] = []
        self._silent = False
        self._strokes_before: int | None = None
        self.recovery = Recovery(workspace, history, training, self)
        self._wiring = Connections()
        # A viewer that never had a dock is not closed, only forgotten.
        weakref.finalize(self, _close_all, self._made, 0.0)
        self.watch()

    @property
    def folder(self) -> Path | None:
        """Of the project that is written; None before it is there."""
        return None if self.autosave is None else self.autosave.folder

    @property
    def closing(self) -> list[Autosave]:
        """What is still writing, but takes nothing more."""
        return [a for a in self._made if a.running and a is not self.autosave]

    def watch(self) -> None:
        """Follow what is done from now on."""
        workspace = self._workspace
        for signal, slot in (
            (workspace.image_changed, self._follow_image),
            (workspace.annotation.layer_changed, self._on_layer),
            (workspace.annotation.changed, self._on_labels),
            (workspace.annotation.classes_changed, self._on_classes),
            (self._training.logged, self._on_run),
            (self._history.added, self._on_model),
            (self._history.pictured, self._on_picture),
        ):
            self._wiring.connect(signal, slot)
        self._follow_image()

    def close(self) -> None:
        """Write what is left, and end the thread; takes two seconds at most."""
        with contextlib.suppress(InputError):  # an array of another shape
            self._workspace.annotation.read_now()
        self._wiring.close()
        self.recovery.close()
        self._end()
        self._image = None
        _close_all(self._made, CLOSE_SECONDS)

    def resume(self, folder: Path) -> None:
        """Go on with a project that was read, with all that is painted now."""
        image = self._workspace.image
        assert image is not None
        self._end()
        self._image, self._places[image] = image, folder
        self._begin()

    @contextlib.contextmanager
    def silent(self) -> Iterator[None]:
        """Save nothing of what happens meanwhile: `resume` comes next."""
        self._silent = True
        try:
            yield
        finally:
            self._silent = False

    def _follow_image(self) -> None:
        image = self._workspace.image
        if self._silent or image is self._image:
            return
        self._end()
        self._image = image
        if image is not None and self._is_known(image):
            self._begin()
        else:
            self.recovery.look_up()
        self.changed.emit()

    def _is_known(self, image: "Image") -> bool:
        """Whether this viewer has saved before what is painted on the image."""
        return image in self._places and len(self._workspace.annotation.store) > 0

    def _begin(self) -> None:
        """Make a project, or go on with the one that the image has."""
        annotation, image = self._workspace.annotation, self._image
        assert image is not None
        data, self._shape = finest(image), annotation.store.shape
        classes = class_entries(annotation.classes)
        place = self._places.get(image)
        make = partial(_make, data, image_facts(image), classes, self._shape)
        opener = make if place is None else partial(_reopen, place, self.closing, make)
        self.autosave = Autosave(opener, data)
        self._made[:] = [*self.closing, self.autosave]
        self._strokes_before = None
        if place is not None or self._workspace.strokes_before is not None:
            self._write_strokes_before(self.autosave)
        self.autosave.labels(annotation.store.snapshot(), whole=True)
        self.autosave.classes(classes)
        self.changed.emit()

    def _end(self) -> None:
        """Take nothing more; what was handed over is still written."""
        if self.autosave is None:
            return
        self._keep_strokes_before(self.autosave)
        if self._image is not None and self.autosave.folder is not None:
            self._places[self._image] = self.autosave.folder
        self.autosave.close()
        self.autosave = None

    def _ready(self) -> Autosave | None:
        """The autosave, begun if need be; None where nothing is to be saved."""
        self._follow_image()
        annotated = self._workspace.annotation.layer is not None
        if self._silent or self._image is None or not annotated:
            return None
        if self.autosave is None:
            self._begin()
        return self.autosave

    def _on_layer(self) -> None:
        self._follow_image()
        annotation = self._workspace.annotation
        if self._silent or self.autosave is None or annotation.layer is None:
            return
        store = annotation.store
        if len(store) and store.shape == self._shape:
            self.autosave.labels(store.snapshot(), whole=True)
            return
        # Somebody begins anew: what was painted before is offered.
        self._end()
        if self._image is not None:
            self._places.pop(self._image, None)
        self.recovery.look_up()
        self.changed.emit()

    def _on_labels(self, change: LabelChange) -> None:
        begun = self.autosave is not None
        autosave = self._ready()
        if autosave is not None and begun:
            autosave.labels(change)
            self._keep_strokes_before(autosave)

    def _keep_strokes_before(self, autosave: Autosave) -> None:
        """A training tells it of its strokes; an import may tell something else."""
        if self._image is not None:
            number = self._workspace.annotations.before.get(self._image)
            if number != self._strokes_before:
                self._write_strokes_before(autosave)

    def _write_strokes_before(self, autosave: Autosave) -> None:
        assert self._image is not None
        self._strokes_before = self._workspace.annotations.before.get(self._image)
        autosave.strokes_before(self._strokes_before)

    def _on_classes(self) -> None:
        if self.autosave is not None and not self._silent:
            classes = class_entries(self._workspace.annotation.classes)
            self.autosave.classes(classes)

    def _on_run(self, event: RunEvent) -> None:
        autosave = self._ready()
        if autosave is None:
            return
        if isinstance(event, RunStarted):
            autosave.settings({"training": event.settings})
        autosave.run(event)
        self._keep_strokes_before(autosave)

    def _on_model(self, kept: Checkpoint, model: "Model") -> None:
        autosave = self._ready()
        if autosave is not None:
            autosave.model(checkpoint_to_store(kept, model))

    def _on_picture(self, kept: Checkpoint) -> None:
        foreign = kept.folder is not None
        if self.autosave is None or foreign or kept.thumbnail is None:
            return
        self.autosave.thumbnail(kept.number, kept.thumbnail)


def _make(
    data: Any,
    facts: dict[str, Any],
    classes: tuple[ClassEntry, ...],
    shape: tuple[int, ...],
) -> Project:
    image = identify(data, **facts)
    place = free_place(image)
    return Project.create(place, image, classes=classes, labels_shape=shape)


def _reopen(
    folder: Path, closing: Sequence[Autosave], make: Callable[[], Project]
) -> Project:
    """Go on with a project; in one of its own, where another viewer was faster."""
    for autosave in closing:
        autosave.join()  # it may have the lock of this project
    project = Project.open(folder)
    try:
        project.lock()
    except InputError:
        if not is_locked(folder):
            raise
        return make()
    return project


def _close_all(made: Sequence[Autosave], seconds: float) -> None:
    end = time.monotonic() + seconds
    for autosave in made:
        autosave.close(max(0.0, end - time.monotonic()))
