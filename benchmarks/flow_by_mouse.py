"""The whole flow on data of others, with the mouse, by the line *Next* alone.

    xvfb-run -s "-screen 0 1600x1000x24" python benchmarks/flow_by_mouse.py OUT
        [--only glass,axons,carbon,polymer,focus] [--data FOLDER] [--rounds 10]

A simulated person drops the file onto napari's window, opens *Layers > Segment*, does
what the line *Next* of the Workflow dock says until it says that all is done, and
exports. Real mouse and key events, nothing else. A picture of the window after each
step, and a JSON file a data set: minutes, strokes, what the window said, what is true,
the longest holds of the window, and gray buttons that do not say why.
"""

import argparse
import json
import os
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from flow_hand import Hand, NotSeenError, longest, until
from flow_people import SCENES, Painter, Scene, pictures
from flow_truth import compare
from qtpy.QtCore import QPoint
from qtpy.QtWidgets import QAbstractButton, QComboBox, QSpinBox
from race_annotators import BACKGROUND, FIBER

from napari_sciml.plugin.docks.workflow import WorkflowDock

if TYPE_CHECKING:
    from collections.abc import Callable

DATA = Path("/work/shared/data")
AT_FIRST = 3
"""Strokes of each class before the first training."""
MOST = 60
"""Times that *Next* is followed."""
PATIENCE = 420.0
SMALL = "20"
"""Voxels of a piece that the person keeps when most of the mask was dropped."""


