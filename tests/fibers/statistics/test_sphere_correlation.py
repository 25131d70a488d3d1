"""The autocorrelation of the mask on a sphere."""

import numpy as np
import pytest

from napari_sciml.errors import InputError
from napari_sciml.fibers.statistics.autocorrelation import _pairs_at, sphere_correlation


def rods(shape, axes, n, rng, radius=2.0, length=60.0, edges=(1.0, 1.0, 1.0)):
    """A mask of straight rods along random rows of `axes`."""
    index = np.stack(np.indices(shape), -1) * edges
    mask = np.zeros(shape, bool)
    for _ in range(n):
        axis = axes[rng.integers(len(axes))]
        away = index - rng.random(3) * np.array(shape) * edges
        along = away @ axis
        across = np.einsum("...i,...i", away, away) - along**2
        mask |= (np.abs(along) <= length / 2) & (across <= radius**2)
    return mask


def angle_deg(a, b):
    return np.degrees(np.arccos(min(abs(float(a @ b)), 1)))


@pytest.mark.parametrize("axis", [(1, 0, 0), (0, 0.6, 0.8), (0.5, -0.7, 0.5)])
def test_peak_of_aligned_fibers(axis):
    axis = np.array(axis) / np.linalg.norm(axis)
    mask = rods((72, 72, 72), axis[None], 40, np.random.default_rng(0))
    found = sphere_correlation(mask, radius=20)
    assert angle_deg(found.peak, axis) < 2
    assert found.map.density.max() > 3
    assert found.fraction == pytest.approx(mask.mean())


def test_anisotropic_voxels_make_no_difference():
    axis = np.array([0.6, 0.0, 0.8])
    rng = np.random.default_rng(1)
    mask = rods((40, 72, 72), axis[None], 40, rng, edges=(2.0, 1.0, 1.0))
    found = sphere_correlation(mask, radius=20, voxel_size=(2, 1, 1))
    assert angle_deg(found.peak, axis) < 2
    assert found.radius == 20


def test_isotropic_fibers_are_flat_within_the_interval():
    rng = np.random.default_rng(2)
    axes = rng.normal(size=(400, 3))
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    mask = rods((96, 96, 96), axes, 120, rng, length=40)
    found = sphere_correlation(mask, radius=12, cells=60)
    flat = float((found.map.density * found.map.areas()).sum())
    inside = (found.low <= flat) & (flat <= found.high)
    assert (inside * found.map.areas()).sum() > 0.6
    assert found.map.density.std() < 0.3 * flat


def test_random_voxels_are_as_by_chance():
    mask = np.random.default_rng(3).random((64, 64, 64)) < 0.1
    found = sphere_correlation(mask, radius=8, cells=40)
    # 2,000 pairs at each lag.
    assert np.abs(found.map.density - 1).max() < 0.08
    assert (found.map.density * found.map.areas()).sum() == pytest.approx(1, abs=0.01)


def test_pairs_are_counted_as_by_hand():
    rng = np.random.default_rng(4)
    mask = rng.random((9, 11, 10)) < 0.4
    lags = np.array([[0, 0, 0], [2, -3, 1], [-4, 0, 4], [0.5, 0, 0]])
    found = _pairs_at(mask, lags, np.array([5, 5, 5]), None)
    by_hand = []
    for lag in lags[:3].astype(int):
        moved = np.zeros_like(mask)
        to = tuple(
            slice(max(-n, 0), mask.shape[i] - max(n, 0)) for i, n in enumerate(lag)
        )
        of = tuple(
            slice(max(n, 0), mask.shape[i] - max(-n, 0)) for i, n in enumerate(lag)
        )
        moved[to] = mask[of]
        by_hand.append((mask & moved).sum())
    half = ((mask[1:] & mask[:-1]).sum() + mask.sum()) / 2
    assert np.allclose(found, [*by_hand, half], atol=0.01)


@pytest.mark.parametrize("shape", [(20, 20, 20), (1, 40, 40), (70, 8, 70)])
def test_a_volume_narrower_than_the_sphere(shape):
    found = sphere_correlation(np.ones(shape, bool), radius=30, cells=40)
    values = found.map.density
    assert np.all(np.isnan(values) | np.isclose(values, 1, atol=1e-3))


def test_no_fibers():
    found = sphere_correlation(np.zeros((40, 40, 40), np.uint8), radius=5, cells=40)
    assert np.isnan(found.map.density).all()
    assert found.fraction == 0
    assert np.isnan(found.peak).all()


@pytest.mark.parametrize(
    ("shape", "radius"), [((9, 9), 5), ((9, 9, 9), 0.5), ((9, 9, 9), np.nan)]
)
def test_bad_input(shape, radius):
    with pytest.raises(InputError):
        sphere_correlation(np.zeros(shape, int), radius=radius)
