"""Checks the strokes against each other, and goes to those that do not fit."""

import numpy as np
from qtpy.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from napari_sciml.plugin.kit.camera import go_to
from napari_sciml.plugin.kit.connections import Connections
from napari_sciml.plugin.kit.runner import Job
from napari_sciml.plugin.kit.widgets.button_job import ButtonJob
from napari_sciml.plugin.kit.widgets.controls import allow, button, text_line
from napari_sciml.plugin.layers.axes import LayerAxes
from napari_sciml.plugin.layers.images import dims_for, pixels
from napari_sciml.plugin.state.workspace import Workspace
from napari_sciml.workflows.validation.doubtful import (
    DoubtfulStroke,
    StrokesChecked,
    check_strokes,
)

NOT_CHECKED = "No stroke is known to be doubtful: press Check strokes first."


class StrokeCheck(QWidget):
    """Two buttons and a line: check all strokes, then go through the doubtful ones.

    Parameters
    ----------
    workspace
        Has the image and its annotation.
    """

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self.setObjectName("stroke_check")
        self._workspace = workspace
        self._found: list[DoubtfulStroke] = []
        self._at = -1
        self.check = button(
            "check_strokes",
            "Check strokes",
            "See which strokes small models that were trained without them take for "
            "something else; takes about a minute.",
        )
        self.next = button(
            "next_doubtful_stroke", "Next doubtful", "Go to the next of these strokes."
        )
        allow(self.next, NOT_CHECKED)
        self.words = text_line("stroke_check_words", "What the check says.")
        row = QHBoxLayout()
        row.addWidget(self.check)
        row.addWidget(self.next)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(row)
        column.addWidget(self.words)
        self.wiring = Connections()
        self.destroyed.connect(self.wiring.close)
        self.job = ButtonJob(
            workspace.runner,
            self.check,
            self.words,
            stop="Stop checking",
            working="Checking your strokes",
            begin=self._begin,
            take=self._on_checked,
        )
        self.next.clicked.connect(self.show_next)
        self.wiring.connect(workspace.image_left, self.forget)

    def forget(self) -> None:
        """Another image is next: what was found is of the old one."""
        self.job.stop()
        self._show([], "")

    def show_next(self) -> None:
        """Go to the next doubtful stroke that is still as it was; round and round."""
        names = self._workspace.annotation.class_names
        store = self._workspace.annotation.store
        for _ in self._found:
            self._at = (self._at + 1) % len(self._found)
            stroke = self._found[self._at]
            flat = np.ravel_multi_index(stroke.place, store.shape)
            label = int(store.labels_at(np.array([flat]))[0])
            if label and names[label - 1 : label] == (stroke.painted,):
                self._go_to(stroke)
                return
        self._show([], "All doubtful strokes are mended.")

    def _begin(self) -> Job:
        workspace = self._workspace
        labels, layer = workspace.scribbles_for_job(), workspace.image
        assert layer is not None
        job = workspace.runner.start(
            check_strokes,
            pixels(layer),
            labels,
            workspace.annotation.class_names,
            dims=dims_for(layer),
            before=workspace.strokes_before,
        )
        self._show([], "")
        return job

    def _on_checked(self, event: StrokesChecked) -> None:
        self._show(list(event.doubtful), _summary(event))

    def _show(self, found: list[DoubtfulStroke], sentence: str) -> None:
        self._found, self._at = found, -1
        allow(self.next, "" if found else NOT_CHECKED)
        self.job.say(sentence)

    def _go_to(self, stroke: DoubtfulStroke) -> None:
        image, viewer = self._workspace.image, self._workspace.viewer
        assert image is not None
        viewer.dims.ndisplay = 2  # where one can paint
        axes = LayerAxes.of(image)
        world = np.asarray(image.data_to_world(axes.point(np.array(stroke.place))))
        go_to(viewer, world[list(axes.own)])
        self.job.say(
            f"{self._at + 1} of {len(self._found)}: you painted {stroke.painted}; a "
            f"model that never saw this stroke says {stroke.said} ({stroke.sure:.0%}). "
            "Erase or repaint it if it is right; leave it if you are."
        )


def _summary(checked: StrokesChecked) -> str:
    count = len(checked.doubtful)
    if not count:
        return f"None of the {checked.strokes} strokes looks doubtful."
    return (
        f"{count} of {checked.strokes} strokes look doubtful: go through them by "
        '"Next doubtful".'
    )
