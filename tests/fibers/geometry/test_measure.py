import numpy as np
import pytest

from napari_sciml.errors import InputError
from napari_sciml.fibers.geometry.measure import (
    COLUMNS,
    CONFIDENCE_COLUMNS,
    measure_fibers,
)

ISOTROPIC = (1.0, 1.0, 1.0)
ANISOTROPIC = (3.0, 1.0, 1.0)


def direction_of(row):
    return np.array([row.dz, row.dy, row.dx])


def angle_deg(a, b):
    return np.degrees(np.arccos(np.clip(abs(a @ b), 0, 1)))


def errors(make_fiber, n, seed, voxel_size, turn_deg=0.0):
    """Absolute length, arc length and direction errors of random fibers."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(n):
        fiber = make_fiber(
            rng,
            length=rng.uniform(30, 80),
            radius=rng.uniform(2, 3),
            turn_deg=turn_deg,
            voxel_size=voxel_size,
        )
        row = measure_fibers(fiber.mask, voxel_size=voxel_size).iloc[0]
        found.append(
            (
                abs(row.length - fiber.length),
                abs(row.arc_length - fiber.arc_length),
                angle_deg(direction_of(row), fiber.direction),
            )
        )
    return np.array(found).T


@pytest.mark.parametrize(
    ("voxel_size", "length_median", "length_worst", "angle_median"),
    [(ISOTROPIC, 0.3, 1.5, 0.3), (ANISOTROPIC, 1.0, 4.0, 0.6)],
)
def test_straight_cylinders(
    make_fiber, voxel_size, length_median, length_worst, angle_median
):
    length, arc, angle = errors(make_fiber, 60, 1, voxel_size)
    assert np.median(length) <= length_median
    assert length.max() <= length_worst
    assert np.median(arc) <= length_median
    assert np.median(angle) <= angle_median


@pytest.mark.parametrize("turn_deg", [20, 60, 90, 150, 200, 240])
def test_bent_cylinders(make_fiber, turn_deg):
    length, arc, angle = errors(make_fiber, 15, 2, ISOTROPIC, turn_deg)
    assert np.median(length) <= 0.6
    assert length.max() <= 2.5
    assert np.median(arc) <= 0.8
    assert np.median(angle) <= 1.0


@pytest.mark.parametrize("voxel_size", [ISOTROPIC, ANISOTROPIC])
def test_slanted_cuts_at_the_border_do_not_turn_a_fiber(make_fiber, voxel_size):
    rng = np.random.default_rng(6)
    angles = []
    while len(angles) < 40:
        fiber = make_fiber(rng, length=70, radius=2.5, voxel_size=voxel_size)
        if abs(fiber.direction[0]) < 0.4:
            continue
        planes = len(fiber.mask)
        row = measure_fibers(
            fiber.mask[planes // 4 : -planes // 4], voxel_size=voxel_size
        ).iloc[0]
        assert row.touches_border
        angles.append(angle_deg(direction_of(row), fiber.direction))
    assert np.median(angles) <= 1.0


def test_a_hair_does_not_make_a_fiber_longer(make_fiber):
    fiber = make_fiber(np.random.default_rng(3), length=40, radius=2.5)
    before = measure_fibers(fiber.mask).iloc[0]
    outermost = max(np.argwhere(fiber.mask), key=lambda v: v @ fiber.direction)
    grown = np.pad(fiber.mask, 4)
    hair = outermost + 4 + np.round(np.outer(range(1, 5), fiber.direction)).astype(int)
    grown[tuple(hair.T)] = 1
    assert measure_fibers(grown).iloc[0].length - before.length < 1.0


@pytest.mark.parametrize(
    ("box", "direction", "theta", "phi"),
    [
        ((20, 3, 3), (1, 0, 0), 0, None),
        ((3, 20, 3), (0, 1, 0), 90, 90),
        ((3, 3, 20), (0, 0, 1), 90, 0),
    ],
)
def test_angles_along_the_axes(box, direction, theta, phi):
    row = measure_fibers(np.ones(box, np.uint8), voxel_size=(2, 2, 2)).iloc[0]
    assert direction_of(row) == pytest.approx(direction, abs=1e-6)
    assert row.length == pytest.approx(40)
    assert row.theta_deg == pytest.approx(theta, abs=1e-4)
    assert phi is None or row.phi_deg == pytest.approx(phi, abs=1e-4)
    assert row.volume == 180 * 8
    assert row.radius == pytest.approx(np.sqrt(36 / np.pi))
    assert row.aspect_ratio == pytest.approx(20 / row.radius)


def test_directions_point_up():
    rng = np.random.default_rng(4)
    labels = (rng.random((30, 30, 30)) < 0.02) * np.arange(1, 31)[:, None, None]
    table = measure_fibers(labels.astype(np.int32))
    assert (table.dz >= 0).all()
    flat = table[table.dz == 0]
    assert (flat.dy >= 0).all()
    assert (flat.dx[flat.dy == 0] > 0).all()
    assert np.allclose(np.linalg.norm(table[["dz", "dy", "dx"]], axis=1), 1)
    assert table.theta_deg.between(0, 90).all()


def test_columns_labels_and_centroids():
    labels = np.zeros((10, 12, 14), np.uint32)
    labels[2:4, 3:5, 4:6] = 70000
    labels[8, 8, 8] = 3
    table = measure_fibers(labels, voxel_size=(2, 1, 0.5))
    assert tuple(table.columns) == COLUMNS
    assert table.label.tolist() == [3, 70000]
    assert table.voxels.tolist() == [1, 8]
    centroids = table[["centroid_z", "centroid_y", "centroid_x"]].to_numpy()
    assert np.allclose(centroids, [[16, 8, 4], [5, 3.5, 2.25]])


def test_border_contact():
    labels = np.zeros((9, 9, 9), np.uint8)
    labels[1, 1, 1], labels[4, 4, 8], labels[0, 5, 5], labels[7, 7, 7] = 1, 2, 3, 4
    assert measure_fibers(labels).touches_border.tolist() == [False, True, True, False]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_mean_confidence(dtype):
    labels = np.array([[0, 2, 2, 0, 7]], np.uint16)
    probability = np.array([[0.9, 0.5, 1.0, 0.1, 0.25]], dtype)
    table = measure_fibers(labels, probability=probability)
    assert table.mean_confidence.tolist() == [0.75, 0.25]


@pytest.mark.parametrize("angle", [0, 10, 20, 45, 90, 130, 175])
@pytest.mark.parametrize("edges", [(1.0, 1.0), (2.0, 1.0)])
def test_strips_in_an_image(angle, edges):
    along = np.array([np.sin(np.radians(angle)), np.cos(np.radians(angle))])
    yx = np.stack(np.indices((120, 120)), -1) * edges - np.array([60.3, 59.8])
    s, t = yx @ along, yx @ [along[1], -along[0]]
    labels = ((np.abs(s) <= 25) & (np.abs(t) <= 3)).astype(np.uint8)
    row = measure_fibers(labels, voxel_size=edges).iloc[0]
    assert row.length == pytest.approx(50, abs=1.3)
    assert row.radius == pytest.approx(3, abs=0.35)
    assert (row.dz, row.centroid_z, row.theta_deg) == (0, 0, 90)
    assert angle_deg(np.array([row.dy, row.dx]), along) < 0.6
    assert not row.touches_border


def test_ring_segment_in_an_image():
    y, x = np.indices((80, 80)) - 40
    ring = np.abs(np.hypot(y, x) - 25) <= 2.5
    row = measure_fibers((ring & (y > 0)).astype(np.uint8)).iloc[0]
    assert row.length == pytest.approx(50, abs=1.5)
    assert row.arc_length == pytest.approx(25 * np.pi, abs=2)


@pytest.mark.parametrize(
    "body",
    [
        np.ones((1, 1, 1)),
        np.ones((12, 12, 12)),
        np.ones((2, 30, 30)),
        np.ones((1, 1, 40)),
        np.hypot(*(np.indices((60, 60)) - 30)).round() == 20,  # a closed ring
        np.eye(30)[None] + np.eye(30)[::-1][None] > 0,  # a cross
    ],
    ids=["voxel", "block", "plate", "line", "ring", "cross"],
)
def test_every_body_gets_numbers(body):
    row = measure_fibers(np.pad(body, 1).astype(np.uint8)).iloc[0]
    may_lack = ["touches_border", "tortuosity", "radius_std", "spacing"]
    numbers = row.drop(may_lack).to_numpy(np.float64)
    assert np.isfinite(numbers).all()
    assert 0 < row.length <= np.linalg.norm(body.shape) + 2


@pytest.mark.parametrize("shape", [(5, 5), (5, 5, 5), (0, 4, 4)])
def test_no_fibers_give_an_empty_table(shape):
    table = measure_fibers(np.zeros(shape, np.uint8), probability=np.zeros(shape))
    assert tuple(table.columns) == (*COLUMNS, *CONFIDENCE_COLUMNS)
    assert len(table) == 0


@pytest.mark.parametrize(
    ("labels", "options", "reason"),
    [
        (np.zeros(3, int), {}, "1 axes"),
        (np.zeros((2, 2)), {}, "whole numbers"),
        (np.array([[-1, 0]]), {}, "negative"),
        (np.zeros((2, 2), int), {"voxel_size": (1, 1, 1)}, "one number an axis"),
        (np.zeros((2, 2), int), {"voxel_size": (1, 0)}, "positive"),
        (np.zeros((2, 2), int), {"voxel_size": (1, np.nan)}, "positive"),
        (np.zeros((2, 2), int), {"probability": np.zeros((2, 3))}, "same image"),
    ],
)
def test_bad_input(labels, options, reason):
    with pytest.raises(InputError, match=reason):
        measure_fibers(labels, **options)


def test_many_blocks_agree_with_one(make_fiber, monkeypatch):
    rng = np.random.default_rng(5)
    labels = np.zeros((40, 40, 200), np.uint16)
    for i in range(5):
        mask = make_fiber(rng, length=20, radius=2).mask[:40, :40, :40]
        part = labels[: mask.shape[0], : mask.shape[1], 40 * i :]
        part[:, :, : mask.shape[2]][mask > 0] = i + 1
    at_once = measure_fibers(labels)
    monkeypatch.setattr("napari_sciml.fibers.geometry.voxels._BLOCK", 300)
    assert measure_fibers(labels).equals(at_once)
