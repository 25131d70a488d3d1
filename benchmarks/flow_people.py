"""What is opened in `flow_by_mouse.py`, what a person sees in it, and what is true.

The person paints what he sees: where the truth is known, he sees it; where it is not,
he sees what is clearly bright or dark, or repeats the strokes that a human painted.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import tifffile
from race_annotators import BACKGROUND, FIBER, Corrector, Place
from race_cases import Case
from scipy import ndimage
from skimage.filters import threshold_otsu
from skimage.io import imread

GLASS = "ct_fiberseg_glass/crop_A_z16-144_y30-254_x20-244.tif"
SFRP = "sfrp_simulated/{}_z430-558_y60-188_x420-548.tif"
Stroke = tuple[int, int, list[Place]]
"""Slice, class, and way of the mouse."""


@dataclass(frozen=True)
class Scene:
    """A file, and what is known of it.

    Attributes
    ----------
    path
        Of the file that is opened.
    truth, known
        ``(z, y, x)``: where fibers are, and where that is known.
    paintable
        Slices on which the person paints; the others are for the test.
    instances
        A number a fiber, where there are any.
    words
        What the truth is, for the table.
    human
        Strokes that a human has painted, where there are any: these come first.
    seen, clear
        What the person takes for fiber, and where that is clear, where it is not the
        truth.
    """

    path: Path
    truth: np.ndarray
    known: np.ndarray
    paintable: np.ndarray
    words: str
    instances: np.ndarray | None = None
    human: tuple[Stroke, ...] = field(default=())
    seen: np.ndarray | None = None
    clear: np.ndarray | None = None

    @property
    def tested(self) -> np.ndarray:
        """Where the prediction is compared with the truth."""
        tested = self.known.copy()
        if len(self.paintable) < len(np.flatnonzero(self.known.any((1, 2)))):
            tested[self.paintable] = False
        return tested


class Painter(Corrector):
    """Gives the way of the mouse instead of painting; one short stroke at a time."""

    def __init__(self, scene: Scene, seed: int = 0) -> None:
        clear = scene.known if scene.clear is None else scene.clear
        known = np.zeros_like(clear)
        known[scene.paintable] = clear[scene.paintable]
        seen = scene.truth if scene.seen is None else scene.seen
        super().__init__(Case("", np.zeros((1, 1, 1)), seen, known), seed)
        self.human = {
            value: [s for s in scene.human if s[1] == value]
            for value in (BACKGROUND, FIBER)
        }
        self._made: list[Stroke] = []

    def strokes_of(self, value: int, count: int) -> list[Stroke]:
        """A few of a class, in slices with many fibers."""
        found, left = self.human[value][:count], self.human[value][count:]
        self.human[value] = left
        content = self.truth[self.slices].sum((1, 2))
        full = self.slices[content >= np.median(content)]
        for turn in range(20 * count):
            if len(found) == count:
                break
            # Two of each class in a slice, before the next one is looked at.
            if turn % 2 == 0:
                self.z = int(self.rng.choice(full))
            inside = ndimage.binary_erosion(self._allowed(value))
            where = self._box() & inside if value == BACKGROUND else inside
            self._made = []
            self.stroke(self._one_part(where) if value == FIBER else where, value)
            found += self._made
        return found

    def correction(self, found: np.ndarray) -> Stroke | None:
        """Along the middle of the largest error on the slice that is shown."""
        self._made = []
        wrong = (found != self.truth[self.z]) & self.known[self.z]
        parts, count = ndimage.label(wrong)
        sizes = ndimage.sum_labels(wrong, parts, range(1, count + 1))
        # What is a voxel or two wide is the rim: nobody corrects that.
        if count and sizes.max() >= 12:
            self.correct(found)
        return self._made[0] if self._made else None

    def stroke(self, where: np.ndarray, value: int) -> None:
        """Remember the way instead of painting."""
        if where.any():
            length = int(self.rng.integers(12, 20, endpoint=True))
            self._made.append((self.z, value, self.walk(where, length)))


def glass(data: Path) -> Scene:
    """Glass fibers in a polymer, 128 x 224 x 224: the crop of the data set."""
    path = data / GLASS
    image = tifffile.imread(path)
    smooth = ndimage.gaussian_filter(image.astype(np.float32), 0.7)
    truth = smooth > threshold_otsu(smooth)
    every = np.arange(10, len(image) - 10, 7)
    words = (
        "Otsu's threshold of the slightly smoothed image, no human's truth (SOURCE.md "
        "calls it near-perfect); no instances"
    )
    return Scene(path, truth, np.ones(truth.shape, bool), every, words)


def axons(data: Path) -> Scene:
    """Axons: three slices are labeled by humans; one of them is for the test."""
    folder = data / "trailmap_axons"
    labels = tifffile.imread(folder / "train_labels_sparse.tif")
    known = (labels > 0) & (labels < 4)
    words = "human labels of slice 48, on which nobody painted; painted on 17 and 77"
    path = folder / "train_volume.tif"
    return Scene(path, labels == 2, known, np.array([17, 77]), words)


def carbon(data: Path) -> Scene:
    """A slice through carbon fibers; a half of what humans scribbled is the test."""
    folder = data / "insegt_fibre_scribbles"
    colors = imread(folder / "carbon_labels.png")[..., 0]
    human, kept = [], np.zeros(colors.shape, bool)
    for value, color in ((BACKGROUND, 0), (FIBER, 255)):
        parts, count = ndimage.label(colors == color, np.ones((3, 3)))
        for number in range(1, count + 1):
            where = parts == number
            if number % 2:
                human.append((0, value, _way(where)))
            else:
                kept |= where
    truth = (colors == 255)[None]
    words = (
        "scribbles of a human: every second one was painted, the others are the test"
    )
    only = np.arange(1)
    path = folder / "carbon.png"
    seen, clear = _disks(imread(path).astype(float))
    clear &= ~ndimage.binary_dilation(kept, iterations=3)
    return Scene(
        path,
        truth,
        kept[None],
        only,
        words,
        human=tuple(human),
        seen=seen[None],
        clear=clear[None],
    )


def _disks(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bright disks of some ten pixels, and where that is plain to the eye."""
    near, around = (ndimage.gaussian_filter(image, sigma) for sigma in (1.5, 6))
    contrast = near - around
    low, high = np.quantile(contrast, (0.4, 0.7))
    # Dark holes have a middle that is brighter than their rim: no fiber.
    disk = (contrast > high) & (near > np.median(image))
    return disk, disk | (contrast < low)


