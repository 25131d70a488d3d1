import json
from dataclasses import asdict

import numpy as np
import pytest

from napari_sciml.errors import InputError
from napari_sciml.uncertainty.conformal import calibrate, prediction_set
from napari_sciml.uncertainty.coverage import (
    border_distance_bands,
    coverage_report,
    set_size,
)

SETS = np.array(
    [
        [1, 1, 0, 0, 1, 1],
        [0, 1, 0, 1, 1, 1],
        [0, 0, 0, 0, 1, 0],
    ],
    bool,
)
TRUTH = np.array([1, 2, 2, 1, 1, 0], np.uint8)


def test_report_counts():
    report = coverage_report(SETS, TRUTH, 0.9)
    assert report.asked == 0.9
    assert report.voxels == 5
    assert report.coverage == pytest.approx(3 / 5)
    assert report.by_class == pytest.approx((2 / 3, 1 / 2, None))
    assert report.mean_size == pytest.approx((1 + 2 + 0 + 1 + 3) / 5)
    assert report.empty == pytest.approx(1 / 5)
    assert report.singleton == pytest.approx(2 / 5)
    assert report.full == pytest.approx(1 / 5)


def test_report_is_json_able():
    record = asdict(coverage_report(SETS, TRUTH, np.float32(0.9)))
    again = json.loads(json.dumps(record, allow_nan=False))
    assert again["by_class"][2] is None
    assert again["voxels"] == 5


@pytest.mark.parametrize("shape", [(6,), (2, 3), (1, 2, 3)])
def test_any_number_of_axes(shape):
    sets, truth = SETS.reshape(3, *shape), TRUTH.reshape(shape)
    assert coverage_report(sets, truth, 0.9) == coverage_report(SETS, TRUTH, 0.9)
    assert set_size(sets).dtype == np.uint8
    assert set_size(sets).tolist() == np.reshape([1, 2, 0, 1, 3, 2], shape).tolist()


def test_report_of_conformal_sets():
    rng = np.random.default_rng(0)
    truth = rng.integers(2, size=8000)
    p = rng.beta(2, 1, 8000)
    p = np.where(truth[:, None] == [0, 1], p[:, None], 1 - p[:, None])
    sets = prediction_set(p[4000:].T, calibrate(p[:4000], truth[:4000]), 0.8)
    report = coverage_report(sets, truth[4000:] + 1, 0.8)
    assert report.coverage == pytest.approx(0.8, abs=0.03)
    assert report.mean_size == pytest.approx(
        report.singleton + 2 * report.full, abs=1e-9
    )


@pytest.mark.parametrize(
    ("sets", "truth", "reason"),
    [
        (SETS.astype(int), TRUTH, "bool"),
        (SETS[0], TRUTH, "in the shape|two classes"),
        (SETS, TRUTH[:3], "in the shape"),
        (SETS, TRUTH.astype(float), "labels"),
        (SETS, TRUTH + 2, "from 0 to 3"),
        (SETS, TRUTH * 0, "Nothing is annotated"),
    ],
)
def test_bad_report(sets, truth, reason):
    with pytest.raises(InputError, match=reason):
        coverage_report(sets, truth, 0.9)


def nearest_other(mask):
    """Distance of each voxel to the nearest one of the other kind, by trying all."""
    places = np.indices(mask.shape).reshape(mask.ndim, -1).T
    kind = mask.ravel()
    distance = np.linalg.norm(places[:, None] - places[None], axis=2)
    distance[kind[:, None] == kind[None]] = np.inf
    return distance.min(axis=1).reshape(mask.shape)


@pytest.mark.parametrize("shape", [(40,), (9, 11), (5, 6, 7)])
def test_bands_are_distances_to_the_border(shape):
    mask = np.random.default_rng(0).random(shape) < 0.15
    edges = (1.2, 2, 3)
    bands = border_distance_bands(mask, edges)
    assert bands.dtype == np.uint8
    distance = nearest_other(mask)
    expected = sum((distance >= edge).astype(int) for edge in edges)
    assert np.array_equal(bands, expected)
    assert np.array_equal(border_distance_bands(~mask, edges), expected)


@pytest.mark.parametrize("value", [False, True])
def test_without_a_border_all_is_far(value):
    assert (border_distance_bands(np.full((4, 5), value), [1, 2]) == 2).all()


@pytest.mark.parametrize("edges", [[], [2, 1], [1, 1], [[1]], range(1, 258)])
def test_bad_bands(edges):
    with pytest.raises(InputError, match="ascending"):
        border_distance_bands(np.eye(3), edges)
