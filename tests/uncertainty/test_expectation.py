"""The Dice to expect, told by how members agree."""

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_sciml.uncertainty.expectation import expected_dice

ENOUGH = (8, 8)


def sure(classes):
    """Probabilities that are sure of these classes, ``(…, class)``."""
    return np.eye(2)[np.asarray(classes, int)] * 0.8 + 0.1


def answers(flipped, members=4, voxels=4000, seed=0):
    """Members that find a rare class, each wrong about a share of it of its own."""
    rng = np.random.default_rng(seed)
    truth = rng.random(voxels) < 0.1
    wrong = rng.random((members, voxels)) < flipped * np.where(truth, 1, 0.1)
    return sure(truth ^ wrong)


def painted(recall, voxels=100):
    """What is said out of bag about as many voxels of both classes."""
    classes = np.arange(voxels) % 2
    rank = np.arange(voxels) // 2 / (voxels // 2)
    return sure(np.where(rank < recall, classes, 1 - classes)), classes


@pytest.mark.parametrize("recall", [0.5, 0.8, 1.0])
def test_the_more_members_agree_the_more_is_expected(recall):
    told, classes = painted(recall)
    found = [
        expected_dice(answers(flipped), told, classes, strokes=ENOUGH)[1]
        for flipped in (0.0, 0.05, 0.1, 0.2, 0.4)
    ]
    assert (np.diff(found) < 0).all()
    assert 0 < found[-1] < found[0] < 1


def test_only_which_class_is_likeliest_counts():
    """Sums of probabilities are as confident where a model is wrong."""
    members, (told, classes) = answers(0.2), painted(0.8)
    plain = expected_dice(members, told, classes, strokes=ENOUGH)
    timid = (members - 0.5) / 50 + 0.5
    assert expected_dice(timid, told, classes, strokes=ENOUGH) == plain


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6), st.integers(2, 4), st.integers(2, 5))
def test_any_answers(seed, classes, members):
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.full(classes, rng.uniform(0.1, 3)), (members, 60))
    told = rng.dirichlet(np.ones(classes), 40)
    own = rng.integers(classes, size=40)
    strokes = [int(n) for n in rng.integers(0, 9, classes)]
    found = expected_dice(p, told, own, strokes=strokes)
    assert len(found) == classes
    assert all(math.isnan(value) or 0 < value < 1 for value in found)
    here, there = rng.permutation(60), rng.permutation(40)
    mixed = expected_dice(p[::-1][:, here], told[there], own[there], strokes=strokes)
    np.testing.assert_allclose(mixed, found, rtol=1e-9)


def test_pairs_of_members_are_compared():
    """Of two pairs with the same mean Dice, the same is expected."""
    told, classes = painted(0.8)
    members = answers(0.15, members=3)
    masks = members[..., 1] > 0.5
    pairs = [
        2 * (masks[a] & masks[b]).sum() / (masks[a].sum() + masks[b].sum())
        for a, b in combinations(range(3), 2)
    ]
    two = [
        expected_dice(members[[a, b]], told, classes, strokes=ENOUGH)[1]
        for a, b in combinations(range(3), 2)
    ]
    assert np.argsort(two).tolist() == np.argsort(pairs).tolist()
    every = expected_dice(members, told, classes, strokes=ENOUGH)[1]
    assert min(two) < every < max(two)


@pytest.mark.parametrize(
    ("strokes", "known"),
    [
        ((8, 8), True),
        ((7, 3), True),
        ((6, 3), False),
        ((20, 2), False),
        ((0, 0), False),
        ((0, 12), True),
        ((), False),
    ],
)
def test_with_few_strokes_nothing_is_known(strokes, known):
    told, classes = painted(0.8)
    found = expected_dice(answers(0.1), told, classes, strokes=strokes)
    assert [not math.isnan(value) for value in found] == [known] * 2


@pytest.mark.parametrize("where", ["nowhere", "one member", "not painted"])
def test_a_class_that_is_not_found(where):
    told, classes = painted(0.8)
    members = answers(0.1)
    if where == "nowhere":
        members = np.broadcast_to(sure([0] * 50), (4, 50, 2))
    elif where == "one member":
        members[2] = sure([0] * members.shape[1])
    else:
        told, classes = told[classes == 0], classes[classes == 0]
    found = expected_dice(members, told, classes, strokes=ENOUGH)
    assert not math.isnan(found[0])
    assert math.isnan(found[1])
