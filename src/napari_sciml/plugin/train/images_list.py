"""The list of annotated images in the Train dock."""

import weakref
from collections.abc import Callable

from napari.layers import Image
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QLabel, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from napari_sciml.plugin.kit.attempt import attempt
from napari_sciml.plugin.kit.connections import Connections
from napari_sciml.plugin.state.labels.counting import Counts
from napari_sciml.plugin.state.workspace import Workspace
from napari_sciml.plugin.train.learned_images import LearnedImages

ROWS = 6
"""That are seen without scrolling."""
MARGIN = 6
TICK = "Whether its strokes count."
SHOWN = "The image that you paint on is always learned from."


class ImagesList(QWidget):
    """Which annotated images a training learns from; hidden where there is only one.

    Parameters
    ----------
    workspace
        Of the viewer.
    learned
        The images that are ticked.
    choose
        Ticks an image, or not; InputError where it does not go with the others.
    """

    failed = Signal(str)

    def __init__(
        self,
        workspace: Workspace,
        learned: LearnedImages,
        choose: Callable[[Image, bool], None],
    ) -> None:
        super().__init__()
        self.setObjectName("images")
        self._workspace, self._learned, self._choose = workspace, learned, choose
        self._counts: weakref.WeakKeyDictionary[Image, Counts] = (
            weakref.WeakKeyDictionary()
        )
        self._shown: list[weakref.ref[Image]] = []
        self.rows = QListWidget()
        self.rows.setObjectName("training_images")
        self.rows.setToolTip(
            "Tick the images whose strokes count, too. Strokes on any of them are "
            "learned at once; choose another image in the Annotate dock to paint there."
        )
        self.rows.setWordWrap(True)
        self.rows.itemChanged.connect(self._on_ticked)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(QLabel("Learn from"))
        column.addWidget(self.rows)
        self._wiring = Connections()
        self.destroyed.connect(self._wiring.close)
        self._wiring.connect(workspace.annotation.counted, self._on_counted)
        self._wiring.connect(workspace.image_changed, self.redraw)
        self.setVisible(False)
        self.redraw()

    def redraw(self) -> None:
        """Show the images that are annotated now.

        A training asks for it several times a second: what is shown already stays, or
        the list would scroll back under the hand of who looks for an image.
        """
        images = self._workspace.annotations.images
        ticked = self._learned.ticked
        wanted = [self._row(image, image in ticked) for image in images]
        there = [self.rows.item(n) for n in range(self.rows.count())]
        shown = [(item.text(), item.flags(), item.checkState()) for item in there]
        if (wanted, images) == (shown, [image() for image in self._shown]):
            return
        self.setVisible(len(images) > 1)
        self._shown = [weakref.ref(image) for image in images]
        blocked = self.rows.blockSignals(True)
        self.rows.clear()
        for text, flags, state in wanted:
            item = QListWidgetItem(text)
            item.setFlags(flags)
            item.setCheckState(state)
            item.setToolTip(TICK if flags & Qt.ItemFlag.ItemIsUserCheckable else SHOWN)
            self.rows.addItem(item)
        self.rows.blockSignals(blocked)
        height = self.rows.sizeHintForRow(0) if images else 0
        self.rows.setFixedHeight(height * min(len(images), ROWS) + 2 * MARGIN)

    def _row(
        self, image: Image, ticked: bool
    ) -> tuple[str, Qt.ItemFlag, Qt.CheckState]:
        """Text, flags and tick of an image; the one that is shown has a fixed tick."""
        own = image is self._workspace.image
        flags = Qt.ItemFlag.ItemIsEnabled
        if not own:
            flags |= Qt.ItemFlag.ItemIsUserCheckable
        states = Qt.CheckState
        state = states.Checked if own or ticked else states.Unchecked
        return self._sentence(image), flags, state

    def _sentence(self, image: Image) -> str:
        parts = [image.name]
        if image is self._workspace.image:
            parts.append("shown")
        counts = self._counts.get(image)
        strokes = 0 if counts is None else sum(counts.strokes.values())
        if strokes:
            parts.append(f"{strokes} stroke{'' if strokes == 1 else 's'}")
        dice = self._learned.dice_of.get(image)
        if dice is not None:
            parts.append(f"Dice {dice:.2f}")
        return " · ".join(parts)

    def _on_counted(self, counts: Counts) -> None:
        image = self._workspace.image
        if image is not None and self._workspace.annotation.layer is not None:
            self._counts[image] = counts
        self.redraw()

    def _on_ticked(self, item: QListWidgetItem) -> None:
        image = self._shown[self.rows.row(item)]()
        wanted = item.checkState() == Qt.CheckState.Checked
        if image is None:
            self.failed.emit("")
        else:
            attempt(self._choose, image, wanted, tell=self.failed.emit)
        self.redraw()
