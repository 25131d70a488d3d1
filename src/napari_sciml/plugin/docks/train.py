"""The Train dock: one button, and what comes of it."""

from functools import partial
from typing import Any

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QProgressBar,
)
from superqt import QCollapsible

from napari_sciml.plugin.batch.window import FilesWindow
from napari_sciml.plugin.docks.base import Dock
from napari_sciml.plugin.kit.attempt import attempt
from napari_sciml.plugin.kit.colors import UNCERTAIN
from napari_sciml.plugin.kit.replacing import write_or_ask
from napari_sciml.plugin.kit.widgets.controls import (
    allow,
    button,
    caution_line,
    primary_button,
    set_running,
    text_line,
)
from napari_sciml.plugin.kit.widgets.copying import RecipeMenu, path_of
from napari_sciml.plugin.reader import open_once
from napari_sciml.plugin.train.device_line import DeviceLine
from napari_sciml.plugin.train.form import TrainForm
from napari_sciml.plugin.train.history_list import HistoryList
from napari_sciml.plugin.train.images_list import ImagesList
from napari_sciml.plugin.train.loss_plot import LossPlot
from napari_sciml.plugin.train.networks_window import NetworksWindow
from napari_sciml.plugin.train.skill_plot import SkillPlot
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
from napari_sciml.workflows.recipes import Recipe, train_recipe

REDRAW_MS = 200


class TrainDock(Dock):
    """Train an ensemble and watch it learn.

    Attributes
    ----------
    alone
        Whether nobody else tells beside it which model is shown.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self.alone = True
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
        self.form = form = TrainForm()
        self.effort, self.members, self.seconds = (
            form.effort,
            form.members,
            form.seconds,
        )
        self.network, self.prior, self.seed = form.network, form.prior, form.seed
        self.device = form.device
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
        self.plot, self.skill = LossPlot(), SkillPlot()
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
        self.draw = button(
            "draw_networks", "Networks…", "See how the networks are wired."
        )
        self.networks_window: NetworksWindow | None = None
        training = self.session.training
        self.history = HistoryList(self.session.history, training.go_back)
        self.images = ImagesList(
            self.session.workspace, training.images, training.learn_from
        )

    def _lay_out(self) -> None:
        more = QCollapsible("More", expandedIcon="▾", collapsedIcon="▸")
        more.setObjectName("more_settings")
        more.setToolTip("Settings and curves that are seldom needed.")
        settings = (self.form.more, self.device_line)
        for widget in (*settings, self.plot.widget, self.draw):
            more.addWidget(widget)
        self.column.addWidget(self.start)
        switches = QHBoxLayout()
        switches.addWidget(self.pause)
        switches.addWidget(self.start_over)
        self.column.addLayout(switches)
        self.column.addWidget(self.form)
        for widget in (self.bar, self.status, self.error, self.skill.widget):
            self.column.addWidget(widget)
        for widget in (
            *(self.shown, self.doubts, self.predicted, self.revision),
            *(self.scores, self.key, self.images, self.history),
        ):
            self.column.addWidget(widget)
        files = QHBoxLayout()
        for made in (self.predict, self.save, self.load):
            files.addWidget(made)
        self.column.addLayout(files)
        self.column.addWidget(self.whole_volume)
        self.column.addWidget(self.run_files)
        self.column.addWidget(more)
        self.column.addStretch()

    def _connect(self) -> None:
        session = self.session
        self.start.clicked.connect(self._on_start)
        RecipeMenu(self.start, self._recipe)
        self.pause.clicked.connect(self._on_pause)
        self.start_over.clicked.connect(self._on_start_over)
        self.history.failed.connect(self.show_error)
        self.images.failed.connect(self.show_error)
        self.predict.clicked.connect(self._on_predict)
        self.save.clicked.connect(self._on_save)
        self.load.clicked.connect(self._on_load)
        self.run_files.clicked.connect(self.open_files)
        self.draw.clicked.connect(self.open_networks)
        self.device.currentTextChanged.connect(self.device_line.describe)
        self.wiring.connect(session.training.changed, self._on_changed)
        self.wiring.connect(session.training.failed, self.show_error)
        self.wiring.connect(session.prediction.model_changed, self._on_changed)
        self.wiring.connect(session.workspace.annotation.counted, self._on_counted)
        self.wiring.connect(session.workspace.image_changed, self._on_changed)

    @property
    def settings(self) -> TrainingConfig:
        """What the form says."""
        return self.form.config

    def _on_start(self) -> None:
        training = self.session.training
        if training.running:
            training.stop()
            return
        self._try(lambda: training.start(self.settings))

    def _recipe(self) -> Recipe:
        image = path_of(self.session.workspace.image)
        labels = path_of(self.session.workspace.annotation.layer)
        before = {"before": self.session.workspace.strokes_before}
        return train_recipe(image, labels, self.settings.model_copy(update=before))

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

    def open_networks(self) -> None:
        """Show the window that draws the networks of the model at hand."""
        model = self.session.prediction.model
        if model is None:
            return
        if self.networks_window is None:
            self.networks_window = NetworksWindow(self)
        self.networks_window.draw(model.ensemble)
        self.networks_window.show()
        self.networks_window.raise_()

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
        attempt(action, *args, tell=self.show_error)
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
        going = learning and not training.stopped
        for control in (self.pause, self.start_over):
            allow(control, "" if going else "No training runs.")
        self.start.setText("Train" if idle else "Stop")
        self.start.setEnabled(idle or not training.stopped)
        set_running(self.start, not idle)
        self.form.set_open(idle)
        busy = "" if idle else "Stop the training first."
        none = "" if model is not None else "There is no model yet: train or load one."
        allow(self.load, busy)
        allow(self.predict, busy or none)
        allow(self.save, none)
        wired = model is not None and bool(model.ensemble.members)
        allow(self.draw, "" if wired else "There is no network yet: train longer.")
        self.bar.setValue(round(1000 * training.status.progress))
        self.status.setText(training.sentence())
        self.plot.show(training.curves)
        self._show_skill()
        self.images.redraw()
        self._tell()

    def _tell(self) -> None:
        """What there is to say about the model at hand."""
        session = self.session
        model, volume = session.prediction.model, session.prediction.probabilities
        self.shown.setText(tell_shown(model, session.history.newest))
        self.doubts.setText(" ".join(session.prediction.doubts))
        self.shown.setVisible(self.alone)
        self.doubts.setVisible(self.alone and bool(self.doubts.text()))
        self.predicted.setText(tell_predicted(volume))
        self.predicted.setVisible(self.alone and bool(self.predicted.text()))
        self.scores.setText(tell_scores(model))
        self.key.setText(self._key())
        revision = session.training.images.revision
        self.revision.setText(tell_revision(model, revision))

    def _show_skill(self) -> None:
        classes = self.session.workspace.annotation.classes
        names = classes.names
        colors = [classes.color_of(label) for label in range(1, len(names) + 1)]
        self.skill.show(self.session.training.curves, names, colors)

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
