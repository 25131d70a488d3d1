import time
from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_sciml.errors import InputError
from napari_sciml.uncertainty.acquisition import DISMISSED, next_query, search

EDGE = 8
SHAPES = {2: (50, 41), 3: (20, 33, 27)}


def noise(shape, seed=0, high=1.0):
    values = high * np.random.default_rng(seed).random(shape)
    return values.astype(np.float16), np.ones(shape, bool)


def ball(shape, center, radius):
    grid = np.indices(shape, sparse=True)
    return sum((g - c) ** 2 for g, c in zip(grid, center, strict=True)) <= radius**2


def points(ndim, most=12):
    voxel = st.tuples(*(st.integers(0, n - 1) for n in SHAPES[ndim]))
    return st.lists(voxel, max_size=most)


@st.composite
def searches(draw):
    """An image of noise, and what has happened on it."""
    ndim = draw(st.sampled_from([2, 3]))
    information, known = noise(SHAPES[ndim], draw(st.integers(0, 5)))
    known &= np.random.default_rng(draw(st.integers(0, 5))).random(known.shape) < 0.8
    labeled = draw(points(ndim))
    return (
        information,
        known,
        {
            "labeled": np.array(labeled, int).reshape(-1, ndim),
            "visited": draw(points(ndim)),
            "dismissed": draw(points(ndim)),
            "edge": draw(st.sampled_from([1, 3, EDGE])),
            "spacing": draw(st.sampled_from([None, (2, 1), (3, 1, 1.5)])),
            "axis": draw(st.sampled_from([None, *range(ndim)])),
        },
    )


def fitting(options, ndim):
    spacing = options["spacing"]
    fits = spacing is not None and len(spacing) == ndim
    return {**options, "spacing": spacing if fits else None}


@given(searches())
@settings(max_examples=150, deadline=None)
def test_a_spot_keeps_its_distance(case):
    information, known, options = case
    options = fitting(options, known.ndim)
    spot = next_query(information, known, **options)
    if spot is None:
        return
    sizes = np.array(options["spacing"] or [1] * known.ndim, float)
    sizes /= sizes.min()
    edge = options["edge"]
    for radius, places in (
        (edge, options["visited"]),
        (DISMISSED * edge, options["dismissed"]),
    ):
        for place in places:
            apart = np.linalg.norm(np.subtract(spot.center, place) * sizes)
            assert apart >= radius
    labels = np.zeros(known.shape, bool)
    labels[tuple(options["labeled"].T)] = True
    assert not labels[spot.region].any()
    assert known[spot.region].any()
    for middle, part, length in zip(spot.center, spot.region, known.shape, strict=True):
        assert 0 <= part.start <= middle < part.stop <= length
    if options["axis"] is not None:
        assert labels[spot.region].shape[options["axis"]] == 1


@pytest.mark.parametrize("axis", [None, 0, 1, 2])
@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_axes_are_alike(axis, order):
    information, known = noise((24, 40, 33))
    rng = np.random.default_rng(3)
    known &= rng.random(known.shape) < 0.7
    options = {
        "labeled": np.argwhere(rng.random(known.shape) < 0.001),
        "visited": [(3, 20, 20), (12, 9, 30)],
        "dismissed": [(20, 33, 5)],
    }
    spot = next_query(information, known, edge=EDGE, axis=axis, **options)
    turned = {
        name: np.asarray(places)[:, list(order)] for name, places in options.items()
    }
    found = next_query(
        information.transpose(order),
        known.transpose(order),
        edge=EDGE,
        axis=None if axis is None else order.index(axis),
        **turned,
    )
    assert found.center == tuple(spot.center[i] for i in order)
    assert found.region == tuple(spot.region[i] for i in order)
    assert found.score == pytest.approx(spot.score, rel=1e-5)


@given(st.integers(2, 3), st.data())
@settings(max_examples=40, deadline=None)
def test_finds_a_disputed_ball(ndim, data):
    shape = tuple(2 * n for n in SHAPES[ndim])
    information, known = noise(shape, high=0.2)
    center = [data.draw(st.integers(6, n - 7)) for n in shape]
    information[ball(shape, center, 5)] = 0.6
    axis = data.draw(st.sampled_from([None, *range(ndim)]))
    spot = next_query(information, known, axis=axis)
    assert np.all(np.abs(np.subtract(spot.center, center)) <= 8)
    assert spot.score > 0.25


