"""Which focus model rates: load one, or train your own."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from napari.layers import Image
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_sciml.focus.config import FocusTrainingConfig
from napari_sciml.plugin.focus.controller import FocusController
from napari_sciml.plugin.kit.attempt import attempt
from napari_sciml.plugin.kit.connections import Connections
from napari_sciml.plugin.kit.replacing import write_or_ask
from napari_sciml.plugin.kit.widgets.controls import button, set_running
from napari_sciml.plugin.kit.widgets.forms import number

if TYPE_CHECKING:
    from napari_sciml.plugin.state.workspace import Workspace

HEIGHT = 60
MODELS = (
    "Focus models (focus.json focus.safetensors);;"
    "Model of 2018 (*.zip *.index *.data-00000-of-00001);;All files (*)"
)
IMAGES = "Images (*.tif *.tiff *.npy *.png);;All files (*)"
PATH_ROLE = int(Qt.ItemDataRole.UserRole)


class FocusModelPanel(QWidget):
    """Says which model rates, and changes it.

    Parameters
    ----------
    workspace
        Has the images.
    run
        Rates, and has the model.
    """

    failed = Signal(str)

    def __init__(self, workspace: "Workspace", run: "FocusController") -> None:
        super().__init__()
        self.setObjectName("focus_model")
        self._workspace, self._run = workspace, run
        self._layers: list[Image] = []
        self._files: list[Path] = []
        self._ticked: set[int] = set()
        self._wiring, self._names = Connections(), Connections()
        self.destroyed.connect(self._wiring.close)
        self.destroyed.connect(self._names.close)
        self._make_controls()
        self._lay_out()
        self._connect()
        self.refill()
        self.redraw()

    def _make_controls(self) -> None:
        self.fold = QToolButton()
        self.fold.setObjectName("show_focus_model")
        self.fold.setText("Another model")
        self.fold.setToolTip(
            "Rate with another model, or train one on your own images."
        )
        self.fold.setCheckable(True)
        self.fold.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.fold.setArrowType(Qt.ArrowType.RightArrow)
        self.load = button(
            "load_focus_model",
            "Load…",
            "A model that was trained here (focus.json), or the files of the model of "
            "Yang et al. (2018).",
        )
        self.built_in = button(
            "built_in_focus_model", "Built-in", "The model that comes with the program."
        )
        self.save = button(
            "save_focus_model", "Save…", "Write the model that you have trained."
        )
        self.help = QLabel("Train on images that are in focus:")
        self.help.setToolTip(
            "Tick images that are in focus all over; of a stack every plane counts. "
            "They are blurred in the computer."
        )
        self.images = QListWidget()
        self.images.setObjectName("in_focus_images")
        self.images.setToolTip("Images in focus to train on: two or more are best.")
        self.images.setFixedHeight(HEIGHT)
        self.add = button(
            "add_in_focus_files", "Add files…", "Train on image files, too."
        )
        self.seconds = number(FocusTrainingConfig, "seconds", " s")
        self.seconds.setObjectName("focus_training_seconds")
        self.train = button(
            "train_focus_model", "Train", "Train a model on the images ticked."
        )

    def _lay_out(self) -> None:
        self.inner = QWidget()
        self.inner.hide()
        column = QVBoxLayout(self.inner)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(_row(self.load, self.built_in, self.save))
        column.addWidget(self.help)
        column.addWidget(self.images)
        column.addLayout(_row(self.add, self.seconds, self.train))
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self.fold)
        outer.addWidget(self.inner)

    def _connect(self) -> None:
        run, layers = self._run, self._workspace.viewer.layers.events
        self.fold.toggled.connect(self._on_fold)
        self.load.clicked.connect(self._on_load)
        self.built_in.clicked.connect(run.use_built_in)
        self.save.clicked.connect(self._on_save)
        self.add.clicked.connect(self._on_add)
        self.train.clicked.connect(self._on_train)
        self._wiring.connect(run.changed, self.redraw)
        for event in (layers.inserted, layers.removed):
            self._wiring.connect(event, self.refill)

    def refill(self, event: object = None) -> None:
        """Offer the images of the viewer and the files that were added."""
        ticked = {id(layer) for layer in self.ticked_layers()}
        unticked = set(self._files) - set(self.ticked_files())
        self._layers = list(self._workspace.images)
        self._names.close()
        self.images.clear()
        for layer in self._layers:
            self._names.connect(layer.events.name, self.refill)
            self._offer(layer.name, id(layer) in ticked)
        for path in self._files:
            self._offer(path.name, path not in unticked)

    def ticked_layers(self) -> list[Image]:
        """Layers to train on."""
        return [layer for i, layer in enumerate(self._layers) if self._is_ticked(i)]

    def ticked_files(self) -> list[Path]:
        """Files to train on."""
        first = len(self._layers)
        pairs = enumerate(self._files, start=first)
        return [path for i, path in pairs if self._is_ticked(i)]

    def add_files(self, paths: list[Path]) -> None:
        """Offer files, ticked."""
        kept = [path for path in paths if path not in self._files]
        self._files += kept
        for path in kept:
            self._offer(path.name, True)

    def redraw(self) -> None:
        """Show the model and what can be done now."""
        run = self._run
        idle = not run.busy
        training = run.doing == "train"
        self.built_in.setEnabled(idle and run.model is not None)
        for control in (self.load, self.add, self.seconds, self.images):
            control.setEnabled(idle)
        self.save.setEnabled(idle and _can_save(run))
        self.train.setText("Stop" if training else "Train")
        self.train.setEnabled(idle or training)
        set_running(self.train, training)

    def _on_fold(self, open_: bool) -> None:
        arrow = Qt.ArrowType.DownArrow if open_ else Qt.ArrowType.RightArrow
        self.fold.setArrowType(arrow)
        self.inner.setVisible(open_)

    def _offer(self, text: str, ticked: bool) -> None:
        item = QListWidgetItem(text)
        item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
        state = Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked
        item.setCheckState(state)
        self.images.addItem(item)

    def _is_ticked(self, row: int) -> bool:
        item = self.images.item(row)
        return item is not None and item.checkState() == Qt.CheckState.Checked

    def _on_load(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Focus model", "", MODELS)
        if path:
            self._try(lambda: self._run.load(Path(path)))

    def _on_save(self) -> None:
        path, _ = QFileDialog.getSaveFileName(
            self, "Save model in a new folder", "focus-model"
        )
        if path:
            save, folder = self._run.save_model, Path(path)
            self._try(
                lambda: write_or_ask(self, lambda sure: save(folder, overwrite=sure))
            )

    def _on_add(self) -> None:
        paths, _ = QFileDialog.getOpenFileNames(self, "Images in focus", "", IMAGES)
        self.add_files([Path(path) for path in paths])

    def _on_train(self) -> None:
        run = self._run
        if run.doing == "train":
            run.stop()
            return
        config = FocusTrainingConfig(seconds=self.seconds.value())
        layers, files = self.ticked_layers(), self.ticked_files()
        self._try(lambda: run.train(layers, files, config))

    def _try(self, action: Callable[[], object]) -> None:
        attempt(action, tell=self.failed.emit)


def _can_save(run: FocusController) -> bool:
    return run.model is not None and not run.model.fixed_scale


def _row(*widgets: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    for one in widgets:
        row.addWidget(one)
    return row
