"""Buttons for corrections by hand."""

from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QHBoxLayout, QShortcut, QWidget

from napari_sciml.plugin.fibers.controller import FiberController
from napari_sciml.plugin.kit.connections import Connections
from napari_sciml.plugin.kit.widgets.controls import allow, button


class FiberTools(QWidget):
    """Delete, merge, cut, undo, redo.

    Parameters
    ----------
    run
        Has the fibers.
    dock
        Undo and redo have their keys all over it.
    """

    def __init__(self, run: FiberController, dock: QWidget) -> None:
        super().__init__()
        self.setObjectName("fiber_tools")
        self._run = run
        self.delete = button(
            "delete_fibers", "Delete", "Take the selected fibers out (Delete key)."
        )
        self.merge = button(
            "merge_fibers",
            "Merge",
            "Make one fiber of the selected ones. Select several in the table, or by "
            "Shift and click in the image.",
        )
        self.cut = button(
            "cut_fiber", "Cut", "Press, then click a fiber where it is to be cut."
        )
        self.cut.setCheckable(True)
        self.undo = button("undo_fibers", "↶", "")
        self.redo = button("redo_fibers", "↷", "")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        for made in (self.delete, self.merge, self.cut):
            row.addWidget(made, stretch=2)
        for made in (self.undo, self.redo):
            row.addWidget(made, stretch=1)
        hand = run.hand
        self.delete.clicked.connect(hand.delete)
        self.merge.clicked.connect(hand.merge)
        self.cut.toggled.connect(hand.set_cut_mode)
        self.undo.clicked.connect(hand.undo)
        self.redo.clicked.connect(hand.redo)
        for key, act in (
            (QKeySequence.StandardKey.Undo, hand.undo),
            (QKeySequence.StandardKey.Redo, hand.redo),
        ):
            shortcut = QShortcut(QKeySequence(key), dock)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(act)
        self._wiring = Connections()
        for signal in (hand.changed, run.changed, run.view.choice_changed):
            self._wiring.connect(signal, self.follow)
        self.destroyed.connect(self._wiring.close)
        self.follow()

    def follow(self, chosen: tuple[int, ...] = ()) -> None:
        """Offer what can be done now."""
        run, chosen = self._run, self._run.view.chosen
        edits = run.edits
        free = edits is not None and not run.running
        why_not = "" if free else "Wait until the fibers are measured."
        one = "" if chosen else "Choose fibers in the table or the image first."
        two = "" if len(chosen) > 1 else "Choose two fibers or more, with Shift."
        allow(self.delete, why_not or one)
        allow(self.merge, why_not or two)
        allow(self.cut, why_not)
        self.cut.setChecked(run.hand.cutting)
        for made, text, word, keys in (
            (self.undo, edits and edits.undo_text, "Undo", "Ctrl+Z"),
            (self.redo, edits and edits.redo_text, "Redo", "Ctrl+Shift+Z"),
        ):
            made.setEnabled(free and bool(text))
            made.setToolTip(f"{word}{f': {text}' if text else ''} ({keys}).")
