"""Whether Fill is as good as it says: what it tells of itself against the truth.

    python benchmarks/fill_told.py [--seconds 60] [--only NAME]

In each image of others, known pixels are marked as gaps instead of the real ones, in
places that the test of Fill does not use, and each figure that it tells of them is
compared with the truth. Without ``--seconds``, by symmetry alone.
"""

import argparse

import numpy as np
from fill import IMAGES, read

from napari_sciml.filling.config import FillConfig
from napari_sciml.filling.place import Place
from napari_sciml.filling.polar import Grid
from napari_sciml.filling.session import fill_gaps

SHIFTS = ((0.03, 0.05), (-0.09, -0.03), (0.2, 0.06), (-0.16, -0.1))
SYMMETRY = FillConfig(method="symmetry")
FIGURES = ("error7", "cc7", "cc", "photons", "ring_error")


def places(gaps):
    """Pixels to hide: the pattern of gaps, moved."""
    for shift in SHIFTS:
        steps = [round(s * n) for s, n in zip(shift, gaps.shape, strict=True)]
        yield np.roll(gaps, steps, (0, 1)) & ~gaps


def measure(name, config):
    """Print what is told and what is true; tell for each figure whether it holds."""
    image, gaps = read(name)
    masked = gaps | fill_gaps(image, gaps, config=SYMMETRY).beamstop
    held = []
    for number, hidden in enumerate(places(gaps)):
        hidden &= ~masked
        blank = np.where(hidden, 0, image)
        filled = fill_gaps(blank, hidden, beamstop=masked, config=config)
        radius = Grid.around(filled.center, image.shape).radius
        at = hidden & filled.filled_mask
        truth = Place.of(image, filled.image, at, radius).figures
        told = []
        for figure in FIGURES:
            said, error = filled.scores[figure], filled.errors[figure]
            holds = abs(truth[figure] - said) <= error
            held.append((figure, holds))
            mark = "" if holds else " !"
            told.append(f"{said:+.3f} ± {error:.3f} is {truth[figure]:+.3f}{mark}")
        print(f"{name:16s} {number} " + " | ".join(told), flush=True)
    return held


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--only", help="Images whose name begins so.", default="")
    given = parser.parse_args()
    config = SYMMETRY
    if given.seconds:
        config = FillConfig(seconds=given.seconds, members=1)
    print(" " * 18 + " | ".join(f"{name:>24s}" for name in FIGURES))
    every = [
        one
        for name in IMAGES
        if name.startswith(given.only)
        for one in measure(name, config)
    ]
    for figure in FIGURES:
        holds = [ok for name, ok in every if name == figure]
        print(f"{figure}: {sum(holds)} of {len(holds)} are within what is stated")


if __name__ == "__main__":
    main()
