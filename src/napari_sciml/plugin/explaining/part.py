"""The part of the Uncertainty dock that asks why."""

import numpy as np
from qtpy.QtCore import QSize, Qt, QTimer
from qtpy.QtGui import QIcon, QImage, QKeySequence, QPixmap
from qtpy.QtWidgets import (
    QListWidget,
    QListWidgetItem,
    QProgressBar,
    QShortcut,
    QVBoxLayout,
    QWidget,
)

from napari_sciml.errors import InputError
from napari_sciml.plugin.explaining.bars import Bars, Dots
from napari_sciml.plugin.explaining.controller import WhyController
from napari_sciml.plugin.kit.connections import Connections
from napari_sciml.plugin.kit.widgets.controls import button, error_line, text_line
from napari_sciml.plugin.kit.widgets.scrolling import ScrollingColumn

ICON = 44
MOST_BARS = 3
"""Single channels that are shown."""
LAID_OUT_MS = 100
"""After which what is new in the dock has its place."""


class WhyPart(QWidget):
    """A button, and below it what is known of the place that was clicked.

    Parameters
    ----------
    run
        Asks.
    wiring
        Of the dock.
    area
        What scrolls in the dock: to the first answer, which begins below its end.
    """

    def __init__(
        self, run: WhyController, wiring: Connections, area: ScrollingColumn
    ) -> None:
        super().__init__()
        self.run, self._area, self._is_first = run, area, False
        self._shown: object = None
        self._known: tuple[object, ...] = ("",) * 5
        self._make_controls()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        for widget in (self.start, self.note, self.error, self.progress):
            column.addWidget(widget)
        for widget in self._answers:
            column.addWidget(widget)
        self.start.clicked.connect(self._on_start)
        self.strokes.itemClicked.connect(self._on_stroke)
        # For where the focus is in a dock.
        self._escape = QShortcut(QKeySequence("Escape"), self)
        self._escape.activated.connect(run.end)
        wiring.connect(run.changed, self.redraw)
        wiring.connect(run.failed, self.show_error)
        run.expect()
        self.redraw()

    def _make_controls(self) -> None:
        self.start = button(
            "why",
            "Why?",
            "Click a place in the image, and see what the model goes by there: its "
            "members, its channels, what is around, and the strokes most like it.",
        )
        self.start.setCheckable(True)
        self.note = text_line("why_note", "What to do.")
        self.error = error_line("why_error", "What went wrong, and what to do.")
        self.progress = QProgressBar()
        self.progress.setObjectName("why_progress")
        self.progress.setToolTip("How far the answer is.")
        self.progress.setRange(0, 100)
        self.members_words = text_line("why_members_words", "What the members say.")
        self.members = Dots(
            "why_members", "Probability by each member; the line is all together."
        )
        self.channels_words = text_line("why_channels_words", "What the model goes by.")
        self.channels = Bars(
            "why_channels",
            "By how much the probability of the right class falls where a channel is "
            "exchanged between labeled voxels: kinds of channels, then single ones.",
        )
        self.strokes_words = text_line("why_strokes_words", "What to do about it.")
        self.strokes = QListWidget()
        self.strokes.setObjectName("why_strokes")
        self.strokes.setToolTip("Labeled places that look alike; click to go there.")
        self.strokes.setIconSize(QSize(ICON, ICON))
        self.strokes.setWordWrap(True)
        self.no_proof = text_line("why_no_proof", "What this does not prove.")
        self._answers = (
            *(self.members_words, self.members, self.channels_words, self.channels),
            *(self.strokes_words, self.strokes, self.no_proof),
        )

    def show_error(self, sentence: str) -> None:
        """Tell what went wrong; an empty sentence hides the line."""
        self.error.setText(sentence)
        self.error.setVisible(bool(sentence))

    def redraw(self) -> None:
        """Show what is known by now."""
        run = self.run
        if run.place != self._shown:
            self._shown = run.place
            self.show_error("")
        self.start.setChecked(run.asking)
        self._escape.setEnabled(run.asking)
        self.note.setText(run.note)
        self.note.setVisible(bool(run.note))
        self.progress.setVisible(bool(run.words))
        self.progress.setValue(round(100 * run.done))
        self.progress.setFormat(run.words)
        known = run.voices, run.channels, run.strokes, run.pictures, not run.words
        if any(a is not b for a, b in zip(known, self._known, strict=True)):
            self._known = known  # it tells how far it is much more often
            self._show_members()
            self._show_channels()
            self._show_strokes()
            if self._is_first and run.voices is not None:
                self._is_first = bool(run.words)
                QTimer.singleShot(LAID_OUT_MS, self._bring_up)

    def _bring_up(self) -> None:
        self._area.begin_with(self.start)

    def _show(self, known: bool, *widgets: QWidget) -> None:
        """Show what is known; while that is asked anew, what was stays, in gray.

        To hide it and to show it again would move all of the dock, twice a click.
        """
        for widget in widgets:
            widget.setEnabled(known)
            if known or not self.run.words:
                widget.setVisible(known)

    def _show_members(self) -> None:
        voices = self.run.voices
        self._show(voices is not None, self.members_words, self.members, self.no_proof)
        if voices is None:
            return
        from napari_sciml.explaining.session import NO_PROOF

        self.no_proof.setText(NO_PROOF)
        self.members_words.setText(
            f"At {voices.center}, by {self.run.model_words}: {voices.sentence}"
        )
        index, lanes = voices.class_index, []
        for name, network in (("trees", False), ("networks", True)):
            lanes.append(
                (
                    name,
                    [
                        float(share[index])
                        for one, share in zip(
                            voices.members, voices.probabilities, strict=True
                        )
                        if (one.network is not None) == network
                    ],
                )
            )
        self.members.show_lanes(lanes, float(voices.mean[index]))

    def _show_channels(self) -> None:
        report = self.run.channels
        self._show(report is not None, self.channels_words, self.channels)
        if report is None:
            return
        of = "your strokes" if report.labeled else "voxels around"
        told = f"What it goes by, asked about {of}. {report.sentence}"
        self.channels_words.setText(told)
        first, *others = [(one.name, one.drop, False) for one in report.kinds]
        singles = [
            (one.name, one.drop, True) for one in report.channels if one.drop > 0
        ]
        self.channels.show_rows([first, *singles[:MOST_BARS], *others])

    def _show_strokes(self) -> None:
        strokes, pictures = self.run.strokes, self.run.pictures
        self._show(bool(strokes), self.strokes_words, self.strokes)
        if not strokes or self.run.voices is None:
            return
        names = self.run.voices.class_names
        wrong = sum(not stroke.agrees for stroke in strokes)
        self.strokes_words.setText(
            "Your strokes that look most alike to the model; click to go there."
            + (" Those labeled otherwise come first: is the label right?" * bool(wrong))
        )
        self.strokes.clear()
        for number, stroke in enumerate(strokes):
            item = QListWidgetItem(stroke.words(names))
            item.setData(Qt.ItemDataRole.UserRole, stroke.place)
            if pictures is not None:
                item.setIcon(self._icon(pictures.planes[number]))
            self.strokes.addItem(item)
        self.strokes.setFixedHeight((ICON + 6) * len(strokes) + 6)

    def _icon(self, plane: np.ndarray) -> QIcon:
        low, high = self.run.limits
        scaled = np.clip((plane - low) / max(high - low, 1e-12), 0, 1)
        gray = np.ascontiguousarray(np.nan_to_num(255 * scaled).astype(np.uint8))
        height, width = gray.shape
        kind = QImage.Format.Format_Grayscale8
        image = QImage(gray.tobytes(), width, height, width, kind).copy()
        return QIcon(QPixmap.fromImage(image).scaled(ICON, ICON))

    def _on_start(self, on: bool) -> None:
        self.show_error("")
        if not on:
            self.run.end()
            return
        try:
            self.run.begin()
            self._is_first = True
        except InputError as error:
            self.start.setChecked(False)
            self.show_error(str(error))

    def _on_stroke(self, item: QListWidgetItem) -> None:
        self.run.go_to(item.data(Qt.ItemDataRole.UserRole))
