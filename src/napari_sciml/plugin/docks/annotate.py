"""The Annotate dock: say what is what with a few strokes."""

from typing import Any

from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import (
    QFormLayout,
    QHBoxLayout,
    QPushButton,
    QSlider,
    QTableWidgetItem,
)

from napari_sciml.plugin.annotate import keys
from napari_sciml.plugin.annotate.class_list import ClassList
from napari_sciml.plugin.annotate.class_menu import ClassMenu
from napari_sciml.plugin.annotate.label_files import LabelFiles
from napari_sciml.plugin.annotate.stroke_check import StrokeCheck
from napari_sciml.plugin.docks.base import Dock
from napari_sciml.plugin.kit.connections import Connections
from napari_sciml.plugin.kit.widgets.controls import (
    allow,
    button,
    primary_button,
    text_line,
)
from napari_sciml.plugin.kit.widgets.layer_picker import LayerPicker
from napari_sciml.plugin.layers.axes_row import AxesRow
from napari_sciml.plugin.layers.images import space_of
from napari_sciml.plugin.project.bar import ProjectBar

LARGEST_BRUSH = 40
NO_LAYER = "Press Start annotating first."
HINT = (
    "Short strokes in several slices, along what is hard to tell apart, teach more "
    "than filled areas."
)


class AnnotateDock(Dock):
    """Choose an image, make its annotation, paint."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self._layer_wiring = Connections()
        self.destroyed.connect(self._layer_wiring.close)
        self._make_start()
        self._make_classes()
        self._make_tools()
        self._lay_out()
        self._connect()
        self._on_image()
        self._on_layer()

    def _make_start(self) -> None:
        self.image = LayerPicker(
            self.session.workspace.viewer,
            self._images,
            name="image",
            tooltip="Image to annotate and train on.",
        )
        self.axes = AxesRow()
        self.start = primary_button(
            "start_annotating",
            "Start annotating",
            "Make the annotation layer, or take the one that is there, and the brush.",
        )

    def _make_classes(self) -> None:
        self.classes = ClassList()
        self.class_menu = ClassMenu(self.session.workspace.annotation, self)
        self.add_class = button("add_class", "Add class", "One more class to paint.")
        self.change_class = button(
            "change_class",
            "Class",
            "Rename, color, merge or remove the chosen class.",
        )
        self.change_class.setMenu(self.class_menu)
        self.files = LabelFiles(
            self.session.workspace, lambda: self.session.training.running, self
        )
        self.file_button = button(
            "annotation_files", "Files", "Import and export labels and classes."
        )
        self.file_button.setMenu(self.files)
        self.status = text_line("annotation_status", "What is annotated so far.")

        self.balance = text_line(
            "class_balance",
            "Labeled voxels of the first class against those of all others.",
        )

    def _make_tools(self) -> None:
        self.eraser = button("eraser", "Eraser", "Erase strokes (key 0).")
        self.brush = QSlider(Qt.Orientation.Horizontal)
        self.brush.setObjectName("brush_size")
        self.brush.setToolTip("Diameter of the brush in voxels (keys [ and ]).")
        self.brush.setRange(1, LARGEST_BRUSH)
        self.brush.setValue(3)
        self.previous = button(
            "previous_annotated_slice",
            "Previous",
            f"Nearest annotated slice below, along the slider (key {keys.PREVIOUS}).",
        )
        self.next = button(
            "next_annotated_slice",
            "Next",
            f"Nearest annotated slice above, along the slider (key {keys.NEXT}).",
        )
        self.fill = button(
            "fill_between",
            "Fill between",
            "Paint the chosen class between its two annotated slices that are nearest "
            "to the shown one. Labels that are there stay.",
        )
        self.stroke_check = StrokeCheck(self.session.workspace)
        self.hint = text_line(
            "annotation_hint", "What was done last, or what makes a good annotation."
        )
        self.hint.setText(HINT)
        self.keys = text_line(
            "annotation_keys", "They work on the annotation layer.", rich=True
        )
        self.keys.setText(keys.HELP)

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.addRow("Image", self.image)
        form.addRow("Axes", self.axes)
        self.axes.belongs_to(form)
        self.column.addLayout(form)
        self.column.addWidget(self.start)
        self.column.addWidget(self.classes)
        self.column.addWidget(self.status)
        self.column.addWidget(self.balance)
        self.column.addLayout(_row(self.add_class, self.change_class, self.file_button))
        brush = QFormLayout()
        line = QHBoxLayout()
        line.addWidget(self.brush, 1)
        line.addWidget(self.eraser)
        brush.addRow("Brush", line)
        brush.addRow("Slices", _row(self.previous, self.next, self.fill))
        self.column.addLayout(brush)
        self.column.addWidget(self.stroke_check)
        for text in (self.hint, self.error, self.keys):
            self.column.addWidget(text)
        self.column.addStretch()
        self.below.addWidget(ProjectBar(self.session.project))

    def _connect(self) -> None:
        session, annotation = self.session, self.session.workspace.annotation
        self.image.picked.connect(session.workspace.pick_image)
        self.start.clicked.connect(self._on_start)
        self.classes.cellClicked.connect(self._on_class)
        self.classes.itemChanged.connect(self._on_renamed)
        self.classes.customContextMenuRequested.connect(self._on_context)
        self.class_menu.aboutToShow.connect(self._on_class_menu)
        self.class_menu.rename_wanted.connect(self._on_rename_wanted)
        self.add_class.clicked.connect(self.class_menu.add)
        self.eraser.clicked.connect(self._on_eraser)
        self.brush.valueChanged.connect(self._on_brush)
        self.previous.clicked.connect(self._on_previous)
        self.next.clicked.connect(self._on_next)
        self.fill.clicked.connect(self._on_fill)
        for menu in (self.class_menu, self.files):
            menu.failed.connect(self._on_failed)
            menu.done.connect(self._on_done)
        self.wiring.connect(session.workspace.image_changed, self._on_image)
        self.wiring.connect(annotation.layer_changed, self._on_layer)
        self.wiring.connect(annotation.classes_changed, self._on_counted)
        self.wiring.connect(annotation.counted, self._on_counted)

    def _images(self) -> list[Any]:
        return list(self.session.workspace.images)

    def _on_image(self) -> None:
        self.image.refill()
        self.image.choose(self.session.workspace.image)
        self.axes.follow(self.session.workspace.image)
        self.show_error("")

    def _on_start(self) -> None:
        self._try(self.session.workspace.start_annotating)

    def _on_class(self, row: int, column: int) -> None:
        self.session.workspace.choose_class(row + 1)

    def _on_eraser(self) -> None:
        self.session.workspace.choose_class(0)

    def _on_class_menu(self) -> None:
        layer = self.session.workspace.annotation.layer
        if layer is not None:
            self.class_menu.label = int(layer.selected_label)
            self.class_menu.refresh()

    def _on_context(self, place: QPoint) -> None:
        row = self.classes.rowAt(place.y())
        if row >= 0 and self.session.workspace.annotation.layer is not None:
            self.session.workspace.choose_class(row + 1)
            self.class_menu.popup(self.classes.viewport().mapToGlobal(place))

    def _on_rename_wanted(self, label: int) -> None:
        self.session.workspace.choose_class(label)
        self.classes.edit_name(label)

    def _on_renamed(self, item: QTableWidgetItem) -> None:
        self.class_menu.rename(item.row() + 1, item.text())

    def _on_failed(self, sentence: str) -> None:
        self.show_error(sentence)
        self._on_counted()

    def _on_done(self, sentence: str) -> None:
        self.show_error("")
        self.hint.setText(sentence)

    def _on_brush(self, size: int) -> None:
        layer = self.session.workspace.annotation.layer
        if layer is not None and layer.brush_size != size:
            layer.brush_size = size

    def _on_previous(self) -> None:
        self._try(self.session.slices.go_to_previous)

    def _on_next(self) -> None:
        self._try(self.session.slices.go_to_next)

    def _on_fill(self) -> None:
        self._try(self._fill)

    def _fill(self) -> None:
        self.hint.setText(self.session.slices.fill())

    def _on_layer(self) -> None:
        self._layer_wiring.close()
        layer = self.session.workspace.annotation.layer
        why_not = "" if layer is not None else NO_LAYER
        for control in self._needing_layer():
            allow(control, why_not)
        self.stroke_check.job.allow(why_not)
        if layer is not None:
            self._layer_wiring.connect(layer.events.brush_size, self._on_layer_brush)
            self._layer_wiring.connect(layer.events.selected_label, self._on_counted)
            self._on_brush(self.brush.value())
            flat = "" if len(space_of(layer)) > 2 else "The image has no slices."
            for control in (self.previous, self.next, self.fill):
                allow(control, flat)
        self._on_counted()

    def _needing_layer(self) -> tuple[Any, ...]:
        classes = (self.classes, self.add_class, self.change_class, self.file_button)
        return (
            *classes,
            self.eraser,
            self.brush,
            self.previous,
            self.next,
            self.fill,
        )

    def _on_layer_brush(self, event: Any) -> None:
        self.brush.setValue(int(event.source.brush_size))

    def _on_counted(self, counts: object = None) -> None:
        annotation = self.session.workspace.annotation
        self.classes.show_annotation(annotation)
        text = annotation.counts.sentence()
        if annotation.layer is None:
            text = "Not annotated yet: paint at least two classes."
        self.status.setText(text)
        balance = annotation.counts.balance()
        self.balance.setText(balance)
        self.balance.setVisible(bool(balance))


def _row(*buttons: QPushButton) -> QHBoxLayout:
    row = QHBoxLayout()
    for one in buttons:
        row.addWidget(one)
    return row
