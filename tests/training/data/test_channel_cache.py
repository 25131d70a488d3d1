import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_sciml.training.data import channels as module
from napari_sciml.training.data.channels import ChannelCache

SHAPES = {2: (45, 38), 3: (21, 18, 26)}
SMALL_CELLS = {2: 16, 3: 8}


class Recorder:
    """An image that counts how often it is read."""

    def __init__(self, data):
        self.data, self.shape, self.ndim, self.reads = data, data.shape, data.ndim, 0

    def __getitem__(self, key):
        self.reads += 1
        return self.data[key]


@pytest.fixture
def case(gray_ensemble, monkeypatch):
    """A cache with small cells, and the channels of the whole image."""

    def make(dims, **limits):
        monkeypatch.setattr(module, "CELL", SMALL_CELLS)
        for name, value in limits.items():
            monkeypatch.setattr(module, name, value)
        ensemble = gray_ensemble(dims, sigmas=(0.5, 1.0))
        data = np.random.default_rng(0).normal(size=SHAPES[dims]).astype(np.float32)
        ensemble.front.calibrate([torch.from_numpy(data)[None, None]])
        image = Recorder(data)
        expected = ensemble.channels(torch.from_numpy(data))
        return ChannelCache(image, ensemble), image, expected

    return make


def regions(shape):
    return st.tuples(
        *(
            st.tuples(st.integers(0, n - 1), st.integers(1, n)).map(
                lambda pair, n=n: slice(pair[0], min(n, pair[0] + pair[1]))
            )
            for n in shape
        )
    )


@pytest.mark.parametrize("limits", [{}, {"CACHE_BYTES": 1}])
@pytest.mark.parametrize("dims", [2, 3])
def test_regions_across_cells_equal_the_whole(case, dims, limits):
    cache, _, expected = case(dims, **limits)

    @settings(deadline=None, max_examples=25)
    @given(regions(SHAPES[dims]))
    def check(region):
        found = cache.channels(region)
        assert torch.allclose(found, expected[:, :, *region], atol=1e-5)

    check()


@pytest.mark.parametrize("dims", [2, 3])
def test_cells_are_computed_once_and_only_where_asked_for(case, dims):
    cache, image, _ = case(dims)
    corner = (slice(1, 7),) * dims
    cache.channels(corner)
    cache.channels(corner)
    assert image.reads == 1
    cache.channels((slice(6, 18), *corner[1:]))
    assert image.reads == {2: 2, 3: 3}[dims]


def test_memory_is_bounded_and_the_oldest_cell_goes(case):
    cache, image, expected = case(2)
    cell = expected[:, :, :16, :16].nbytes
    cache, image, _ = case(2, CACHE_BYTES=2 * cell)
    a, b, c = (
        (slice(0, 16), slice(0, 16)),
        (slice(16, 32), slice(0, 16)),
        (slice(0, 16), slice(16, 32)),
    )
    reads = []
    for region in (a, b, a, c, a, b):
        cache.channels(region)
        reads.append(image.reads)
    assert reads == [1, 2, 2, 3, 3, 4]


def test_result_is_a_copy(case):
    cache, _, expected = case(2)
    region = (slice(0, 16), slice(0, 16))
    cache.channels(region).zero_()
    assert torch.allclose(cache.channels(region), expected[:, :, *region], atol=1e-5)
