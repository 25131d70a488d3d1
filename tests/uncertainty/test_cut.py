"""Where to cut, on simulated odds whose best cut is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from napari_sciml.uncertainty.cut import (
    CUTS,
    LARGEST_CUT,
    STAYS,
    apply_offsets,
    best_cut,
    class_offsets,
    estimate_share,
    first_offsets,
    sampling_of,
)


def simulated(share, *, seed=0, apart=4.0, voxels=20_000, painted=600, middle=0.0):
    """Odds of a rare class, Gaussian in both; strokes show both classes alike."""
    rng = np.random.default_rng(seed)

    def odds(own):
        return middle + apart * (own - 0.5) + rng.normal(size=len(own))

    truth = rng.random(voxels) < share
    classes = np.arange(painted) % 2
    return two(expit(odds(truth))), truth, two(expit(odds(classes))), classes


def two(p):
    return np.stack([1 - p, p], -1)


def dice(mask, truth):
    return 2 * (mask & truth).sum() / max(1, mask.sum() + truth.sum())


@pytest.mark.parametrize("share", [0.01, 0.02, 0.05, 0.2])
@pytest.mark.parametrize("apart", [3.0, 4.0, 5.0])
def test_finds_nearly_the_best_cut_of_a_rare_class(share, apart):
    """Within 0.08 of the best Dice, in the mean over eight images 0.05."""
    lost = []
    for seed in range(8):
        image, truth, told, classes = simulated(share, seed=seed, apart=apart)
        offsets = class_offsets(image, told, classes, sampling=1.0)
        found = apply_offsets(image, offsets)[:, 1] > 0.5
        best = max(dice(image[:, 1] > expit(cut), truth) for cut in CUTS)
        lost.append(best - dice(found, truth))
        if share <= 0.05:
            assert dice(found, truth) > dice(image[:, 1] > 0.5, truth) + 0.02
    assert max(lost) < 0.08
    assert np.mean(lost) < 0.05


@pytest.mark.parametrize("share", [0.02, 0.1, 0.3, 0.7])
@pytest.mark.parametrize("at", [0.3, 0.5, 0.7])
def test_shares_are_counted(share, at):
    image, truth, told, classes = simulated(share, painted=4000)
    found = estimate_share(image[:, 1], told[:, 1], classes == 1, at=at)
    assert found == pytest.approx(truth.mean(), abs=0.02)


def random_case(seed, classes, image=400, painted=200):
    rng = np.random.default_rng(seed)
    sharp = rng.uniform(0.2, 5)
    shift = rng.normal(size=classes)
    everywhere = rng.dirichlet(np.ones(classes) / sharp, image)
    own = rng.integers(classes, size=painted)
    told = apply_offsets(
        rng.dirichlet(np.ones(classes), painted), sharp * np.eye(classes)[own] + shift
    )
    return everywhere, told, own


CASES = {"seed": st.integers(0, 10**6), "classes": st.integers(2, 4)}


@settings(deadline=None, max_examples=80)
@given(**CASES, sampling=st.floats(0, 1))
def test_offsets_are_bounded_and_the_background_stays(seed, classes, sampling):
    offsets = class_offsets(*random_case(seed, classes), sampling=sampling)
    assert offsets.shape == (classes,)
    assert offsets[0] == 0
    assert (offsets >= -LARGEST_CUT * sampling - 1e-9).all()
    assert (offsets <= -CUTS[0] * sampling + 1e-9).all()


@settings(deadline=None, max_examples=40)
@given(**CASES)
def test_no_sampling_no_offsets(seed, classes):
    assert not class_offsets(*random_case(seed, classes), sampling=0.0).any()


@settings(deadline=None, max_examples=40)
@given(**CASES, leaning=st.floats(0, 1))
def test_corrections_lean_without_a_look_at_the_image(seed, classes, leaning):
    _, told, own = random_case(seed, classes)
    nothing = np.empty((0, classes))
    offsets = class_offsets(nothing, told, own, sampling=0.0, leaning=leaning)
    assert (offsets <= 0).all()
    assert (offsets >= -leaning).all()
    assert offsets[0] == 0 or not (own == 0).any()


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 10**6), sampling=st.floats(0.1, 1))
def test_a_painted_class_keeps_its_own_voxels(seed, sampling):
    """Most of what it had before, with two classes."""
    image, told, own = random_case(seed, 2)
    offsets = class_offsets(image, told, own, sampling=sampling)
    mine = told[own == 1]
    before = (mine.argmax(1) == 1).mean()
    kept = (apply_offsets(mine, offsets).argmax(1) == 1).mean()
    assert kept >= min(0.9 * STAYS, before) - 0.03


@settings(deadline=None, max_examples=40)
@given(**CASES)
def test_order_does_not_matter(seed, classes):
    image, told, own = random_case(seed, classes)
    rng = np.random.default_rng(seed)
    here, there = rng.permutation(len(image)), rng.permutation(len(told))
    plain = class_offsets(image, told, own, sampling=0.8)
    mixed = class_offsets(image[here], told[there], own[there], sampling=0.8)
    np.testing.assert_allclose(mixed, plain, atol=1e-9)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10**6))
def test_a_cut_is_no_further_than_most_of_the_class(seed):
    image, told, own = random_case(seed, 2)
    cut = best_cut(image[:, 1], told[:, 1], own == 1)
    assert CUTS[0] <= cut <= LARGEST_CUT
    inside = (told[own == 1, 1] >= expit(cut) - 1e-9).mean()
    assert inside >= STAYS - 0.02 or cut == CUTS[0]


def test_with_few_labels_the_cut_is_a_usual_one():
    image, _, told, _ = simulated(0.02)
    nothing = best_cut(image[:, 1], told[:0, 1], np.empty(0, bool))
    one = best_cut(image[:, 1], told[1:2, 1], np.array([True]))
    assert 0.8 < nothing <= 1.2
    assert abs(one - nothing) < 0.2
    half = best_cut(np.full(100, 0.9), told[:0, 1], np.empty(0, bool))
    assert half == pytest.approx(0, abs=1e-9), "a common class is cut at even odds"


@pytest.mark.parametrize("painted", [(), (0,), (1,), (2,)])
def test_one_class_alone_needs_no_cut(painted):
    own = np.array([*painted] * 5, int)
    told = np.full((len(own), 3), 1 / 3)
    image = np.full((50, 3), 1 / 3)
    assert not class_offsets(image, told, own, sampling=1.0).any()


def test_classes_that_nobody_painted_stay():
    image, told, own = random_case(0, 4)
    kept = own != 2
    offsets = class_offsets(image, told[kept], own[kept], sampling=1.0)
    assert offsets[2] == 0
    assert offsets[[1, 3]].all()
    # Nor is the background needed: then the commonest class takes its place.
    others = own > 0
    offsets = class_offsets(image, told[others], own[others], sampling=1.0)
    assert (offsets == 0).sum() == 2


def test_corrections_take_the_cut_back_to_even_odds():
    shares = [sampling_of(6 + n, 6) for n in range(40)]
    assert shares[0] == 1
    assert (np.diff(shares) < 0).all()
    assert shares[-1] < 0.1
    assert sampling_of(14, 4) < 0.2
    assert sampling_of(70, 60) > 0.9, "rich scribbles stay"
    assert sampling_of(0, None) == sampling_of(0, 0) == 0
    assert sampling_of(5, 0) == 0
    assert sampling_of(5, None) == sampling_of(5, 9) == 1, "all in advance"


@settings(deadline=None, max_examples=50)
@given(**CASES)
def test_offsets_shift_the_odds(seed, classes):
    p, _, _ = random_case(seed, classes)
    p = np.clip(p, 1e-5, None) / np.clip(p, 1e-5, None).sum(1, keepdims=True)
    offsets = np.random.default_rng(seed).normal(size=classes)
    found = apply_offsets(p, offsets)
    np.testing.assert_allclose(found.sum(1), 1)
    odds = np.log(found / found[:, :1]) - np.log(p / p[:, :1])
    np.testing.assert_allclose(odds, np.broadcast_to(offsets - offsets[0], odds.shape))


def test_before_anything_was_looked_at_the_cut_of_rare_classes_is_higher():
    _, _, told, classes = simulated(0.02)
    background, rare = first_offsets(told, classes)
    assert background == 0
    assert -1.3 < rare < -0.5
    kept = apply_offsets(told, [background, rare])[classes == 1, 1] > 0.5
    assert kept.mean() > 0.6


def test_classes_that_nobody_painted_have_no_first_offset():
    told = np.array([[0.1, 0.5, 0.4], [0.2, 0.3, 0.5]])
    assert first_offsets(told, [1, 2])[:2].tolist() == [0, 0]
