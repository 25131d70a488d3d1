"""Hundreds of things that people do, in random order: no error, no lost stroke."""

import logging
import os
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from gui_helpers import bright_bar
from qtpy.QtWidgets import QApplication

from napari_sciml.plugin.session import ViewerSession

pytestmark = [
    pytest.mark.gui,
    pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning"),
]

TIMES = {"stroke": 200, "undo": 30, "switch": 5, "close": 3, "delete": 1}
SEEDS = range(int(os.environ.get("RANDOM_ORDERS", "1")))
"""One takes half a minute; ``RANDOM_ORDERS=3`` tries three."""
DOCKS = ("Annotate", "Train", "Uncertainty", "Fibers")
REST = 25
"""Things that are done between two looks at what has become of them."""


class Drawing:
    """What must be painted on an image, whatever happened meanwhile."""

    def __init__(self, labels: np.ndarray) -> None:
        self.labels = labels.copy()
        self._before: list[np.ndarray] = []

    def paint(self, places: tuple[Any, ...], value: int) -> None:
        """What changes nothing cannot be undone either."""
        if (self.labels[places] != value).any():
            self._before.append(self.labels.copy())
            self.labels[places] = value

    @property
    def can_undo(self) -> bool:
        return bool(self._before)

    def undo(self) -> None:
        self.labels = self._before.pop()

    def rest(self) -> None:
        """As far as an undo goes back on another image is napari's to say."""
        self._before.clear()


class Person:
    """Somebody in a hurry, before a window with two images.

    Parameters
    ----------
    viewer, open_dock
        The fixtures.
    rng
        Draws what is done.
    """

    def __init__(
        self, viewer: Any, open_dock: Callable[[str], Any], rng: np.random.Generator
    ) -> None:
        self.viewer, self.open_dock, self.rng = viewer, open_dock, rng
        self.docks = {name: open_dock(name) for name in DOCKS}
        self.docks["Train"].members.setValue(2)
        self.docks["Train"].seconds.setValue(600)
        self.session = ViewerSession.of(viewer)
        image, labels = bright_bar()
        self.images = [self.session.workspace.image]
        self.annotations = [self.session.workspace.annotation.layer]
        self.drawings = [Drawing(labels), Drawing(np.zeros_like(labels))]
        viewer.add_image(image[:, ::-1] * 1.1, name="turned")
        self.shown = 1
        self.docks["Annotate"].image.picked.emit(viewer.layers["turned"])
        self.images.append(self.session.workspace.image)
        self.annotations.append(self.session.workspace.start_annotating())
        for places in zip(*np.nonzero(labels[:, ::-1]), strict=True):
            value = int(labels[:, ::-1][places])
            self.annotations[1].data_setitem(tuple(places), value)
            self.drawings[1].labels[places] = value
        self.switch()

    def do(self, what: str) -> None:
        getattr(self, what)()
        QApplication.processEvents()

    def stroke(self) -> None:
        layer, drawing = self.annotations[self.shown], self.drawings[self.shown]
        z, y = (int(self.rng.integers(n)) for n in layer.data.shape[:2])
        x = int(self.rng.integers(layer.data.shape[2] - 6))
        value = int(self.rng.integers(1, 3))
        layer.brush_size = 1
        with layer.block_history():
            for along in range(6):
                layer.paint((z, y, x + along), value)
        drawing.paint((z, y, slice(x, x + 6)), value)

    def undo(self) -> None:
        if self.drawings[self.shown].can_undo:
            self.annotations[self.shown].undo()
            self.drawings[self.shown].undo()

    def switch(self) -> None:
        self.drawings[self.shown].rest()
        self.shown = 1 - self.shown
        self.docks["Annotate"].image.picked.emit(self.images[self.shown])

    def close(self) -> None:
        """A dock, and open it again."""
        name = str(self.rng.choice(DOCKS))
        self.viewer.window.remove_dock_widget(self.docks[name])
        QApplication.processEvents()
        self.docks[name] = self.open_dock(name)

    def delete(self) -> None:
        """One of the layers that are ours."""
        ours = [
            layer
            for layer in self.viewer.layers
            if self.session.workspace.layers.owns(layer)
            and layer.name not in {one.name for one in self.annotations}
        ]
        if ours:
            self.viewer.layers.remove(ours[int(self.rng.integers(len(ours)))])

    def train(self) -> None:
        """Go on, where the switch to another image has stopped it."""
        dock = self.docks["Train"]
        dock.redraw()
        if not self.session.training.running:
            dock.start.click()


@pytest.mark.parametrize("seed", SEEDS)
def test_in_any_order_no_stroke_is_lost(
    seed, viewer, session, open_dock, patience, caplog
) -> None:
    rng = np.random.default_rng(seed)
    person = Person(viewer, open_dock, rng)
    person.train()
    patience(lambda: session.prediction.model is not None)
    person.docks["Uncertainty"].redraw()
    person.docks["Uncertainty"].keep.click()
    plan = rng.permutation([what for what, n in TIMES.items() for _ in range(n)])
    for number, what in enumerate(plan, 1):
        person.do(str(what))
        if number % REST == 0:
            check(person, patience)
            person.train()
    check(person, patience)
    workspace = session.workspace
    if not session.training.running:
        person.train()
    patience(lambda: session.training.taken == workspace.annotation.revision)
    given = session.training.labels.given.dense()
    assert np.array_equal(given, person.drawings[person.shown].labels)
    session.training.stop()
    patience(lambda: not workspace.runner.busy)
    assert Counter(plan) == TIMES
    assert [r.message for r in caplog.records if r.levelno >= logging.ERROR] == []


def check(person: Person, patience: Callable[..., Any]) -> None:
    """All that was painted is there, and every dock says what is so."""
    session = person.session
    annotation = session.workspace.annotation
    patience(lambda: not annotation.settling)
    for layer, drawing in zip(person.annotations, person.drawings, strict=True):
        assert np.array_equal(layer.data, drawing.labels)
    assert session.workspace.image is person.images[person.shown]
    assert annotation.layer is person.annotations[person.shown]
    painted = person.drawings[person.shown].labels
    assert np.array_equal(annotation.store.dense(), painted)
    for name, dock in person.docks.items():
        error = getattr(dock, "error", None)
        assert error is None or error.text() == "", name
    said = person.docks["Annotate"].status.text()
    assert said.startswith(f"{np.count_nonzero(painted):,} voxels in ")
