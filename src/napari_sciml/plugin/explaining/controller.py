"""Asks why a voxel of the viewer is taken for its class."""

import weakref
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image
from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_sciml.errors import InputError
from napari_sciml.plugin.explaining.escape import EscapeInCanvas
from napari_sciml.plugin.explaining.known_strokes import OTHER_CLASSES, KnownStrokes
from napari_sciml.plugin.explaining.layers import WhyLayers
from napari_sciml.plugin.kit.camera import go_to
from napari_sciml.plugin.kit.clicks import Clicks
from napari_sciml.plugin.kit.runner import JobRunner
from napari_sciml.plugin.layers.axes import LayerAxes
from napari_sciml.plugin.layers.images import pixels, space_of
from napari_sciml.workflows.explaining.viewing import Pictures, why_in_view

if TYPE_CHECKING:
    from napari.layers import Layer

    from napari_sciml.explaining.channels import ChannelReport
    from napari_sciml.explaining.session import Voices
    from napari_sciml.explaining.strokes import SimilarStroke
    from napari_sciml.plugin.state.model import Model
    from napari_sciml.plugin.state.prediction import Prediction
    from napari_sciml.plugin.state.workspace import Workspace

NO_MODEL = "Nothing is trained yet: train first, in the Train dock."
CLICK = "Click a place in the image; Escape ends it."
OUTSIDE = "The click was outside of the image: click in it."
ASKING = "asking the members"
IN_3D = "A click in 3D means a whole line: show slices, by the button below the layers."
GONE = "The image was closed or changed: ask again."
WENT_ON = "The model has changed since: click again for what it says now."


