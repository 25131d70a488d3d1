"""The Train dock: one button, and what comes of it."""

from functools import partial
from typing import Any

from pydantic import ValidationError
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import (
    QComboBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QProgressBar,
    QWidget,
)
from superqt import QCollapsible

from napari_sciml.errors import InputError, one_line
from napari_sciml.io.settings import training_settings
from napari_sciml.plugin.batch.window import FilesWindow
from napari_sciml.plugin.docks.base import Dock
from napari_sciml.plugin.kit.colors import UNCERTAIN
from napari_sciml.plugin.kit.controls import (
    button,
    caution_line,
    primary_button,
    set_running,
    text_line,
)
from napari_sciml.plugin.kit.forms import number, whole_number
from napari_sciml.plugin.kit.replacing import write_or_ask
from napari_sciml.plugin.reader import open_once
from napari_sciml.plugin.train.device_line import DeviceLine
from napari_sciml.plugin.train.history_list import HistoryList
from napari_sciml.plugin.train.images_list import ImagesList
from napari_sciml.plugin.train.loss_plot import LossPlot
from napari_sciml.plugin.train.status import Phase
from napari_sciml.plugin.train.words import (
    tell_key,
    tell_predicted,
    tell_revision,
    tell_scores,
    tell_shown,
)
from napari_sciml.plugin.uncertainty.guide import DISAGREE
from napari_sciml.plugin.uncertainty.whole_volume import WholeVolume
from napari_sciml.training.config import TrainingConfig

REDRAW_MS = 200
DEVICES = ("auto", "cpu", "cuda", "mps")
NETWORKS = {
    "SMSNet: sparse, mixed scales": "smsnet",
    "MSDNet: dense, mixed scales": "msdnet",
    "TUNet: U-Net": "tunet",
    "TUNet3+: U-Net 3+": "tunet3plus",
}


