import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_sciml.annotation import blocks
from napari_sciml.annotation.blocks import is_near, number_blocks
from napari_sciml.annotation.scribbles import Scribbles


@pytest.mark.parametrize("cell", [2, 64])
def test_what_is_near_is_a_dilation(monkeypatch, cell):
    monkeypatch.setattr(blocks, "CELL", cell)

    @settings(deadline=None, max_examples=60)
    @given(
        st.lists(st.integers(1, 12), min_size=2, max_size=3),
        st.integers(0, 4),
        st.integers(0, 999),
    )
    def check(shape, distance, seed):
        rng = np.random.default_rng(seed)
        labels = rng.integers(0, 4, shape).astype(np.uint8)
        voxels = np.argwhere(rng.random(shape) < rng.choice([0, 0.02, 0.3]))
        mask = np.zeros(shape, bool)
        mask[tuple(voxels.T)] = True
        near = ndimage.binary_dilation(mask, np.ones([2 * distance + 1] * len(shape)))
        found = is_near(Scribbles.from_dense(labels), voxels, distance)
        assert np.array_equal(found, near[labels > 0])

    check()


def test_block_numbers_by_hand():
    voxels = np.array([[0, 0], [0, 3], [3, 3], [4, 0], [9, 9], [9, 8]])
    assert number_blocks(voxels, 4).tolist() == [0, 0, 0, 1, 2, 2]
    assert number_blocks(voxels, 4, np.array([-1, -1])).tolist() == [0, 1, 3, 2, 4, 4]
    assert number_blocks(voxels, 100).tolist() == [0] * 6
    assert number_blocks(voxels[:0], 4).tolist() == []
