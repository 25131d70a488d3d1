"""Arrays that claim nothing under a mask."""

import numpy as np
import pytest

from napari_sciml.focus.rating.cells import CellGrid
from napari_sciml.plugin.layers.blanking import Blanked, CellMask, blanked


@pytest.fixture
def cover() -> CellMask:
    """Cells of 10 pixels on a stack of 4 planes of 60 x 80."""
    mask = np.zeros((4, 6, 8), np.uint8)
    mask[1, 2:4, 5:] = 1
    grid = CellGrid((60, 80), np.array([0]), np.array([0]), 60, (6, 8))
    return CellMask(mask, grid)


def full(cover: CellMask) -> np.ndarray:
    return np.kron(cover.mask, np.ones((1, 10, 10), np.uint8)) > 0


@pytest.mark.parametrize(
    "key",
    [
        (slice(None),) * 3,
        (1, slice(10, 50), slice(45, 80)),
        (slice(1, 3), 25, slice(None, None, 3)),
        (1, 25, 60),
        (0, slice(None), slice(None)),
    ],
)
def test_parts_are_those_of_the_whole(cover, key) -> None:
    values = np.random.default_rng(0).random((4, 60, 80)).astype(np.float16)
    expected = np.where(full(cover), np.float16(np.nan), values)
    found = Blanked(values, cover)[key]
    np.testing.assert_array_equal(found, expected[key])
    assert found.dtype == np.float16


def test_coarser_levels_have_the_same_blanks(cover) -> None:
    level = np.ones((4, 30, 40), np.float32)
    found = np.isnan(Blanked(level, cover)[1])
    np.testing.assert_array_equal(found, full(cover)[1, 1::2, 1::2])


def test_another_image_has_none(cover) -> None:
    other = np.ones((4, 50, 70), np.float32)
    assert np.isfinite(np.asarray(Blanked(other, cover))).all()


def test_bool_is_false_and_the_source_stays(cover) -> None:
    known = np.ones((4, 60, 80), bool)
    np.testing.assert_array_equal(np.asarray(Blanked(known, cover)), ~full(cover))
    assert known.all()
    assert blanked(blanked(known, cover), None) is known
