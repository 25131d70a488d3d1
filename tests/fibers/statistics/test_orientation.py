import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_sciml.errors import InputError
from napari_sciml.fibers.orientation import (
    direction_density,
    hammer,
    hammer_of_angles,
    orientation_tensor,
    upper_hemisphere,
)

Z, Y, X = np.eye(3)


def isotropic(n, seed=0):
    return np.random.default_rng(seed).normal(size=(n, 3))


@pytest.mark.parametrize(
    ("directions", "weights", "expected"),
    [
        ([Z], None, np.diag([1, 0, 0])),
        ([Z, -Z], None, np.diag([1, 0, 0])),
        ([Z, 5 * X], None, np.diag([0.5, 0, 0.5])),
        ([Z, X], [3, 1], np.diag([0.75, 0, 0.25])),
        ([Y + X, Y - X], None, np.diag([0, 0.5, 0.5])),
        ([Y + X], None, [[0, 0, 0], [0, 0.5, 0.5], [0, 0.5, 0.5]]),
        (isotropic(200_000), None, np.eye(3) / 3),
    ],
)
def test_tensor_of_known_distributions(directions, weights, expected):
    tensor = orientation_tensor(directions, weights)
    assert np.allclose(tensor, expected, atol=0.004)
    assert np.trace(tensor) == pytest.approx(1)


def test_tensor_of_a_cone():
    phi = np.linspace(0, 2 * np.pi, 360, endpoint=False)
    theta = np.radians(30)
    cone = np.stack(
        [
            np.full(360, np.cos(theta)),
            np.sin(theta) * np.sin(phi),
            np.sin(theta) * np.cos(phi),
        ],
        axis=1,
    )
    expected = np.diag([0.75, 0.125, 0.125])
    assert np.allclose(orientation_tensor(cone), expected)


def test_no_fibers_have_no_tensor():
    assert np.isnan(orientation_tensor(np.zeros((0, 3)))).all()


@pytest.mark.parametrize(
    ("directions", "weights", "reason"),
    [
        ([[0, 0, 0]], None, "zero or not finite"),
        ([[np.nan, 0, 1]], None, "zero or not finite"),
        ([[1, 0]], None, "z, y, x"),
        ([Z], [-1], "not negative"),
        ([Z], [1, 1], "one weight"),
        ([Z, X], [0, 0], "zero"),
    ],
)
def test_bad_directions(directions, weights, reason):
    with pytest.raises(InputError, match=reason):
        orientation_tensor(directions, weights)


@pytest.mark.parametrize(
    ("vector", "expected"),
    [
        ((1, 2, 3), (1, 2, 3)),
        ((-1, 2, 3), (1, -2, -3)),
        ((0, -2, 3), (0, 2, -3)),
        ((0, 0, -3), (0, 0, 3)),
        ((-1e-17, 1, 0), (0, 1, 0)),
    ],
)
def test_upper_hemisphere(vector, expected):
    assert upper_hemisphere(np.array([vector], float))[0].tolist() == list(expected)


@pytest.mark.parametrize(
    ("direction", "expected"),
    [
        (Z, (0, np.sqrt(2))),
        (-Z, (0, -np.sqrt(2))),
        (X, (0, 0)),
        (Y, (2 * np.sqrt(2) * np.sin(np.pi / 4) / np.sqrt(1 + np.cos(np.pi / 4)), 0)),
        ((0, 0, -1), (2 * np.sqrt(2), 0)),
        # Latitude 45, longitude 90 degrees, from the closed formula.
        ((1, 1, 0), (np.sqrt(2 / 1.5), np.sqrt(1 / 1.5))),
    ],
)
def test_hammer_of_known_directions(direction, expected):
    x, y = hammer([direction])
    assert (x[0], y[0]) == pytest.approx(expected, abs=1e-7)


@settings(deadline=None)
@given(st.lists(st.floats(-1, 1), min_size=3, max_size=3))
def test_hammer_stays_inside_its_ellipse(vector):
    if np.linalg.norm(vector) < 1e-6:
        return
    x, y = hammer([vector])
    assert (x[0] / (2 * np.sqrt(2))) ** 2 + (y[0] / np.sqrt(2)) ** 2 <= 1 + 1e-9


def test_hammer_keeps_areas_everywhere():
    """The Jacobian is cos(latitude), the area element of the sphere."""
    latitude, longitude = np.meshgrid(
        np.linspace(-1.5, 1.5, 61), np.linspace(-3, 3, 61)
    )
    step = 1e-5
    east, west = (hammer_of_angles(longitude + s, latitude) for s in (step, -step))
    north, south = (hammer_of_angles(longitude, latitude + s) for s in (step, -step))
    x_east, y_east = (np.subtract(east, west)) / (2 * step)
    x_north, y_north = (np.subtract(north, south)) / (2 * step)
    jacobian = x_east * y_north - y_east * x_north
    assert np.allclose(jacobian, np.cos(latitude), atol=1e-8)


def test_evenly_spread_directions_fill_the_ellipse_evenly():
    n = 20_000
    z = 1 - (2 * np.arange(n) + 1) / n
    turn = np.arange(n) * np.pi * (3 - np.sqrt(5))  # Fibonacci sphere
    across = np.sqrt(1 - z**2)
    x, y = hammer(np.stack([z, across * np.sin(turn), across * np.cos(turn)], 1))
    u, v = x / (2 * np.sqrt(2)), y / np.sqrt(2)
    # In the unit disk, the square of the radius and the angle are uniform.
    for values in (u**2 + v**2, np.arctan2(v, u) / (2 * np.pi) + 0.5):
        assert np.abs(np.sort(values) - (np.arange(n) + 0.5) / n).max() < 0.003


def mean_over_sphere(found):
    area = np.diff(np.sin(found.latitude))[:, None]
    return float((found.density * area).sum() / (2 * found.density.shape[1]))


@pytest.mark.parametrize("bandwidth", [5, 8, 20, 45])
def test_density_is_relative_to_isotropic(bandwidth):
    for directions in ([Z], [Y], isotropic(50)):
        found = direction_density(directions, bandwidth_deg=bandwidth)
        assert mean_over_sphere(found) == pytest.approx(1, abs=0.01)


def test_density_of_isotropic_directions_is_flat():
    density = direction_density(isotropic(30_000), bandwidth_deg=15, cells=60).density
    assert np.abs(density - 1).max() < 0.15


def test_density_peaks_at_the_direction_and_its_opposite():
    theta, phi = np.radians(50), np.radians(-70)
    d = [np.cos(theta), np.sin(theta) * np.sin(phi), np.sin(theta) * np.cos(phi)]
    found = direction_density([d])
    row, column = np.unravel_index(found.density.argmax(), found.density.shape)
    peak = found.latitude[row], found.longitude[column]
    here, there = (np.radians([40, -70]), np.radians([-40, 110]))
    assert min(np.abs(peak - here).max(), np.abs(peak - there).max()) < np.radians(2)
    half = found.density.shape[1] // 2
    assert np.allclose(found.density, np.roll(found.density[::-1], half, axis=1))


def test_density_weights():
    double = direction_density([Z, X], [2, 0]).density
    assert np.allclose(double, direction_density([Z]).density)


def test_density_without_fibers_is_zero():
    assert not direction_density(np.zeros((0, 3))).density.any()


@pytest.mark.parametrize("options", [{"bandwidth_deg": 0}, {"cells": 30}])
def test_density_refuses_bad_settings(options):
    with pytest.raises(InputError):
        direction_density([Z], **options)