class WhyController:
    """Waits for clicks, asks, and shows what comes out.

    Attributes
    ----------
    asking
        Whether a click in the image asks.
    place
        What is explained, or was last; None before.
    voices, strokes, channels
        What is known of it so far.
    pictures
        Of the strokes.
    done
        How far it is, 0 to 1; 1 where nothing runs.
    words
        What is done.
    note
        What a person should know or do.
    changed, failed
        Something here is another; a sentence on what went wrong.
    """

    changed = Signal()
    failed = Signal(str)

    def __init__(self, workspace: "Workspace", prediction: "Prediction") -> None:
        self._workspace, self._prediction = workspace, prediction
        self._clicks = Clicks(self._on_click)
        self._escape = EscapeInCanvas(self.end)
        self._runner = JobRunner()
        self._runner.yielded.connect(self._on_event)
        self._runner.failed.connect(self._on_failed)
        self._runner.finished.connect(self._on_finished)
        self._layers = WhyLayers(workspace)
        self._next: tuple[int, ...] | None = None
        self._of: weakref.ref[Image] | None = None
        self._by: Model | None = None
        self._strokes = KnownStrokes(workspace, prediction)
        self._strokes.rested.connect(self._on_rested)
        self._hand: tuple[weakref.ref[Layer], str] | None = None
        self.asking, self.note = False, ""
        self._clear()
        workspace.image_left.connect(self.forget)
        prediction.model_changed.connect(self._on_model)

    def _clear(self) -> None:
        self.place: tuple[int, ...] | None = None
        self.voices: Voices | None = None
        self.strokes: tuple[SimilarStroke, ...] | None = None
        self.channels: ChannelReport | None = None
        self.pictures: Pictures | None = None
        self.done, self.words = 1.0, ""

    @property
    def model_words(self) -> str:
        """What was asked."""
        return "" if self._by is None else self._by.words

    @property
    def limits(self) -> tuple[float, float]:
        """Gray values that are shown black and white."""
        image = self._workspace.image
        low, high = (0.0, 1.0) if image is None else image.contrast_limits
        return float(low), float(high)

    def begin(self) -> None:
        """From now on a click in the image asks.

        Raises
        ------
        InputError
            When there is no image or nothing is trained yet.
        """
        pixels(self._workspace.image)
        if self._prediction.model is None:
            raise InputError(NO_MODEL)
        self._put_brush_aside()
        self._clicks.listen(self._workspace.viewer)
        self._escape.listen(self._workspace.viewer)
        self.asking, self.note = True, CLICK
        self._strokes.prepare()
        self.changed.emit()

    def expect(self) -> None:
        """A click may come soon: be quick then."""
        self._strokes.wanted = True
        QTimer.singleShot(0, self._strokes.prepare)

    def end(self) -> None:
        """Clicks mean what they did before; the temporary layers go."""
        if not self.asking:
            return
        self.asking, self.note, self._next = False, "", None
        self._clicks.close()
        self._escape.close()
        self._runner.stop()
        self._layers.remove()
        self._take_brush_again()
        self.changed.emit()

    def ask(self, place: tuple[int, ...]) -> None:
        """Explain a voxel; what is being explained is given up."""
        self._next = place
        self._strokes.stop()  # the answer goes on with it, where it needs that
        self._runner.stop()
        if not (self._strokes.busy or self._runner.busy):
            self._start()
            return
        self.done, self.words = 0.0, ASKING
        self.changed.emit()

    def go_to(self, place: tuple[int, ...]) -> None:
        """Show a voxel of the image."""
        image, viewer = self._workspace.image, self._workspace.viewer
        if image is None or viewer is None:
            return
        axes = LayerAxes.of(image)
        world = np.array(image.data_to_world(axes.point(place)))[list(axes.own)]
        go_to(viewer, world)

    def forget(self) -> None:
        """Another image is next."""
        told = self.place is not None or self.asking
        self._runner.stop()
        self._clicks.close()
        self._escape.close()
        self._strokes.forget()
        self._next, self._of, self._by = None, None, None
        self.asking, self.note = False, GONE if told else ""
        self._clear()
        # Where the image is being deleted, others may be too: hands off the list now.
        QTimer.singleShot(0, self._layers.remove)
        self.changed.emit()

    def close(self) -> None:
        """Stop everything; the viewer or the last dock is closed."""
        self.end()
        self._strokes.wanted = False
        self._strokes.stop()
        self._runner.stop()

    def leave(self) -> None:
        """The viewer goes away: hear nothing more."""
        self._runner.silence()
        self._strokes.silence()

    def _start(self) -> None:
        place, self._next = self._next, None
        image, model = self._workspace.image, self._prediction.model
        if place is None or image is None:
            return
        self._clear()
        self.note = CLICK if self.asking else ""
        try:
            if model is None:
                raise InputError(NO_MODEL)
            if self._strokes.others(model):
                self.note = OTHER_CLASSES
            given = pixels(image), place, self._strokes.of(model)
            alone = not self._workspace.runner.busy
            self._runner.start(why_in_view, model.ensemble, *given, alone=alone)
        except InputError as error:
            self.failed.emit(str(error))
            return
        self._of, self._by = weakref.ref(image), model
        self.place, self.done, self.words = place, 0.0, ASKING
        self.changed.emit()

    def _on_click(self, event: Any) -> None:
        image = self._workspace.image
        if image is None or not self.asking:
            return
        if len(event.dims_displayed) != 2:
            self.failed.emit(IN_3D)
            return
        at = np.asarray(image.world_to_data(event.position), float)[space_of(image)]
        place = tuple(int(x) for x in np.rint(at))
        shape = pixels(image).shape
        if not all(0 <= x < n for x, n in zip(place, shape, strict=True)):
            self.failed.emit(OUTSIDE)
            return
        self.ask(place)

    def _on_event(self, event: object) -> None:
        from napari_sciml.explaining.channels import ChannelReport
        from napari_sciml.explaining.occlusion import Occlusion
        from napari_sciml.explaining.session import Explaining, Strokes, Voices

        image = None if self._of is None else self._of()
        if image is None or image is not self._workspace.image:
            return
        if isinstance(event, Explaining):
            self.done, self.words = event.done, event.words
        elif isinstance(event, Voices):
            self.voices = event
        elif isinstance(event, Occlusion):
            self._layers.show_around(image, event)
        elif isinstance(event, Strokes):
            self.strokes = event.found
            self._show_strokes(image)
        elif isinstance(event, Pictures):
            self.pictures = event
        elif isinstance(event, ChannelReport):
            self.channels = event
        self.changed.emit()

    def _show_strokes(self, image: Image) -> None:
        classes, strokes = self._workspace.annotation.classes, self.strokes or ()
        colors = [classes.color_of(stroke.class_index + 1) for stroke in strokes]
        self._layers.show_strokes(image, [s.place for s in strokes], colors)

    def _on_failed(self, sentence: str) -> None:
        self.failed.emit(sentence)

    def _on_finished(self) -> None:
        self.done, self.words = 1.0, ""
        if self._next is not None:
            self._start()
        self.changed.emit()

    def _on_rested(self) -> None:
        if self.words and not self._runner.busy:
            self._on_finished()

    def _on_model(self) -> None:
        if self.voices is not None and self._by is not self._prediction.model:
            self.note = WENT_ON
            self.changed.emit()

    def _put_brush_aside(self) -> None:
        """A brush in the hand would paint where one asks."""
        layer = self._workspace.viewer.layers.selection.active
        mode = str(getattr(layer, "mode", "pan_zoom"))
        self._hand = None
        if layer is not None and mode != "pan_zoom":
            self._hand = weakref.ref(layer), mode
            layer.mode = "pan_zoom"

    def _take_brush_again(self) -> None:
        hand, self._hand = self._hand, None
        viewer = self._workspace.viewer
        layer = None if hand is None else hand[0]()
        if hand is None or layer is None or viewer is None:
            return
        free = layer in viewer.layers and str(layer.mode) == "pan_zoom"
        if free and layer is viewer.layers.selection.active:
            layer.mode = hand[1]
