"""In which order the pieces of a slice are predicted."""

import numpy as np
import pytest

from napari_sciml.images.tiles import region_size
from napari_sciml.prediction.slice_tiles import AT_ONCE, SliceTiles
from napari_sciml.prediction.viewport import Viewport

EDGE = 8192


def whole(edge: int = EDGE, visible: tuple[slice, ...] | None = None) -> Viewport:
    region = (slice(0, edge), slice(0, edge))
    middle = [(part.start + part.stop - 1) / 2 for part in visible or region]
    return Viewport(region, tuple(middle), visible=visible)


def holds(tile, point) -> bool:
    return all(p.start <= x < p.stop for p, x in zip(tile.core, point, strict=True))


def test_of_a_large_window_the_places_with_labels_come_first() -> None:
    tiles = SliceTiles(2)
    strokes = [(3100, 3100), (600, 7000)]
    tiles.attend(np.array([(y, x + i) for y, x in strokes for i in range(200)]))
    window, every = tiles.of(whole())
    assert sum(region_size(tile.core) for tile in window) <= AT_ONCE
    for stroke in strokes:
        assert any(holds(tile, stroke) for tile in window[:4])
    assert sum(region_size(tile.core) for tile in every) == EDGE**2
    assert every[: len(window)] == window


@pytest.mark.parametrize("attended", [np.empty((0, 2)), np.array([[8000, 10]])])
def test_without_labels_in_the_window_its_middle_comes_first(attended) -> None:
    tiles = SliceTiles(2)
    tiles.attend(attended)
    seen = (slice(1000, 5000), slice(2000, 6000))
    view = whole(visible=seen)
    window, _ = tiles.of(view)
    far = [np.linalg.norm(np.subtract(tile.center, view.point)) for tile in window]
    assert far == sorted(far)
    assert far[0] < 512


def test_a_window_that_fits_the_screen_comes_whole() -> None:
    tiles = SliceTiles(2)
    tiles.attend(np.array([[5, 5]]))
    seen = (slice(4000, 5000), slice(4000, 5400))
    window, _ = tiles.of(whole(visible=seen))
    covered = np.zeros((EDGE, EDGE), bool)
    for tile in window:
        covered[tile.core] = True
    assert covered[seen].all()


def test_new_labels_change_the_order_of_the_same_view() -> None:
    tiles, view = SliceTiles(2), whole()
    before = tiles.of(view)[0][0]
    tiles.attend(np.array([[100, 100]]))
    after = tiles.of(view)[0][0]
    assert holds(after, (100, 100))
    assert before != after


@pytest.mark.parametrize(
    "view", [None, Viewport((slice(0, 9),) * 3, (4, 4, 4), volume=True)]
)
def test_nothing_where_no_slice_is_shown(view) -> None:
    assert SliceTiles(3).of(view) == ([], [])
