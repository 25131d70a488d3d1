"""Test images of a make of their own, with dense truth, that nothing is tuned on.

    python benchmarks/phantoms.py [--edge 96] [--seeds 0,1] [--out phantoms]

Writes ``<kind>_<seed>.tif``, ``<kind>_<seed>_labels.tif`` (one number a fiber) and a
contact sheet. They are for reports, not for choosing anything: whoever tunes on one of
them must move it to the tuned cases of `race_cases.py`.

- concrete: straight and slightly bent fibers a little brighter than the paste, angular
  grains, sand of nearly their gray, air voids, cupping, rings;
- composite: many dark, nearly aligned fibers in a bright resin, pores, streaks;
- foam: winding thin filaments, blobs of the same gray, faint thin walls;
- net: branching thin curves on an uneven background (2D, four times the edge).
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tifffile
from matplotlib.figure import Figure
from phantom_parts import (
    Canvas,
    Rng,
    bent_line,
    cupping,
    detector,
    ellipsoids,
    rings,
    smooth_noise,
    streaks,
    unit,
    voronoi_grains,
    wander,
)

Made = tuple[np.ndarray, np.ndarray]
TRIES = 4000


def make(kind: str, seed: int, edge: int = 96) -> Made:
    """One image and its labels (0 = no fiber, then one number a fiber).

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    seed : int
        The same seed gives the same image.
    edge : int
        Of the cube, in voxels; the 2D kind has four times as many pixels an edge.
    """
    # The kind is part of the seed, or all kinds of one seed would share their noise.
    return KINDS[kind](np.random.default_rng([seed, *kind.encode()]), edge)


def paint(image: np.ndarray, coverage: np.ndarray, gray: float | np.ndarray) -> None:
    """Mix a material into the image by its share of each voxel."""
    image += coverage * (gray - image)


def concrete(rng: Rng, edge: int) -> Made:
    shape = (edge,) * 3
    image = 0.5 + 0.012 * smooth_noise(rng, shape, 2.5)
    grains = voronoi_grains(rng, shape, max(edge**3 // 9000, 4), 0.45, 3.0)
    grays = rng.choice([0.42, 0.45, 0.56, 0.61], grains.max() + 1)
    grays += rng.normal(0, 0.01, len(grays))
    paint(image, grains > 0, grays[grains])
    # Sand: small grains of nearly the gray of the fibers, round in every section.
    sand = ellipsoids(rng, shape, edge**3 // 9000, (1.5, 4.0), 1.4)
    paint(image, np.clip(sand + 0.5, 0, 1), 0.61)
    canvas = Canvas(shape)
    for _ in range(TRIES):
        length, radius = rng.uniform(25, 90), rng.choice([1.5, 2.0, 2.5, 3.5])
        line = bent_line(
            rng, rng.random(3) * shape, unit(rng), length, rng.uniform(0, 0.07 * length)
        )
        # Fibers lie in the paste: one that would cross a grain is not there.
        if _share_inside(line, grains) < 0.1:
            canvas.tube(line, np.array(radius), 0.5)
        if (canvas.labels > 0).mean() > 0.025:
            break
    paint(image, canvas.coverage(), 0.63 + 0.015 * smooth_noise(rng, shape, 6))
    voids = ellipsoids(rng, shape, edge**3 // 40000, (2, 8))
    voids[canvas.depth > -1] = -1  # fibers go through, as they do
    paint(image, np.clip(voids + 0.5, 0, 1), 0.12)
    image = image * cupping(rng, shape, 0.12) + rings(rng, shape, 14, 0.03)
    image = detector(rng, image, 2000, 0.7, 0.014)
    return np.round(image.clip(0, 1.5) * 40000).astype(np.uint16), canvas.labels


def _share_inside(line: np.ndarray, grains: np.ndarray) -> float:
    """Share of the points of a line, one a voxel about, that lie in grains."""
    t = np.linspace(0, len(line) - 1, 6 * len(line))
    fine = [np.interp(t, np.arange(len(line)), axis) for axis in line.T]
    places = np.round(fine).astype(int)
    inside = ((places >= 0) & (places < grains.shape[0])).all(0)
    return float((grains[tuple(places[:, inside])] > 0).mean()) if inside.any() else 1.0


def composite(rng: Rng, edge: int) -> Made:
    shape = (edge,) * 3
    image = 0.72 + 0.03 * smooth_noise(rng, shape, 8)
    main, share = unit(rng), rng.uniform(0.08, 0.12)
    canvas = Canvas(shape)
    for number in range(TRIES):
        direction = main + 0.25 * rng.normal(size=3)
        direction /= np.linalg.norm(direction)
        length, sag = rng.uniform(30, 110), rng.uniform(0, 3)
        line = bent_line(rng, rng.random(3) * shape, direction, length, sag)
        canvas.tube(line, np.array(rng.uniform(1.8, 2.6)), 0.2)
        if number % 20 == 0 and (canvas.labels > 0).mean() > share:
            break
    paint(image, canvas.coverage(), 0.58)
    pores = ellipsoids(rng, shape, edge**3 // 22000, (2, 6), 1.6)
    pores[canvas.depth > -1] = -1
    paint(image, np.clip(pores + 0.5, 0, 1), rng.uniform(0.50, 0.58))
    specks = ellipsoids(rng, shape, edge**3 // 60000, (1, 2))
    specks[canvas.depth > -1] = -1
    paint(image, np.clip(specks + 0.5, 0, 1), 1.3)
    image = image + streaks(rng, shape, 90, 0.05)
    # As reconstructed: attenuation per voxel, small numbers that are no gray levels.
    return 0.03 * detector(rng, image, 1500, 0.8, 0.02) - 0.012, canvas.labels


def foam(rng: Rng, edge: int) -> Made:
    shape = (edge,) * 3
    image = 0.30 + 0.015 * smooth_noise(rng, shape, 4)
    cells = voronoi_grains(rng, shape, max(edge**3 // 25000, 4), 0.5, 0.1)
    walls = (cells > 0) & (voronoi_walls(cells))
    paint(image, 0.6 * walls, 0.42)
    canvas = Canvas(shape)
    for _ in range(TRIES):
        steps = int(rng.integers(8, 40))
        line = wander(rng, rng.random(3) * shape, unit(rng), steps, 0.09)
        canvas.tube(line, np.array(rng.uniform(1.1, 2.1)), 0.0)
        if (canvas.labels > 0).mean() > 0.02:
            break
    blobs = ellipsoids(rng, shape, edge**3 // 14000, (2, 7), 1.5)
    blobs[canvas.depth > -1] = -1
    paint(image, np.clip(blobs + 0.5, 0, 1), 0.45)
    paint(image, canvas.coverage(), 0.45 + 0.02 * smooth_noise(rng, shape, 5))
    fade = 1 + 0.12 * smooth_noise(rng, shape, edge / 4)
    return 1000 * detector(rng, image * fade, 350, 0.6, 0.015), canvas.labels


def voronoi_walls(cells: np.ndarray) -> np.ndarray:
    """Voxels with a neighbor of another number along one axis."""
    out = np.zeros(cells.shape, bool)
    for axis in range(cells.ndim):
        out |= cells != np.roll(cells, 1, axis)
    return out


def net(rng: Rng, edge: int) -> Made:
    shape = (4 * edge,) * 2
    background = 0.45 + 0.08 * smooth_noise(rng, shape, edge / 1.5)
    image = background + 0.02 * smooth_noise(rng, shape, 5)
    canvas, labels = Canvas(shape), np.zeros(shape, np.uint16)
    for tree in range(1, 8):
        # From a border inward, as roots and vessels enter a field of view.
        direction = unit(rng, 2)
        start = (0.5 - 0.5 * direction / np.abs(direction).max()) * shape
        start = np.clip(start + 0.25 * rng.normal(size=2) * shape, 0, 4 * edge - 1)
        _grow(rng, canvas, start, direction, rng.uniform(2.0, 3.2))
        labels[(canvas.depth > 0) & (labels == 0)] = tree
    strength = 0.13 + 0.03 * smooth_noise(rng, shape, edge / 3)
    blobs = ellipsoids(rng, shape, 45, (3, 11), 1.5)
    paint(image, np.clip(blobs / 2 + 0.5, 0, 1), image - 0.12)
    image = image - strength * canvas.coverage()
    image = detector(rng, image, 350, 1.0, 0.022)
    return np.round(image.clip(0, 1) * 4095).astype(np.uint16), labels


def _grow(
    rng: Rng, canvas: Canvas, start: np.ndarray, direction: np.ndarray, radius: float
) -> None:
    """A curve that thins out, and branches of it until they are too thin."""
    line = wander(rng, start, direction, int(rng.integers(15, 70)), 0.04)
    canvas.tube(line, np.linspace(radius, 0.75 * radius, len(line)), -100)
    if radius < 1.1:
        return
    for at in rng.integers(3, len(line), int(rng.integers(1, 4))):
        tangent = line[at] - line[at - 1]
        turned = np.array([-tangent[1], tangent[0]]) * rng.choice([-1, 1])
        branch = tangent / 3 + turned / 3 * rng.uniform(0.5, 1.2)
        _grow(rng, canvas, line[at], branch / np.linalg.norm(branch), 0.68 * radius)


KINDS: dict[str, Callable[[Rng, int], Made]] = {
    "concrete": concrete,
    "composite": composite,
    "foam": foam,
    "net": net,
}


def sheet(made: dict[str, Made]) -> Figure:
    """Two slices (along z and along y) of each volume, and where the fibers are."""
    figure = Figure(figsize=(16, 4 * len(made)), layout="constrained")
    rows = figure.subplots(len(made), 4, squeeze=False)
    for panels, (name, (image, labels)) in zip(rows, made.items(), strict=True):
        if image.ndim == 2:
            image, labels = image[None], labels[None]
        middle = [n // 2 for n in image.shape]
        across = middle[1] if len(image) > 1 else slice(None)
        views = [image[middle[0]], labels[middle[0]] > 0]
        if len(image) > 1:
            views += [image[:, across], labels[:, across] > 0]
        for panel, view in zip(panels, views, strict=False):
            low, high = (
                np.percentile(view, [0.5, 99.5]) if view.dtype != bool else (0, 1)
            )
            panel.imshow(view, "gray", vmin=low, vmax=high)
        panels[0].set_title(f"{name}: {(labels > 0).mean():.1%}, {labels.max()} fibers")
        for panel in panels:
            panel.set_axis_off()
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--edge", type=int, default=96)
    parser.add_argument("--seeds", default="0,1")
    parser.add_argument("--out", type=Path, default=Path("phantoms"))
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    made = {}
    for kind in KINDS:
        for seed in map(int, given.seeds.split(",")):
            name = f"{kind}_{seed}"
            made[name] = image, labels = make(kind, seed, given.edge)
            tifffile.imwrite(given.out / f"{name}.tif", image, compression="zlib")
            tifffile.imwrite(
                given.out / f"{name}_labels.tif", labels, compression="zlib"
            )
    sheet(made).savefig(given.out / "sheet.png", dpi=70)


if __name__ == "__main__":
    main()
