"""The Focus dock: which parts of the image can be trusted."""

from pathlib import Path
from typing import Any

from napari.layers import Image
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QFormLayout,
    QProgressBar,
    QSpinBox,
)

from napari_sciml.errors import InputError
from napari_sciml.focus.levels import TILE
from napari_sciml.focus.rating.verdict import verdict
from napari_sciml.images.channels import channels_of
from napari_sciml.images.gray import usual_channel
from napari_sciml.plugin.docks.base import Dock
from napari_sciml.plugin.focus.layers import OUT_OF_FOCUS
from napari_sciml.plugin.focus.model import FocusModelPanel
from napari_sciml.plugin.focus.plots import FocusLegend, LevelCurve
from napari_sciml.plugin.focus.table import FocusTable
from napari_sciml.plugin.kit.replacing import write_or_ask
from napari_sciml.plugin.kit.widgets.controls import (
    allow,
    button,
    primary_button,
    set_running,
    text_line,
)
from napari_sciml.plugin.kit.widgets.layer_picker import LayerPicker
from napari_sciml.plugin.layers.images import pixels
from napari_sciml.plugin.train.device_line import DeviceLine

FOLDER = "focus"
SMALLEST_TILE, LARGEST_TILE = 16, 2048
NOT_RATED = "Nothing is rated yet."


