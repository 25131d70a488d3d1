import numpy as np
import pytest
from scipy.special import expit, softmax

from napari_sciml.errors import InputError
from napari_sciml.uncertainty.consensus import (
    agreement,
    consensus_shares,
    offsets_for_shares,
)


def as_logits(odds):
    return np.stack([-odds / 2, odds / 2], -1)


def two_classes(odds):
    return np.stack([expit(-odds), expit(odds)], -1)


def dice(a, b):
    return 2 * (a & b).sum() / (a.sum() + b.sum())


def members_that_see_ghosts(share, n=100_000, members=5, seed=0):
    """All find the class; each takes other voxels of the background for it, too."""
    rng = np.random.default_rng(seed)
    fiber = rng.random(n) < share
    odds = np.where(fiber, 4.0, -6.0) + rng.normal(0, 1, (members, n))
    ghosts = ~fiber & (rng.random(n) < 2 * share)
    odds[:, ghosts] = rng.normal(0, 3, (members, int(ghosts.sum())))
    return odds, fiber


@pytest.mark.parametrize("share", [0.005, 0.02, 0.1])
def test_ghosts_do_not_count(share):
    odds, fiber = members_that_see_ghosts(share)
    p = two_classes(odds)
    plain = p.mean(0)[:, 1] > 0.5
    shares = consensus_shares(p)
    assert shares.sum() == pytest.approx(1)
    assert abs(shares[1] - fiber.mean()) < 0.5 * abs(plain.mean() - fiber.mean())
    corrected = two_classes(odds + offsets_for_shares(as_logits(odds), shares)[1])
    found = corrected.mean(0)[:, 1] > 0.5
    assert found.mean() == pytest.approx(shares[1], rel=0.05)
    assert dice(found, fiber) > dice(plain, fiber) + 0.05


@pytest.mark.parametrize("members", [1, 5])
def test_nothing_changes_where_all_agree(members):
    """No ghosts: the borders of a thick body, that all members see alike, stay."""
    x = np.linspace(-30, 30, 6001)
    odds = np.repeat(8 * np.tanh((8 - np.abs(x)) / 3)[None], members, 0)
    offsets = offsets_for_shares(as_logits(odds), consensus_shares(two_classes(odds)))
    assert abs(offsets[1]) < 0.05
    assert offsets[0] == 0


@pytest.mark.parametrize(
    "shares", [(0.9, 0.06, 0.04), (0.6, 0.3, 0.1), (0.05, 0.15, 0.8)]
)
def test_offsets_for_known_shares(shares):
    """As the ensemble decides: the likeliest class of the members' mean."""
    rng = np.random.default_rng(1)
    logits = rng.normal([3, 0, 0], 2, (5, 20_000, 3))
    offsets = offsets_for_shares(logits, shares)
    assert offsets[np.argmax(shares)] == 0
    chosen = softmax(logits + offsets, axis=-1).mean(0).argmax(1)
    assert np.bincount(chosen) / len(chosen) == pytest.approx(shares, abs=0.01)


def test_a_class_that_is_nowhere_keeps_its_odds():
    p = two_classes(np.full((3, 1000), -5.0))
    shares = consensus_shares(p)
    assert np.isnan(shares[1])
    assert shares[0] == 1
    logits = as_logits(np.full((3, 1000), -5.0))
    assert np.array_equal(offsets_for_shares(logits, shares), [0, 0])


def test_agreement_estimates_the_dice_of_a_member():
    """Members that err independently differ among themselves as from the truth."""
    rng = np.random.default_rng(0)
    fiber = rng.random(200_000) < 0.05
    flips = rng.random((5, len(fiber))) < 0.01
    p = two_classes(np.where(fiber ^ flips, 3.0, -3.0))
    true = np.mean([dice(member[:, 1] > 0.5, fiber) for member in p])
    assert agreement(p)[1] == pytest.approx(true, abs=0.01)


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        (two_classes(np.array([[3.0, -3], [3, -3]])), [1, 1]),
        (two_classes(np.array([[3.0, -3], [-3, 3]])), [0, 0]),
        (two_classes(np.array([[-3.0, -3], [-3, -3]])), [1, np.nan]),
        (two_classes(np.array([[3.0, -3]])), [np.nan, np.nan]),
    ],
)
def test_agreement_by_hand(members, expected):
    assert agreement(members) == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("shape", [(5, 2), (2, 5, 1), (2, 0, 2), (0, 5, 2)])
def test_bad_probabilities(shape):
    with pytest.raises(InputError, match="Class shares need an array"):
        consensus_shares(np.ones(shape))


def test_a_share_for_each_class():
    with pytest.raises(InputError, match="2 classes, but 3 shares"):
        offsets_for_shares(np.full((1, 5, 2), 0.5), [0.2, 0.3, 0.5])
