"""Closed forms against numpy, and the direction in which a tube runs."""

from itertools import combinations_with_replacement

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_sciml.networks.trees.eigenvalues import axis_of_tubes, eigenvalues


def entries(matrices):
    """Entries ``(i, j)`` with i <= j of matrices ``(…, size, size)``."""
    pairs = combinations_with_replacement(range(matrices.shape[-1]), 2)
    return {(i, j): torch.from_numpy(matrices[..., i, j].copy()) for i, j in pairs}


def found(matrices):
    size = matrices.shape[-1]
    values = eigenvalues(entries(matrices), size)
    assert len(values) == size
    return torch.stack(values, -1).numpy()


def expected(matrices):
    return np.linalg.eigvalsh(matrices.astype(float))[..., ::-1]


def rotations(rng, count, size):
    turned, _ = np.linalg.qr(rng.normal(size=(count, size, size)))
    return turned


def turned(values, rng, count=200):
    """Matrices with these eigenvalues, turned at random."""
    basis = rotations(rng, count, len(values))
    return basis @ np.diag(np.asarray(values, float)) @ basis.transpose(0, 2, 1)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("size", [1, 2, 3])
def test_agrees_with_numpy(size, dtype):
    half = np.random.default_rng(size).normal(size=(2000, size, size))
    matrices = (half + half.transpose(0, 2, 1)).astype(dtype)
    values = found(matrices)
    assert values.dtype == dtype
    assert (np.diff(values, axis=-1) <= 1e-6).all()
    # The arc cosine loses half of the digits where two of them are nearly alike.
    atol = {"f4": 3e-3, "f8": 1e-7}[dtype]
    np.testing.assert_allclose(values, expected(matrices), atol=atol)


@pytest.mark.parametrize(
    "values",
    [
        *((2, 2), (0, 0), (1, 0), (3, 3, 3), (3, 1, 1), (3, 3, 1), (0, 0, -5)),
        *((0, 0, 0), (1, 0, 0), (1, 0, -1), (1e-9, 0, -1e-9), (1e6, 1, 0)),
    ],
)
def test_values_that_are_alike(values):
    matrices = turned(values, np.random.default_rng(0))
    # Of a tensor of zeros, the radius is rounded up so that nothing is divided by 0.
    atol = max(1e-11, 1e-7 * np.abs(values).max())
    np.testing.assert_allclose(found(matrices), expected(matrices), atol=atol)
    assert np.isfinite(found(matrices.astype("f4"))).all()


@settings(deadline=None, max_examples=200)
@given(
    hnp.arrays("f4", 6, elements=st.floats(-1e3, 1e3, width=32)),
    st.sampled_from([2, 3]),
)
def test_any_tensor(numbers, size):
    matrix = np.zeros((1, size, size), "f4")
    for (i, j), number in zip(
        combinations_with_replacement(range(size), 2), numbers, strict=False
    ):
        matrix[0, i, j] = matrix[0, j, i] = number
    values = found(matrix)[0]
    scale = max(float(np.abs(matrix).max()), 1e-6)
    assert np.isfinite(values).all()
    np.testing.assert_allclose(values, expected(matrix)[0], atol=2e-3 * scale)
    assert values.sum() == pytest.approx(np.trace(matrix[0]), abs=1e-5 * scale)


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("size", [2, 3])
def test_axis_of_a_tube(size, sign):
    """Along a tube nothing bends; across it bends a lot, and not all ways alike."""
    rng = np.random.default_rng(size)
    basis = rotations(rng, 300, size)
    values = np.array([0.0, 2.0, 3.0][:size]) * sign
    matrices = basis @ np.diag(values) @ basis.transpose(0, 2, 1)
    tensor = entries(matrices)
    axis = axis_of_tubes(tensor, eigenvalues(tensor, size)).numpy()
    assert axis.shape == (size, 300)
    np.testing.assert_allclose(np.linalg.norm(axis, axis=0), 1, atol=1e-9)
    along = np.abs((axis.T * basis[:, :, 0]).sum(1))
    np.testing.assert_allclose(along, 1, atol=1e-6)


@pytest.mark.parametrize("size", [2, 3])
def test_no_axis_where_all_directions_are_alike(size):
    for value in (0.0, 2.5):
        tensor = entries(np.tile(value * np.eye(size), (4, 1, 1)))
        assert axis_of_tubes(tensor, eigenvalues(tensor, size)).abs().max() < 1e-9


def test_of_one_axis_there_is_only_that():
    tensor = {(0, 0): torch.tensor([-1.0, 0.0, 2.0])}
    values = eigenvalues(tensor, 1)
    assert torch.equal(values[0], tensor[0, 0])
    assert torch.equal(axis_of_tubes(tensor, values), torch.ones(1, 3))