class Person:
    """Follows *Next*.

    Parameters
    ----------
    hand
        On the mouse.
    scene
        What is opened.
    rounds
        Corrections that are painted while it trains.
    """

    def __init__(self, hand: Hand, scene: Scene, rounds: int) -> None:
        self.hand, self.scene, self.left = hand, scene, rounds
        self.painter = Painter(scene)
        self.strokes: Counter[int] = Counter()
        self.log: list[tuple[float, str]] = []
        self.gray: set[str] = set()
        self.drops = True
        self.began = time.monotonic()
        self.flow: Any = None
        self.does: dict[str, Callable[[], None]] = {
            "Press Start annotating": lambda: self.press("start_annotating"),
            "Paint a few short strokes": self.paint_first,
            "Press Train": lambda: self.press("start_training"),
            "Paint more strokes of": self.paint_more,
            "Paint where the picture is wrong": self.correct,
            "Wait": self.wait,
            "Press Predict": lambda: self.press("predict_volume"),
            "Keep what is sure": self.keep,
            "Most of the mask is in no fiber": self.drop_less,
            "Press Measure fibers": lambda: self.press("measure_fibers"),
        }

    def open(self) -> None:
        """The file, and the dock."""
        with self.hand.step("open"):
            self.hand.drop(self.scene.path)
            self.hand.menu("Layers", "Segment", "Segment by a few strokes…")
        window = self.hand.window
        self.flow = window.findChild(WorkflowDock)
        self.hand.take("workflow")

    def follow(self) -> None:
        """Do what it says, until there is nothing left."""
        for _ in range(MOST):
            sentence = self.sentence
            self.note(sentence)
            if sentence.startswith("Read the lengths") or (
                sentence.startswith("Most of the mask") and not self.drops
            ):
                return self.export()
            if self.flow.evidence.go.isVisible():
                try:
                    self.hand.click(self.flow.evidence.go)
                except NotSeenError:  # it says something else by now
                    continue
                until(lambda: False, 0.5)
            self.look()
            act = next(
                (a for s, a in self.does.items() if sentence.startswith(s)), None
            )
            if act is None:
                raise RuntimeError(f"Next does not lead: {sentence}")
            with self.hand.step(sentence.split(":")[0][:32]):
                act()
        raise RuntimeError(f"Next goes in circles: {self.log[-6:]}")

    @property
    def sentence(self) -> str:
        """What *Next* says, once it has said it for a moment."""
        text = ""
        while text != self.flow.evidence.next.text():
            text = self.flow.evidence.next.text()
            until(lambda: False, 0.6)
        return text.removeprefix("Next: ")

    def note(self, sentence: str) -> None:
        """Remember what the window says, with a picture where it is new."""
        seconds = time.monotonic() - self.began
        if not self.log or self.log[-1][1] != sentence:
            print(f"{seconds:6.0f} s  {sentence}", flush=True)
            self.hand.take(sentence[:28].replace(" ", "_").replace(":", ""))
        self.log.append((round(seconds), sentence))

    def look(self) -> None:
        """Find what is gray and does not say why."""
        for kind in (QAbstractButton, QComboBox):
            for made in self.flow.findChildren(kind):
                silent = made.property("help") in (None, made.toolTip())
                if made.isVisible() and not made.isEnabled() and silent:
                    self.gray.add(f"{made.objectName()} ({made.toolTip()})")

    def press(self, name: str) -> None:
        """A button of a name, and look what happens."""
        made = self.flow.findChild(QAbstractButton, name)
        before = self.sentence
        self.hand.click(made)
        if not until(lambda: self.changed(before), 120):
            raise RuntimeError(f"nothing happened after {name}; it says: {before}")

    def changed(self, before: str) -> bool:
        """Whether it says something else by now, and has finished measuring."""
        busy = self.flow.session.workspace.measuring.busy
        return not busy and self.flow.evidence.next.text() != f"Next: {before}"

    def wait(self) -> None:
        """As long as it says so."""
        before = self.log[-1][1]
        if not until(lambda: self.changed(before), PATIENCE):
            raise RuntimeError(f"still after {PATIENCE:.0f} s: {before}")

    def paint_first(self) -> None:
        """A few of each class that has none."""
        for value in (FIBER, BACKGROUND):
            if not self.strokes[value]:
                for stroke in self.painter.strokes_of(value, AT_FIRST):
                    self.paint(stroke)

    def paint_more(self) -> None:
        """Of the class that is asked for."""
        strokes = self.painter.strokes_of(FIBER, 3)
        strokes += self.painter.strokes_of(BACKGROUND, 2)
        if not strokes:
            return self.rest()
        for stroke in strokes:
            self.paint(stroke)

    def correct(self) -> None:
        """One stroke where the shown picture is wrong; wait until it is learned."""
        if self.left <= 0:
            return self.rest()
        self.left -= 1
        if len(self.painter.slices) > 1:
            self.hand.go_to(self.painter.next_slice())
        session = self.flow.session
        until(lambda: _is_current(session), 20)
        self.paint(self.painter.correction(self.shown()))
        until(lambda: _is_current(session), 20)

    def rest(self) -> None:
        """Nothing left to paint: go on, or wait for another sentence."""
        self.left = 0
        if "keep what is sure" in self.flow.evidence.next.text():
            self.keep()
        else:
            self.wait()

    def keep(self) -> None:
        """The mask, and a look at it as a contour and without it."""
        self.press("keep_sure")
        if not self.flow.findChild(QAbstractButton, "blink").isVisible():
            return
        for name in ("sure_contour", "blink"):
            made = self.flow.findChild(QAbstractButton, name)
            self.hand.click(made, QPoint(10, made.height() // 2))
            self.hand.take(name)
            self.hand.click(made, QPoint(10, made.height() // 2))

    def drop_less(self) -> None:
        """Keep small pieces too, once, and measure again."""
        if not self.drops:
            return
        self.drops = False
        box = self.flow.findChild(QSpinBox, "dust")
        self.hand.click(box.lineEdit())
        self.hand.type_into(box.lineEdit(), SMALL)
        self.press("measure_fibers")

    def shown(self) -> np.ndarray:
        """What the person sees over the image as fiber."""
        session = self.flow.session
        mean = session.prediction.probabilities.mean[1]
        return np.asarray(mean[self.painter.z] if mean.ndim == 3 else mean) > 0.5

    def paint(self, stroke: Any) -> None:
        """A stroke, after its slice and class are chosen."""
        if stroke is None:
            return
        z, value, way = stroke
        self.hand.go_to(z)
        self.hand.key(str(value))
        self.hand.stroke(way)
        self.strokes[value] += 1

    def export(self) -> None:
        """All files."""
        step = self.flow.bar.buttons
        self.hand.click(next(b for s, b in step.items() if s.value == "Fibers"))
        with self.hand.step("export"):
            self.press_export()
        self.hand.take("exported")

    def press_export(self) -> None:
        """Into the folder that the dialog is told."""
        self.hand.click(self.flow.findChild(QAbstractButton, "export_fibers"))
        folder = self.hand.folder / "fibers"
        if not until(lambda: (folder / "report.html").exists(), 120):
            raise RuntimeError(f"no report in {folder}: {list(folder.glob('*'))}")
        until(lambda: not self.flow.session.fibers.running, 60)


def _is_current(session: Any) -> bool:
    volume, region = session.prediction.probabilities, session.workspace.shown_region()
    newest = session.prediction.model
    seen = newest is not None and newest.revision == session.training.images.revision
    return bool(seen and volume is not None and volume.current[region].all())


def flow(name: str, data: Path, out: Path, rounds: int) -> dict[str, Any]:
    """One data set, from the file to the report."""
    scene = SCENES[name](data)
    hand = Hand(out, name)
    hand.folder = out / f"{name}_files"
    hand.folder.mkdir(exist_ok=True)
    person = Person(hand, scene, rounds)
    found: dict[str, Any] = {"data": name, "truth": scene.words}
    try:
        person.open()
        person.follow()
    except Exception as error:  # what went wrong is the result
        hand.take("failed")
        found["failed"] = f"{type(error).__name__}: {error}"
    found["minutes"] = round((time.monotonic() - person.began) / 60, 1)
    found["strokes"] = {"background": person.strokes[1], "fiber": person.strokes[2]}
    found["sentences"] = person.log
    found["gray_without_reason"] = sorted(person.gray)
    found["told"] = hand.told
    found["holds_ms"] = {k: round(v) for k, v in longest(hand.watch).items()}
    if person.flow is not None:
        found |= compare(person.flow, scene)
        space(hand, person.flow)
        person.flow.session.training.stop()
        until(lambda: not person.flow.session.workspace.runner.busy, 30)
    hand.close()
    return found


def space(hand: Hand, dock: Any) -> None:
    """A look at the result in 3D."""
    if dock.session.fibers.result is None or hand.viewer.dims.ndim < 3:
        return
    buttons = hand.viewer.window._qt_viewer.viewerButtons
    hand.click(buttons.ndisplayButton)
    until(lambda: False, 2.0)
    hand.take("space")
    hand.click(buttons.ndisplayButton)


def focus(data: Path, out: Path) -> dict[str, Any]:
    """An in-focus image, and the same with its right half out of focus."""
    from flow_focus import rate

    return {"data": "focus"} | {path.name: rate(path, out) for path in pictures(data)}


def main() -> None:
    """One data set after the other."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", default="glass,axons,carbon,polymer,focus")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--theme", default="dark", choices=("dark", "light"))
    options = parser.parse_args()
    with TemporaryDirectory() as projects:
        os.environ["NAPARI_SCIML_PROJECTS"] = projects
        from napari.settings import get_settings

        get_settings().application.save_window_geometry = False
        get_settings().appearance.theme = options.theme
        for name in options.only.split(","):
            if name == "focus":
                found = focus(options.data, options.out)
            else:
                found = flow(name, options.data, options.out, options.rounds)
            text = json.dumps(found, indent=1, default=str)
            (options.out / f"{name}.json").write_text(text)
            print(text, flush=True)


if __name__ == "__main__":
    main()
