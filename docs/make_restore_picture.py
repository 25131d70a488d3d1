"""Make the picture of the Restore dock, on mitochondria that a camera saw.

Needs a display and ../shared/data/dfnn_focus_stack; on a machine without a display::

    xvfb-run -s "-screen 0 1600x1000x24" python docs/make_restore_picture.py
"""

import argparse
from pathlib import Path

import numpy as np
import tifffile
from make_screenshots import Studio, wait_until
from PIL import Image

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
STACK = "dfnn_focus_stack/mitochondria_stack_y80-760_x160-400.tif"
IMAGES = Path(__file__).parent / "images"
PLANE, ROWS, COLUMNS = 15, slice(330, 530), slice(60, 240)
GAP = 6
"""Pixels between two parts of the strip."""


def restore(studio: Studio, seconds: int) -> dict[str, np.ndarray]:
    """Restore in the dock; a picture of the window, and what the layers hold."""
    dock = studio.open("Restore")
    run = dock.session.restoring
    wait_until(lambda: run.report is not None)
    dock.seconds.setValue(seconds)
    studio.go_to(PLANE)
    camera = getattr(studio.viewer, "scene", studio.viewer).camera
    camera.center, camera.zoom = (PLANE, 430, 150), 3.4
    dock.start.click()
    wait_until(lambda: not run.doing)
    studio.take("restore")
    found = run.result.image
    raw = studio.viewer.layers[0].data
    return {
        "raw": raw[PLANE],
        "restored": found[PLANE],
        "removed": (raw - found)[PLANE],
    }


def strip(parts: dict[str, np.ndarray], out: Path) -> None:
    """Raw, restored and removed side by side, the first two with one contrast."""
    low, high = np.quantile(parts["raw"][ROWS, COLUMNS], (0.01, 0.97))
    noise = 4 * parts["removed"][ROWS, COLUMNS].std()
    limits = {"raw": (low, high), "restored": (low, high), "removed": (-noise, noise)}
    shown = []
    for name, plane in parts.items():
        dark, bright = limits[name]
        part = np.clip((plane[ROWS, COLUMNS] - dark) / (bright - dark), 0, 1)
        shown += [part, np.ones((part.shape[0], GAP // 2))]
    pixels = np.kron(np.hstack(shown[:-1]), np.ones((2, 2)))
    Image.fromarray(np.uint8(255 * pixels)).save(out, optimize=True)


def main() -> None:
    """Make the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--out", type=Path, default=IMAGES)
    given = parser.parse_args()
    stack = tifffile.imread(DATA / STACK).astype(np.float32)
    studio = Studio(given.out, stack, "mitochondria")
    strip(restore(studio, given.seconds), given.out / "restore_strip.png")
    studio.viewer.close()


if __name__ == "__main__":
    main()
