"""Fibers corrected by hand in a viewer: clicks, strokes, undo."""

import weakref
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from napari.layers import Labels
from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_sciml.errors import InputError
from napari_sciml.fibers.editing import Edit, FiberEdits
from napari_sciml.plugin.fibers.clicks import fiber_at
from napari_sciml.plugin.fibers.view import FiberView
from napari_sciml.plugin.kit.clicks import Clicks
from napari_sciml.plugin.kit.connections import Connections
from napari_sciml.plugin.kit.painting import forget_history, painted_over
from napari_sciml.plugin.layers.axes import LayerAxes

REST_MS = 150
UNDO, REDO = "Control-Z", "Control-Shift-Z"


class Editable(Protocol):
    """Fibers that can be changed."""

    view: FiberView
    edits: FiberEdits | None

    @property
    def running(self) -> bool:
        """Whether they are being measured or written."""

    def renew(self) -> None:
        """Show them as they are now."""


class FiberEditor:
    """Changes fibers as the user wants, and takes it back.

    Attributes
    ----------
    cutting
        Whether the next click on a fiber cuts it.
    """

    changed = Signal()
    told = Signal(str)
    failed = Signal(str)

    def __init__(self, run: Editable) -> None:
        self._run = run
        self.cutting = False
        self._strokes: list[tuple[np.ndarray, np.ndarray]] = []
        self._rest = QTimer()
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MS)
        self._rest.timeout.connect(self.take_strokes)
        self._wiring = Connections()
        self._clicks = Clicks(self._on_click)

    def delete(self) -> None:
        """Take the selected fibers out."""
        self._act(lambda: self._edits().delete(self._run.view.chosen))

    def merge(self) -> None:
        """Make one fiber of the selected ones."""
        self._act(lambda: self._edits().merge(self._run.view.chosen), choose=True)

    def cut(self, label: int, place: tuple[int, ...]) -> None:
        """Cut a fiber at a voxel."""
        self.set_cut_mode(False)
        self._act(lambda: self._edits().cut(label, place), choose=True)

    def set_cut_mode(self, on: bool) -> None:
        """Let the next click cut, or not."""
        if on != self.cutting:
            self.cutting = on
            self.changed.emit()

    def undo(self) -> None:
        """Take the last change back, whether by a button or by a brush."""
        self._act(lambda: self._edits().undo(), word="Undone")

    def redo(self) -> None:
        """Do it again."""
        self._act(lambda: self._edits().redo(), word="Done again")

    def take_strokes(self) -> None:
        """Measure what was painted into the layer."""
        self._rest.stop()
        strokes, self._strokes = self._strokes, []
        layer, edits = self._run.view.layer, self._run.edits
        if not strokes or layer is None or edits is None:
            return
        position = np.concatenate([place for place, _ in strokes])
        old = np.concatenate([values for _, values in strokes])
        position, first = np.unique(position, return_index=True)
        forget_history(layer)  # one way back is enough: ours
        self._tell(edits.painted(position, old[first].astype(edits.labels.dtype)))

    def holds(self, layer: Labels) -> bool:
        """Whether these are the fibers at hand, and not some from before."""
        return layer is self._run.view.layer

    def forget(self) -> None:
        """Other fibers are next."""
        self._strokes = []
        self.set_cut_mode(False)

    def watch(self) -> None:
        """Listen to strokes in the layer, and to clicks in the viewer."""
        self.close()
        layer = self._run.view.layer
        if layer is None:
            return
        self._wiring.connect(layer.events.paint, self._on_paint)
        self._wiring.connect(layer.events.data, self._on_data)
        _bind(self, layer)
        self._clicks.listen(self._run.view.viewer)
        if self._strokes:
            self._rest.start()

    def close(self) -> None:
        """Stop listening."""
        self._wiring.close()
        self._rest.stop()
        self._clicks.close()

    def _edits(self) -> Any:
        self._run.view.checked_layer()
        if self._run.running:
            raise InputError("Wait until the fibers are measured, or stop it.")
        self.take_strokes()
        return self._run.edits

    def _act(
        self,
        act: Callable[[], Edit | None],
        *,
        word: str = "Done",
        choose: bool = False,
    ) -> None:
        try:
            edit = act()
        except InputError as error:
            self.failed.emit(str(error))
            return
        self._tell(edit, word)
        if edit is not None and choose:
            names = set(np.unique(edit.new).tolist()) | set(np.unique(edit.old))
            known = set(self._run.view.table["label"])
            self._run.view.choose(tuple(sorted(names & known)))

    def _tell(self, edit: Edit | None, word: str = "Done") -> None:
        if edit is None:
            return
        self._run.renew()
        self.told.emit(f"{word}: {edit.text}.")
        self.changed.emit()

    def _on_paint(self, event: Any) -> None:
        layer, edits = self._run.view.layer, self._run.edits
        if layer is None or edits is None:
            return
        found = painted_over(event.value, layer.data.shape)
        if found is not None:
            self._strokes.append(found)
            self._rest.start()

    def _on_data(self, event: Any) -> None:
        """The user, or another plugin, has put other labels into the layer."""
        layer, edits = self._run.view.layer, self._run.edits
        if layer is None or edits is None:
            return
        axes = LayerAxes.of(layer)
        given = np.asarray(axes.take(layer.data))
        if np.may_share_memory(given, edits.labels):
            return
        if given.shape != edits.labels.shape or given.dtype.kind not in "ui":
            self.close()
            self.failed.emit(
                f"'{layer.name}' holds other labels now, which do not fit the table: "
                "measure again to correct them by hand."
            )
            return
        old = edits.labels.reshape(-1)
        position = np.flatnonzero(given.reshape(-1) != old)
        before = old[position].copy()
        if given.max(initial=0) > np.iinfo(edits.labels.dtype).max:
            edits.labels = edits.labels.astype(np.min_scalar_type(given.max()))
        edits.labels[...] = given
        layer.data = axes.lift(edits.labels)
        forget_history(layer)
        self._tell(edits.painted(position, before.astype(edits.labels.dtype)))

    def _on_click(self, event: Any) -> None:
        """Cut or choose the fiber that is clicked."""
        view, layer = self._run.view, self._run.view.layer
        if layer is None or not (layer.visible or view.as_tubes):
            return
        found = fiber_at(layer, event, view.hidden())
        if self.cutting:
            if found is None:
                self.failed.emit("There is no fiber where you clicked: click on one.")
            else:
                self.cut(*found)
        elif found is not None:
            more = "Shift" in event.modifiers
            view.choose(_toggled(view.chosen, found[0]) if more else (found[0],))


def _toggled(chosen: tuple[int, ...], label: int) -> tuple[int, ...]:
    if label in chosen:
        return tuple(name for name in chosen if name != label)
    return (*chosen, label)


def _bind(hand: FiberEditor, layer: Labels) -> None:
    """The keys of the layer's own undo, which knows only strokes."""
    held = weakref.ref(hand)

    def undo(layer: Labels) -> None:
        """Take back the last change of the fibers."""
        hand = held()
        if hand is None or not hand.holds(layer):
            layer.undo()
        else:
            hand.undo()

    def redo(layer: Labels) -> None:
        """Change the fibers again as before."""
        hand = held()
        if hand is None or not hand.holds(layer):
            layer.redo()
        else:
            hand.redo()

    layer.bind_key(UNDO, undo, overwrite=True)
    layer.bind_key(REDO, redo, overwrite=True)
