"""The Restore dock: measure the noise, then remove what can be told from structure."""

from pathlib import Path
from typing import Any

from napari.layers import Image
from qtpy.QtWidgets import (
    QComboBox,
    QFileDialog,
    QFormLayout,
    QProgressBar,
    QSpinBox,
)

from napari_sciml.errors import InputError
from napari_sciml.plugin.docks.base import Dock
from napari_sciml.plugin.kit.replacing import write_or_ask
from napari_sciml.plugin.kit.widgets.controls import (
    allow,
    button,
    primary_button,
    set_grave,
    set_running,
    text_line,
)
from napari_sciml.plugin.kit.widgets.layer_picker import LayerPicker
from napari_sciml.plugin.restoration.layers import SWIPE_KEY
from napari_sciml.plugin.restoration.training_use import TrainingUse
from napari_sciml.plugin.train.device_line import DeviceLine
from napari_sciml.restoration.choice import ADVICE, choose_method
from napari_sciml.restoration.config import Method, RestoreConfig
from napari_sciml.workflows.restoring.preparing import METHOD_WORDS

TITLES: dict[Method, str] = {
    "auto": "By the noise",
    "pixel": "Blind pixel",
    "slice": "Blind slice",
    "pairs": "Second scan",
    "supervised": "Clean images",
    "tv": "Total variation",
    "nlm": "Non-local means",
    "gaussian": "Gaussian",
}
FILTERS_INSTEAD = (
    "Choose the method Total variation, Non-local means or Gaussian, whose strength is "
    "set by the measured noise, or give a second scan or clean images."
)
PARTNERS = {"pairs": "Second scan", "supervised": "Clean image"}
FILTERS = ("tv", "nlm", "gaussian")
MEASURING = "Measuring the noise …"
CLEAN_LOOK = "For looking: networks mostly find fibers better in the raw image."
DEFAULTS = RestoreConfig()


