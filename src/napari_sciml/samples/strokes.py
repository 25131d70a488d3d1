"""Paths of brush strokes in a slice, and the pixels that a brush covers."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.graph import MCP_Geometric
from skimage.measure import find_contours
from skimage.morphology import skeletonize

MIN_REGION = 6
"""Pieces of fiber with fewer pixels are not worth a stroke."""
MAX_LENGTH = 24
OUTLINE_GAP = 1.2
"""Distance of an outline stroke from the fiber, pixels."""
WIGGLE = 0.1
"""Change of the turning a pixel, sd in radians."""
STRAIGHTEN = 0.2
"""Share of the turning that is lost each pixel: lines wave, they do not curl."""
CLEAR = 2
"""How far wiggly strokes stay off fibers, pixels."""

Path = NDArray[np.int64]
Mask = NDArray[np.bool_]


def brush(path: Path, width: int, shape: tuple[int, ...]) -> Path:
    """Pixels ``(n, 2)`` under a brush led along `path`, in the order of painting.

    Parameters
    ----------
    path
        ``(n, 2)`` pixels, may leave the image.
    width
        1 to 3 pixels: a point, a square of two, a disk of three.
    shape
        Shape of the image.
    """
    footprints = {
        1: [(0, 0)],
        2: [(0, 0), (0, 1), (1, 0), (1, 1)],
        3: [(0, 0), (-1, 0), (1, 0), (0, -1), (0, 1)],
    }
    pixels = (path[:, None] + np.array(footprints[width])).reshape(-1, 2)
    inside = np.all((pixels >= 0) & (pixels < np.array(shape)), axis=1)
    pixels = pixels[inside]
    _, first = np.unique(pixels, axis=0, return_index=True)
    return pixels[np.sort(first)]


def regions(instances: NDArray[Any], rng: np.random.Generator) -> Iterator[Mask]:
    """Masks of the pieces of fiber in a slice, larger ones likely first."""
    labels, counts = np.unique(instances[instances != 0], return_counts=True)
    labels, counts = labels[counts >= MIN_REGION], counts[counts >= MIN_REGION]
    # Exponential clocks: an order drawn without replacement, by weight.
    for i in np.argsort(rng.exponential(size=len(labels)) / counts):
        yield instances == labels[i]


def centerline_path(region: Mask, rng: np.random.Generator) -> Path:
    """A path along the middle of a region, at most `MAX_LENGTH` long."""
    box, corner = _crop(region)
    skeleton = skeletonize(box)
    pixels = np.argwhere(skeleton)
    cost = np.where(skeleton, 1.0, -1.0)
    start = _farthest(cost, tuple(pixels[rng.integers(len(pixels))]), MAX_LENGTH)[-1]
    path = _farthest(cost, tuple(start), rng.uniform(0.5, 1) * MAX_LENGTH)
    return _lengthened(path, box) + corner


def _crop(region: Mask, margin: int = 1) -> tuple[Mask, Path]:
    """The region's bounding box with a margin, and its corner in the image."""
    pixels = np.argwhere(region)
    low, high = pixels.min(axis=0), pixels.max(axis=0)
    inner = region[low[0] : high[0] + 1, low[1] : high[1] + 1]
    return np.pad(inner, margin), low - margin


def _farthest(cost: NDArray[Any], start: tuple[int, ...], limit: float) -> Path:
    """Shortest path from `start` to the farthest pixel within `limit`."""
    router = MCP_Geometric(cost)
    total, _ = router.find_costs([start])
    total = np.where(np.isfinite(total) & (total <= limit), total, -1)
    end = np.unravel_index(int(total.argmax()), total.shape)
    return np.array(router.traceback(end))


def _lengthened(path: Path, region: Mask) -> Path:
    """Skeletons end short of a region's ends; a hand goes on nearly to them."""
    if len(path) >= MAX_LENGTH // 2:
        return path
    if len(path) > 1:
        step = path[-1] - path[0]
    else:
        pixels = np.argwhere(region)
        step = np.linalg.svd(pixels - pixels.mean(axis=0), full_matrices=False)[2][0]
    unit = step / np.linalg.norm(step)
    more = np.arange(1, 4)[:, None] * unit
    whole = np.vstack([path[0] - more[::-1], path, path[-1] + more])
    return np.rint(whole).astype(np.int64)


def outline_path(region: Mask, rng: np.random.Generator) -> Path:
    """A part of the line that runs round a region, just outside of it."""
    box, corner = _crop(region, margin=4)
    distance = ndimage.distance_transform_edt(~box)
    lines = find_contours(distance, OUTLINE_GAP)
    line = max(lines, key=len)[:-1]
    shown = max(6, int(rng.uniform(0.25, 0.45) * len(line)))
    line = np.roll(line, -int(rng.integers(len(line))), axis=0)[:shown]
    return np.rint(line).astype(np.int64) + corner


def starts(
    gray: NDArray[Any] | None, truth: Mask, kind: str, rng: np.random.Generator
) -> NDArray[np.float64]:
    """A background pixel to start from: "bright", "dark" or "anywhere"."""
    free = ~ndimage.binary_dilation(truth, iterations=CLEAR)
    if not free.any():
        free = ~truth
    if gray is not None and kind != "anywhere":
        smooth = ndimage.gaussian_filter(gray.astype(np.float32), 1.5)
        low, high = np.quantile(smooth[free], (0.03, 0.92))
        free &= smooth >= high if kind == "bright" else smooth <= low
    pixels = np.argwhere(free)
    if len(pixels) == 0:
        pixels = np.argwhere(~truth)
    return pixels[rng.integers(len(pixels))].astype(float)


def wiggly_path(
    start: NDArray[np.float64], truth: Mask, rng: np.random.Generator
) -> Path:
    """A wandering line that ends at a fiber or at the border of the image."""
    n = int(rng.integers(MAX_LENGTH, 2 * MAX_LENGTH))
    turning = np.zeros(n)
    for i in range(1, n):
        turning[i] = (1 - STRAIGHTEN) * turning[i - 1] + rng.normal(0, WIGGLE)
    heading = rng.uniform(0, 2 * np.pi) + np.cumsum(turning)
    steps = np.stack([np.sin(heading), np.cos(heading)], axis=1)
    path = np.rint(start + np.cumsum(steps, axis=0) - steps[0]).astype(np.int64)
    inside = np.all((path >= 0) & (path < np.array(truth.shape)), axis=1)
    near = ndimage.binary_dilation(truth, iterations=CLEAR - 1)
    clipped = np.clip(path, 0, np.array(truth.shape) - 1)
    bad = ~inside | near[tuple(clipped.T)]
    stop = int(bad.argmax()) if bad.any() else n
    return path[: max(1, stop)]
