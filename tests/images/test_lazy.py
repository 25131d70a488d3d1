from itertools import count

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_sciml.images.lazy import AxesView, PlaneStack

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


@given(keys)
def test_lazy_arrays_slice_like_numpy(key):
    stack = PlaneStack(lambda z: GRAY[z], SHAPE, GRAY.dtype)
    view = AxesView(GRAY.astype(">u2")[:, None, :, :], (0, 2, 3))
    for lazy in (stack, view):
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