def polymer(data: Path) -> Scene:
    """Short fibers in a polymer, 128 x 128 x 128, with a number for each fiber."""
    path = data / SFRP.format("volume")
    numbers = tifffile.imread(data / SFRP.format("instances"))
    every = np.arange(6, len(numbers) - 6, 5)
    words = (
        "instances as the authors ship them (thin: the visible width reaches a Dice of "
        "0.80 to 0.85)"
    )
    known = np.ones(numbers.shape, bool)
    return Scene(path, numbers > 0, known, every, words, instances=numbers)


def _way(where: np.ndarray) -> list[Place]:
    """Through all of a scribble, row by row, as a brush of three voxels would."""
    rows = np.flatnonzero(where.any(1))
    found: list[Place] = []
    for turn, y in enumerate(rows[1:-1:2] if len(rows) > 2 else rows):
        xs = np.flatnonzero(where[y])[1:-1]
        found += [(int(y), int(x)) for x in (xs if turn % 2 == 0 else xs[::-1])]
    return found


SCENES: dict[str, Callable[[Path], Scene]] = {
    "glass": glass,
    "axons": axons,
    "carbon": carbon,
    "polymer": polymer,
}


def pictures(data: Path) -> Iterator[Path]:
    """In-focus microscope images."""
    yield from sorted((data / "in_focus_microscopy").glob("infocus_*.png"))[:1]
