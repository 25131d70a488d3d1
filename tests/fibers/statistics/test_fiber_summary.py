import json

import numpy as np
import pytest

from napari_sciml.fibers.geometry.measure import measure_fibers
from napari_sciml.fibers.statistics.summary import summarize


@pytest.fixture
def labels():
    """Two fibers along z (40 and 20 long) and one along x (30) that is cut."""
    labels = np.zeros((60, 30, 40), np.uint8)
    labels[5:45, 3:6, 3:6] = 1
    labels[5:25, 13:16, 13:16] = 2
    labels[50:53, 20:23, 10:] = 3
    return labels


def test_numbers(labels):
    table = measure_fibers(labels, voxel_size=(2, 2, 2))
    found = summarize(table, labels.shape, (2, 2, 2), "um")
    assert (found["fibers"], found["touching_border"]) == (3, 1)
    assert found["volume_fraction"] == pytest.approx(9 * 90 / labels.size)
    assert (found["unit"], found["dimensions"]) == ("um", 3)
    length = found["length"]
    assert length["mean"] == pytest.approx(60)
    assert length["median"] == pytest.approx(60)
    assert (length["min"], length["max"]) == pytest.approx((40, 80))
    assert (length["quartile_1"], length["quartile_3"]) == pytest.approx((50, 70))
    assert length["length_weighted_mean"] == pytest.approx(
        (80**2 + 40**2 + 60**2) / 180
    )
    tensors = found["orientation_tensor"]
    assert np.allclose(tensors["number_weighted"], np.diag([2, 0, 1]) / 3, atol=1e-3)
    assert np.allclose(tensors["length_weighted"], np.diag([2, 0, 1]) / 3, atol=1e-3)
    assert found["principal_direction"]["theta_deg"] == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize("shape", [(8, 8, 8), (8, 8)])
@pytest.mark.parametrize("count", [0, 1])
def test_few_fibers_write_as_json(shape, count):
    labels = np.zeros(shape, np.uint8)
    labels[..., 2, 1 : 1 + 5 * count] = count
    found = summarize(measure_fibers(labels), shape)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["fibers"] == count
    assert (found["principal_direction"] is None) == (count == 0)
    assert ("area_fraction" in found) == (len(shape) == 2)
