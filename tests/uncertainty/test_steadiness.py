"""Shares that do not jump with every stroke."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_sciml.uncertainty.cut import apply_offsets
from napari_sciml.uncertainty.steadiness import FARTHEST, LEAST_VOXELS, SteadyShares

VOXELS = 4000


def picture(share: float, seed: int = 0) -> np.ndarray:
    """Probabilities of two classes, of which the second has a share above one half."""
    rng = np.random.default_rng(seed)
    odds = np.sort(rng.normal(size=VOXELS)) * 0.8
    odds -= odds[VOXELS - round(share * VOXELS) - 1 :][:2].mean()
    p = 1 / (1 + np.exp(-odds))
    return np.stack([1 - p, p], 1)


def share_of(image: np.ndarray, offsets: np.ndarray, index: int = 1) -> float:
    return float((apply_offsets(image, offsets)[:, index] > 0.5).mean())


def after(*shares: float) -> tuple[SteadyShares, np.ndarray]:
    """What is moved at the last of these pictures."""
    steady, found = SteadyShares(), np.zeros(2)
    for share in shares:
        found = steady.steady(picture(share), [0, 0], [1])
    return steady, found


def test_at_first_nothing_moves():
    _, found = after(0.03)
    assert found == pytest.approx([0, 0], abs=0.01)


@pytest.mark.parametrize("steps", [(0.04, 0.06), (0.06, 0.04), (0.05, 0.05, 0.07)])
def test_a_share_goes_half_of_the_way_there(steps):
    _, found = after(*steps)
    before, now = steps[-2:]
    assert share_of(picture(now), found) == pytest.approx(
        np.sqrt(before * now), rel=0.05
    )


def test_swings_settle_between_both_ends():
    shares = [0.03, 0.06] * 5
    steady, shown = SteadyShares(), []
    for share in shares:
        found = steady.steady(picture(share), [0, 0], [1])
        shown.append(share_of(picture(share), found))
    assert np.ptp(np.log(shown[-4:])) < 0.6 * np.ptp(np.log(shares))


def test_what_stays_is_believed_soon():
    *_, found = after(0.02, *[0.04] * 6)
    assert found == pytest.approx([0, 0], abs=0.02)


@pytest.mark.parametrize("jump", [0.0005, 0.9])
def test_no_cut_moves_far(jump):
    """A flood is not kept back, and what is hardly there is not called up."""
    _, found = after(0.05, jump)
    assert abs(found[1]) <= FARTHEST
    assert found[0] == 0


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10**6), count=st.integers(2, 4))
def test_only_what_is_asked_moves_and_never_far(seed, count):
    rng = np.random.default_rng(seed)
    steady, moved = SteadyShares(), [c for c in range(1, count) if rng.random() < 0.6]
    for _ in range(3):
        image = rng.dirichlet(np.full(count, 0.5), 500)
        given_ = rng.normal(size=count)
        found = steady.steady(image, given_, moved)
        change = found - given_
        assert np.isfinite(found).all()
        assert (np.abs(change) <= FARTHEST + 1e-9).all()
        assert not np.delete(change, moved).any()


def test_voxels_in_any_order_tell_the_same():
    one, other = SteadyShares(), SteadyShares()
    order = np.random.default_rng(0).permutation(VOXELS)
    for share in (0.05, 0.02, 0.08):
        found = one.steady(picture(share), [0, 0], [1])
        assert np.array_equal(found, other.steady(picture(share)[order], [0, 0], [1]))


def test_too_few_voxels_tell_no_share_and_are_forgotten():
    few = LEAST_VOXELS / 2 / VOXELS
    steady, found = after(0.05, few)
    assert not found.any()
    again = steady.steady(picture(0.05), [0, 0], [1])
    assert again == pytest.approx([0, 0], abs=0.01), "as if nothing had been between"
