import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from napari_sciml.annotation.split import hold_out


def split(labels, fraction=0.25, gap=2, seed=0):
    rng = np.random.default_rng(seed)
    return hold_out(labels, fraction=fraction, gap=gap, rng=rng)


def test_what_always_holds(annotations):
    @settings(deadline=None, max_examples=200)
    @given(
        annotations | arrays(np.uint8, (9, 9), elements=st.integers(0, 2)),
        st.sampled_from([0.0, 0.1, 0.5, 0.95]),
        st.integers(0, 4),
        st.integers(0, 99),
    )
    def check(labels, fraction, gap, seed):
        check_a_split(labels, fraction, gap, seed)

    check()


def check_a_split(labels, fraction, gap, seed):
    before = labels.copy()
    train, held_out = split(labels, fraction, gap, seed)
    assert np.array_equal(labels, before)
    for part in (train, held_out):
        assert part.dtype == labels.dtype
        assert np.array_equal(part[part > 0], labels[part > 0])
    assert set(np.unique(train)) | {0} == set(np.unique(labels)) | {0}
    near = ndimage.binary_dilation(held_out > 0, np.ones((2 * gap + 1,) * labels.ndim))
    assert not train[near].any()
    dropped = (labels > 0) & (train == 0) & (held_out == 0)
    if fraction == 0:
        assert not held_out.any()
        assert not dropped.any()
    again = split(labels, fraction, gap, seed)
    assert np.array_equal(train, again[0])
    assert np.array_equal(held_out, again[1])


def many_strokes(n=60):
    """Lines of two classes, 4 voxels apart, of many lengths."""
    labels = np.zeros((4 * n, 40), np.uint8)
    lengths = np.random.default_rng(0).integers(5, 40, n)
    for i, length in enumerate(lengths):
        labels[4 * i, :length] = 1 + i % 2
    return labels


@pytest.mark.parametrize("fraction", [0.1, 0.25, 0.5])
def test_about_the_asked_share_of_each_class(fraction):
    labels = many_strokes()
    for value in (1, 2):
        shares = []
        for seed in range(20):
            held_out = split(labels, fraction, seed=seed)[1]
            shares.append((held_out == value).sum() / (labels == value).sum())
        assert np.mean(shares) == pytest.approx(fraction, abs=0.05)
        assert np.max(np.abs(np.array(shares) - fraction)) < 0.1


def test_small_strokes_are_held_out_whole():
    labels = many_strokes()
    held_out = split(labels)[1]
    rows = np.flatnonzero(held_out.any(1))
    assert len(rows) > 5
    assert np.array_equal(held_out[rows], labels[rows])


def test_seeds_choose_other_strokes():
    labels = many_strokes()
    found = {split(labels, seed=seed)[1].tobytes() for seed in range(10)}
    assert len(found) == 10


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_single_stroke_is_cut_along_its_longest_axis(axis):
    labels = np.zeros((40, 40, 40), np.uint8)
    line = np.moveaxis(labels, axis, 0)
    line[:, 5:7, 5] = 1
    line[:, 30:32, 30] = 2
    train, held_out = split(labels, gap=3)
    for value in (1, 2):
        tested = np.unique(np.argwhere(held_out == value)[:, axis])
        trained = np.unique(np.argwhere(train == value)[:, axis])
        assert len(tested) == 10
        assert np.array_equal(tested, np.arange(tested[0], tested[0] + 10))
        assert np.abs(trained[:, None] - tested).min() == 4


def test_stroke_that_holds_most_of_its_class_is_cut():
    """However many dots are beside it."""
    labels = np.zeros((60, 100), np.uint8)
    labels[10] = 1
    labels[20:60:4, 10] = 1
    for seed in range(100):
        train, held_out = split(labels, 0.2, seed=seed)
        assert (held_out == 1).sum() <= 40
        assert (train == 1).sum() >= 60


def test_a_class_too_small_to_be_split_stays_in_training():
    labels = many_strokes()
    labels[-2, -1] = 3
    train, held_out = split(labels)
    assert train[-2, -1] == 3
    assert not (held_out == 3).any()