class FocusDock(Dock):
    """Rate the focus of the image, tile by tile."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self._drawn: object = self  # the rating that table and curve show
        self._make_controls()
        self._make_views()
        self._lay_out()
        self._connect()
        self._on_image()
        self._on_counted()

    def _make_controls(self) -> None:
        self.image = LayerPicker(
            self.session.workspace.viewer,
            self._images,
            name="image",
            tooltip="Image to rate.",
        )
        self.channel = QComboBox()
        self.channel.setObjectName("focus_channel")
        self.channel.setToolTip("Which channel to rate, or the mean of all.")
        self.tile = QSpinBox()
        self.tile.setObjectName("focus_tile")
        self.tile.setRange(SMALLEST_TILE, LARGEST_TILE)
        self.tile.setValue(TILE)
        self.tile.setSuffix(" pixels")
        self.tile.setToolTip(
            f"Edge of a tile. Tiles of another size are resized to {TILE} pixels, "
            "and the blur is counted in these."
        )
        self.rate = primary_button(
            "rate_focus",
            "Rate focus",
            "Tell for each tile of the image how sharp it is.",
        )
        self.export = button(
            "export_focus", "Export…", "Write the table, a summary and a picture."
        )
        self.exclude = QCheckBox("Exclude what is out of focus")
        self.exclude.setObjectName("exclude_out_of_focus")
        self.exclude.setToolTip(
            f'Under the layer "{OUT_OF_FOCUS}", strokes are not learned from, nor '
            "counted, predictions are not shown, and nothing is sure. You can paint "
            "and erase in that layer."
        )
        self.exclude.setChecked(self.session.workspace.exclusion.wanted)
        self.model = FocusModelPanel(self.session.workspace, self.session.focus)

    def _make_views(self) -> None:
        self.bar = QProgressBar()
        self.bar.setObjectName("focus_progress")
        self.bar.setToolTip("How much is done.")
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.status = text_line("focus_status", "What runs, or was done last.")
        self.verdict = text_line("focus_verdict", "The whole image in a sentence.")
        self.verdict.setStyleSheet("font-weight: 600;")
        self.legend = FocusLegend()
        self.curve = LevelCurve()
        self.table = FocusTable()
        self.excluded = text_line("excluded_strokes", "What the training leaves out.")
        self.model_name = text_line("focus_model_name", "Which model rates.")
        self.device_line = DeviceLine()

    def _lay_out(self) -> None:
        self.form = QFormLayout()
        self.form.addRow("Image", self.image)
        self.form.addRow("Channel", self.channel)
        self.form.addRow("Tile", self.tile)
        self.form.addRow("Model", self.model_name)
        self.column.addLayout(self.form)
        for widget in (self.rate, self.bar, self.status, self.error, self.verdict):
            self.column.addWidget(widget)
        for widget in (self.legend, self.curve):
            self.column.addWidget(widget)
        self.column.addWidget(self.table, stretch=1)
        for widget in (self.exclude, self.excluded, self.export, self.model):
            self.column.addWidget(widget)
        self.column.addWidget(self.device_line)

    def _connect(self) -> None:
        session, run = self.session, self.session.focus
        self.image.picked.connect(session.workspace.pick_image)
        self.rate.clicked.connect(self._on_rate)
        self.export.clicked.connect(self._on_export)
        self.exclude.toggled.connect(session.workspace.exclusion.want)
        self.table.chosen.connect(run.choose)
        self.curve.chosen.connect(run.go_to_plane)
        self.model.failed.connect(self.show_error)
        self.wiring.connect(session.workspace.image_changed, self._on_image)
        self.wiring.connect(session.workspace.view_changed, self._on_view)
        self.wiring.connect(session.workspace.annotation.counted, self._on_counted)
        self.wiring.connect(session.workspace.exclusion.changed, self._on_counted)
        self.wiring.connect(run.changed, self.redraw)
        self.wiring.connect(run.failed, self.show_error)
        self.wiring.connect(run.clicks.picked, self.table.choose)

    def _images(self) -> list[Any]:
        return list(self.session.workspace.images)

    def _on_image(self) -> None:
        image = self.session.workspace.image
        self.image.refill()
        self.image.choose(image)
        channels = _channels_to_choose(image)
        self.channel.clear()
        self.channel.addItem("Mean of all")
        self.channel.addItems([f"Channel {n}" for n in range(channels)])
        usual = usual_channel(channels, color=image is not None and image.rgb)
        self.channel.setCurrentIndex(0 if usual is None else usual + 1)
        self.form.labelForField(self.channel).setVisible(bool(channels))
        self.channel.setVisible(bool(channels))
        self.redraw()

    def _on_rate(self) -> None:
        run = self.session.focus
        if run.doing:
            run.stop()
            return
        channel = self.channel.currentIndex() - 1
        self._try(
            lambda: run.rate(
                tile=self.tile.value(), channel=None if channel < 0 else channel
            )
        )

    def _on_export(self) -> None:
        parent = QFileDialog.getExistingDirectory(self, "Folder for the results")
        if parent:
            folder, export = Path(parent) / FOLDER, self.session.focus.export
            self._try(
                lambda: write_or_ask(self, lambda sure: export(folder, overwrite=sure))
            )

    def export_to(self, folder: Path) -> None:
        """Write the results, or say why not."""
        self._try(lambda: self.session.focus.export(folder))

    def _on_view(self) -> None:
        run = self.session.focus
        if run.best is not None and run.shown is not None:
            self.curve.mark(run.shown.shown_plane(self.session.workspace.viewer)[0])

    def _on_counted(self, counts: object = None) -> None:
        self.excluded.setText(self.session.workspace.annotation.excluded_sentence())
        self.excluded.setVisible(bool(self.excluded.text()))

    def redraw(self) -> None:
        """Show the state of the job and its result."""
        run = self.session.focus
        self.rate.setText("Stop" if run.doing else "Rate focus")
        set_running(self.rate, bool(run.doing))
        idle = not run.doing
        none = "" if run.result is not None else "Rate the focus first."
        allow(self.export, none if idle else "Wait until the focus is rated.")
        allow(self.exclude, "" if self.exclude.isChecked() else none)
        for control in (self.tile, self.channel, self.image):
            control.setEnabled(idle)
        self.bar.setVisible(not idle)
        self.bar.setValue(round(1000 * run.progress.fraction))
        self.status.setText(self._status())
        self.status.setVisible(bool(self.status.text()))
        self.model_name.setText(run.model_name)
        self.verdict.setVisible(idle or run.result is not None)
        if run.result is not self._drawn:
            self._show_result()

    def _status(self) -> str:
        run = self.session.focus
        if not run.doing:
            return run.note
        left = run.progress.seconds_left
        return run.progress.text + ("" if left is None else f" {_words(left)} left.")

    def _show_result(self) -> None:
        run = self.session.focus
        result = self._drawn = run.result
        self.curve.setVisible(run.best is not None)
        self.table.show_tiles(result, run.planes)
        if result is None:
            self.verdict.setText(NOT_RATED)
            return
        self.verdict.setText(verdict(result, planes=run.planes) + _scaled(run.scale))
        self.legend.set_tile(result.tile)
        if run.best is not None:
            self.curve.show_curve(run.best, run.planes)
            if run.best.index is not None:
                self.table.scroll_to_plane(run.best.index)
            self._on_view()


def _channels_to_choose(layer: Image | None) -> int:
    """Channels of an image to choose from; 0 where there is no choice."""
    try:
        channels = channels_of(pixels(layer))
    except InputError:
        return 0
    return 0 if channels < 2 or (layer is not None and layer.rgb) else channels


def _words(seconds: float) -> str:
    if seconds < 90:
        return f"About {max(1, round(seconds))} s"
    return f"About {round(seconds / 60)} min"


def _scaled(scale: tuple[float, float] | None) -> str:
    if scale is None:
        return ""
    return f" Values {scale[0]:g} to {scale[1]:g} were taken for 0 to 1."
