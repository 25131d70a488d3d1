"""Write what is shown for the paper."""

from pathlib import Path

from qtpy.QtWidgets import QCheckBox, QComboBox, QFileDialog, QHBoxLayout, QWidget

from napari_sciml.errors import InputError
from napari_sciml.io.results.outputs import check_output
from napari_sciml.plugin.fibers.controller import FiberController
from napari_sciml.plugin.kit.connections import Connections
from napari_sciml.plugin.kit.replacing import sources, write_or_ask
from napari_sciml.plugin.kit.widgets.controls import allow, button
from napari_sciml.plugin.layers.images import pixels
from napari_sciml.workflows.measuring.export import (
    check_anything_shown,
    choose_shown,
    export_fibers,
)

FOLDER = "fibers"
NO_PREDICTION = (
    "Measure a mask first that was kept in the Uncertainty dock, of an image that is "
    "predicted as a whole."
)
FILES = {"TIFF": "labels.tif", "OME-Zarr": "labels.zarr"}


class FiberExport(QWidget):
    """One button for all files, and what goes into them.

    Parameters
    ----------
    run
        Has the fibers, and writes them.
    """

    def __init__(self, run: FiberController) -> None:
        super().__init__()
        self._run = run
        self.button = button(
            "export_fibers",
            "Export…",
            "Write the fibers that are shown: table (CSV), numbers (JSON), labels, "
            "pictures (PNG, SVG) and a report (HTML).",
        )
        self.format = QComboBox()
        self.format.setObjectName("labels_format")
        self.format.addItems(list(FILES))
        self.format.setToolTip("How the labels are written.")
        self.sweep = QCheckBox("Other thresholds")
        self.sweep.setObjectName("export_sweep")
        self.sweep.setToolTip(
            "Find and measure the fibers at other k and t, too: how far do the "
            "lengths depend on the choice? Takes 15 times as long as measuring; needs "
            "the prediction that the mask was made from."
        )
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.button, stretch=1)
        row.addWidget(self.format)
        row.addWidget(self.sweep)
        self.button.clicked.connect(self._on_clicked)
        self._wiring = Connections()
        self._wiring.connect(run.changed, self.follow)
        self.destroyed.connect(self._wiring.close)
        self.follow()

    def follow(self) -> None:
        """Offer what there is."""
        run = self._run
        none = "" if run.result is not None else "Measure fibers first."
        allow(self.button, "Wait until it is done." if run.running else none)
        possible = run.prediction() is not None
        allow(self.sweep, "" if possible else NO_PREDICTION)
        if not possible:
            self.sweep.setChecked(False)

    def write(self, folder: Path, *, overwrite: bool = False) -> None:
        """Start writing into a folder.

        Parameters
        ----------
        folder
            To make.
        overwrite
            Whether another result of ours may be replaced.

        Raises
        ------
        InputError
            When nothing is measured or shown, or another job is running.
        """
        run = self._run
        run.hand.take_strokes()
        found = run.result
        if found is None:
            raise InputError("Nothing is measured yet.")
        inputs = sources(run.mask, run.image)
        check_output(folder, "fibers", inputs=inputs, overwrite=overwrite, folder=True)
        result = choose_shown(
            found,
            run.view.filter,
            title="Fibers" if run.mask is None else f"Fibers of {run.mask.name}",
            image=None if run.image is None else pixels(run.image),
            labels_file=FILES[self.format.currentText()],
            cautions=run.cautions,
        )
        check_anything_shown(result)
        run.write(
            export_fibers,
            result,
            folder,
            overwrite=overwrite,
            total=len(found.table),
            config=found.config,
            prediction=run.prediction() if self.sweep.isChecked() else None,
        )

    def _on_clicked(self) -> None:
        parent = QFileDialog.getExistingDirectory(self, "Folder for the results")
        if parent:
            try:
                folder = Path(parent) / FOLDER
                write_or_ask(self, lambda sure: self.write(folder, overwrite=sure))
            except InputError as error:
                self._run.failed.emit(str(error))
