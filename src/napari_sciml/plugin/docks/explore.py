"""The Explore dock: patches as points, to find what to label and what is odd."""

from pathlib import Path
from typing import Any

import numpy as np
from qtpy.QtWidgets import (
    QFileDialog,
    QProgressBar,
    QVBoxLayout,
    QWidget,
)

from napari_sciml.exploring.config import ExploreConfig, Grouping
from napari_sciml.exploring.result import MAP_WORDS, Explored
from napari_sciml.plugin.docks.base import Dock
from napari_sciml.plugin.exploring.class_part import ClassPart
from napari_sciml.plugin.exploring.clusters import ClusterPanel
from napari_sciml.plugin.exploring.form import ExploreForm, combo
from napari_sciml.plugin.exploring.plot import MapPlot
from napari_sciml.plugin.exploring.rows import in_row, toggle
from napari_sciml.plugin.exploring.strip import Strip
from napari_sciml.plugin.kit.replacing import write_or_ask
from napari_sciml.plugin.kit.widgets.controls import (
    button,
    primary_button,
    set_running,
    text_line,
)
from napari_sciml.plugin.train.device_line import DeviceLine

FOLDER = "explored"
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
        self._sketch: np.ndarray | None = None
        self._make_views()
        self._make_actions()
        self._lay_out()
        self._connect()
        self._on_image()

    def _make_views(self) -> None:
        self.form = ExploreForm(self.session.workspace)
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
        self.clusters = ClusterPanel()
        run = self.session.exploring
        self.sorting = ClassPart(
            run.classes, run.selection, self.wiring, self.plot.pixmap
        )
        self.device_line = DeviceLine()

    def _make_actions(self) -> None:
        self.lasso = toggle(
            "lasso",
            "Lasso",
            "Drag round points to select them; with Shift they are added, with Ctrl "
            "taken away. Off, dragging moves the map.",
        )
        self.pictures = toggle(
            "show_thumbnails", "Thumbnails", "Show patches in place of points."
        )
        self.all = button("show_all_points", "Show all", "Zoom to all points.")
        self.label_as = combo("label_selection_class", "Class to label with.")
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
        self.odd = toggle(
            "show_odd", "Odd ones", "List the oddest patches, and show all as heat."
        )
        self.save = button("save_exploration", "Save…", "Write table and pictures.")
        self.open = button(
            "open_exploration", "Open…", "Open a folder that explore wrote."
        )

    def _lay_out(self) -> None:
        self.results = QWidget()
        inner = QVBoxLayout(self.results)
        inner.setContentsMargins(0, 0, 0, 0)
        for row in (
            in_row(self.lasso, self.pictures, self.all),
            self.chosen,
            self.strip,
            in_row(self.label, self.label_as),
            in_row(self.suggest, self.odd),
            self.odd_list,
            self.clusters,
            self.sorting,
        ):
            inner.addWidget(row)
        for widget in (
            *(self.form, self.start, self.enough, self.bar, self.status, self.error),
            *(
                self.plot.widget,
                self.results,
                in_row(self.open, self.save),
                self.device_line,
            ),
        ):
            self.column.addWidget(widget)
        self.column.addStretch(1)

    def _connect(self) -> None:
        session, run = self.session, self.session.exploring
        workspace, selection = session.workspace, run.selection
        self.form.changed.connect(self.redraw)
        self.start.clicked.connect(self._on_start)
        self.enough.clicked.connect(run.end_learning)
        self.lasso.toggled.connect(self.plot.lasso)
        self.pictures.toggled.connect(self.plot.show_pictures)
        self.all.clicked.connect(self.plot.show_all)
        self.plot.lassoed.connect(selection.select)
        for views in (self.plot, self.strip, self.odd_list, self.sorting):
            views.picked.connect(self._go_to)
        self.label.clicked.connect(self._on_label)
        self.suggest.clicked.connect(self._on_suggest)
        self.odd.toggled.connect(self._on_odd)
        self.clusters.asked.connect(self._on_regroup)
        self.clusters.picked.connect(selection.select_cluster)
        self.sorting.recolored.connect(self._recolor)
        self.save.clicked.connect(self._on_save)
        self.open.clicked.connect(self._on_open)
        self.wiring.connect(workspace.image_changed, self._on_image)
        self.wiring.connect(workspace.annotation.classes_changed, self._on_classes)
        self.wiring.connect(run.changed, self.redraw)
        self.wiring.connect(selection.changed, self._on_selection)
        self.wiring.connect(run.failed, self.show_error)

    def _on_image(self) -> None:
        self.form.choose_image(self.session.workspace.image)
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
        return self.form.config(self.clusters.grouping)

    def _on_start(self) -> None:
        run = self.session.exploring
        if run.doing:
            run.stop()
            return
        self._try(lambda: run.explore(self.config(), what=self.form.what))

    def _on_regroup(self, grouping: Grouping) -> None:
        self._try(lambda: self.session.exploring.regroup(grouping))

    def _on_label(self) -> None:
        label = self.label_as.currentIndex() + 1
        self._try(lambda: self.session.exploring.label(label))

    def _on_suggest(self) -> None:
        self._try(self.session.exploring.selection.suggest)

    def _on_odd(self, on: bool) -> None:
        self._try(lambda: self.session.exploring.selection.show_odd(on))
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
        self._try(lambda: self.session.exploring.selection.go_to(index))

    def redraw(self) -> None:
        """Show the state of the job and its result."""
        run = self.session.exploring
        idle = not run.doing
        self.start.setText("Explore" if idle else "Stop")
        set_running(self.start, not idle)
        self.form.redraw(idle=idle)
        self.clusters.redraw(idle=idle)
        self.sorting.allow_work(idle=idle)
        self.enough.setVisible(run.doing == "explore" and run.progress.learning)
        self.open.setEnabled(idle)
        self.save.setEnabled(idle and run.result is not None)
        self.bar.setVisible(not idle)
        self.bar.setValue(round(1000 * run.progress.fraction))
        words = self._words()
        self.status.setText(words[:1].upper() + words[1:])
        if run.sketch is not None:
            self._show_sketch(run.sketch)
        elif self._sketch is not None or run.result is not self._drawn:
            self._show_result()
        there, rough = run.result is not None, run.sketch is not None
        self.results.setVisible(there and not rough)
        self.plot.widget.setVisible(there or rough)

    def _words(self) -> str:
        run = self.session.exploring
        if run.doing:
            return f"{run.progress.doing} …"
        if run.result is None:
            return run.note or NOTHING
        what = "images" if run.result.several else "patches"
        what = "fibers" if run.result.objects else what
        kind = MAP_WORDS.get(run.result.map, run.result.map)
        return f"{len(run.result):,} {what}, mapped by {kind}. {run.note}".strip()

    def _show_sketch(self, sketch: np.ndarray) -> None:
        """Show what an autoencoder has learned so far."""
        if sketch is not self._sketch:
            self._sketch = sketch
            self.plot.sketch(sketch)

    def _show_result(self) -> None:
        selection, old = self.session.exploring.selection, self._drawn
        result = self._drawn = self.session.exploring.result
        if result is None or selection.exploration is None:
            self.plot.show(np.zeros((0, 2), np.float32), np.zeros(0, np.intp), None)
        elif self._sketch is None and old is not None and old.plane is result.plane:
            self._recolor()
        else:
            thumbnail = selection.exploration.patches.thumbnail
            self.plot.show(result.plane, result.clusters, thumbnail)
        self._sketch = None
        self.pictures.setChecked(False)
        self.odd.setChecked(False)
        self._show_odd_list()
        if result is not None:
            self.clusters.show_clusters(result.clusters)
        self._on_selection()

    def _recolor(self) -> None:
        """Color the map by class, or by cluster."""
        result, numbers = self._drawn, self.sorting.numbers
        if result is None or len(self.plot.plane) != len(result):
            return
        self.plot.color(result.clusters if numbers is None else numbers)

    def _on_selection(self) -> None:
        run = self.session.exploring
        if run.result is not self._drawn or self._sketch is not None:
            return  # is drawn with what it belongs to
        selection, result = run.selection, run.result
        self.plot.choose(selection.selected)
        self.plot.mark(selection.marked)
        count = len(selection.selected)
        self.chosen.setText(f"{count:,} selected." if count else NO_SELECTION)
        self.strip.setVisible(bool(count))
        self.strip.show_patches(selection.selected, self.plot.pixmap)
        patches = result is not None and not (result.several or result.objects)
        can = bool(count) and patches
        self.label.setEnabled(can)
        self.label_as.setEnabled(can)

    def _show_odd_list(self) -> None:
        run = self.session.exploring
        on = self.odd.isChecked() and run.result is not None
        self.odd_list.setVisible(on)
        if on and run.result is not None:
            odd = run.result.oddness
            self.odd_list.show_patches(
                run.selection.oddest(),
                self.plot.pixmap,
                lambda index: f"{odd[index]:.1f}",
            )
