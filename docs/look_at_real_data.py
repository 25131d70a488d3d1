"""Look at real data after a minute: few strokes, the Train dock, a picture each.

Needs a display and the data sets, which are not part of the package::

    xvfb-run -s "-screen 0 1600x1000x24" python docs/look_at_real_data.py DATA

There is no truth for these; where humans labeled, a part of it serves as strokes.
"""

import argparse
from pathlib import Path

import numpy as np
import tifffile
from make_screenshots import Studio, is_done, paint, start, wait_until
from napari.settings import get_settings
from scipy import ndimage
from skimage.filters import threshold_otsu
from skimage.io import imread

SECONDS = 60.0
STROKES = 8
"""Of each class."""
LENGTH = 12
"""Of a stroke, in voxels."""


def carbon(data: Path) -> tuple[np.ndarray, np.ndarray]:
    """A slice through carbon fibers, and human scribbles."""
    folder = data / "insegt_fibre_scribbles"
    colors = imread(folder / "carbon_labels.png")[..., 0]
    strokes = (colors == 0) + 2 * (colors == 255)
    return imread(folder / "carbon.png"), strokes.astype(np.uint8)


def axons(data: Path) -> tuple[np.ndarray, np.ndarray]:
    """Axons in a cleared brain; short pieces of human labels."""
    folder = data / "trailmap_axons"
    known = tifffile.imread(folder / "train_labels_sparse.tif")
    known = np.where(known == 3, 1, known)
    return tifffile.imread(folder / "train_volume.tif"), pieces(known)


def glass(data: Path) -> tuple[np.ndarray, np.ndarray]:
    """Glass fibers in a polymer; strokes in what is clearly bright or dark."""
    image = tifffile.imread(
        data / "ct_fiberseg_glass" / "crop_A_z16-144_y30-254_x20-244.tif"
    )
    cut, spread = threshold_otsu(image), image.std()
    known = np.zeros(image.shape, np.uint8)
    for z in (40, 64, 90):
        known[z] = (image[z] < cut - spread / 2) + 2 * (image[z] > cut + spread / 2)
    return image, pieces(known)


def pieces(known: np.ndarray) -> np.ndarray:
    """A few short strokes of each class in slices that are labeled."""
    rng = np.random.default_rng(0)
    found = np.zeros(known.shape, np.uint8)
    for value in (1, 2):
        places = np.argwhere(known == value)
        for z, y, x in rng.permutation(places)[:STROKES]:
            near = np.zeros(known.shape[1:], bool)
            near[max(0, y - 1) : y + 2, x : x + LENGTH] = True
            parts, _ = ndimage.label(near & (known[z] == value))
            found[z][parts == parts[y, x]] = value
    return found


def look(name: str, image: np.ndarray, strokes: np.ndarray, out: Path) -> None:
    """Paint, train for a minute, take a picture."""
    studio = Studio(out, image, name)
    paint(studio, strokes)
    if image.ndim == 3:
        studio.go_to(int(np.argmax((strokes == 2).sum(axis=(1, 2)))))
    dock = studio.open("Train")
    start(dock, SECONDS)
    wait_until(lambda: is_done(dock))
    studio.take(f"real_{name}")
    dock.session.training.stop()
    studio.viewer.close()


def main() -> None:
    """Make a picture of each data set that is there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "images")
    options = parser.parse_args()
    get_settings().application.save_window_geometry = False
    for load in (carbon, axons, glass):
        look(load.__name__, *load(options.data), options.out)


if __name__ == "__main__":
    main()
