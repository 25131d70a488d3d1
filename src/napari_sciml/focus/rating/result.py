"""What a rating found: per tile, per image, along an axis."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_sciml.focus.levels import IN_FOCUS_LEVELS, LEVELS

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

Array = np.ndarray[Any, np.dtype[Any]]
BLANK_CERTAINTY = 0.25
"""Below this certainty a tile does not tell enough to count."""
AT_ONCE = 2**16
"""Tiles whose numbers are computed at once."""
Method = Literal["certainty", "mean", "product"]


def certainty(probabilities: Array) -> Array:
    """Certainty ``1 - H(p) / ln K`` of distributions along the last axis."""
    values = np.asarray(probabilities)
    rows = values.reshape(-1, values.shape[-1])
    found = np.empty(len(rows))
    for first in range(0, len(rows), AT_ONCE):
        part = slice(first, first + AT_ONCE)
        found[part] = _certainty(np.asarray(rows[part], dtype=np.float64))
    return found.reshape(values.shape[:-1])


def _certainty(p: Array) -> Array:
    entropy = -np.sum(p * np.log(np.where(p > 0, p, 1.0)), axis=-1)
    return np.clip(1 - entropy / np.log(p.shape[-1]), 0, 1)


@dataclass(frozen=True)
class ImageFocus:
    """Focus of a whole image.

    Attributes
    ----------
    probabilities
        Over the levels; NaN when undetermined.
    level, expected
        Most probable and expected level; NaN when no tile is informative.
    p_in_focus
        Probability of levels 0 to 2; NaN when undetermined.
    certainties
        Of the tiles: their ``mean``, ``max``, certainty-``weighted`` mean, and
        ``aggregate``, that of the image's distribution.
    informative
        Tiles that are not blank.
    """

    probabilities: Array
    level: float
    expected: float
    p_in_focus: float
    certainties: dict[str, float]
    informative: int

    @property
    def undetermined(self) -> bool:
        """Whether no tile tells anything."""
        return self.informative == 0


@dataclass(frozen=True)
class BestPlane:
    """Level along an axis, and where it is lowest.

    Attributes
    ----------
    index
        The sharpest plane, or None when every plane is undetermined.
    position
        The same between planes, from a parabola through the neighbors.
    curve
        Expected level per plane; NaN where undetermined.
    """

    index: int | None
    position: float | None
    curve: Array


@dataclass(frozen=True)
class FocusResult:
    """Ratings of the tiles of an image ``(…, y, x)``.

    Attributes
    ----------
    probabilities
        ``(…, rows, columns, 11)``.
    ys, xs
        First pixel of every row and column of tiles.
    tile
        Edge of a tile in pixels.
    shape
        ``(y, x)`` of a plane.
    unusable
        Tiles without any contrast, with values that are no numbers, or of noise alone.
    """

    probabilities: Array
    ys: Array
    xs: Array
    tile: int
    shape: tuple[int, int]
    unusable: Array

    @cached_property
    def level(self) -> Array:
        """Most probable level, ``(…, rows, columns)``."""
        return self.probabilities.argmax(axis=-1)

    @cached_property
    def expected(self) -> Array:
        """Expected level Σ k p_k."""
        return self.probabilities @ np.arange(LEVELS, dtype=np.float32)

    @cached_property
    def certainty(self) -> Array:
        """Certainty 1 - H(p) / ln 11, 0 (nothing is known) to 1."""
        return certainty(self.probabilities)

    @cached_property
    def p_in_focus(self) -> Array:
        """Probability of levels 0 to 2."""
        return self.probabilities[..., :IN_FOCUS_LEVELS].sum(axis=-1)

    @cached_property
    def blank(self) -> Array:
        """Tiles that tell nothing."""
        return self.unusable | (self.certainty < BLANK_CERTAINTY)

    def rectangles(self) -> Array:
        """Corners ``(rows * columns, 4, 2)`` of the tiles in ``(y, x)`` pixels."""
        y, x = (grid.ravel() for grid in np.meshgrid(self.ys, self.xs, indexing="ij"))
        corners = np.array([[0, 0], [0, 1], [1, 1], [1, 0]]) * self.tile
        # Pixel centers are whole numbers: a tile begins half a pixel before.
        return np.stack([y, x], axis=-1)[:, None] + corners - 0.5

    def as_image(self, values: Array) -> Array:
        """Spread one value a tile over the pixels, ``(…, y, x)``, float32.

        Every pixel takes the tile whose center is nearest; NaN outside of tiles.
        """
        rows = _nearest(self.ys, self.tile, self.shape[0])
        columns = _nearest(self.xs, self.tile, self.shape[1])
        spread = values[..., rows[:, None], columns[None, :]].astype(np.float32)
        outside = (rows < 0)[:, None] | (columns < 0)[None, :]
        spread[..., outside] = np.nan
        return spread

    def image(self, method: Method = "certainty") -> list[ImageFocus] | ImageFocus:
        """Focus of each plane; a list in order of the leading axes if there are any."""
        lead = self.probabilities.shape[:-3]
        planes = [self._plane(place, method) for place in np.ndindex(*lead)]
        return planes if lead else planes[0]

    def best_plane(self, axis: int = 0) -> BestPlane:
        """Find the sharpest plane along a leading axis.

        The expected level of a plane is over the tiles that are informative in
        it, each weighed by its certainty. Other leading axes are pooled.
        """
        moved = np.moveaxis(self.probabilities, axis, 0)
        blank = np.moveaxis(self.blank, axis, 0).reshape(len(moved), -1)
        tiles = moved.reshape(len(moved), -1, LEVELS)
        weights = certainty(tiles) * ~blank
        expected = tiles @ np.arange(LEVELS)
        total = weights.sum(axis=1)
        curve = np.full(len(moved), np.nan)
        np.divide((weights * expected).sum(axis=1), total, out=curve, where=total > 0)
        return _lowest(curve)

    def out_of_focus(self, threshold: float = 0.5) -> Array:
        """Mask ``(…, y, x)``, uint8: 1 where P(in focus) is under a threshold.

        Blank tiles are not in it: nothing is known about them.
        """
        out = (self.p_in_focus < threshold) & ~self.blank
        return np.nan_to_num(self.as_image(out)).astype(np.uint8)

    def to_dataframe(self) -> "pd.DataFrame":
        """One row a tile: place, level, certainty and the distribution."""
        return self._rows(0, self.level.size)

    def tables(self) -> "Iterator[pd.DataFrame]":
        """Give the same table part by part, for images with very many tiles."""
        for first in range(0, self.level.size, AT_ONCE):
            yield self._rows(first, min(first + AT_ONCE, self.level.size))

    def _rows(self, first: int, last: int) -> "pd.DataFrame":
        import pandas as pd

        part = slice(first, last)
        index = np.unravel_index(np.arange(first, last), self.level.shape)
        lead = self.level.ndim - 2
        names = ["plane"] if lead == 1 else [f"axis_{i}" for i in range(lead)]
        columns: dict[str, Any] = dict(zip(names, index, strict=False))
        columns |= {
            "y": self.ys[index[-2]],
            "x": self.xs[index[-1]],
            "level": self.level.ravel()[part],
            "expected_level": self.expected.ravel()[part],
            "certainty": self.certainty.ravel()[part],
            "p_in_focus": self.p_in_focus.ravel()[part],
            "blank": self.blank.ravel()[part],
        }
        p = self.probabilities.reshape(-1, LEVELS)[part]
        columns |= {f"p{k}": p[:, k] for k in range(LEVELS)}
        return pd.DataFrame(columns, index=pd.RangeIndex(first, last))

    def _plane(self, place: tuple[int, ...], method: Method) -> ImageFocus:
        tiles = self.probabilities[place].reshape(-1, LEVELS)
        informative = ~self.blank[place].ravel()
        if not informative.any():
            nothing = np.full(LEVELS, np.nan)
            return ImageFocus(
                nothing, np.nan, np.nan, np.nan, tile_certainties(tiles, None), 0
            )
        p = pool(tiles[informative], method)
        return ImageFocus(
            probabilities=p,
            level=float(p.argmax()),
            expected=float(p @ np.arange(LEVELS)),
            p_in_focus=float(p[:IN_FOCUS_LEVELS].sum()),
            certainties=tile_certainties(tiles, p),
            informative=int(informative.sum()),
        )


def pool(tiles: Array, method: Method = "certainty") -> Array:
    """Pool distributions ``(n, k)`` of tiles into one of the image.

    Their certainty-weighted mean (plain where no tile is certain of anything),
    their mean, or their normalized product.
    """
    tiles = np.asarray(tiles, dtype=np.float64)
    if method == "product":
        logs = np.log(np.maximum(tiles, 1e-12)).sum(axis=0)
        p = np.exp(logs - logs.max())
        return p / p.sum()
    weights = certainty(tiles) if method == "certainty" else np.ones(len(tiles))
    if weights.sum() <= 1e-12:
        weights = np.ones(len(tiles))
    return np.average(tiles, axis=0, weights=weights)


def tile_certainties(tiles: Array, pooled: Array | None) -> dict[str, float]:
    """The four certainties of an image from its tiles."""
    each = certainty(tiles)
    total = each.sum()
    return {
        "mean": float(each.mean()),
        "max": float(each.max()),
        "aggregate": float(certainty(pool(tiles) if pooled is None else pooled)),
        "weighted": float((each**2).sum() / total) if total > 0 else 0.0,
    }


def _nearest(firsts: Array, tile: int, length: int) -> Array:
    """Row of tiles that each pixel belongs to, -1 where none covers it."""
    pixels = np.arange(length)
    distance = np.abs(pixels[:, None] - (firsts + (tile - 1) / 2)[None, :])
    nearest = distance.argmin(axis=1)
    return np.where(distance.min(axis=1) <= tile / 2, nearest, -1)


def _lowest(curve: Array) -> BestPlane:
    if not np.isfinite(curve).any():
        return BestPlane(None, None, curve)
    best = int(np.nanargmin(curve))
    position = float(best)
    if 0 < best < len(curve) - 1:
        before, here, after = curve[best - 1 : best + 2]
        bend = before - 2 * here + after
        if np.isfinite(bend) and bend > 0:
            position += float(0.5 * (before - after) / bend)
    return BestPlane(best, position, curve)
