import numpy as np
import pytest

from napari_sciml.uncertainty.threshold import LowerBoundRule, confident
from napari_sciml.workflows.thresholding.arrays import (
    BINS,
    SLAB_VOXELS,
    keep_confident,
    slabs,
)


@pytest.mark.parametrize("shape", [(40, 200, 200), (300, 200), (3, 4, 5)])
def test_slabs_make_up_the_whole(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    mean = rng.random((2, *shape)).astype(np.float16)
    std = (0.2 * rng.random((2, *shape))).astype(np.float16)
    known = rng.random(shape) < 0.8
    mask, histogram = np.zeros(shape, bool), np.zeros(BINS, int)
    for slab in keep_confident(
        mean, std, known, index=1, rule=LowerBoundRule(1.5, 0.4)
    ):
        assert slab.mask is not None
        mask[slab.where] = slab.mask
        histogram += slab.histogram
    sure = confident(mean[1], std[1], k=1.5, t=0.4)
    np.testing.assert_array_equal(mask, sure & known)
    inside = mean[1][known].astype(np.float32)
    assert histogram.sum() == known.sum()
    expected, _ = np.histogram(np.minimum(inside, 0.999), BINS, (0, 1))
    assert np.abs(histogram - expected).sum() <= 0.02 * known.sum()


def test_counts_without_a_rule() -> None:
    mean = np.full((2, 3, 4, 5), 0.25, np.float16)
    known = np.ones((3, 4, 5), bool)
    (slab,) = keep_confident(mean, mean, known, index=0, rule=None)
    assert slab.mask is None
    assert slab.histogram[BINS // 4] == 60


def test_a_probability_of_one_falls_into_the_last_bin() -> None:
    ones = np.ones((1, 2, 2, 2), np.float16)
    known = np.ones((2, 2, 2), bool)
    slab = next(
        keep_confident(ones, 0 * ones, known, index=0, rule=LowerBoundRule(1, 0.5))
    )
    assert slab.histogram[-1] == 8


@pytest.mark.parametrize(
    "shape", [(8000, 8000), (6, 6500, 6500), (700, 700, 700), (3, 4)]
)
def test_slabs_are_small_and_cover_once(shape: tuple[int, ...]) -> None:
    covered = np.zeros(shape[:2], int)
    for where in slabs(shape):
        covered[where] += 1
        voxels = covered[where].size * np.prod(shape[2:])
        assert voxels <= SLAB_VOXELS
    assert (covered == 1).all()
