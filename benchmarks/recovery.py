"""What a `kill -9` takes from somebody who paints while an ensemble trains.

    xvfb-run -s "-screen 0 1600x1000x24" python benchmarks/recovery.py [--times 3]

Starts a viewer in a process of its own, which paints with real mouse events and trains;
kills it at a random moment; opens its project; and prints how old the newest stroke is
that was lost, and which models of the history were.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from live import Window, spin

CLASSES = (1, 2)


def paint(folder: Path) -> None:
    """Paint and train for ever; a line for each stroke and each model kept."""
    import numpy as np

    os.environ["XDG_DATA_HOME"] = str(folder)
    window, rng = Window((64, 128, 128)), np.random.default_rng(3)
    session = window.session
    session.history.added.connect(
        lambda kept, _: print("model", kept.number, time.time(), flush=True)
    )
    window.go_to(32)
    window.train.start.click()
    while True:
        for label in CLASSES:
            session.workspace.choose_class(label)
            window.stroke(rng)
            print(
                "stroke", session.workspace.annotation.revision, time.time(), flush=True
            )
            spin(0.3)


def killed_at(folder: Path, seconds: float) -> tuple[dict, dict, float]:
    """Strokes and models with their times, and when the process was killed."""
    strokes: dict[int, float] = {}
    models: dict[int, float] = {}
    command = [sys.executable, __file__, "--paint-in", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for line in child.stdout:
            kind, number, when = line.split()
            (strokes if kind == "stroke" else models)[int(number)] = float(when)
            if models and time.time() - min(models.values()) > seconds:
                break
        child.send_signal(signal.SIGKILL)
        return strokes, models, time.time()


def report(folder: Path, strokes: dict, models: dict, killed: float) -> None:
    """Compare with what the project holds."""
    from napari_sciml.project.folder import Project

    (found,) = [path.parent for path in folder.rglob("project.json")]
    project = Project.open(found)
    saved = project.strokes().revision
    kept = {model.number for model in project.models.entries()}
    lost = [when for revision, when in strokes.items() if revision > saved]
    ages = [f"{killed - when:.2f} s" for n, when in models.items() if n not in kept]
    print(
        f"{len(strokes)} strokes, {len(models)} models; lost strokes of the last "
        f"{killed - min(lost, default=killed):.2f} s; models lost, with their age: "
        f"{', '.join(ages) or 'none'}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--paint-in", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.paint_in:
        paint(given.paint_in)
    for _ in range(given.times):
        with tempfile.TemporaryDirectory() as folder:
            report(Path(folder), *killed_at(Path(folder), random.uniform(5, 40)))


if __name__ == "__main__":
    main()
