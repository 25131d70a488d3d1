"""Tensors, intervals and bands of directions against what is known of them."""

import json
from itertools import permutations

import numpy as np
import pandas as pd
import pytest

from napari_sciml.fibers.orientation import direction_density, orientation_tensor
from napari_sciml.fibers.statistics.direction_band import direction_band, peak_direction
from napari_sciml.fibers.statistics.tensors import (
    PAIRS,
    contracted,
    describe_tensors,
    fourth_order_tensor,
    uniformity_p,
)


def isotropic(n, rng):
    vectors = rng.normal(size=(n, 3))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def around(axis, spread_deg, n, rng):
    """Directions about an axis, normal in the plane across it."""
    vectors = axis + np.tan(np.radians(spread_deg)) * rng.normal(size=(n, 3))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def table_of(directions, lengths=None):
    table = pd.DataFrame(directions, columns=["dz", "dy", "dx"])
    table["arc_length"] = 1.0 if lengths is None else lengths
    table["volume"] = table["arc_length"] ** 2
    return table


def test_isotropic_fourth_order():
    """On a spherical design the moments are exact: the 12 corners of an icosahedron."""
    golden = (1 + 5**0.5) / 2
    corners = [(0, a, b * golden) for a in (1, -1) for b in (1, -1)]
    corners += [np.roll(c, i) for c in corners for i in (1, 2)]
    tensor = fourth_order_tensor(np.array(corners, float))
    assert np.allclose(orientation_tensor(np.array(corners, float)), np.eye(3) / 3)
    for i, j in np.ndindex(3, 3):
        assert tensor[i, i, j, j] == pytest.approx(1 / 5 if i == j else 1 / 15)
    assert tensor[0, 0, 0, 1] == pytest.approx(0, abs=1e-12)


def test_planar_and_aligned_fourth_order():
    turns = np.radians(np.arange(0, 360, 10))
    ring = np.stack([0 * turns, np.sin(turns), np.cos(turns)], axis=1)
    tensor = fourth_order_tensor(ring)
    assert tensor[1, 1, 1, 1] == pytest.approx(3 / 8)
    assert tensor[1, 1, 2, 2] == pytest.approx(1 / 8)
    assert np.allclose(tensor[0], 0)
    aligned = fourth_order_tensor([[0, 0, 2.0], [0, 0, -1.0]])
    assert aligned[2, 2, 2, 2] == pytest.approx(1)
    assert aligned.sum() == pytest.approx(1)


def test_symmetry_and_contraction():
    rng = np.random.default_rng(0)
    directions, weights = rng.normal(size=(40, 3)), rng.random(40)
    tensor = fourth_order_tensor(directions, weights)
    for order in permutations(range(4)):
        assert np.allclose(tensor, tensor.transpose(order))
    second = orientation_tensor(directions, weights)
    assert np.allclose(np.einsum("ijkk", tensor), second)
    six = contracted(tensor)
    assert np.allclose(six, six.T)
    assert six[PAIRS.index("zz"), PAIRS.index("yx")] == tensor[0, 0, 1, 2]
    assert np.trace(six[:3, :3]) + 2 * (six[0, 1] + six[0, 2] + six[1, 2]) == (
        pytest.approx(1)
    )


@pytest.mark.parametrize("n", [0, 1, 2])
def test_few_fibers_write_as_json(n):
    table = table_of(isotropic(n, np.random.default_rng(0)))
    found = describe_tensors(table, draws=50, seed=0)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert (found["number_weighted"]["a2"] is None) == (n == 0)
    assert (found["number_weighted"]["a2_low"] is None) == (n < 2)


def test_weights_of_the_tensors():
    table = table_of([[1.0, 0, 0], [0, 0, 1.0]], [1.0, 3.0])
    found = describe_tensors(table, draws=10, seed=0)
    share = {
        name: found[f"{name}_weighted"]["a2"][2][2]
        for name in ("number", "length", "volume")
    }
    assert share == pytest.approx({"number": 0.5, "length": 0.75, "volume": 0.9})


def test_intervals_hold_the_truth_as_often_as_they_say():
    rng = np.random.default_rng(1)
    hits = np.zeros((3, 3))
    for _ in range(150):
        lengths = rng.uniform(20, 80, 120)
        found = describe_tensors(
            table_of(isotropic(120, rng), lengths), draws=200, seed=0
        )["length_weighted"]
        low, high = np.array(found["a2_low"]), np.array(found["a2_high"])
        hits += (low <= np.eye(3) / 3) & (np.eye(3) / 3 <= high)
    assert hits.min() >= 0.88 * 150
    assert hits.mean() <= 0.99 * 150


def test_cone_holds_the_true_axis():
    rng = np.random.default_rng(2)
    axis = np.array([0.3, -0.5, 0.8]) / np.linalg.norm([0.3, -0.5, 0.8])
    hits = 0
    for _ in range(60):
        found = describe_tensors(
            table_of(around(axis, 15, 100, rng)), draws=200, seed=0
        )["number_weighted"]["principal_direction"]
        angle = np.degrees(np.arccos(abs(np.array(found["zyx"]) @ axis)))
        hits += angle <= found["cone_deg"]
        assert found["cone_deg"] < 5
    assert hits >= 50


def test_uniformity():
    rng = np.random.default_rng(3)
    chances = np.array([uniformity_p(isotropic(200, rng)) for _ in range(200)])
    assert 0.01 <= (chances < 0.05).mean() <= 0.10
    assert uniformity_p(around(np.array([1.0, 0, 0]), 40, 200, rng)) < 1e-6


@pytest.mark.parametrize("n", [150, 1000])
def test_isotropic_density_is_flat_within_its_band(n):
    rng = np.random.default_rng(4)
    bands = [direction_band(isotropic(n, rng), cells=60, draws=200) for _ in range(40)]
    assert sum(band.isotropic for band in bands) >= 34
    aligned = direction_band(around(np.array([0, 1.0, 0]), 30, n, rng), draws=100)
    assert not aligned.isotropic
    assert aligned.surely_more.any()


def test_band_of_more_fibers_than_are_drawn():
    rng = np.random.default_rng(5)
    directions = isotropic(20_000, rng)
    many = direction_band(directions, cells=40, draws=60)
    few = direction_band(directions[:5000], cells=40, draws=60)
    assert many.isotropic
    wide, narrow = (np.mean(band.high - band.low) for band in (few, many))
    assert wide / narrow == pytest.approx(2, rel=0.25)


@pytest.mark.parametrize("axis", [(1, 0, 0), (0, 0, 1), (0.2, 0.9, -0.5), (0, 1, -1)])
def test_peak_within_two_degrees(axis):
    rng = np.random.default_rng(6)
    axis = np.array(axis) / np.linalg.norm(axis)
    found = direction_density(around(axis, 8, 300, rng))
    angle = np.degrees(np.arccos(min(abs(peak_direction(found) @ axis), 1)))
    assert angle < 2


@pytest.mark.parametrize("n", [0, 1])
def test_band_without_fibers(n):
    band = direction_band(np.eye(3)[:n], cells=40)
    assert np.isnan(band.low).all()
    assert not band.isotropic


def test_areas_and_antipodes():
    found = direction_density(np.array([[0.3, 0.5, -0.8]]), cells=40)
    assert found.areas().sum() == pytest.approx(1)
    assert (found.areas() * found.density).sum() == pytest.approx(1, abs=0.01)
    turned = np.roll(found.density[::-1], 20, axis=1)
    assert np.allclose(turned, found.density)
