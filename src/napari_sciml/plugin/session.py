"""Puts together what the docks of one viewer work with."""

import weakref
from contextlib import suppress
from typing import Any, ClassVar

from napari.layers import Labels
from qtpy.QtCore import QObject

from napari_sciml.plugin.annotate.keys import Desk, bind_keys
from napari_sciml.plugin.annotate.slices import AnnotatedSlices
from napari_sciml.plugin.batch.controller import FilesController
from napari_sciml.plugin.explaining.controller import WhyController
from napari_sciml.plugin.exploring.controller import ExploreController
from napari_sciml.plugin.fibers.controller import FiberController
from napari_sciml.plugin.fibers.in_space import FiberTubes
from napari_sciml.plugin.filling.controller import FillController
from napari_sciml.plugin.focus.controller import FocusController
from napari_sciml.plugin.kit.activity import ActivityList
from napari_sciml.plugin.kit.connections import Connections
from napari_sciml.plugin.kit.drawing_repair import repair_drawing
from napari_sciml.plugin.kit.farewell import Farewell
from napari_sciml.plugin.project.controller import ProjectKeeper
from napari_sciml.plugin.restoration.controller import RestoreController
from napari_sciml.plugin.state.coloring import Coloring
from napari_sciml.plugin.state.history import History
from napari_sciml.plugin.state.in_space import InSpace
from napari_sciml.plugin.state.prediction import Prediction
from napari_sciml.plugin.state.workspace import Workspace
from napari_sciml.plugin.train.controller import TrainingController
from napari_sciml.plugin.uncertainty.comparing import Blink
from napari_sciml.plugin.uncertainty.controller import ConfidentMaskController
from napari_sciml.plugin.uncertainty.guide import Guide


class ViewerSession:
    """All that there is of ours in a viewer; get it with `of`.

    Only docks and scripts hold it. What it is made of gets the parts that it needs,
    and never the session.

    Attributes
    ----------
    workspace
        The image, what is painted on it, and our layers.
    prediction
        The model at hand, and what it predicts.
    history
        The models before it.
    training, sure, blink, guide, why, fibers, focus, filling, restoring, exploring
        The work of the docks Train, Uncertainty, Fibers, Focus, Fill, Restore and
        Explore.
    files
        Runs the model on many files.
    slices
        Goes to the annotated slices, and fills between them.
    project
        Keeps all of it on the disk.
    space
        Follows the switch between slices and space.
    step
        Of the Workflow dock that was shown last; empty before the first.
    """

    _sessions: ClassVar[weakref.WeakKeyDictionary[Any, "ViewerSession"]] = (
        weakref.WeakKeyDictionary()
    )

    @classmethod
    def of(cls, viewer: Any) -> "ViewerSession":
        """Give the session of a viewer, or of napari's proxy of it."""
        viewer = getattr(viewer, "__wrapped__", viewer)
        if viewer not in cls._sessions:
            cls._sessions[viewer] = cls(viewer)
        return cls._sessions[viewer]

    def __init__(self, viewer: Any) -> None:
        repair_drawing()
        self._faces = 0
        self._asleep = False
        self.step = ""
        self._docks: weakref.WeakSet[Any] = weakref.WeakSet()
        self.workspace = workspace = Workspace(viewer)
        self.prediction = prediction = Prediction(workspace)
        self.history = History(workspace, prediction)
        self.training = TrainingController(workspace, prediction, self.history)
        self.sure = ConfidentMaskController(workspace, prediction)
        self.guide = Guide(workspace, prediction)
        self.blink = Blink(workspace)
        self.why = WhyController(workspace, prediction)
        self.fibers = FiberController(workspace, prediction, self.sure.settle)
        self.focus = FocusController(workspace)
        self.files = FilesController(workspace, prediction)
        self.filling = FillController(workspace)
        self.restoring = RestoreController(workspace)
        self.exploring = ExploreController(workspace, prediction)
        self.slices = AnnotatedSlices(workspace)
        self.project = ProjectKeeper(workspace, self.history, self.training)
        self.space = InSpace(workspace)
        self._tubes = FiberTubes(workspace, self.fibers.view, self.space)
        self._desk = Desk(workspace, prediction, self.slices)
        self._coloring = Coloring(workspace.annotation, prediction, workspace.layers)
        works = (
            *(self.fibers, self.files, self.focus, self.filling, self.restoring),
            self.exploring,
        )
        self._activities = ActivityList([work.activity() for work in works])
        self._wiring = Connections()
        self._farewell = Farewell(viewer, self.leave)
        workspace.adopted.connect(self._on_adopted)
        workspace.viewer_leaving.connect(self._farewell.tell)
        self._connect()
        workspace.watch()
        self._watch_space()

    def attach(self, face: QObject) -> None:
        """Count a dock; the first one after the last was closed wakes the session."""
        if self._asleep:
            self._wake()
        self._faces += 1
        self._docks.add(face)
        face.destroyed.connect(self._on_face_gone)

    def leave(self) -> None:
        """The viewer goes away: nothing of ours reaches it, or a layer, from now on."""
        for dock in list(self._docks):
            dock.wiring.close()
        self.close()
        self.restoring.leave()
        self.why.leave()
        self.workspace.runner.silence()
        self.workspace.measuring.silence()
        # napari 0.9.2 keeps a viewer for ever whose window was closed by its cross.
        self._sessions.pop(self.workspace.viewer, None)

    def close(self) -> None:
        """Stop everything; the viewer is closing, or its last dock is closed."""
        if self._asleep:
            return
        self._asleep = True
        self._wiring.close()
        self.blink.stop()
        self.workspace.unwatch()
        self.project.close()
        self.training.stop()
        self.history.close()
        self.guide.close()
        self.why.close()
        self.focus.close()
        self.filling.close()
        self.restoring.close()
        self.exploring.close()
        self.sure.close()
        self.fibers.close()
        self._activities.close()
        self._tubes.close()
        self.space.close()
        self.workspace.close()

    def _wake(self) -> None:
        """Look what has happened in the viewer while no dock was open."""
        self._asleep = False
        self._connect()
        self.sure.watch()
        self.fibers.watch()
        self.focus.watch()
        self.exploring.watch()
        self.workspace.watch()
        self.project.watch()
        self._watch_space()

    def _watch_space(self) -> None:
        self.space.watch()
        self._tubes.watch()
        self._activities.watch()

    def _connect(self) -> None:
        annotation, training = self.workspace.annotation, self.training
        for signal, slot in (
            (annotation.changed, training.feed),
            (annotation.classes_changed, training.follow_classes),
            # What is hidden for a moment must not be taken for what the user hid.
            (self.space.entered, self.blink.stop),
            (self.workspace.image_left, self.blink.stop),
            (annotation.layer_changed, training.follow_layer),
            # What is left out must be counted before the training asks for it.
            (self.workspace.exclusion.changed, annotation.recount),
            (self.workspace.exclusion.changed, training.follow_layer),
        ):
            self._wiring.connect(signal, slot)

    def _on_adopted(self, layer: Labels) -> None:
        bind_keys(self._desk, layer)

    def _on_face_gone(self) -> None:
        self._faces -= 1
        if not self._faces:
            # When Python ends, Qt deletes docks and timers in any order.
            with suppress(RuntimeError):
                self.close()
