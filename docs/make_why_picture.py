"""Make the picture of *Why?*, on glass fibers that a CT scanner saw.

Needs a display and ../shared/data/ct_fiberseg_glass; on a machine without a display::

    xvfb-run -s "-screen 0 1600x1000x24" python docs/make_why_picture.py
"""

import argparse
from pathlib import Path

import numpy as np
import tifffile
from make_screenshots import Studio, paint, wait_until
from napari.settings import get_settings
from scipy.ndimage import binary_erosion
from skimage.filters import threshold_otsu

from napari_sciml.plugin.kit.widgets.scrolling import ScrollingColumn
from napari_sciml.training.config import TrainingConfig

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
GLASS = "ct_fiberseg_glass/crop_A_z16-144_y30-254_x20-244.tif"
IMAGES = Path(__file__).parent / "images"
PLANES, ROWS = (12, 30, 48), range(6, 92, 14)
PLANE = 30


def strokes(fiber: np.ndarray) -> np.ndarray:
    """Lines of strokes in a few planes."""
    rng, labels = np.random.default_rng(0), np.zeros(fiber.shape, np.uint8)
    for z in PLANES:
        inside, outside = binary_erosion(fiber[z]), ~fiber[z]
        for y in ROWS:
            start = int(rng.integers(5, 70))
            part = (y, slice(start, start + 20))
            labels[z][part] = np.where(inside[part], 2, np.where(outside[part], 1, 0))
    return labels


def doubtful(probability: np.ndarray) -> tuple[int, int, int]:
    """Where the model knows least whether there is a fiber, away from the borders."""
    doubt = -np.abs(probability[PLANE] - 0.5)
    doubt[:24], doubt[-24:], doubt[:, :24], doubt[:, -24:] = -1, -1, -1, -1
    y, x = np.unravel_index(doubt.argmax(), doubt.shape)
    return PLANE, int(y), int(x)


def main() -> None:
    """Make the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--out", type=Path, default=IMAGES)
    given = parser.parse_args()
    image = tifffile.imread(DATA / GLASS)[20:84, 60:156, 60:156]
    fiber = image > threshold_otsu(image)
    get_settings().appearance.theme = "dark"
    studio = Studio(given.out, image, "glass")
    paint(studio, strokes(fiber))
    session = studio.open("Train").session
    session.training.start(TrainingConfig(members=3, seconds=given.seconds))
    wait_until(lambda: session.training.settled)
    session.training.stop()
    wait_until(lambda: not session.workspace.runner.busy)
    dock = studio.open("Uncertainty")
    for layer in studio.viewer.layers:
        layer.visible = not layer.name.startswith(("Uncertainty", "Probability"))
    studio.viewer.layers["Annotation"].opacity = 0.4
    studio.go_to(PLANE)
    dock.why.start.click()
    session.why.ask(doubtful(session.prediction.probabilities.mean[1]))
    wait_until(lambda: session.why.channels is not None and not session.why.words)
    studio.settle(0.5)
    bar = dock.findChild(ScrollingColumn).verticalScrollBar()
    bar.setValue(bar.maximum())
    studio.take("why")
    studio.viewer.close()


if __name__ == "__main__":
    main()
