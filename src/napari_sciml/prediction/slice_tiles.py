"""In which pieces a slice is predicted, and in which order."""

import numpy as np

from napari_sciml.images.tiles import (
    Region,
    Tile,
    nearest_first,
    region_size,
    split_into_tiles,
)
from napari_sciml.prediction.viewport import Viewport

EDGE = {2: 512, 3: 160}
"""Longer than in a volume: the surroundings of a slice cost more than the slice."""
AT_ONCE = 2**22
"""Pixels of a window that come at once: a screen does not show more one by one."""


class SliceTiles:
    """Puts the tiles of the shown slice in order, what is wanted most first.

    That is what lies nearest to the middle of the window. Of a window onto more than
    `AT_ONCE` pixels, a large image as a whole, it is what lies nearest to the latest
    labels: there the user can tell whether a prediction is right.

    Parameters
    ----------
    dims
        Number of axes of the image.
    """

    def __init__(self, dims: int) -> None:
        self._edge = EDGE[dims]
        self._attended = np.empty((0, dims))
        self._last: tuple[Viewport, list[Tile], list[Tile]] | None = None

    def attend(self, voxels: np.ndarray) -> None:
        """Tell where the user works: some voxels ``(n, axes)``, such as of a stroke."""
        self._attended = voxels
        self._last = None

    def of(self, view: Viewport | None) -> tuple[list[Tile], list[Tile]]:
        """The tiles that come at once, and those of the whole slice.

        Both are empty where no slice is shown.
        """
        if view is None or view.volume:
            return [], []
        if self._last is None or self._last[0] is not view:
            self._last = (view, *self._ordered(view))
        return self._last[1:]

    def _ordered(self, view: Viewport) -> tuple[list[Tile], list[Tile]]:
        shape = [part.stop for part in view.region]
        tiles = split_into_tiles(shape, self._edge, 0, view.region)
        window = _within(view.visible, tiles) or tiles
        room = max(1, AT_ONCE // region_size(tiles[0].core))
        if len(window) <= room:
            return nearest_first(window, view.point), nearest_first(tiles, view.point)
        points = self._seen(view.visible or view.region)
        if not len(points):
            points = np.array([view.point])
        return _nearest_to_any(window, points)[:room], _nearest_to_any(tiles, points)

    def _seen(self, region: Region) -> np.ndarray:
        low, high = np.transpose([(part.start, part.stop) for part in region])
        inside = (self._attended >= low) & (self._attended < high)
        return self._attended[inside.all(axis=1)]


def _within(region: Region | None, tiles: list[Tile]) -> list[Tile]:
    if region is None:
        return []
    return [tile for tile in tiles if _overlap(tile.core, region)]


def _overlap(a: Region, b: Region) -> bool:
    return all(p.start < q.stop and q.start < p.stop for p, q in zip(a, b, strict=True))


def _nearest_to_any(tiles: list[Tile], points: np.ndarray) -> list[Tile]:
    centers = np.array([tile.center for tile in tiles])
    far = np.linalg.norm(centers[:, None] - points[None], axis=-1).min(axis=1)
    return [tiles[i] for i in np.argsort(far, kind="stable")]
