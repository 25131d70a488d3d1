from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import Event

import dask.array as da
import numpy as np
import pytest
from dask.cache import Cache
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_sciml.images.lazy import AxesView, DaskArray, PlaneStack, without_callbacks

SHAPE = (6, 7, 8)
GRAY = np.arange(np.prod(SHAPE), dtype=np.uint16).reshape(SHAPE)


parts = st.one_of(
    st.integers(-6, 5),
    st.builds(
        slice,
        st.none() | st.integers(-9, 9),
        st.none() | st.integers(-9, 9),
        st.none() | st.integers(1, 3),
    ),
)
keys = st.one_of(
    parts,
    st.lists(parts, max_size=3).map(tuple),
    st.tuples(st.just(...), parts),
    st.tuples(parts, st.just(...), parts),
)


@settings(deadline=None)  # dask is slow at first
@given(keys)
def test_lazy_arrays_slice_like_numpy(key):
    stack = PlaneStack(lambda z: GRAY[z], SHAPE, GRAY.dtype)
    view = AxesView(GRAY.astype(">u2")[:, None, :, :], (0, 2, 3))
    dask = DaskArray(da.from_array(GRAY, chunks=3))
    for lazy in (stack, view, dask):
        np.testing.assert_array_equal(lazy[key], GRAY[key])
        assert lazy[key].dtype == GRAY.dtype


def test_lazy_array_looks_like_an_array():
    stack = PlaneStack(lambda z: GRAY[z], SHAPE, GRAY.dtype)
    assert (stack.ndim, stack.size, len(stack)) == (3, GRAY.size, 6)
    assert np.asarray(stack, dtype=float).dtype == float
    for bad in [6, (0, 0, 0, 0), (..., ...)]:
        with pytest.raises(IndexError):
            stack[bad]


def test_plane_is_read_once():
    reads = count()
    stack = PlaneStack(lambda z: (next(reads), GRAY[z])[1], SHAPE, GRAY.dtype)
    _ = stack[2:4], stack[3], stack[2, 1]
    assert next(reads) == 2


def test_dask_is_computed_beside_the_cache_of_a_viewer():
    cache, begun, go_on = Cache(1e6), Event(), Event()

    def slow(block):
        begun.set()
        assert go_on.wait(20)
        return block + 1

    lazy = da.map_blocks(slow, da.zeros((4, 4), chunks=4), meta=np.zeros((0, 0)))
    with ThreadPoolExecutor() as pool, cache:
        job = pool.submit(lambda: without_callbacks(lazy)[1:, 2])
        assert begun.wait(20)
        with cache:
            da.ones(3).compute()  # the cache forgets whatever has begun
        go_on.set()
        np.testing.assert_array_equal(job.result(), np.ones(3))


def test_only_what_dask_computes_is_wrapped():
    class NumpyInside:
        """As an xarray that needs no dask."""

        def __dask_graph__(self):
            return None

    for plain in (GRAY, NumpyInside()):
        assert without_callbacks(plain) is plain
