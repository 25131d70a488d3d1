import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_sciml.images.tiles import nearest_first, split_into_tiles, with_halo


@st.composite
def cases(draw):
    shape = draw(st.lists(st.integers(1, 20), min_size=2, max_size=3))
    size, halo = draw(st.integers(1, 25)), draw(st.integers(0, 30))
    region = None
    if draw(st.booleans()):
        starts = [draw(st.integers(0, n - 1)) for n in shape]
        region = tuple(
            slice(start, draw(st.integers(start + 1, n)))
            for start, n in zip(starts, shape, strict=True)
        )
    return tuple(shape), size, halo, region


@settings(deadline=None)
@given(cases())
def test_tiles_cover_the_region_once(case):
    shape, size, halo, region = case
    covered = np.zeros(shape, int)
    for tile in split_into_tiles(shape, size, halo, region):
        covered[tile.core] += 1
    expected = np.zeros(shape, int)
    expected[region or ...] = 1
    assert np.array_equal(covered, expected)


@settings(deadline=None)
@given(cases(), st.lists(st.integers(0, 30), min_size=3, max_size=3))
def test_halo_axis_by_axis(case, halos):
    shape, size, halo, region = case
    halos = halos[: len(shape)]
    found = split_into_tiles(shape, size, halos, region, align=2)
    single = [split_into_tiles(shape, size, h, region, align=2) for h in halos]
    for tile, *others in zip(found, *single, strict=True):
        assert tile.core == others[0].core
        assert tile.read == tuple(o.read[a] for a, o in enumerate(others))
    assert split_into_tiles(shape, size, halo, region) == split_into_tiles(
        shape, size, (halo,) * len(shape), region
    )


@settings(deadline=None)
@given(cases())
def test_edges_are_alike_and_not_too_long(case):
    shape, size, halo, region = case
    tiles = split_into_tiles(shape, size, halo, region)
    for axis in range(len(shape)):
        edges = {t.core[axis].stop - t.core[axis].start for t in tiles}
        assert max(edges) <= size
        assert max(edges) - min(edges) <= 1


@settings(deadline=None)
@given(cases())
def test_read_is_the_core_and_its_halo_inside_the_image(case):
    shape, size, halo, region = case
    indices = np.stack(np.indices(shape))
    for tile in split_into_tiles(shape, size, halo, region):
        core = indices[:, *tile.core].reshape(len(shape), -1)
        read = indices[:, *tile.read]
        low, high = core.min(1) - halo, core.max(1) + halo
        assert (
            read.reshape(len(shape), -1).min(1).tolist() == np.maximum(low, 0).tolist()
        )
        assert (
            read.reshape(len(shape), -1).max(1).tolist()
            == np.minimum(high, np.array(shape) - 1).tolist()
        )
        assert np.array_equal(read[:, *tile.inner].reshape(core.shape), core)


@settings(deadline=None)
@given(cases(), st.integers(1, 16))
def test_reading_starts_on_the_grid(case, align):
    shape, size, halo, region = case
    plain = split_into_tiles(shape, size, halo, region)
    for tile, free in zip(
        split_into_tiles(shape, size, halo, region, align=align), plain, strict=True
    ):
        assert tile.core == free.core
        for read, wanted in zip(tile.read, free.read, strict=True):
            assert read.start % align == 0
            assert 0 <= wanted.start - read.start < align
            assert read.stop == wanted.stop


@settings(deadline=None)
@given(cases(), st.lists(st.floats(-30, 30), min_size=3, max_size=3))
def test_nearest_first(case, point):
    shape, size, halo, region = case
    tiles = split_into_tiles(shape, size, halo, region)
    point = point[: len(shape)]
    ordered = nearest_first(tiles, point)
    centers = np.array([tile.center for tile in ordered])
    distances = np.linalg.norm(centers - point, axis=1).tolist()
    assert distances == sorted(distances)
    assert sorted(map(tiles.index, ordered)) == list(range(len(tiles)))


def test_c_order_and_ties():
    tiles = split_into_tiles((4, 6), 2, 0)
    starts = [tuple(part.start for part in tile.core) for tile in tiles]
    assert starts == [(0, 0), (0, 2), (0, 4), (2, 0), (2, 2), (2, 4)]
    assert nearest_first(tiles, (1.5, 2.5))[:2] == [tiles[1], tiles[4]]


@pytest.mark.parametrize(
    ("start", "stop", "halo", "read", "inner"),
    [
        (4, 6, 3, (1, 9), (3, 5)),
        (0, 2, 3, (0, 5), (0, 2)),
        (8, 10, 3, (5, 10), (3, 5)),
        (2, 8, 9, (0, 10), (2, 8)),
        (3, 4, 0, (3, 4), (0, 1)),
    ],
)
def test_halo_is_clipped(start, stop, halo, read, inner):
    tile = with_halo((slice(start, stop),), halo, (10,))
    assert tile.read == (slice(*read),)
    assert tile.inner == (slice(*inner),)
    assert tile.center == ((start + stop - 1) / 2,)
