"""How long a click of *Why?* takes in the window, from the mouse to what is told.

    xvfb-run -s "-screen 0 1600x1000x24" python benchmarks/why_clicks.py [--seconds 30]

On slices of 256 x 256: neurons under a microscope, a retina (other people's, with their
truth), and our phantom. Some lines are painted, the Train dock trains, and is stopped;
then the Uncertainty dock is opened, *Why?* pressed, and places on what is to be found
are clicked with the mouse, the first one at once. Prints seconds of the first click and
of the later ones until the members are told, and until all is.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import race_cases
from explain import lines, places
from flow_gaps import spin
from flow_hand import Hand, until
from qtpy.QtCore import QEventLoop, QTimer
from scipy.ndimage import binary_dilation

from napari_sciml.samples.phantom import PhantomConfig, make_phantom
from napari_sciml.training.config import TrainingConfig

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
EDGE, ROWS = 256, 24
PATIENCE = 120.0


def pictures() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Images and truth, 256 x 256."""
    found = {}
    wanted = ["neurons-26", "retina-03R"]
    for case in race_cases.cases(DATA, wanted):
        image, truth = case.image[0], case.truth[0]
        y, x = ((n - EDGE) // 2 for n in truth.shape)
        part = slice(y, y + EDGE), slice(x, x + EDGE)
        found[case.name] = np.ascontiguousarray(image[part]), truth[part]
    made = make_phantom(PhantomConfig(shape=(32, EDGE, EDGE), seed=4))
    found["our phantom"] = made.image[16], made.labels[16] > 0
    return found


def train(hand: Hand, labels: np.ndarray, seconds: float) -> object:
    """Paint all strokes at once, train by the dock, and stop; the session."""
    window = hand.viewer.window
    _, dock = window.add_plugin_dock_widget("napari-sciml", "Annotate")
    hand.click(dock.start)
    session = dock.session
    layer = session.workspace.annotation.layer
    layer.data_setitem(np.nonzero(labels), labels[np.nonzero(labels)])
    session.training.start(TrainingConfig(seconds=seconds))
    until(lambda: session.training.settled, seconds + PATIENCE)
    session.training.stop()
    until(lambda: not session.workspace.runner.busy, PATIENCE)
    return session


def rest_until(done: Callable[[], bool], seconds: float) -> bool:
    """As `until`, but asleep between events, as a window is."""
    loop, timer, end = QEventLoop(), QTimer(), time.monotonic() + seconds
    timer.timeout.connect(
        lambda: loop.quit() if done() or time.monotonic() > end else None
    )
    timer.start(10)
    loop.exec()
    return done()


def ask(hand: Hand, run: object, place: tuple[int, int]) -> tuple[float, float]:
    """Click a place; seconds until the members, and until everything, are shown."""
    begun = time.perf_counter()
    hand.stroke([place])
    if not rest_until(lambda: run.voices is not None and run.place == place, PATIENCE):
        raise RuntimeError(f"no answer at {place}")
    first = time.perf_counter() - begun
    if not rest_until(lambda: not run.words and not run._runner.busy, PATIENCE):
        raise RuntimeError(f"no end of the answer at {place}")
    return first, time.perf_counter() - begun


def measured(name: str, image: np.ndarray, truth: np.ndarray, given) -> np.ndarray:
    """Seconds ``(click, 2)`` for one image."""
    hand = Hand(given.out, name.replace(" ", "-"))
    hand.viewer.add_image(image, name=name)
    near = binary_dilation(truth, iterations=2)
    session = train(hand, lines(truth, ~near, 0, rows=ROWS), given.seconds)
    window = hand.viewer.window
    _, dock = window.add_plugin_dock_widget("napari-sciml", "Uncertainty")
    window._qt_window.resize(1400, 900)
    spin(1.0)
    hand.viewer.reset_view()
    hand.click(dock.why.start)
    inside = truth.copy()
    inside[:20], inside[-20:], inside[:, :20], inside[:, -20:] = (False,) * 4
    took = []
    for place in places(inside, given.clicks, 0):
        took.append(ask(hand, session.why, tuple(map(int, place))))
        spin(0.5)
    hand.take("why")
    hand.close()
    return np.array(took)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=30, help="of each training")
    parser.add_argument("--clicks", type=int, default=20)
    parser.add_argument("--out", type=Path, help="folder of the pictures")
    given = parser.parse_args()
    given.out = given.out or Path(tempfile.mkdtemp())
    columns = "members, first | later, median | 95 % | all, first | median | 95 %"
    print(f"| image | {columns} |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name, (image, truth) in pictures().items():
        took = measured(name, image, truth, given)
        cells = []
        for column in took.T:
            cells += [column[0], *np.quantile(column[1:], (0.5, 0.95))]
        print(f"| {name} | " + " | ".join(f"{x:.2f}" for x in cells) + " |", flush=True)


if __name__ == "__main__":
    main()