def test_a_patch_comes_before_a_seam_a_haze_and_a_bad_voxel():
    shape = (64, 64, 64)
    information, known = np.zeros(shape, np.float16), np.ones(shape, bool)
    information[:, :, 31:33] = 0.6  # a thin seam
    information[:, :, :24] = 0.25  # a bit unsure all over
    information[10, 50, 50] = 1  # a single voxel
    information[50, 10, 10:] = 0.3
    assert next_query(information, known, axis=0).center[2] != 50
    information[ball(shape, (40, 20, 50), 7)] = 0.7
    spot = next_query(information, known, axis=0)
    assert np.linalg.norm(np.subtract(spot.center, (40, 20, 50))) < 8


def test_the_slice_has_the_largest_disputed_area():
    information, known = np.zeros((32, 32, 32), np.float16), np.ones((32,) * 3, bool)
    information[16:32, 3:9, 3:9] = 0.5
    information[27, :16, :16] = 0.9
    spot = next_query(information, known, axis=0)
    assert spot.center[0] == 27
    assert spot.region[0] == slice(27, 28)


@pytest.mark.parametrize("ndim", [2, 3])
def test_nothing_known_nothing_found(ndim):
    information, known = noise(SHAPES[ndim])
    assert next_query(information, np.zeros_like(known)) is None
    assert next_query(np.zeros_like(information), known) is None
    everywhere = np.argwhere(known)
    assert next_query(information, known, labeled=everywhere) is None


def test_a_single_predicted_slice_is_enough():
    information, known = noise((32, 64, 64))
    known[:13] = known[14:] = False
    spot = next_query(information, known, axis=0)
    assert spot.center[0] == 13
    information[:, 40:52, 20:32] = 1
    spot = next_query(information, known, axis=0)
    assert (spot.center[0], spot.center[1] // 8, spot.center[2] // 8) in {
        (13, 5, 3),
        (13, 6, 3),
        (13, 5, 4),
        (13, 6, 4),
    }


@pytest.mark.parametrize("axis", [None, 0])
def test_goes_round_and_never_comes_back(axis):
    information, known = noise((40, 64, 64), high=0.4)
    visited = []
    while (
        spot := next_query(information, known, visited=visited, axis=axis)
    ) is not None:
        for place in visited:
            assert np.linalg.norm(np.subtract(spot.center, place)) >= 16
        visited.append(spot.center)
    assert len(visited) >= 20
    gaps = [np.linalg.norm(np.subtract(*pair)) for pair in pairwise(visited[:5])]
    assert min(gaps) > 20, "the next spot is not next to the last one"


def test_not_a_number_is_not_disputed():
    information, known = noise((64, 64), high=0.1)
    information[:32, :32] = np.nan
    spot = next_query(information, known)
    assert np.isfinite(spot.score)
    assert not np.isnan(information[spot.region]).all()


def test_flat_voxels_make_flat_blocks():
    information, known = noise((12, 64, 64))
    spot = next_query(information, known, spacing=(4, 1, 1))
    assert [part.stop - part.start for part in spot.region] == [4, 16, 16]


def test_the_same_again():
    information, known = np.full((48, 48), 0.5, np.float16), np.ones((48, 48), bool)
    assert next_query(information, known) == next_query(information, known)


def test_a_volume_takes_no_time():
    """Well under 100 ms on a quiet machine, and much less at a time."""
    information, known = noise((128, 128, 128))
    labeled = np.argwhere(np.random.default_rng(0).random(known.shape) < 0.0002)
    steps, last = [], time.perf_counter()
    for _ in search(information, known, labeled=labeled, axis=0):
        steps.append(time.perf_counter() - last)
        last = time.perf_counter()
    assert sum(steps) < 1
    assert len(steps) > 10


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"axis": 2}, "no axis 2"),
        ({"spacing": (1, 1, 1)}, "do not fit"),
        ({"spacing": (1, 0)}, "do not fit"),
        ({"edge": 0}, "do not fit"),
        ({"visited": [(1, 2, 3)]}, "does not lie in the image"),
    ],
)
def test_refuses_what_does_not_fit(options, said):
    with pytest.raises(InputError, match=said):
        next_query(*noise((30, 30)), **options)


def test_refuses_another_shape():
    information, known = noise((30, 30))
    with pytest.raises(InputError, match="same prediction"):
        next_query(information, known[:20])
