"""Make the pictures of the Explore dock, on cement with voids that a CT saw.

Needs a display and ../shared/data/qim3d_examples; on a machine without a display::

    xvfb-run -s "-screen 0 1600x1000x24" python docs/make_explore_picture.py
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from make_screenshots import Studio, wait_until
from PIL import Image

from napari_sciml.exploring.thumbnails import nearest_to_centers, picture
from napari_sciml.plugin.kit.widgets.scrolling import ScrollingColumn

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
VOLUME = "qim3d_examples/cement_128x128x128.tif"
IMAGES = Path(__file__).parent / "images"
PATCH, STRIDE = 20, 8
AROUND = 60
"""Patches that the lasso of the picture holds."""
ENLARGED = 3
EXAMPLES = 30


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
    dock.odd.click()
    sort(studio, dock)
    return picture(chosen, selection.exploration.patches.thumbnail)


def sort(studio: Studio, dock: Any) -> None:
    """Give examples of three classes, as lassos would, and let the rest be sorted."""
    run, rng = dock.session.exploring, np.random.default_rng(0)
    by_gray = np.argsort(run.result.latent[:, 0])
    share = len(by_gray) // 8
    middle = slice((len(by_gray) - share) // 2, (len(by_gray) + share) // 2)
    for name, part in (
        ("voids", by_gray[:share]),
        ("dense", by_gray[-share:]),
        ("paste", by_gray[middle]),
    ):
        run.selection.select(rng.choice(part, EXAMPLES, replace=False))
        dock.sorting.name.setCurrentText(name)
        dock.sorting.give.click()
    dock.sorting.classify.click()
    wait_until(lambda: not run.doing)
    dock.sorting.unsure.click()
    bar = dock.findChild(ScrollingColumn).verticalScrollBar()
    studio.settle(0.5)
    studio.viewer.reset_view()
    bar.setValue(bar.maximum())
    studio.take("explore_classes")


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
