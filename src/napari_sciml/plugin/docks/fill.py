"""The Fill dock: detector gaps in scattering images."""

from pathlib import Path
from typing import Any

from napari.layers import Labels
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QFormLayout,
    QProgressBar,
    QSpinBox,
)

from napari_sciml.filling.config import FillConfig
from napari_sciml.plugin.docks.base import Dock
from napari_sciml.plugin.kit.replacing import write_or_ask
from napari_sciml.plugin.kit.widgets.controls import (
    allow,
    button,
    primary_button,
    set_running,
    text_line,
)
from napari_sciml.plugin.kit.widgets.layer_picker import LayerPicker

FOLDER = "filled"
METHODS = {
    "Best in the test": "auto",
    "Symmetry": "symmetry",
    "Network": "network",
}
LONGEST = 36_000
SETTINGS = FillConfig()


class FillDock(Dock):
    """Fill the gaps of a detector, and tell how far that can be trusted."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self._make_controls()
        self._make_views()
        self._lay_out()
        self._connect()
        self._on_image()

    def _make_controls(self) -> None:
        viewer = self.session.workspace.viewer
        self.image = LayerPicker(
            viewer, self._images, name="fill_image", tooltip="Image or stack to fill."
        )
        self.mask = LayerPicker(
            viewer,
            self._masks,
            name="fill_mask",
            tooltip="Labels that are not 0 in the gaps; without any they are found.",
        )
        self.find = button(
            "find_gaps",
            "Find gaps",
            "Mark pixels without a value in the layer Gaps: negative, NaN, saturated, "
            "and constant rows and columns. You can paint and erase in it.",
        )
        self.method = QComboBox()
        self.method.setObjectName("fill_method")
        self.method.setToolTip(str(FillConfig.model_fields["method"].description))
        self.method.addItems(list(METHODS))
        self.seconds = QSpinBox()
        self.seconds.setObjectName("fill_seconds")
        self.seconds.setRange(1, LONGEST)
        self.seconds.setValue(round(SETTINGS.seconds))
        self.seconds.setSuffix(" s")
        self.seconds.setToolTip(str(FillConfig.model_fields["seconds"].description))
        self.symmetry = QCheckBox("Same on both sides of the center")
        self.symmetry.setObjectName("fill_symmetry")
        self.symmetry.setChecked(SETTINGS.symmetry)
        self.symmetry.setToolTip(str(FillConfig.model_fields["symmetry"].description))
        self.fill = primary_button(
            "fill_gaps",
            "Fill",
            "Fill the gaps, and test that where the truth is known.",
        )
        self.export = button(
            "export_filling",
            "Export…",
            "Write the filled image, the mask, the uncertainty and a radial profile.",
        )

    def _make_views(self) -> None:
        self.bar = QProgressBar()
        self.bar.setObjectName("fill_progress")
        self.bar.setToolTip("How much is done.")
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.status = text_line("fill_status", "What runs, or was done last.")
        self.verdict = text_line("fill_verdict", "What the test found.")
        self.verdict.setStyleSheet("font-weight: 600;")
        self.details = text_line(
            "fill_details", "What filled, and around which center."
        )

    def _lay_out(self) -> None:
        self.form = QFormLayout()
        self.form.addRow("Image", self.image)
        self.form.addRow("Gaps", self.mask)
        self.form.addRow("", self.find)
        self.form.addRow("Method", self.method)
        self.form.addRow("Training", self.seconds)
        self.column.addLayout(self.form)
        for widget in (self.symmetry, self.fill, self.bar, self.status, self.error):
            self.column.addWidget(widget)
        for widget in (self.verdict, self.details, self.export):
            self.column.addWidget(widget)
        self.column.addStretch(1)

    def _connect(self) -> None:
        workspace, run = self.session.workspace, self.session.filling
        self.image.picked.connect(workspace.choose_image)
        self.find.clicked.connect(lambda: self._try(run.find))
        self.fill.clicked.connect(self._on_fill)
        self.export.clicked.connect(self._on_export)
        self.method.currentIndexChanged.connect(self.redraw)
        self.wiring.connect(workspace.image_changed, self._on_image)
        self.wiring.connect(run.changed, self.redraw)
        self.wiring.connect(run.failed, self.show_error)
        self.wiring.connect(run.gaps_shown, self._on_gaps)

    def _images(self) -> list[Any]:
        return list(self.session.workspace.images)

    def _masks(self) -> list[Any]:
        layers = self.session.workspace.viewer.layers
        return [layer for layer in layers if isinstance(layer, Labels)]

    def _on_image(self) -> None:
        self.image.refill()
        self.image.choose(self.session.workspace.image)
        self.redraw()

    def _on_gaps(self, layer: object) -> None:
        self.mask.refill()
        if isinstance(layer, Labels):
            self.mask.choose(layer)

    def _settings(self) -> FillConfig:
        return FillConfig.model_validate(
            {
                "method": METHODS[self.method.currentText()],
                "seconds": self.seconds.value(),
                "symmetry": self.symmetry.isChecked(),
            }
        )

    def _on_fill(self) -> None:
        run = self.session.filling
        if run.doing:
            run.stop()
            return
        mask = self.mask.layer
        gaps = mask if isinstance(mask, Labels) else None
        self._try(lambda: run.fill(gaps, self._settings()))

    def _on_export(self) -> None:
        parent = QFileDialog.getExistingDirectory(self, "Folder for the results")
        if parent:
            self.export_to(Path(parent) / FOLDER)

    def export_to(self, folder: Path) -> None:
        """Write the results, or say why not."""
        export = self.session.filling.export
        self._try(
            lambda: write_or_ask(self, lambda sure: export(folder, overwrite=sure))
        )

    def redraw(self, _: object = None) -> None:
        """Show the state of the job and its result."""
        run = self.session.filling
        idle = not run.doing
        self.fill.setText("Fill" if idle else "Stop")
        set_running(self.fill, not idle)
        for control in (self.image, self.mask, self.find, self.method, self.symmetry):
            control.setEnabled(idle)
        learns = METHODS[self.method.currentText()] != "symmetry"
        self.seconds.setEnabled(idle and learns)
        none = "" if run.result is not None else "Fill the image first."
        allow(self.export, none if idle else "Wait until it is filled.")
        self.bar.setVisible(not idle)
        self.bar.setValue(round(1000 * run.step.fraction))
        self.status.setText(run.note if idle else f"{run.step.doing.capitalize()} …")
        self.status.setVisible(bool(self.status.text()))
        self._show_result()

    def _show_result(self) -> None:
        result = self.session.filling.result
        self.verdict.setVisible(result is not None)
        self.details.setVisible(result is not None)
        if result is None:
            return
        self.verdict.setText(f"{result.verdict}.")
        y, x = result.center
        said = [
            f"Filled by {result.method}; center {y:.1f}, {x:.1f} (drag the point and "
            "fill again to move it).",
            *result.cautions,
        ]
        self.details.setText(" ".join(said))
