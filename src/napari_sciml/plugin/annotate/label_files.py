"""The menu that brings labels and classes in from files and out to files."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QInputDialog, QMenu, QWidget

from napari_sciml.errors import InputError
from napari_sciml.io.images.label_map import read_label_map
from napari_sciml.io.labels.export import load_classes, save_classes
from napari_sciml.io.results.arrays import check_array_suffix
from napari_sciml.io.results.outputs import check_output
from napari_sciml.plugin.annotate.strokes_told import StrokesTold
from napari_sciml.plugin.kit.replacing import sources, write_or_ask
from napari_sciml.plugin.kit.runner import JobRunner
from napari_sciml.plugin.layers.images import voxel_size
from napari_sciml.plugin.state.workspace import Workspace
from napari_sciml.workflows.label_files import (
    LabelsRead,
    LabelsWritten,
    MapWanted,
    export_labels,
    import_labels,
)

FORMATS = "TIFF (*.tif *.tiff);;OME-Zarr (*.zarr);;NumPy (*.npy)"
PICTURES = "Labels (*.tif *.tiff *.npy *.png *.gif);;All files (*)"


class LabelFiles(QMenu):
    """Import and export; labels in a thread, as a volume takes seconds.

    The signals say what was done, or what went wrong, in one sentence.

    Parameters
    ----------
    workspace
        Has the annotation.
    training
        Whether a training runs: it has to be stopped before an import.
    parent
        For the file dialogs.
    """

    done = Signal(str)
    failed = Signal(str)

    def __init__(
        self, workspace: Workspace, training: Callable[[], bool], parent: QWidget
    ) -> None:
        super().__init__(parent)
        self.setObjectName("annotation_files_menu")
        self.setToolTipsVisible(True)
        self._workspace = workspace
        self._parent = parent
        self.strokes_told = StrokesTold(workspace, training)
        self.destroyed.connect(self.strokes_told.wiring.close)
        self.runner = JobRunner()
        self.runner.yielded.connect(self._on_event)
        self.runner.failed.connect(self.failed)
        self.runner.finished.connect(self._ask_map)
        self._wanted: MapWanted | None = None
        self.destroyed.connect(self.runner.stop)
        for name, text, help_text, action in (
            (
                "import_labels",
                "Import labels…",
                "Replace the labels by those of a file; Ctrl-Z takes it back.",
                self._ask_labels,
            ),
            (
                "import_label_folder",
                "Import labels (zarr or folder)…",
                "Replace the labels by those of a zarr or a folder of TIFF slices.",
                self._ask_folder,
            ),
            (
                "export_labels",
                "Export labels…",
                "Write the labels as TIFF, zarr or npy, with the voxel size.",
                self._ask_target,
            ),
            (
                "import_classes",
                "Import classes…",
                "Names and colors from a CSV file: label,name,color.",
                self._ask_classes,
            ),
            (
                "export_classes",
                "Export classes…",
                "Names and colors as a CSV file.",
                self._ask_class_target,
            ),
        ):
            made = self.addAction(text)
            made.setObjectName(name)
            made.setToolTip(help_text)
            made.triggered.connect(action)

    def import_labels(self, path: str, by_map: str = "") -> None:
        """Replace the labels by those of a file, in a way that can be undone.

        Parameters
        ----------
        path
            Of the labels.
        by_map
            Class of each value or color, such as ``127:1,255:2``; asked for where the
            values are no classes.

        Raises
        ------
        InputError
            While a training runs.
        """
        self.strokes_told.check_free()
        annotation = self._workspace.annotation
        annotation.read_now()
        store = annotation.store
        self.runner.start(
            import_labels,
            Path(path),
            store.shape,
            annotation.classes,
            store.snapshot(),
            read_label_map([by_map]) if by_map else None,
            count=self.strokes_told.shown,
        )

    def export_labels(self, path: str, *, overwrite: bool = False) -> None:
        """Write the labels with the voxel size of the layer."""
        annotation = self._workspace.annotation
        if annotation.layer is None:
            raise InputError("There are no labels yet: paint some first.")
        check_array_suffix(path)
        inputs = sources(self._workspace.image, annotation.layer)
        check_output(path, "labels", inputs=inputs, overwrite=overwrite)
        annotation.read_now()
        size, unit = voxel_size(annotation.layer)
        store = annotation.store
        self.runner.start(
            export_labels,
            Path(path),
            store.snapshot(),
            store.shape,
            size,
            unit,
            self.strokes_told.to_keep,
        )

    def import_classes(self, path: str) -> None:
        """Take names and colors from a CSV file."""
        self._workspace.annotation.set_classes(load_classes(path))
        self.done.emit(f"Classes of {Path(path).name} are in use.")

    def export_classes(self, path: str, *, overwrite: bool = False) -> None:
        """Write names and colors as a CSV file."""
        inputs = sources(self._workspace.image, self._workspace.annotation.layer)
        check_output(path, "classes", inputs=inputs, overwrite=overwrite, folder=False)
        save_classes(path, self._workspace.annotation.classes)
        self.done.emit(f"Classes are in {path}.")

    def _on_event(self, event: LabelsRead | LabelsWritten | MapWanted) -> None:
        if isinstance(event, LabelsWritten):
            known = event.caution or self.strokes_told.caution
            said = (f"Labels are in {event.path}.", known)
            self.done.emit(" ".join(filter(None, said)))
            return
        if isinstance(event, MapWanted):
            self._wanted = event
            return
        annotation = self._workspace.annotation
        if annotation.layer is None or annotation.store.shape != event.labels.shape:
            self.failed.emit("The annotation is another one now: import once more.")
            return
        try:
            self.strokes_told.take(event)
        except InputError as error:
            self.failed.emit(str(error))
            return
        undoable = annotation.replace(event.labels, event.indices, event.values)
        hint = " Ctrl-Z takes it back." if undoable and len(event.indices) else ""
        done = f"{len(event.indices):,} voxels have another label now.{hint}"
        self.done.emit(" ".join((done, *event.cautions)))

    def _ask_labels(self) -> None:
        path, _ = QFileDialog.getOpenFileName(
            self._parent, "File of labels", filter=PICTURES
        )
        self._do(self.import_labels, path)

    def _ask_map(self) -> None:
        """When a job has ended: the next one is the same with a map."""
        wanted, self._wanted = self._wanted, None
        if wanted is None:
            return
        names = self._workspace.annotation.class_names
        classes = ", ".join(f"{n} = {name}" for n, name in enumerate(names, 1))
        text, given = QInputDialog.getText(
            self._parent,
            "Labels of another program",
            f"{wanted.found}.\n\nWhich class is each value? Write value:class, with "
            f"commas; {classes}, 0 = not annotated.",
            text=wanted.suggestion,
        )
        if given and text.strip():
            self._do(lambda path: self.import_labels(path, text), str(wanted.path))
        else:
            self.done.emit("Nothing was imported.")

    def _ask_folder(self) -> None:
        path = QFileDialog.getExistingDirectory(self._parent, "Zarr or folder of TIFFs")
        self._do(self.import_labels, path)

    def _ask_target(self) -> None:
        path, _ = QFileDialog.getSaveFileName(
            self._parent, "Write labels", "annotation.tif", FORMATS
        )
        self._write(self.export_labels, path)

    def _ask_classes(self) -> None:
        path, _ = QFileDialog.getOpenFileName(
            self._parent, "CSV file of classes", filter="CSV (*.csv);;All files (*)"
        )
        self._do(self.import_classes, path)

    def _ask_class_target(self) -> None:
        path, _ = QFileDialog.getSaveFileName(
            self._parent, "Write classes", "classes.csv", "CSV (*.csv)"
        )
        self._write(self.export_classes, path)

    def _write(self, action: Callable[..., Any], path: str) -> None:
        def insist(sure: bool) -> None:
            action(path, overwrite=sure)

        self._do(lambda _: write_or_ask(self._parent, insist), path)

    def _do(self, action: Callable[[str], Any], path: str) -> None:
        if not path:
            return
        try:
            action(path)
        except InputError as error:
            self.failed.emit(str(error))
