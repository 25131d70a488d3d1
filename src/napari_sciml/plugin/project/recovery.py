"""Brings back what was saved in a project."""

from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from psygnal import Signal

from napari_sciml.annotation.changes import LabelChange
from napari_sciml.errors import InputError
from napari_sciml.io.results.outputs import check_apart
from napari_sciml.plugin.kit.replacing import sources
from napari_sciml.plugin.kit.runner import JobRunner
from napari_sciml.plugin.layers.axes import finest, napari_array
from napari_sciml.plugin.project.facts import (
    class_table,
    image_facts,
    layer_arguments,
)
from napari_sciml.plugin.state.history import History
from napari_sciml.project.folder import Project
from napari_sciml.project.places import set_aside
from napari_sciml.workflows.projects import (
    Offer,
    ProjectCopied,
    ProjectRead,
    ProjectsFound,
    copy_project,
    find_projects,
    read_project,
)

if TYPE_CHECKING:
    from napari.layers import Image

    from napari_sciml.plugin.state.workspace import Workspace
    from napari_sciml.project.autosave import Autosave


class Trainer(Protocol):
    """What a project must know of, and ask of, the training in the viewer."""

    logged: Any
    """Signal; see `TrainingController`."""

    def stop(self) -> None:
        """Stop soon."""

    def count_on(self, *, models: int, runs: int, before: int | None) -> None:
        """Go on after what was trained."""


class Keeper(Protocol):
    """What writes the project of the image at hand; see `ProjectKeeper`."""

    autosave: "Autosave | None"

    @property
    def folder(self) -> Path | None:
        """Of the project that is written."""

    @property
    def closing(self) -> "list[Autosave]":
        """What is still writing, but takes nothing more."""

    def silent(self) -> AbstractContextManager[None]:
        """Save nothing of what happens meanwhile."""

    def resume(self, folder: Path) -> None:
        """Go on with a project that was read."""


