"""The window that runs the model at hand on many files."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from qtpy.QtCore import Qt, QUrl
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QProgressBar,
    QVBoxLayout,
    QWidget,
)

from napari_sciml.errors import InputError
from napari_sciml.fibers.config import FiberConfig
from napari_sciml.io.results.batch_record import Command
from napari_sciml.plugin.batch.controller import FileRow, FilesController
from napari_sciml.plugin.batch.table import FilesTable
from napari_sciml.plugin.kit.connections import Connections
from napari_sciml.plugin.kit.replacing import write_or_ask
from napari_sciml.plugin.kit.widgets.controls import (
    button,
    error_line,
    primary_button,
    set_running,
    text_line,
)
from napari_sciml.uncertainty.threshold import ThresholdConfig

SIZE = (760, 520)
WHAT = (
    "Each image is predicted by the model that you see, and one folder takes the "
    "results of all. What is done already is not done again."
)

Sure = Callable[[], tuple[ThresholdConfig, float | None]]
"""Gives the rule of the Uncertainty dock: a threshold, or the coverage instead."""


class FilesWindow(QWidget):
    """Choose files, run, stop, go on, and open what came of them.

    Parameters
    ----------
    parent
        The dock that opens it, which it lives as long as.
    run
        Does the work.
    sure
        Gives the rule by which is kept what is sure.
    fibers
        Gives the settings by which fibers are measured.
    device
        Gives the device to compute on.
    open_path
        Opens a file in the viewer.
    """

    def __init__(
        self,
        parent: QWidget,
        run: FilesController,
        *,
        sure: Sure,
        fibers: Callable[[], FiberConfig],
        device: Callable[[], str],
        open_path: Callable[[Path], None],
    ) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.setObjectName("run_on_files_window")
        self.setWindowTitle("Run on files")
        self.resize(*SIZE)
        self._run, self._sure, self._fibers = run, sure, fibers
        self._device, self._open_path = device, open_path
        self._make_controls()
        self._lay_out()
        self._wiring = Connections()
        self.destroyed.connect(self._wiring.close)
        self._connect()
        self.redraw()

    def _make_controls(self) -> None:
        self.model = text_line("batch_model", "The model that you see.")
        self.table = FilesTable()
        self.add_files = button("add_files", "Add files…", "Choose images.")
        self.add_folder = button(
            "add_folder",
            "Add folder…",
            "All volumes of a folder, or its slices as one volume.",
        )
        self.remove = button("remove_files", "Remove", "Take these from the list.")
        self.keep = QCheckBox()
        self.keep.setObjectName("keep_sure")
        self.keep.setToolTip("A mask of each, by the rule of the Uncertainty dock.")
        self.keep.setChecked(True)
        self.measure = QCheckBox("Measure fibers and compare the images")
        self.measure.setObjectName("measure_fibers")
        self.measure.setToolTip(
            "Lengths and directions of each, as you measured last in the Fibers dock, "
            "one table of all and a report."
        )
        self.measure.setChecked(True)
        self.out = QLineEdit()
        self.out.setObjectName("results_folder")
        self.out.setPlaceholderText("a new or empty folder, or one of an earlier run")
        self.out.setToolTip("Folder for the results; the model is kept in it, too.")
        self.choose = button("choose_results", "Choose…", "Choose the folder.")
        self.start = primary_button("run_files", "Run", "Do what is not done yet.")
        self.bar = QProgressBar()
        self.bar.setObjectName("files_progress")
        self.bar.setToolTip("How much of all steps is done.")
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.status = text_line("files_status", "What is done now.")
        self.error = error_line("files_error", "What went wrong, and what to do.")
        self.open = button(
            "open_result", "Open result", "Open the image and what came of it."
        )
        self.report = button(
            "open_report", "Open report", "The page that compares all images."
        )

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.addWidget(text_line("batch_help", "", WHAT))
        column.addWidget(self.model)
        column.addWidget(self.table, 1)
        column.addLayout(_row(self.add_files, self.add_folder, self.remove, None))
        form = QFormLayout()
        form.addRow("Then", self.keep)
        form.addRow("", self.measure)
        form.addRow("Results in", _row(self.out, self.choose))
        column.addLayout(form)
        for widget in (self.start, self.bar, self.status, self.error):
            column.addWidget(widget)
        column.addLayout(_row(self.open, self.report, None))

    def _connect(self) -> None:
        self.add_files.clicked.connect(self._on_add_files)
        self.add_folder.clicked.connect(self._on_add_folder)
        self.remove.clicked.connect(lambda: self._run.remove(self.table.chosen))
        self.table.dropped.connect(self.add)
        self.table.itemSelectionChanged.connect(self._tell_buttons)
        self.table.itemDoubleClicked.connect(self._on_open)
        self.choose.clicked.connect(self._on_choose)
        self.keep.toggled.connect(self.redraw)
        self.measure.toggled.connect(self.redraw)
        self.start.clicked.connect(self._on_start)
        self.open.clicked.connect(self._on_open)
        self.report.clicked.connect(self._on_report)
        self._wiring.connect(self._run.changed, self.redraw)
        self._wiring.connect(self._run.failed, self._fail)

    @property
    def steps(self) -> tuple[Command, ...]:
        """That are wanted."""
        if not self.keep.isChecked():
            return ("predict",)
        last: tuple[Command, ...] = ("fibers",) if self.measure.isChecked() else ()
        return ("predict", "threshold", *last)

    def add(self, paths: list[str]) -> None:
        """Add images and folders of images."""
        self._fail("")
        if paths and not self._run.running:
            try:
                self.status.setText(" ".join(self._run.add(paths)))
            except InputError as error:
                self._fail(str(error))

    def redraw(self) -> None:
        """Show what there is."""
        run = self._run
        words = run.model_words or "none yet: train one or load one"
        self.model.setText(f"Model: {words}.")
        self.keep.setText(f"Keep what is sure of {self._sure()[0].class_name}")
        self.measure.setEnabled(self.keep.isChecked() and not run.running)
        self.table.show_rows(run.rows, self.steps)
        self.start.setText("Stop" if run.running else "Run")
        self.start.setEnabled(not run.stopping)
        set_running(self.start, run.running)
        for widget in (self.add_files, self.add_folder, self.keep, self.out):
            widget.setEnabled(not run.running)
        self.choose.setEnabled(not run.running)
        self.bar.setValue(round(1000 * run.share))
        if run.status:
            self.status.setText(run.status)
        self._tell_buttons()

    def _tell_buttons(self) -> None:
        chosen = self.table.chosen
        self.remove.setEnabled(bool(chosen) and not self._run.running)
        self.open.setEnabled(any(row.result is not None for row in chosen))
        self.report.setEnabled(self._run.report is not None)

    def _on_add_files(self) -> None:
        paths, _ = QFileDialog.getOpenFileNames(self, "Images to predict")
        self.add(list(paths))

    def _on_add_folder(self) -> None:
        path = QFileDialog.getExistingDirectory(self, "Folder of images, or of slices")
        self.add([path] if path else [])

    def _on_choose(self) -> None:
        path = QFileDialog.getExistingDirectory(self, "Folder for the results")
        if path:
            self.out.setText(path)

    def _on_start(self) -> None:
        self._fail("")
        if self._run.running:
            self._run.stop()
            return
        try:
            write_or_ask(self, self._begin)
        except InputError as error:
            self._fail(str(error))

    def _begin(self, overwrite: bool) -> None:
        out = self.out.text().strip()
        if not out:
            raise InputError("There is no folder for the results yet: choose one.")
        options: dict[str, Any] = {}
        if "threshold" in self.steps:
            options["sure"], options["coverage"] = self._sure()
        if "fibers" in self.steps:
            options["fibers"] = self._fibers()
        self._run.start(
            Path(out), device=self._device(), overwrite=overwrite, **options
        )

    def _on_open(self) -> None:
        self._fail("")
        for row in self.table.chosen:
            if row.result is not None:
                self._open(row)

    def _open(self, row: FileRow) -> None:
        assert row.result is not None
        try:
            for path in (row.path, row.result):
                self._open_path(path)
        except Exception as error:  # readers raise whatever a file leads them to
            self._fail(f"{row.path.name} cannot be opened: {error}")

    def _on_report(self) -> None:
        if self._run.report is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._run.report)))

    def _fail(self, sentence: str) -> None:
        self.error.setText(sentence)
        self.error.setVisible(bool(sentence))


def _row(*widgets: QWidget | None) -> QHBoxLayout:
    """Widgets side by side; None takes the room that is left."""
    row = QHBoxLayout()
    for widget in widgets:
        if widget is None:
            row.addStretch()
        else:
            row.addWidget(widget)
    return row
