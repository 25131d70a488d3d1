import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy import ndimage

from napari_sciml.errors import InputError
from napari_sciml.fibers.config import FiberConfig
from napari_sciml.fibers.segmentation.instances import label_fibers

FACE = [(0, 0, 0), (0, 0, 1)]
EDGE = [(0, 0, 0), (0, 1, 1)]
CORNER = [(0, 0, 0), (1, 1, 1)]


def mask_of(voxels, shape=(3, 3, 3)):
    mask = np.zeros(shape, bool)
    mask[tuple(np.array(voxels).T)] = True
    return mask


@pytest.mark.parametrize(
    ("voxels", "connectivity", "count"),
    [
        (FACE, 6, 1),
        (EDGE, 6, 2),
        (EDGE, 18, 1),
        (CORNER, 18, 2),
        (CORNER, 26, 1),
    ],
)
def test_connectivity_3d(voxels, connectivity, count):
    assert label_fibers(mask_of(voxels), connectivity=connectivity).max() == count


@pytest.mark.parametrize(
    ("connectivity", "count"), [(4, 2), (6, 2), (8, 1), (18, 1), (26, 1)]
)
def test_connectivity_2d(connectivity, count):
    assert label_fibers(np.eye(2, dtype=bool), connectivity=connectivity).max() == count


@pytest.mark.parametrize(("dust", "count"), [(0, 3), (1, 3), (2, 2), (4, 1), (5, 0)])
def test_dust_drops_what_is_smaller_and_renumbers(dust, count):
    mask = np.zeros((1, 9), bool)
    mask[0, [0, 2, 3, 5, 6, 7, 8]] = True  # 1, 2 and 4 pixels
    labels = label_fibers(mask, dust=dust)
    assert list(np.unique(labels[labels > 0])) == list(range(1, count + 1))


@pytest.mark.parametrize(
    "values",
    [
        np.array([[0, 255], [255, 0]], np.uint8),
        np.array([[0, 1], [1, 0]], np.int64),
        np.array([[0.0, 1.0], [1.0, 0.0]], np.float16),
        [[False, True], [True, False]],
    ],
)
def test_what_is_like_a_mask_is_one(values):
    assert label_fibers(values, connectivity=4).tolist() == [[0, 1], [2, 0]]


@pytest.mark.parametrize(
    ("mask", "reason"),
    [
        (np.zeros(3, bool), "1 axes"),
        (np.zeros((1, 1, 1, 1), bool), "4 axes"),
        (np.array([[0.0, 0.4]]), "more values than two"),
        (np.array([[np.nan, 1.0]]), "more values than two"),
        (np.array([[0, 1, 2]]), "more values than two"),
        (np.array([[-1, 0, 1]]), "more values than two"),
        (np.array([["a"]]), "true and false"),
    ],
)
def test_what_is_no_mask_is_refused(mask, reason):
    with pytest.raises(InputError, match=reason):
        label_fibers(mask)


@pytest.mark.parametrize(("ndim", "connectivity"), [(3, 4), (3, 8), (2, 5)])
def test_unknown_connectivity_is_refused(ndim, connectivity):
    with pytest.raises(InputError, match="does not exist"):
        label_fibers(np.zeros((2,) * ndim, bool), connectivity=connectivity)


def test_negative_dust_is_refused():
    with pytest.raises(InputError, match="dust"):
        label_fibers(np.zeros((2, 2), bool), dust=-1)


@pytest.mark.parametrize("shape", [(4, 4), (3, 4, 5), (0, 4), (0, 2, 2)])
def test_empty_mask_has_no_fibers(shape):
    labels = label_fibers(np.zeros(shape, bool), dust=10)
    assert labels.shape == shape
    assert not labels.any()


@pytest.mark.parametrize(("count", "dtype"), [(255, np.uint8), (256, np.uint16)])
def test_smallest_type_that_holds_the_count(count, dtype):
    mask = np.zeros((1, 2 * count), bool)
    mask[0, ::2] = True
    labels = label_fibers(mask)
    assert labels.dtype == dtype
    assert labels.max() == count


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_agrees_with_scipy(seed, fortran):
    mask = np.random.default_rng(seed).random((6, 7, 8)) < 0.25
    given_mask = np.asfortranarray(mask) if fortran else mask
    ours = label_fibers(given_mask, connectivity=18)
    theirs, _ = ndimage.label(mask, ndimage.generate_binary_structure(3, 2))
    assert np.array_equal(ours, theirs)


def test_config_is_bounded_and_fixed():
    assert FiberConfig().connectivity == 26
    for wrong in ({"dust": -1}, {"connectivity": 8}, {"unknown": 1}):
        with pytest.raises(ValidationError):
            FiberConfig(**wrong)
    with pytest.raises(ValidationError):
        FiberConfig().dust = 3


def test_dust_by_volume() -> None:
    mask = np.zeros((4, 6, 12), bool)
    mask[1, 1, 1:9] = mask[3, 4, 1:6] = True  # 8 and 5 voxels of 0.1 x 0.2 x 0.2
    size = (0.1, 0.2, 0.2)
    for volume, count in ((0.02, 2), (0.0201, 1), (0.032, 1), (0.0321, 0), (0, 2)):
        labels = label_fibers(mask, dust_volume=volume, dust=99, voxel_size=size)
        assert labels.max() == count
    with pytest.raises(InputError, match="volume of dust"):
        label_fibers(mask, dust_volume=-1.0)
