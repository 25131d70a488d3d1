"""The part of the Explore dock that sorts points into classes."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from qtpy.QtCore import Signal
from qtpy.QtGui import QPixmap
from qtpy.QtWidgets import (
    QComboBox,
    QFileDialog,
    QVBoxLayout,
    QWidget,
)

from napari_sciml.plugin.exploring.classes import PatchClasses
from napari_sciml.plugin.exploring.form import combo
from napari_sciml.plugin.exploring.pictures import swatch
from napari_sciml.plugin.exploring.rows import in_row, toggle
from napari_sciml.plugin.exploring.selection import PatchSelection
from napari_sciml.plugin.exploring.strip import Strip
from napari_sciml.plugin.kit.attempt import attempt
from napari_sciml.plugin.kit.connections import Connections
from napari_sciml.plugin.kit.replacing import write_or_ask
from napari_sciml.plugin.kit.widgets.controls import (
    allow,
    button,
    error_line,
    text_line,
)

TABLE, MODEL = "classes.csv", "class-model"
FIRST = (
    'Select points of one kind, name it and press "Example of"; the same for another '
    'kind. Then "Classify" gives every point a class.'
)
CLOSED, OPEN = "▸ Sort into classes", "▾ Sort into classes"
NEEDS_TWO = "Give examples of two classes first."
NEEDS_SORTED = 'Press "Classify" first.'
NEEDS_SELECTION = "Select points with the lasso first."


class ClassPart(QWidget):
    """Names for what is selected, a button to sort the rest, and what came out.

    Parameters
    ----------
    classes, selection
        What is sorted, and what is selected.
    wiring
        Of the dock.
    pixmap
        Gives the picture of a point.
    """

    recolored = Signal()
    picked = Signal(int)

    def __init__(
        self,
        classes: PatchClasses,
        selection: PatchSelection,
        wiring: Connections,
        pixmap: Callable[[int], QPixmap],
    ) -> None:
        super().__init__()
        self.classes, self._selection, self._pixmap = classes, selection, pixmap
        self._idle = True
        self._shown: object = None
        self._make_controls()
        self._lay_out()
        self._connect(wiring)
        self.redraw()

    def _make_controls(self) -> None:
        self.open = toggle(
            "sort_into_classes", CLOSED, "Give all points classes, from a few examples."
        )
        self.name = combo("class_name", "Name of a class: choose or write one.")
        self.name.setEditable(True)
        self.name.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        line = self.name.lineEdit()
        assert line is not None
        line.setPlaceholderText("name of a class")
        self.give = button(
            "give_example", "Example of", "The selected points are examples of this."
        )
        self.members = combo("select_class", "Select the points of a class.")
        self.classify = button(
            "classify",
            "Classify",
            "Learn from the examples, and give every point a class.",
        )
        self.take = button(
            "take_example", "No example", "The selected points are examples of nothing."
        )
        self.undo = button("undo_classes", "Undo", "Take the last step back.")
        self.words = text_line(
            "classes_told", "What was done, and how far the classes can be trusted."
        )
        self.error = error_line("classes_error", "What went wrong, and what to do.")
        self.color = toggle(
            "color_by_class", "Color by class", "Color the map by class, not cluster."
        )
        self.unsure = button(
            "least_certain",
            "Least certain",
            "Select ten points whose class is least certain: good next examples.",
        )
        self.unsure_list = Strip(
            "unsure_patches", "The least certain: class and probability."
        )
        self.table = button("save_class_table", "Table…", "Write a row a point.")
        self.keep = button(
            "save_class_model",
            "Save model…",
            "Keep what was learned, for other images: here, or by classify.",
        )
        self.use = button(
            "load_class_model", "Load model…", "Sort by a model that was kept."
        )

    def _lay_out(self) -> None:
        self.inner = QWidget()
        column = QVBoxLayout(self.inner)
        column.setContentsMargins(0, 0, 0, 0)
        for row in (
            in_row(self.give, self.name),
            self.members,
            in_row(self.classify, self.take, self.undo),
            self.words,
            self.error,
            in_row(self.color, self.unsure),
            self.unsure_list,
            in_row(self.table, self.keep, self.use),
        ):
            column.addWidget(row)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        for part in (self.open, self.inner):
            whole.addWidget(part)
        self.inner.hide()
        self.unsure_list.hide()

    def _connect(self, wiring: Connections) -> None:
        self.open.toggled.connect(self._on_open)
        self.give.clicked.connect(self._on_give)
        self.take.clicked.connect(self._on_take)
        self.undo.clicked.connect(self._on_undo)
        self.classify.clicked.connect(self._on_classify)
        self.members.activated.connect(self._on_members)
        self.color.toggled.connect(self._on_color)
        self.unsure.clicked.connect(self._on_unsure)
        self.unsure_list.picked.connect(self.picked)
        self.table.clicked.connect(self._on_table)
        self.keep.clicked.connect(self._on_keep)
        self.use.clicked.connect(self._on_use)
        wiring.connect(self.classes.changed, self.redraw)
        wiring.connect(self._selection.changed, self._on_selection)

    @property
    def numbers(self) -> np.ndarray | None:
        """Number of the class of each point, where the map is colored by it."""
        return self.classes.numbers if self.color.isChecked() else None

    def allow_work(self, *, idle: bool) -> None:
        """Show whether something else runs."""
        self._idle = idle
        self._show_buttons()

    def redraw(self) -> None:
        """Show the classes, and what was sorted."""
        classes, found = self.classes, self.classes.found
        self._show_members()
        text = " ".join(part for part in (classes.note, classes.state.words) if part)
        self.words.setText(text or FIRST)
        if found is not self._shown:
            self._shown = found
            self.unsure_list.hide()
            self.color.setChecked(found is not None)
            if found is not None:
                self.open.setChecked(True)
        self._show_buttons()
        self.recolored.emit()

    def _show_members(self) -> None:
        written = self.name.currentText()
        names = list(self.classes.state.names)
        self.name.clear()
        self.members.clear()
        self.members.addItem("Select points of a class …", None)
        for number, name in enumerate(names):
            self.name.addItem(swatch(number), name)
            self._add_members(number, name, "examples", self.classes.examples.get(name))
        for number, name in enumerate(names):
            self._add_members(number, name, "sorted", self.classes.state.of_class(name))
        self.name.setCurrentIndex(self.name.findText(written))
        self.name.setEditText(written)

    def _add_members(
        self, number: int, name: str, what: str, rows: np.ndarray | None
    ) -> None:
        if rows is not None and len(rows):
            text = f"{name}: {len(rows):,} {what}"
            self.members.addItem(swatch(number), text, rows)

    def _show_buttons(self) -> None:
        busy = "" if self._idle else "Something else runs: wait, or stop it."
        selected = "" if len(self._selection.selected) else NEEDS_SELECTION
        found = "" if self.classes.found is not None else NEEDS_SORTED
        two = sum(len(rows) > 0 for rows in self.classes.examples.values()) > 1
        allow(self.give, selected)
        allow(self.take, selected)
        allow(self.undo, "" if self.classes.can_undo else "There is nothing to undo.")
        allow(self.classify, busy or ("" if two else NEEDS_TWO))
        for made in (self.color, self.unsure):
            allow(made, found)
        for made in (self.table, self.keep):
            allow(made, busy or found)
        allow(self.use, busy)

    def _on_selection(self) -> None:
        self._show_buttons()

    def _on_open(self, on: bool) -> None:
        self.open.setText(OPEN if on else CLOSED)
        self.inner.setVisible(on)

    def _on_give(self) -> None:
        self._try(lambda: self.classes.give(self.name.currentText()))

    def _on_take(self) -> None:
        self._try(self.classes.take)

    def _on_undo(self) -> None:
        self._try(self.classes.undo)

    def _on_classify(self) -> None:
        self._try(self.classes.classify)

    def _on_members(self, index: int) -> None:
        rows = self.members.itemData(index)
        if rows is not None:
            self._selection.select(np.asarray(rows))

    def _on_color(self, on: bool) -> None:
        self.recolored.emit()

    def _on_unsure(self) -> None:
        self._try(self._show_unsure)

    def _show_unsure(self) -> None:
        chosen = self.classes.suggest()
        self.unsure_list.show()
        told = self.classes.state.told_of
        self.unsure_list.show_patches(chosen, self._pixmap, told)

    def _on_table(self) -> None:
        path, _ = QFileDialog.getSaveFileName(
            self, "Write a row a point", TABLE, "CSV (*.csv)"
        )
        if path:
            self.write_to(Path(path))

    def write_to(self, out: Path) -> None:
        """Write the table, or say why not."""
        write = self.classes.write
        self._try(lambda: write_or_ask(self, lambda sure: write(out, overwrite=sure)))

    def _on_keep(self) -> None:
        path, _ = QFileDialog.getSaveFileName(
            self, "Save the model in a new folder", MODEL
        )
        if path:
            self.keep_in(Path(path))

    def keep_in(self, folder: Path) -> None:
        """Keep the model, or say why not."""
        keep = self.classes.keep
        self._try(lambda: write_or_ask(self, lambda sure: keep(folder, overwrite=sure)))

    def _on_use(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Model that was kept")
        if folder:
            self.use_from(Path(folder))

    def use_from(self, folder: Path) -> None:
        """Sort by a model that was kept, or say why not."""
        self._try(lambda: self.classes.use(folder))

    def _try(self, action: Callable[[], object]) -> None:
        attempt(action, tell=self.show_error)

    def show_error(self, sentence: str) -> None:
        """Tell what went wrong; an empty sentence hides the line."""
        self.error.setText(sentence)
        self.error.setVisible(bool(sentence))
