"""The Explore dock: patches as points, to find what to label and what is odd."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from qtpy.QtGui import QColor, QIcon, QPixmap
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QProgressBar,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from napari_sciml.errors import InputError
from napari_sciml.exploring.config import ExploreConfig, Grouping
from napari_sciml.exploring.maps import map_kinds
from napari_sciml.exploring.result import MAP_WORDS, Explored
from napari_sciml.plugin.docks.base import Dock
from napari_sciml.plugin.exploring.plot import MapPlot, cluster_color
from napari_sciml.plugin.exploring.strip import Strip
from napari_sciml.plugin.kit.controls import (
    button,
    primary_button,
    set_running,
    text_line,
)
from napari_sciml.plugin.kit.layer_picker import LayerPicker
from napari_sciml.plugin.kit.replacing import write_or_ask
from napari_sciml.plugin.train.device_line import DeviceLine

FOLDER = "explored"
DEFAULTS = ExploreConfig()
DESCRIPTIONS = {
    "front": "Fixed filters (at once)",
    "autoencoder": "Autoencoder (learns here)",
    "model": "Trained model",
}
GROUPS = {"kmeans": "KMeans", "hdbscan": "HDBSCAN"}
USUAL_NUMBER = {"kmeans": (6, "", " clusters"), "hdbscan": (50, "from ", "")}
"""Number, and what stands before and after it."""
NOTHING = (
    "Patches of the image become points: those that look alike lie together. Press "
    '"Explore".'
)
NO_SELECTION = (
    'Nothing is selected: switch on "Lasso" and draw round points. Shift adds, Ctrl '
    "takes away."
)


class ExploreDock(Dock):
    """Map the patches of the image, select some and label them."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)
        self._drawn: Explored | None = None
        self._make_settings()
        self._make_views()
        self._make_actions()
        self._lay_out()
        self._connect()
        self._on_image()

    def _make_settings(self) -> None:
        self.image = LayerPicker(
            self.session.workspace.viewer,
            self._images,
            name="explore_image",
            tooltip="Image to explore.",
        )
        self.of = _combo("explore_of", "What the points are.")
        self.of.addItem("Patches of the image", False)
        self.of.addItem("All open images", True)
        self.describe = _combo("explore_describe", "How patches are compared.")
        for kind, title in DESCRIPTIONS.items():
            self.describe.addItem(title, kind)
        self.map = _combo("explore_method", "How the plane is found.")
        for kind in map_kinds():
            self.map.addItem(MAP_WORDS[kind], kind)
        self.patch = _spin("explore_patch", 4, 1024, DEFAULTS.patch, " voxels")
        self.patch.setToolTip("Edge of a patch: about as large as what you look for.")
        self.stride = _spin("explore_stride", 1, 1024, DEFAULTS.stride, " voxels")
        self.stride.setToolTip("From one patch to the next.")
        self.cubes = QCheckBox("Cubes of the volume, not squares of slices")
        self.cubes.setObjectName("explore_cubes")
        self.cubes.setToolTip("Describe 3D patches of a volume.")
        self.seconds = _spin("explore_seconds", 1, 36000, DEFAULTS.seconds, " s")
        self.seconds.setToolTip("How long the autoencoder learns.")

    def _make_views(self) -> None:
        self.start = primary_button(
            "explore", "Explore", "Describe all patches and map them to a plane."
        )
        self.enough = button(
            "enough_learned",
            "Learned enough",
            "End the training here, and map what it has learned.",
        )
        self.bar = QProgressBar()
        self.bar.setObjectName("explore_progress")
        self.bar.setToolTip("How much is done.")
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.status = text_line("explore_status", "What runs, or was done last.")
        self.plot = MapPlot()
        self.chosen = text_line("explore_selected", "What is selected.")
        self.strip = Strip("selected_patches", "Selected patches: click to go there.")
        self.odd_list = Strip("odd_patches", "The oddest patches, and how odd.")
        self.device_line = DeviceLine()

    def _make_actions(self) -> None:
        self.lasso = _toggle(
            "lasso",
            "Lasso",
            "Drag round points to select them; with Shift they are added, with Ctrl "
            "taken away. Off, dragging moves the map.",
        )
        self.pictures = _toggle(
            "show_thumbnails", "Thumbnails", "Show patches in place of points."
        )
        self.all = button("show_all_points", "Show all", "Zoom to all points.")
        self.label_as = _combo("label_selection_class", "Class to label with.")
        self.label = button(
            "label_selection",
            "Label selection as",
            "Label the middle third of each selected patch; what you have painted "
            "stays, and Ctrl-Z in the annotation undoes it.",
        )
        self.suggest = button(
            "suggest_different",
            "Suggest different ones",
            "Select ten patches that differ most from the selected ones.",
        )
        self.cluster = _combo("select_cluster", "Select all patches of a cluster.")
        self.grouping = _combo("group_by", "How clusters are found.")
        for kind, title in GROUPS.items():
            self.grouping.addItem(title, kind)
        self.number = _spin("group_number", 2, 100_000, 6, " clusters")
        self.number.setToolTip(
            "Clusters of KMeans, or the least patches of one of HDBSCAN."
        )
        self.regroup = button("find_clusters", "Find", "Look for these clusters.")
        self.odd = _toggle(
            "show_odd", "Odd ones", "List the oddest patches, and show all as heat."
        )
        self.save = button("save_exploration", "Save…", "Write table and pictures.")
        self.open = button(
            "open_exploration", "Open…", "Open a folder that explore wrote."
        )

    def _lay_out(self) -> None:
        self.form = QFormLayout()
        for title, control in (
            ("Image", self.image),
            ("Of", self.of),
            ("Described by", self.describe),
            ("Learn for", self.seconds),
            ("Map", self.map),
            ("Patch", self.patch),
            ("Every", self.stride),
        ):
            self.form.addRow(title, control)
        self.form.addRow(self.cubes)
        self.column.addLayout(self.form)
        for widget in (self.start, self.enough, self.bar, self.status, self.error):
            self.column.addWidget(widget)
        self.results = QWidget()
        inner = QVBoxLayout(self.results)
        inner.setContentsMargins(0, 0, 0, 0)
        for row in (
            self.plot.widget,
            _row(self.lasso, self.pictures, self.all),
            self.chosen,
            self.strip,
            _row(self.label, self.label_as),
            _row(self.suggest, self.odd),
            self.odd_list,
            _row(self.grouping, self.number, self.regroup),
            self.cluster,
        ):
            inner.addWidget(row)
        self.column.addWidget(self.results)
        self.column.addWidget(_row(self.open, self.save))
        self.column.addWidget(self.device_line)
        self.column.addStretch(1)

    def _connect(self) -> None:
        session, run = self.session, self.session.exploring
        workspace = session.workspace
        self.image.picked.connect(workspace.pick_image)
        self.describe.currentIndexChanged.connect(self.redraw)
        self.of.currentIndexChanged.connect(self.redraw)
        self.grouping.currentIndexChanged.connect(self._on_grouping)
        self.start.clicked.connect(self._on_start)
        self.enough.clicked.connect(run.end_learning)
        self.lasso.toggled.connect(self.plot.lasso)
        self.pictures.toggled.connect(self.plot.show_pictures)
        self.all.clicked.connect(self.plot.show_all)
        self.plot.picked.connect(self._go_to)
        self.plot.lassoed.connect(run.select)
        self.strip.picked.connect(self._go_to)
        self.odd_list.picked.connect(self._go_to)
        self.label.clicked.connect(self._on_label)
        self.suggest.clicked.connect(self._on_suggest)
        self.odd.toggled.connect(self._on_odd)
        self.regroup.clicked.connect(self._on_regroup)
        self.cluster.activated.connect(self._on_cluster)
        self.save.clicked.connect(self._on_save)
        self.open.clicked.connect(self._on_open)
        self.wiring.connect(workspace.image_changed, self._on_image)
        self.wiring.connect(workspace.annotation.classes_changed, self._on_classes)
        self.wiring.connect(session.prediction.model_changed, self.redraw)
        self.wiring.connect(run.changed, self.redraw)
        self.wiring.connect(run.selection_changed, self._on_selection)
        self.wiring.connect(run.failed, self.show_error)

    def _images(self) -> list[Any]:
        return list(self.session.workspace.images)

    def _on_image(self) -> None:
        image = self.session.workspace.image
        self.image.refill()
        self.image.choose(image)
        self._on_classes()
        self.redraw()

    def _on_classes(self) -> None:
        chosen = self.label_as.currentIndex()
        names = self.session.workspace.annotation.class_names
        self.label_as.clear()
        self.label_as.addItems(list(names))
        known = 0 <= chosen < len(names)
        self.label_as.setCurrentIndex(chosen if known else min(1, len(names) - 1))

    def config(self) -> ExploreConfig:
        """Give the settings that the controls show."""
        return ExploreConfig(
            describe=self.describe.currentData(),
            dims=3 if self.cubes.isChecked() else None,
            patch=self.patch.value(),
            stride=self.stride.value(),
            map=self.map.currentData(),
            clusters=self._grouping(),
            seconds=self.seconds.value(),
        )

    def _grouping(self) -> Grouping:
        return Grouping(kind=self.grouping.currentData(), number=self.number.value())

    def _on_start(self) -> None:
        run = self.session.exploring
        if run.doing:
            run.stop()
            return
        several = bool(self.of.currentData())
        self._try(lambda: run.explore(self.config(), several=several))

    def _on_grouping(self) -> None:
        number, before, after = USUAL_NUMBER[self.grouping.currentData()]
        self.number.setValue(number)
        self.number.setPrefix(before)
        self.number.setSuffix(after)

    def _on_regroup(self) -> None:
        self._try(lambda: self.session.exploring.regroup(self._grouping()))

    def _on_cluster(self, index: int) -> None:
        number = self.cluster.itemData(index)
        if number is not None:
            self._try(lambda: self.session.exploring.select_cluster(int(number)))

    def _on_label(self) -> None:
        label = self.label_as.currentIndex() + 1
        self._try(lambda: self.session.exploring.label(label))

    def _on_suggest(self) -> None:
        self._try(self.session.exploring.suggest)

    def _on_odd(self, on: bool) -> None:
        self._try(lambda: self.session.exploring.show_odd(on))
        self._show_odd_list()

    def _on_save(self) -> None:
        parent = QFileDialog.getExistingDirectory(self, "Folder for the results")
        if parent:
            self.save_to(Path(parent) / FOLDER)

    def save_to(self, folder: Path) -> None:
        """Write the results, or say why not."""
        save = self.session.exploring.save
        self._try(lambda: write_or_ask(self, lambda sure: save(folder, overwrite=sure)))

    def _on_open(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Folder that explore wrote")
        if folder:
            self.open_from(Path(folder))

    def open_from(self, folder: Path) -> None:
        """Show the results of the command, or say why not."""
        self._try(lambda: self.session.exploring.open(folder))

    def _go_to(self, index: int) -> None:
        self._try(lambda: self.session.exploring.go_to(index))

    def _try(self, action: Callable[[], object]) -> None:
        self.show_error("")
        try:
            action()
        except InputError as error:
            self.show_error(str(error))

    def redraw(self, index: object = None) -> None:
        """Show the state of the job and its result."""
        run = self.session.exploring
        idle = not run.doing
        self.start.setText("Explore" if idle else "Stop")
        set_running(self.start, not idle)
        learns = self.describe.currentData() == "autoencoder"
        _show_row(self.form, self.seconds, learns)
        patches = not self.of.currentData()
        for control in (self.patch, self.stride):
            _show_row(self.form, control, patches)
        image = self.session.workspace.image
        self.cubes.setVisible(patches and image is not None and image.ndim > 2)
        self.enough.setVisible(run.doing == "explore" and run.progress.learning)
        for control in (
            *(self.image, self.of, self.describe, self.map, self.patch),
            *(self.stride, self.cubes, self.seconds, self.open),
        ):
            control.setEnabled(idle)
        self.bar.setVisible(not idle)
        self.bar.setValue(round(1000 * run.progress.fraction))
        words = self._words()
        self.status.setText(words[:1].upper() + words[1:])
        self.status.setVisible(bool(words))
        if run.result is not self._drawn:
            self._show_result()
        self._enable()

    def _words(self) -> str:
        run = self.session.exploring
        if run.doing:
            return f"{run.progress.doing} …"
        if run.result is None:
            return run.note or NOTHING
        what = "images" if run.result.several else "patches"
        kind = MAP_WORDS.get(run.result.map, run.result.map)
        return f"{len(run.result):,} {what}, mapped by {kind}. {run.note}".strip()

    def _enable(self) -> None:
        run = self.session.exploring
        there, idle = run.result is not None, not run.doing
        self.results.setVisible(there)
        for control in (self.regroup, self.grouping, self.number, self.save):
            control.setEnabled(there and idle)
        several = run.result is not None and run.result.several
        chosen = there and not several and bool(len(run.selected))
        self.label.setEnabled(chosen)
        self.label_as.setEnabled(chosen)

    def _show_result(self) -> None:
        run, old = self.session.exploring, self._drawn
        result = self._drawn = run.result
        if result is None:
            empty = np.zeros((0, 2), np.float32)
            self.plot.show(empty, np.zeros(0, np.intp), None)
        elif old is not None and old.plane is result.plane:
            self.plot.color(result.clusters)
        else:
            thumbnail = None if run.patches is None else run.patches.thumbnail
            self.plot.show(result.plane, result.clusters, thumbnail)
            self.pictures.setChecked(False)
        self.odd.setChecked(False)
        self._show_odd_list()
        self._show_clusters()
        self._on_selection()

    def _show_clusters(self) -> None:
        result = self.session.exploring.result
        self.cluster.clear()
        self.cluster.addItem("Select a cluster …", None)
        if result is None:
            return
        numbers, counts = np.unique(result.clusters, return_counts=True)
        for number, count in zip(numbers.tolist(), counts.tolist(), strict=True):
            name = "In no cluster" if number < 0 else f"Cluster {number}"
            icon = QPixmap(12, 12)
            icon.fill(QColor(cluster_color(number)))
            self.cluster.addItem(QIcon(icon), f"{name} ({count:,})", number)

    def _on_selection(self) -> None:
        run = self.session.exploring
        self.plot.choose(run.selected)
        self.plot.mark(run.at)
        count = len(run.selected)
        self.chosen.setText(f"{count:,} selected." if count else NO_SELECTION)
        self.chosen.setVisible(run.result is not None)
        self.strip.setVisible(bool(count))
        self.strip.show_patches(run.selected, self.plot.pixmap)
        self._enable()

    def _show_odd_list(self) -> None:
        run = self.session.exploring
        on = self.odd.isChecked() and run.result is not None
        self.odd_list.setVisible(on)
        if on and run.result is not None:
            odd = run.result.oddness
            words = "{:.1f}".format
            self.odd_list.show_patches(
                run.oddest(),
                self.plot.pixmap,
                lambda index: words(float(odd[index])),
            )


def _combo(name: str, tooltip: str) -> QComboBox:
    made = QComboBox()
    made.setObjectName(name)
    made.setToolTip(tooltip)
    made.setMinimumContentsLength(8)
    policy = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
    made.setSizeAdjustPolicy(policy)
    return made


def _spin(name: str, low: int, high: int, value: float, suffix: str) -> QSpinBox:
    made = QSpinBox()
    made.setObjectName(name)
    made.setRange(low, high)
    made.setValue(round(value))
    made.setSuffix(suffix)
    return made


def _toggle(name: str, text: str, tooltip: str) -> QPushButton:
    made = button(name, text, tooltip)
    made.setCheckable(True)
    return made


def _row(*controls: QWidget) -> QWidget:
    row = QWidget()
    line = QHBoxLayout(row)
    line.setContentsMargins(0, 0, 0, 0)
    for control in controls:
        line.addWidget(control)
    return row


def _show_row(form: QFormLayout, control: QWidget, on: bool) -> None:
    form.labelForField(control).setVisible(on)
    control.setVisible(on)
