"""Components found block by block are those that are found in one piece."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_sciml.errors import InputError
from napari_sciml.fibers.blockwise.blocks import BlockVolume
from napari_sciml.fibers.blockwise.components import BinaryBlocks, find_components
from napari_sciml.fibers.segmentation.instances import label_fibers
from napari_sciml.progress import exhaust
from napari_sciml.samples.phantom import PhantomConfig, make_phantom


def by_blocks(mask, edge, connectivity=26, dust=0):
    volume = BlockVolume(mask, edge)
    binary = BinaryBlocks(volume)
    found = exhaust(find_components(binary, connectivity, dust))
    labels = np.zeros(mask.shape, np.uint32)
    out = BlockVolume(labels, edge)
    for i, region in enumerate(volume.regions()):
        out.write(region, found.number(i, binary.read(region)))
    return labels, found


@st.composite
def masks(draw):
    shape = draw(st.tuples(*[st.integers(1, 9)] * draw(st.integers(2, 3))))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    return rng.random(shape) < draw(st.sampled_from([0.05, 0.2, 0.35, 0.6, 0.95]))


@settings(max_examples=150, deadline=None)
@given(
    mask=masks(),
    edge=st.integers(1, 10),
    connectivity=st.sampled_from([6, 18, 26]),
    dust=st.sampled_from([0, 3]),
)
def test_random_masks(mask, edge, connectivity, dust):
    labels, found = by_blocks(mask, edge, connectivity, dust)
    whole = label_fibers(mask, connectivity=connectivity, dust=dust)
    np.testing.assert_array_equal(labels, whole)
    np.testing.assert_array_equal(
        found.sizes[1:], np.bincount(whole.ravel(), minlength=1)[1:]
    )


@pytest.fixture(scope="module")
def phantom():
    config = PhantomConfig.clustered(shape=(64, 80, 72), seed=5, length_mean=60)
    return make_phantom(config).labels > 0


@pytest.mark.parametrize("edge", [16, 23, 50])
@pytest.mark.parametrize("connectivity", [6, 18, 26])
def test_fibers_that_cross_many_blocks(phantom, edge, connectivity):
    labels, _ = by_blocks(phantom, edge, connectivity, dust=50)
    whole = label_fibers(phantom, connectivity=connectivity, dust=50)
    np.testing.assert_array_equal(labels, whole)


@pytest.mark.parametrize("place", [(7, 7, 7), (8, 7, 7), (7, 8, 8)])
def test_a_corner_joins_with_26_neighbors_only(place):
    mask = np.zeros((16, 16, 16), bool)
    mask[place] = True
    mask[tuple(15 - p for p in place)] = True
    assert by_blocks(mask, 8, 26)[1].count == 1
    assert by_blocks(mask, 8, 18)[1].count == 2


def test_dust_is_judged_by_the_size_over_all_blocks():
    mask = np.zeros((4, 4, 60), bool)
    mask[1, 1, 5:25] = True
    mask[3, 3, 30:33] = True
    assert by_blocks(mask, 6, dust=20)[1].sizes.tolist() == [0, 20]


@pytest.mark.parametrize("values", [[0, 1, 2], [0, 3, 255], [0, -1, -1], [0, 0.5, 1]])
def test_what_is_no_mask_is_told_even_in_another_block(values):
    mask = np.zeros((2, 2, 12), np.array(values).dtype)
    mask[0, 0, 0], mask[0, 0, 5], mask[0, 0, 11] = values
    with pytest.raises(InputError, match="more values than two"):
        by_blocks(mask, 4)


class Damaged:
    """Cannot be read from z = 8 on."""

    shape, dtype = (16, 8, 8), np.dtype(np.uint8)

    def __getitem__(self, key):
        if key[0].stop > 8:
            raise RuntimeError("blosc: -5\nmore")
        return np.ones([s.stop - s.start for s in key], np.uint8)


def test_a_broken_chunk_is_one_sentence():
    volume = BlockVolume(Damaged(), 8, "mask.zarr")
    with pytest.raises(InputError, match=r"mask.zarr cannot be read .*\(8 to 15, 0"):
        exhaust(find_components(BinaryBlocks(volume), 26))