class TrainDock(Dock):
    """Train an ensemble and watch it learn."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self._make_controls()
        self._lay_out()
        self._redraw = QTimer(self)
        self._redraw.setSingleShot(True)
        self._redraw.setInterval(REDRAW_MS)
        self._redraw.timeout.connect(self.redraw)
        self._connect()
        self.redraw()

    def _make_controls(self) -> None:
        self.start = primary_button(
            "start_training",
            "Train",
            "Learn from your strokes, and from new ones while you paint; begins with "
            "the model that is loaded, if there is one.",
        )
        self.pause = button(
            "pause_training",
            "Pause",
            "Hold the training; what is on the screen is predicted all the same.",
        )
        self.start_over = button(
            "start_over",
            "Start over",
            "Begin with new trees and untrained networks, and without a loaded model; "
            "the models in the history stay.",
        )
        self.members = whole_number(TrainingConfig, "members")
        self.seconds = number(TrainingConfig, "seconds", " s")
        self.seconds.setToolTip(
            "How long it goes on learning after your last stroke; then it waits."
        )
        self.seed = whole_number(TrainingConfig, "seed")
        self.network = QComboBox()
        self.network.setObjectName("network_kind")
        self.network.addItems(list(NETWORKS))
        self.network.setToolTip("What the networks of the ensemble are.")
        self.prior = QLineEdit()
        self.prior.setObjectName("class_shares")
        self.prior.setPlaceholderText("estimated")
        self.prior.setToolTip(
            "Share of each class in the image, if you know it: 0.98, 0.02. Empty: "
            "estimated from the image after the training."
        )
        self.device = QComboBox()
        self.device.setObjectName("device")
        self.device.addItems(DEVICES)
        self.device.setToolTip("Where to compute; auto takes a GPU if there is one.")
        self.device_line = DeviceLine()
        self.bar = QProgressBar()
        self.bar.setObjectName("training_progress")
        self.bar.setToolTip("How much of the time budget, or of the image, is done.")
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.status = text_line("training_status", "What the training does now.")
        self.key = text_line(
            "color_key", "What the colors over the image mean.", rich=True
        )
        self.plot = LossPlot()
        self.scores = text_line(
            "held_out_scores", "Dice on strokes that the training never saw; 1 is best."
        )
        self.revision = text_line(
            "revision_line", "Whether the model has seen your last strokes."
        )
        self.shown = text_line("shown_model", "Which model made what you see.")
        self.predicted = text_line(
            "predicted_share", "How much of the image is predicted."
        )
        self.doubts = caution_line(
            "model_doubts", "How this image differs from what the model knows."
        )
        self.predict = button(
            "predict_volume", "Predict", "Predict the whole image with this model."
        )
        self.save = button("save_model", "Save model…", "Write the model to a folder.")
        self.load = button("load_model", "Load model…", "Read a model from a folder.")
        self.whole_volume = WholeVolume(
            self.session.workspace, self.session.prediction, self.device.currentText
        )
        self.run_files = button(
            "run_on_files",
            "Run on files…",
            "Predict many images, keep what is sure, measure fibers and compare.",
        )
        self.files_window: FilesWindow | None = None
        training = self.session.training
        self.history = HistoryList(self.session.history, training.go_back)
        self.images = ImagesList(
            self.session.workspace, training.images, training.learn_from
        )

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.addRow("Networks", self.members)
        form.addRow("Time", self.seconds)
        more = QCollapsible("More", expandedIcon="▾", collapsedIcon="▸")
        more.setObjectName("more_settings")
        more.setToolTip("Settings that are seldom needed.")
        inner = QWidget()
        hidden = QFormLayout(inner)
        hidden.setContentsMargins(0, 0, 0, 0)
        hidden.addRow("Kind", self.network)
        hidden.addRow("Shares", self.prior)
        hidden.addRow("Seed", self.seed)
        hidden.addRow("Device", self.device)
        more.addWidget(inner)
        self.column.addWidget(self.start)
        switches = QHBoxLayout()
        switches.addWidget(self.pause)
        switches.addWidget(self.start_over)
        self.column.addLayout(switches)
        self.column.addWidget(self.images)
        self.column.addLayout(form)
        self.column.addWidget(more)
        for widget in (self.device_line, self.bar, self.status, self.error):
            self.column.addWidget(widget)
        for widget in (
            *(self.shown, self.doubts, self.predicted, self.revision),
            *(self.plot.widget, self.scores, self.key, self.history),
        ):
            self.column.addWidget(widget)
        files = QHBoxLayout()
        for made in (self.predict, self.save, self.load):
            files.addWidget(made)
        self.column.addLayout(files)
        self.column.addWidget(self.whole_volume)
        self.column.addWidget(self.run_files)
        self.column.addStretch()

    def _connect(self) -> None:
        session = self.session
        self.start.clicked.connect(self._on_start)
        self.pause.clicked.connect(self._on_pause)
        self.start_over.clicked.connect(self._on_start_over)
        self.history.failed.connect(self.show_error)
        self.images.failed.connect(self.show_error)
        self.predict.clicked.connect(self._on_predict)
        self.save.clicked.connect(self._on_save)
        self.load.clicked.connect(self._on_load)
        self.run_files.clicked.connect(self.open_files)
        self.device.currentTextChanged.connect(self.device_line.describe)
        self.wiring.connect(session.training.changed, self._on_changed)
        self.wiring.connect(session.training.failed, self.show_error)
        self.wiring.connect(session.prediction.model_changed, self._on_changed)
        self.wiring.connect(session.workspace.annotation.counted, self._on_counted)
        self.wiring.connect(session.workspace.image_changed, self._on_changed)

    @property
    def settings(self) -> TrainingConfig:
        """What the form says."""
        return training_settings(
            None,
            network=NETWORKS[self.network.currentText()],
            prior=self.prior.text().strip() or None,
            members=self.members.value(),
            seconds=self.seconds.value(),
            seed=self.seed.value(),
            device=self.device.currentText(),
        )

    def _on_start(self) -> None:
        training = self.session.training
        if training.running:
            training.stop()
            return
        self._try(lambda: training.start(self.settings))

    def _on_pause(self) -> None:
        self.session.training.pause(not self.session.training.paused)
        self.redraw()

    def _on_start_over(self) -> None:
        self._try(lambda: self.session.training.start_over(self.settings))

    def _on_predict(self) -> None:
        self._try(self.session.training.predict, self.device.currentText())

    def _on_save(self) -> None:
        path, _ = QFileDialog.getSaveFileName(
            self, "Save model in a new folder", "model"
        )
        if path:
            save = self.session.prediction.save
            self._try(write_or_ask, self, lambda sure: save(path, overwrite=sure))

    def open_files(self) -> None:
        """Show the window that runs the model on many files."""
        session = self.session
        if self.files_window is None:
            self.files_window = FilesWindow(
                self,
                session.files,
                sure=lambda: session.sure.for_files,
                fibers=lambda: session.fibers.config,
                device=self.device.currentText,
                open_path=partial(open_once, session.workspace.viewer),
            )
        self.files_window.redraw()
        self.files_window.show()
        self.files_window.raise_()

    def _on_load(self) -> None:
        path = QFileDialog.getExistingDirectory(self, "Folder of a model")
        if path:
            self._try(self._load, path)

    def _load(self, path: str) -> None:
        self.session.prediction.load(path)
        model = self.session.prediction.model
        assert model is not None
        self.session.history.remember(model)

    def _try(self, action: Any, *args: Any) -> None:
        self.show_error("")
        try:
            action(*args)
        except (InputError, ValidationError) as error:
            self.show_error(one_line(error))
        self.redraw()

    def _on_counted(self, counts: object) -> None:
        self._on_changed()

    def _on_changed(self) -> None:
        if not self._redraw.isActive():
            self._redraw.start()

    def redraw(self) -> None:
        """Show the state of the training."""
        training, model = self.session.training, self.session.prediction.model
        idle = not training.running
        learning = training.running and training.phase is not Phase.PREDICTING
        self.pause.setText("Go on" if training.paused else "Pause")
        self.pause.setEnabled(learning and not training.stopped)
        self.start_over.setEnabled(learning and not training.stopped)
        self.start.setText("Train" if idle else "Stop")
        self.start.setEnabled(idle or not training.stopped)
        set_running(self.start, not idle)
        fields = (self.members, self.seconds, self.network, self.prior, self.seed)
        for control in (*fields, self.device, self.load):
            control.setEnabled(idle)
        self.predict.setEnabled(idle and model is not None)
        self.save.setEnabled(model is not None)
        self.bar.setValue(round(1000 * training.status.progress))
        self.status.setText(training.sentence())
        self.plot.show(training.curves)
        self.images.redraw()
        self._tell()

    def _tell(self) -> None:
        """What there is to say about the model at hand."""
        session = self.session
        model, volume = session.prediction.model, session.prediction.probabilities
        self.shown.setText(tell_shown(model, session.history.newest))
        self.doubts.setText(" ".join(session.prediction.doubts))
        self.doubts.setVisible(bool(self.doubts.text()))
        self.predicted.setText(tell_predicted(volume))
        self.predicted.setVisible(bool(self.predicted.text()))
        self.scores.setText(tell_scores(model))
        self.key.setText(self._key())
        revision = session.training.images.revision
        self.revision.setText(tell_revision(model, revision))

    def _key(self) -> str:
        """The colors of our layers, in words."""
        volume = self.session.prediction.probabilities
        if volume is None:
            return ""
        classes = self.session.workspace.annotation.classes
        colors = {
            f"probability of {name}": classes.color_of(label)
            for label, name in enumerate(volume.class_names[1:], start=2)
        }
        colors[DISAGREE] = UNCERTAIN
        return tell_key(colors)
