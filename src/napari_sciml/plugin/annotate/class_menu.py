"""What can be done with a class."""

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QColorDialog, QMenu, QWidget

from napari_sciml.annotation.classes import ClassTable
from napari_sciml.plugin.kit.attempt import attempt
from napari_sciml.plugin.state.labels.annotation import Annotation


class ClassMenu(QMenu):
    """Rename, recolor, merge or remove a class; add one.

    Parameters
    ----------
    annotation
        Has the classes.
    parent
        For the color dialog.
    """

    rename_wanted = Signal(int)
    failed = Signal(str)
    done = Signal(str)

    def __init__(self, annotation: Annotation, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("class_menu")
        self.setToolTipsVisible(True)
        self._annotation = annotation
        self._parent = parent
        self.label = 1
        self._rename = self._add("rename_class", "Rename", self._on_rename)
        self._recolor = self._add("recolor_class", "Color…", self._on_recolor)
        self.merge = self.addMenu("Merge into")
        self.merge.setObjectName("merge_class")
        self._remove = self._add("remove_class", "Remove", self._on_remove)
        self._remove.setToolTip("Its labels become not annotated; Ctrl-Z undoes it.")
        self.aboutToShow.connect(self.refresh)
        self.merge.triggered.connect(self._on_merge)
        self.refresh()

    def refresh(self) -> None:
        """Offer what can be done with the class at hand."""
        names = self._annotation.class_names
        self.label = min(max(self.label, 1), len(names))
        several = len(names) > 1
        self.merge.menuAction().setEnabled(several)
        self._remove.setEnabled(several)
        self.merge.clear()
        for label, name in enumerate(names, start=1):
            if label != self.label:
                self.merge.addAction(name).setData(label)

    def add(self) -> None:
        """One more class, to be renamed at once."""
        classes = self._annotation.classes
        number = len(classes) + 1
        while f"class {number}" in classes.names:
            number += 1
        if self._use(lambda: classes.added(f"class {number}")):
            self.rename_wanted.emit(len(classes) + 1)

    def rename(self, label: int, name: str) -> None:
        """Give a class another name."""
        self._use(lambda: self._annotation.classes.renamed(label, name))

    def recolor(self, label: int, color: str) -> None:
        """Give a class another color."""
        self._use(lambda: self._annotation.classes.recolored(label, color))

    def _on_rename(self) -> None:
        self.rename_wanted.emit(self.label)

    def _on_recolor(self) -> None:
        now = QColor(self._annotation.classes.color_of(self.label))
        color = QColorDialog.getColor(now, self._parent, "Color of the class")
        if color.isValid():
            self.recolor(self.label, color.name())

    def _on_merge(self, action: Any) -> None:
        names, into = self._annotation.class_names, int(action.data())
        old, new = names[self.label - 1], names[into - 1]
        if self._try(lambda: self._annotation.merge_class(self.label, into)):
            self.done.emit(f"'{old}' is part of '{new}' now. Ctrl-Z takes it back.")

    def _on_remove(self) -> None:
        name = self._annotation.class_names[self.label - 1]
        if self._try(lambda: self._annotation.remove_class(self.label)):
            self.done.emit(
                f"'{name}' is removed with its labels. Ctrl-Z brings it back."
            )

    def _use(self, table: Callable[[], ClassTable]) -> bool:
        return self._try(lambda: self._annotation.set_classes(table()))

    def _try(self, change: Callable[[], None]) -> bool:
        return attempt(change, tell=self.failed.emit)

    def _add(self, name: str, text: str, slot: Callable[[], None]) -> Any:
        action = self.addAction(text)
        action.setObjectName(name)
        action.triggered.connect(slot)
        return action
