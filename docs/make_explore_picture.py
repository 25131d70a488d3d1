"""Make the pictures of the Explore dock, on cement with voids that a CT saw.

Needs a display and ../shared/data/qim3d_examples; on a machine without a display::

    xvfb-run -s "-screen 0 1600x1000x24" python docs/make_explore_picture.py
"""

import argparse
from pathlib import Path

import numpy as np
import tifffile
from make_screenshots import Studio, wait_until
from PIL import Image

from napari_sciml.exploring.thumbnails import nearest_to_centers, picture

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
VOLUME = "qim3d_examples/cement_128x128x128.tif"
IMAGES = Path(__file__).parent / "images"
PATCH, STRIDE = 20, 8
AROUND = 60
"""Patches that the lasso of the picture holds."""
ENLARGED = 3


def explore(studio: Studio) -> np.ndarray:
    """Explore, select what looks like an odd patch, and label it.

    Returns
    -------
    ndarray
        The map as a picture of thumbnails, from 0 to 1.
    """
    dock = studio.open("Explore")
    run = dock.session.exploring
    dock.form.patch.setValue(PATCH)
    dock.form.stride.setValue(STRIDE)
    dock.start.click()
    wait_until(lambda: not run.doing)
    selection, plane = run.selection, run.result.plane
    oddest = selection.oddest()[0]
    away = np.linalg.norm(plane - plane[oddest], axis=1)
    selection.select(np.argsort(away)[:AROUND])
    selection.go_to(int(oddest))
    dock.odd.click()
    studio.viewer.layers["Oddness"].opacity = 0.35
    studio.take("explore")
    chosen = nearest_to_centers(plane)
    return picture(chosen, selection.exploration.patches.thumbnail)


def save(grid: np.ndarray, out: Path) -> None:
    """Write a picture from 0 to 1, white where there is none."""
    known = np.isfinite(grid)
    gray = np.where(known, np.nan_to_num(grid) * 255, 255).astype(np.uint8)
    large = gray.repeat(ENLARGED, 0).repeat(ENLARGED, 1)
    Image.fromarray(large).save(out, optimize=True)


def main() -> None:
    """Make the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=IMAGES)
    given = parser.parse_args()
    studio = Studio(given.out, tifffile.imread(DATA / VOLUME), "cement")
    save(explore(studio), given.out / "explore_grid.png")
    studio.viewer.close()


if __name__ == "__main__":
    main()
