"""Tortuosity, curvature, thickness, neighbors and confidence along a fiber."""

import numpy as np
import pytest

from napari_sciml.fibers.geometry.contacts import touching_pairs
from napari_sciml.fibers.geometry.measure import measure_fibers


def rod(shape, center, radius, axis=0, ends=None):
    """A cylinder along an axis."""
    index = np.indices(shape, float)
    others = [i for i in range(3) if i != axis]
    away = sum((index[i] - center[i]) ** 2 for i in others)
    low, high = ends or (0, shape[axis])
    return (away <= radius**2) & (index[axis] >= low) & (index[axis] < high)


@pytest.mark.parametrize("turn_deg", [40, 90, 150, 220])
@pytest.mark.parametrize("voxel_size", [(1.0, 1.0, 1.0), (2.0, 1.0, 1.0)])
def test_an_arc_of_known_curvature(make_fiber, turn_deg, voxel_size):
    rng = np.random.default_rng(3)
    turn = np.radians(turn_deg)
    found = []
    for _ in range(8):
        fiber = make_fiber(
            rng, length=90, radius=2.5, turn_deg=turn_deg, voxel_size=voxel_size
        )
        row = measure_fibers(fiber.mask, voxel_size=voxel_size).iloc[0]
        found.append((row.tortuosity, row.curvature))
    tortuosity, curvature = np.median(found, axis=0)
    assert tortuosity == pytest.approx(turn / (2 * np.sin(turn / 2)), rel=0.03)
    # The low polynomials of gentle bends are a little too straight at the ends.
    assert curvature == pytest.approx(turn / 90, rel=0.1)


def test_straight_fibers_have_no_curvature(make_fiber):
    rng = np.random.default_rng(4)
    fibers = [make_fiber(rng, length=60, radius=2.5) for _ in range(20)]
    rows = [measure_fibers(fiber.mask).iloc[0] for fiber in fibers]
    assert max(row.curvature for row in rows) < 0.005
    assert max(row.tortuosity for row in rows) < 1.005


def test_curvature_is_one_over_the_unit(make_fiber):
    mask = make_fiber(
        np.random.default_rng(5), length=80, radius=2.5, turn_deg=120
    ).mask
    small = measure_fibers(mask).iloc[0]
    large = measure_fibers(mask, voxel_size=(20, 20, 20)).iloc[0]
    assert large.curvature == pytest.approx(small.curvature / 20, rel=1e-6)
    assert large.tortuosity == pytest.approx(small.tortuosity, rel=1e-6)
    for name in ("diameter", "radius_std", "extent_x"):
        assert large[name] == pytest.approx(small[name] * 20, rel=1e-6)


def test_radius_along_the_fiber():
    shape = (120, 30, 30)
    even = rod(shape, (0, 15, 15), 4)
    z = np.indices(shape)[0]
    cone = np.hypot(*(np.indices(shape)[1:] - 15)) <= 3 + z / 30
    row = measure_fibers(even.astype(np.uint8)).iloc[0]
    assert row.diameter == pytest.approx(8, abs=0.3)
    assert row.radius_std < 0.05
    # A radius that grows evenly from 3 to 7; the outermost sections do not count.
    assert 0.7 < measure_fibers(cone.astype(np.uint8)).iloc[0].radius_std < 4 / 12**0.5


@pytest.mark.parametrize("edges", [(1.0, 1.0, 1.0), (3.0, 1.0, 1.0)])
def test_two_touching_cylinders(edges):
    shape = (60, 30, 30)
    labels = np.zeros(shape, np.uint16)
    labels[rod(shape, (0, 15, 10), 3.2)] = 7
    labels[rod(shape, (0, 15, 17), 3.2)] = 300
    labels[rod(shape, (0, 3, 26), 2)] = 4
    table = measure_fibers(labels, voxel_size=edges).set_index("label")
    assert table.contacts.to_dict() == {4: 0, 7: 1, 300: 1}
    assert table.spacing[7] == pytest.approx(7, abs=0.05)
    assert table.spacing[4] == pytest.approx(15, abs=0.1)


def test_corners_touch_in_all_directions():
    for offset in np.ndindex(3, 3, 3):
        if offset == (1, 1, 1):
            continue
        labels = np.zeros((3, 3, 3), np.uint8)
        labels[1, 1, 1], labels[offset] = 1, 2
        assert touching_pairs(labels).tolist() == [[1, 2]]
    apart = np.zeros((3, 1, 1), np.uint8)
    apart[0], apart[2] = 1, 2
    assert not len(touching_pairs(apart))


def test_contacts_in_an_image():
    labels = np.array([[1, 0, 0, 3], [0, 2, 0, 0], [0, 0, 0, 4]], np.int32)
    assert measure_fibers(labels).contacts.tolist() == [1, 1, 0, 0]


def test_spacing_is_to_the_nearest_of_many_on_the_way():
    """A cross: far apart at the ends, near in the middle."""
    shape = (81, 81, 40)
    labels = np.zeros(shape, np.uint8)
    labels[rod(shape, (40, 40, 10), 2, axis=0)] = 1
    labels[rod(shape, (40, 40, 30), 2, axis=1)] = 2
    spacing = measure_fibers(labels).spacing
    along = np.linspace(-40, 40, 9)
    expected = np.hypot(along, 20).mean()
    assert np.allclose(spacing, expected, rtol=0.02)


def test_lowest_confidence_is_that_of_a_cross_section():
    shape = (100, 20, 20)
    labels = rod(shape, (0, 10, 10), 3).astype(np.uint8)
    probability = np.full(shape, 0.9, np.float32)
    probability[5, 10, 10] = 0.0  # a single voxel decides nothing
    assert measure_fibers(labels, probability=probability).lowest_confidence[0] > 0.89
    probability[48:56] = 0.4
    row = measure_fibers(labels, probability=probability).iloc[0]
    assert row.lowest_confidence == pytest.approx(0.4, abs=0.15)
    assert row.mean_confidence == pytest.approx(0.86, abs=0.01)


def test_confidence_of_a_clump_is_its_mean():
    probability = np.linspace(0, 1, 216).reshape(6, 6, 6)
    row = measure_fibers(np.ones((6, 6, 6), np.uint8), probability=probability).iloc[0]
    assert row.lowest_confidence == pytest.approx(0.5)


def test_extent_is_the_bounding_box():
    labels = np.zeros((20, 20, 20), np.uint8)
    labels[2:5, 3:10, 4:16] = 1
    row = measure_fibers(labels, voxel_size=(2, 1, 0.5)).iloc[0]
    assert (row.extent_z, row.extent_y, row.extent_x) == (6, 7, 6)
    flat = measure_fibers(labels[3], voxel_size=(1, 0.5)).iloc[0]
    assert (flat.extent_z, flat.extent_y, flat.extent_x) == (0, 7, 6)