class Recovery:
    """Finds what was painted on an image before, and puts it into the viewer.

    An offer changes nothing until `recover` or `start_fresh` is called.

    Attributes
    ----------
    offers
        What can be recovered, the newest first.
    elsewhere
        Projects of the image that another viewer has open.
    note
        What was done last, or what did not work, in one sentence.
    failed
        Whether the note is about what did not work.
    recovered
        Emitted with the settings of a project that is in the viewer now.
    """

    changed = Signal()
    recovered = Signal(dict)

    def __init__(
        self,
        workspace: "Workspace",
        history: History,
        training: Trainer,
        keeper: Keeper,
    ) -> None:
        self._workspace, self._keeper = workspace, keeper
        self._history, self._training = history, training
        self.offers: tuple[Offer, ...] = ()
        self.elsewhere: tuple[Path, ...] = ()
        self.note, self.failed = "", False
        self._asked: Image | None = None
        self._layers: list[Image] = []
        self._finder = JobRunner()
        self._runner = JobRunner()
        self._runner.yielded.connect(self._on_event)
        self._runner.failed.connect(self._on_failed)
        self._runner.finished.connect(self._on_finished)

    @property
    def busy(self) -> bool:
        """Whether a project is being read or copied."""
        return self._runner.busy

    @property
    def searching(self) -> bool:
        """Whether it is not known yet what can be recovered."""
        return self._finder.busy

    def look_up(self) -> None:
        """Find out, in a thread, what can be recovered for the image."""
        self._finder.stop()
        self.offers, self.elsewhere = (), ()
        image = self._workspace.image
        if image is None:
            return
        # Another one, as the last one obeys only at its next step.
        self._finder = JobRunner()
        self._finder.yielded.connect(self._on_found)
        free = partial(_all_ended, self._keeper.closing)
        self._finder.start(find_projects, finest(image), image_facts(image), free)

    def recover(self) -> None:
        """Bring back what is offered first; painted strokes stay.

        Raises
        ------
        InputError
            When a project is being read or copied.
        """
        if not self.offers or self._workspace.image is None:
            return
        self._asked, self._layers = self._workspace.image, [self._workspace.image]
        folder = self.offers[0].project.folder
        self._start(read_project, folder, [finest(self._workspace.image)])

    def open(self, folder: str | Path) -> None:
        """Open a project, wherever it was made, with its image.

        Raises
        ------
        InputError
            When it is open here already, or another one is being read or copied.
        """
        folder = Path(folder)
        if self._keeper.folder == folder:
            raise InputError("This project is open already.")
        self._asked, self._layers = None, list(self._workspace.images)
        self._start(read_project, folder, [finest(x) for x in self._layers])

    def save_copy(self, target: str | Path) -> None:
        """Copy the project; it goes on where it was.

        Raises
        ------
        InputError
            When there is nothing to copy, or a project is being read or copied.
        """
        autosave = self._keeper.autosave
        if autosave is None or autosave.folder is None:
            raise InputError("Nothing is saved yet: paint a stroke first.")
        check_apart(target, [autosave.folder, *sources(self._workspace.image)])
        settled = partial(_is_settled, autosave)
        self._start(copy_project, autosave.folder, Path(target), settled)

    def start_fresh(self) -> None:
        """Put what is offered into the folder ``older``; nothing is deleted."""
        offers, self.offers = self.offers, ()
        try:
            places = [set_aside(offer.project) for offer in offers]
        except (InputError, OSError) as error:
            self._tell(str(error), failed=True)
            return
        if places:
            self._tell(f"The old project is in {places[0]}.")

    def close(self) -> None:
        """Stop what runs."""
        self._finder.stop()
        self._runner.stop()
        self.offers = ()

    def _start(self, job: Any, *args: Any) -> None:
        self._runner.start(job, *args)
        self._tell("")

    def _tell(self, sentence: str, *, failed: bool = False) -> None:
        self.note, self.failed = sentence, failed
        self.changed.emit()

    def _on_found(self, found: ProjectsFound) -> None:
        own = self._keeper.folder
        self.offers = tuple(o for o in found.offers if o.project.folder != own)
        self.elsewhere = tuple(f for f in found.elsewhere if f != own)
        self.changed.emit()

    def _on_event(self, event: ProjectRead | ProjectCopied) -> None:
        if isinstance(event, ProjectCopied):
            self._tell(f"A copy is in {event.path}.")
            return
        try:
            self._fill(event)
        except InputError as error:
            self._tell(str(error), failed=True)

    def _on_failed(self, sentence: str) -> None:
        self._tell(sentence, failed=True)

    def _on_finished(self) -> None:
        self._layers = []
        self.changed.emit()

    def _fill(self, read: ProjectRead) -> None:
        """Put a project into the viewer; the GUI thread's part of it."""
        workspace = self._workspace
        self._training.stop()
        self._choose_image(read)
        with self._keeper.silent():
            workspace.start_annotating()
            self._check_shape(read.project)
            self._take_classes(read.project)
            workspace.annotation.count_on(read.labels.revision)
            self._paint(read.labels)
            self._restore_models(read)
        self._keeper.resume(read.project.folder)
        self.offers = ()
        self._tell(f"Recovered from {read.project.folder}.")
        self.recovered.emit(dict(read.project.description.settings))

    def _choose_image(self, read: ProjectRead) -> None:
        workspace = self._workspace
        layer = None if read.image is None else self._layers[read.image]
        if self._asked is not None and workspace.image is not self._asked:
            raise InputError("Another image is chosen now: nothing was recovered.")
        if layer is None or layer not in workspace.viewer.layers:
            image = read.project.description.image
            data = read.data if layer is None else napari_array(layer)
            layer = workspace.viewer.add_image(data, **layer_arguments(image))
        workspace.choose_image(layer)

    def _check_shape(self, project: Project) -> None:
        annotation = self._workspace.annotation
        annotation.read_now()
        shape = annotation.store.shape
        if shape != project.description.labels_shape:
            raise InputError(
                f"The annotation of the project has shape "
                f"{project.description.labels_shape}, but the one here has {shape}."
            )

    def _take_classes(self, project: Project) -> None:
        """The classes of the project, and those here that it does not have."""
        annotation = self._workspace.annotation
        table = class_table(project.description.classes)
        highest = max(annotation.store.voxel_counts(), default=0)
        for known in annotation.classes.classes[len(table) : highest]:
            name = known.name
            while name in table.names:
                name += " here"
            table = table.added(name, known.color)
        annotation.set_classes(table)

    def _paint(self, saved: LabelChange) -> None:
        """Strokes of the project, but where somebody has painted since."""
        annotation = self._workspace.annotation
        free = annotation.store.labels_at(saved.indices) == 0
        indices, values = saved.indices[free], saved.values[free]
        labels = annotation.store.dense()
        np.ravel(labels)[indices] = values
        annotation.replace(labels, indices, values)
        annotation.read_now()

    def _restore_models(self, read: ProjectRead) -> None:
        self._history.restore(read.history)
        last = max((kept.number for kept in read.history), default=0)
        self._training.count_on(models=last, runs=read.last_run, before=read.before)


def _all_ended(closing: "list[Autosave]") -> bool:
    return not any(autosave.running for autosave in closing)


def _is_settled(autosave: "Autosave") -> bool:
    return autosave.settled
