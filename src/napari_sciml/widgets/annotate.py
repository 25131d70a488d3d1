"""The Annotate dock: say what is what with a few strokes."""

from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFormLayout, QHBoxLayout, QSlider, QTableWidgetItem

from napari_sciml.errors import InputError
from napari_sciml.widgets.class_list import NAME, ClassList
from napari_sciml.widgets.counting import Counts
from napari_sciml.widgets.dock import Dock, button, primary_button, text_line
from napari_sciml.widgets.layer_picker import LayerPicker
from napari_sciml.widgets.wiring import Wiring

LARGEST_BRUSH = 40


class AnnotateDock(Dock):
    """Choose an image, make its annotation, paint."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self._layer_wiring = Wiring()
        self.destroyed.connect(self._layer_wiring.close)
        self._make_controls()
        self._lay_out()
        self._connect()
        self._on_image()
        self._on_layer()

    def _make_controls(self) -> None:
        self.image = LayerPicker(
            self.session.viewer,
            self._images,
            name="image",
            tooltip="Image to annotate and train on.",
        )
        self.start = primary_button(
            "start_annotating",
            "Start annotating",
            "Make the annotation layer, or take the one that is there, and the brush.",
        )
        self.classes = ClassList()
        self.add_class = button("add_class", "Add class", "One more class to paint.")
        self.eraser = button("eraser", "Eraser", "Erase strokes (key 0).")
        self.brush = QSlider(Qt.Orientation.Horizontal)
        self.brush.setObjectName("brush_size")
        self.brush.setToolTip("Diameter of the brush in voxels.")
        self.brush.setRange(1, LARGEST_BRUSH)
        self.brush.setValue(3)
        self.status = text_line("annotation_status", "What is annotated so far.")
        self.hint = text_line(
            "annotation_hint",
            "What makes a good annotation.",
            "Short strokes in several slices, along what is hard to tell apart, teach "
            "more than filled areas.",
        )

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.addRow("Image", self.image)
        self.column.addLayout(form)
        self.column.addWidget(self.start)
        self.column.addWidget(self.classes)
        tools = QHBoxLayout()
        tools.addWidget(self.add_class)
        tools.addWidget(self.eraser)
        self.column.addLayout(tools)
        brush = QFormLayout()
        brush.addRow("Brush", self.brush)
        self.column.addLayout(brush)
        for line in (self.status, self.hint, self.error):
            self.column.addWidget(line)
        self.column.addStretch()

    def _connect(self) -> None:
        session = self.session
        self.image.picked.connect(session.choose_image)
        self.start.clicked.connect(self._on_start)
        self.classes.cellClicked.connect(self._on_class)
        self.classes.itemChanged.connect(self._on_renamed)
        self.add_class.clicked.connect(self._on_add)
        self.eraser.clicked.connect(self._on_eraser)
        self.brush.valueChanged.connect(self._on_brush)
        self.wiring.connect(session.image_changed, self._on_image)
        self.wiring.connect(session.annotation.layer_changed, self._on_layer)
        self.wiring.connect(session.annotation.classes_changed, self._on_counted)
        self.wiring.connect(session.annotation.counted, self._on_counted)

    def _images(self) -> list[Any]:
        return list(self.session.images)

    def _on_image(self) -> None:
        self.image.refill()
        self.image.choose(self.session.image)
        self.show_error("")

    def _on_start(self) -> None:
        try:
            self.session.start_annotating()
        except InputError as error:
            self.show_error(str(error))
        else:
            self.show_error("")

    def _on_class(self, row: int, column: int) -> None:
        self.session.choose_class(row + 1)

    def _on_eraser(self) -> None:
        self.session.choose_class(0)

    def _on_add(self) -> None:
        self._try_classes(self._add)

    def _add(self) -> None:
        annotation = self.session.annotation
        number = len(annotation.class_names) + 1
        annotation.set_classes(annotation.classes.added(f"class {number}"))
        self.classes.editItem(self.classes.item(number - 1, NAME))

    def _on_renamed(self, item: QTableWidgetItem) -> None:
        def rename() -> None:
            annotation = self.session.annotation
            label = item.row() + 1
            annotation.set_classes(annotation.classes.renamed(label, item.text()))

        self._try_classes(rename)

    def _try_classes(self, change: Any) -> None:
        try:
            change()
        except InputError as error:
            self.show_error(str(error))
            self._on_counted()
        else:
            self.show_error("")

    def _on_brush(self, size: int) -> None:
        layer = self.session.annotation.layer
        if layer is not None and layer.brush_size != size:
            layer.brush_size = size

    def _on_layer(self) -> None:
        self._layer_wiring.close()
        layer = self.session.annotation.layer
        for control in (self.classes, self.add_class, self.eraser, self.brush):
            control.setEnabled(layer is not None)
        if layer is not None:
            self._layer_wiring.connect(layer.events.brush_size, self._on_layer_brush)
            self._layer_wiring.connect(layer.events.selected_label, self._on_counted)
            self._on_brush(self.brush.value())
        self._on_counted()

    def _on_layer_brush(self, event: Any) -> None:
        self.brush.setValue(int(event.source.brush_size))

    def _on_counted(self, counts: Counts | object = None) -> None:
        annotation = self.session.annotation
        self.classes.show_annotation(annotation)
        text = annotation.counts.sentence()
        if annotation.layer is None:
            text = "Not annotated yet: paint at least two classes."
        self.status.setText(text)
