"""The coarse picture of a rating, and its verdict."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_sciml.focus.colors import focus_colors
from napari_sciml.focus.rating.cells import CellGrid
from napari_sciml.focus.rating.result import FocusResult
from napari_sciml.focus.rating.tiling import starts
from napari_sciml.focus.rating.verdict import verdict


def _result(levels, shape=(84, 252), blank=None):
    levels = np.asarray(levels)
    p = np.eye(11, dtype=np.float32)[levels]
    ys, xs = (starts(length, 84, 84) for length in shape)
    blank = np.zeros(levels.shape, bool) if blank is None else np.asarray(blank)
    return FocusResult(p, ys, xs, 84, shape, blank)


@given(
    st.integers(84, 700),
    st.integers(84, 700),
    st.sampled_from([16, 40, 84]),
    st.data(),
)
def test_a_pixel_and_its_cell_have_the_same_tile(height, width, stride, data):
    ys, xs = starts(height, 84, stride), starts(width, 84, stride)
    p = np.full((len(ys), len(xs), 11), 1 / 11, np.float32)
    result = FocusResult(p, ys, xs, 84, (height, width), np.zeros(p.shape[:2], bool))
    grid = CellGrid.of(result)
    y, x = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    row, column = grid.cell_at(np.array([y]), np.array([x]))
    assert 0 <= row[0] < grid.cells[0]
    assert 0 <= column[0] < grid.cells[1]
    values = np.arange(len(ys) * len(xs)).reshape(len(ys), len(xs))
    tile = grid.spread(values)[row[0], column[0]]
    distance = abs(ys[tile // len(xs)] + 41.5 - y), abs(xs[tile % len(xs)] + 41.5 - x)
    nearest = np.abs(ys + 41.5 - y).min(), np.abs(xs + 41.5 - x).min()
    # No farther than the nearest tile by more than a cell.
    assert distance[0] <= nearest[0] + grid.pitch[0]
    assert distance[1] <= nearest[1] + grid.pitch[1]


def test_leading_axes_are_kept():
    result = _result(np.zeros((5, 1, 3), int))
    assert CellGrid.of(result).spread(result.level).shape == (5, 6, 18)


@pytest.mark.parametrize(
    ("levels", "blank", "words"),
    [
        ([[0, 2, 8]], None, "In focus: 67 % of informative tiles."),
        (
            [[0, 2, 8]],
            [[True, False, False]],
            "In focus: 50 % of informative tiles. 1 of 3 tiles tells nothing.",
        ),
        ([[0, 2, 8]], [[True] * 3], "Undetermined: nothing to see in this image."),
        (
            [[[5, 5, 5]], [[0, 1, 8]]],
            None,
            "Best plane: 1 of 2 (the first is 0). In focus there: 67 % of informative "
            "tiles.",
        ),
        ([[[0, 0, 0]]], [[[True] * 3]], "Undetermined: nothing to see in this stack."),
    ],
)
def test_verdicts(levels, blank, words):
    assert verdict(_result(levels, blank=blank)) == words


def test_colors_are_those_of_matplotlib():
    from matplotlib.colors import hsv_to_rgb

    level, certain = np.linspace(0, 10, 21), np.linspace(0, 0.7, 21)
    value = 0.15 + 0.85 * certain / 0.7
    hsv = np.stack([level / 10 * 2 / 3, np.full(21, 0.95), value], axis=-1)
    found = focus_colors(level, certain)
    np.testing.assert_allclose(found[:, :3], hsv_to_rgb(hsv), atol=1e-6)
    assert (found[:, 3] == 1).all()