class RestoreDock(Dock):
    """Restore the image, live on the slice that is shown."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self._make_controls()
        self._make_lines()
        self._lay_out()
        self._connect()
        self._on_image()

    def _make_controls(self) -> None:
        viewer = self.session.workspace.viewer
        self.image = LayerPicker(
            viewer, self._images, name="image", tooltip="Image to restore."
        )
        self.method = QComboBox()
        self.method.setObjectName("restore_method")
        self.method.setToolTip("How to tell noise from structure.")
        for method, title in TITLES.items():
            self.method.addItem(title, method)
        self.partner = LayerPicker(
            viewer,
            self._others,
            name="restore_partner",
            tooltip="Image of the same to learn from, voxel upon voxel.",
        )
        self.seconds = _spin("restore_seconds", 5, 36000, DEFAULTS.seconds, " s")
        self.seconds.setToolTip("How long networks learn.")
        self.members = _spin("restore_members", 1, 10, DEFAULTS.members, "")
        self.members.setToolTip("Several tell how much they differ; each learns less.")
        self.start = primary_button(
            "start_restoring", "Restore", "Remove the noise from the whole image."
        )
        self.swipe = button(
            "show_original",
            "Hold to see the original",
            "Shows the image as it was while it is held down; key "
            f"{SWIPE_KEY} on the layer does the same.",
        )
        self.save = button(
            "save_restored", "Save…", "Write the restored image, marked as such."
        )

    def _make_lines(self) -> None:
        self.noise = text_line("noise_line", "What was measured of the noise.")
        self.choice = text_line("restore_choice", "What will be done.")
        self.bar = QProgressBar()
        self.bar.setObjectName("restore_progress")
        self.bar.setToolTip("How much is done.")
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.status = text_line("restore_status", "What runs, or was done last.")
        self.removed = text_line(
            "removed_line", "Whether structure went with the noise."
        )
        self.advice = text_line("restore_advice", "What it is for.", CLEAN_LOOK)
        session = self.session
        self.training_use = TrainingUse(session.workspace, session.restoring)
        self.device_line = DeviceLine()

    def _lay_out(self) -> None:
        self.form = QFormLayout()
        for title, control in (
            ("Image", self.image),
            ("Method", self.method),
            ("Second scan", self.partner),
            ("Learn for", self.seconds),
            ("Networks", self.members),
        ):
            self.form.addRow(title, control)
        self.column.addLayout(self.form)
        for widget in (
            self.noise,
            self.choice,
            self.start,
            self.bar,
            self.status,
            self.error,
            self.removed,
            self.swipe,
            self.save,
            self.training_use,
            self.advice,
            self.device_line,
        ):
            self.column.addWidget(widget)
        self.column.addStretch(1)

    def _connect(self) -> None:
        workspace, run = self.session.workspace, self.session.restoring
        self.image.picked.connect(workspace.choose_image)
        self.method.currentIndexChanged.connect(self.redraw)
        self.start.clicked.connect(self._on_start)
        self.save.clicked.connect(self._on_save)
        self.swipe.pressed.connect(self._on_pressed)
        self.swipe.released.connect(self._on_released)
        self.wiring.connect(workspace.image_changed, self._on_image)
        self.wiring.connect(run.changed, self.redraw)
        self.wiring.connect(run.failed, self.show_error)

    def _images(self) -> list[Any]:
        return list(self.session.workspace.images)

    def _others(self) -> list[Any]:
        image = self.session.workspace.image
        return [layer for layer in self._images() if layer is not image]

    def _on_image(self) -> None:
        self.image.refill()
        self.image.choose(self.session.workspace.image)
        self.partner.refill()
        self.show_error("")
        self.session.restoring.measure()
        self.redraw()

    def _on_start(self) -> None:
        run = self.session.restoring
        if run.doing == "restore":
            run.stop()
            return
        config = RestoreConfig(
            method=self._method,
            seconds=self.seconds.value(),
            members=self.members.value(),
        )
        self._try(lambda: run.restore(config, self._partner))

    def _on_save(self) -> None:
        name, _ = QFileDialog.getSaveFileName(
            self, "Restored image", "", "Images (*.tif *.zarr)"
        )
        if name:
            self.save_to(Path(name))

    def save_to(self, path: Path) -> None:
        """Write the restored image, or say why not."""
        save = self.session.restoring.save
        self._try(lambda: write_or_ask(self, lambda sure: save(path, overwrite=sure)))

    def _on_pressed(self) -> None:
        self.session.restoring.swipe(True)

    def _on_released(self) -> None:
        self.session.restoring.swipe(False)

    @property
    def _method(self) -> Method:
        method: Method = self.method.currentData()
        return method

    @property
    def _partner(self) -> Image | None:
        layer = self.partner.layer if self._method in PARTNERS else None
        return layer if isinstance(layer, Image) else None

    def redraw(self, index: int | None = None) -> None:
        """Show the state of the job, what was measured, and the result."""
        run = self.session.restoring
        idle = not run.doing
        self.start.setText("Stop" if run.doing == "restore" else "Restore")
        set_running(self.start, run.doing == "restore")
        allowed, choice = self._choice()
        self.start.setEnabled(run.doing != "write" and (allowed or not idle))
        for control in (self.image, self.method, self.partner):
            control.setEnabled(idle)
        for control in (self.seconds, self.members):
            control.setEnabled(idle and self._method not in FILTERS)
        none = "" if run.result is not None else "Restore the image first."
        why_not = none if idle else "Wait until it is restored."
        for control in (self.swipe, self.save):
            allow(control, why_not)
        self.training_use.job.allow(why_not)
        self._show_partner()
        self.noise.setText(self._noise())
        self.choice.setText(choice)
        set_grave(self.choice, not allowed)
        self.choice.setVisible(bool(choice))
        self.bar.setVisible(not idle)
        self.bar.setValue(round(1000 * run.progress.fraction))
        words = run.note if idle else run.progress.words
        self.status.setText(words[:1].upper() + words[1:])
        self.status.setVisible(bool(words))
        self._show_removed()

    def _show_partner(self) -> None:
        title = PARTNERS.get(self._method)
        label = self.form.labelForField(self.partner)
        label.setText(title or "")
        label.setVisible(title is not None)
        self.partner.setVisible(title is not None)

    def _show_removed(self) -> None:
        run = self.session.restoring
        self.removed.setText(run.removed_sentence)
        self.removed.setVisible(bool(run.removed_sentence))
        went = run.result is not None and run.result.removed.structure_went
        set_grave(self.removed, went)

    def _noise(self) -> str:
        run = self.session.restoring
        if self.session.workspace.image is None:
            return "There is no image: open one, or File > Open Sample."
        if run.trouble:
            return run.trouble
        return MEASURING if run.report is None else run.report.sentence

    def _choice(self) -> tuple[bool, str]:
        """Whether something can be done, and what, or why nothing can be."""
        run, method = self.session.restoring, self._method
        if run.report is None:
            return True, ""
        given = {"second": method == "pairs", "clean": method == "supervised"}
        try:
            chosen = choose_method(method, run.report, **given)
        except InputError as error:
            # What was measured stands above it already.
            said = str(error).removeprefix(run.report.sentence[:-1]).lstrip(":, ")
            return False, FILTERS_INSTEAD if ADVICE in said else said.capitalize()
        words = METHOD_WORDS[chosen]
        return True, words[:1].upper() + words[1:] + "."


def _spin(name: str, low: int, high: int, value: float, suffix: str) -> QSpinBox:
    made = QSpinBox()
    made.setObjectName(name)
    made.setRange(low, high)
    made.setValue(round(value))
    made.setSuffix(suffix)
    return made
