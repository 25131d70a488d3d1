"""Promises of conformal sets, on data where they must hold."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_sciml.errors import InputError
from napari_sciml.uncertainty.conformal import (
    ConformalCalibration,
    calibrate,
    prediction_set,
)
from napari_sciml.uncertainty.prior import log_prior_ratio

DRAWS = 150
WRITTEN_BY_0_1 = """{
 "marginal": {"n": 4, "knots": [0.05, 0.1, 0.3, 0.7]},
 "by_class": [{"n": 3, "knots": [0.05, 0.1, 0.3]}, {"n": 1, "knots": [0.7]},
              {"n": 0, "knots": []}]}"""


def softmax(logits):
    p = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return p / p.sum(axis=-1, keepdims=True)


def voxels(rng, n, classes=3, shares=None):
    """Probabilities that tell something, but not all, about the true class."""
    truth = rng.choice(classes, n, p=shares)
    logits = rng.normal(size=(n, classes)) + 1.5 * np.eye(classes)[truth]
    return softmax(logits), truth


def blocks_of(rng, sizes, alike):
    """Voxels of blocks: the error of a block, and that of each voxel in it."""
    block = np.repeat(np.arange(len(sizes)), sizes)
    common = rng.normal(size=(len(sizes), 2))[block]
    own = rng.normal(size=(len(block), 2))
    truth = rng.integers(2, size=len(block))
    noise = np.sqrt(alike) * common + np.sqrt(1 - alike) * own
    return softmax(noise + np.eye(2)[truth]), truth, block


def covered(p, truth, calibration, coverage, **options):
    sets = prediction_set(p.T, calibration, coverage, **options)
    return sets[truth, np.arange(len(truth))]


def within(rates, low, high):
    slack = 4 * np.std(rates) / np.sqrt(len(rates)) + 1e-3
    assert low - slack <= np.mean(rates) <= high + slack


def test_reads_what_version_0_1_wrote():
    calibration = ConformalCalibration.model_validate_json(WRITTEN_BY_0_1)
    assert calibration.score == "lac"
    assert calibration.n == 4
    assert calibration.threshold(0.8) == 0.7
    assert calibration.threshold(0.5) == 0.3
    assert calibration.threshold(0.81) == 1
    assert calibration.threshold(0.5, 0) == 0.1
    assert calibration.threshold(0.5, 1) == 0.7
    assert calibration.threshold(0.5, 2) == 1
    p = np.array([[0.75], [0.2], [0.05]])
    assert prediction_set(p, calibration, 0.5).ravel().tolist() == [1, 0, 0]


@settings(deadline=None, max_examples=8)
@given(
    n=st.integers(5, 300),
    coverage=st.floats(0.3, 0.97),
    classes=st.integers(2, 5),
    kind=st.sampled_from(["lac", "aps", "random"]),
    seed=st.integers(0, 2**16),
)
def test_coverage_of_exchangeable_voxels(n, coverage, classes, kind, seed):
    rng = np.random.default_rng(seed)
    chance = rng if kind == "random" else None
    rates = []
    for _ in range(DRAWS):
        calibration = calibrate(
            *voxels(rng, n, classes),
            score="lac" if kind == "lac" else "aps",
            rng=chance,
        )
        p, truth = voxels(rng, 60, classes)
        rates.append(covered(p, truth, calibration, coverage, rng=chance).mean())
    # The likeliest class has the score 0 in the version that is not random.
    within(rates, coverage, 1 if kind == "aps" else coverage + 1 / (n + 1))


@settings(deadline=None, max_examples=8)
@given(
    count=st.integers(4, 60),
    size=st.integers(1, 12),
    alike=st.sampled_from([0.0, 0.5, 1.0]),
    coverage=st.floats(0.5, 0.9),
    seed=st.integers(0, 2**16),
)
def test_coverage_of_a_new_block(count, size, alike, coverage, seed):
    rng = np.random.default_rng(seed)
    rates = []
    for _ in range(DRAWS):
        p, truth, block = blocks_of(rng, [size] * count, alike)
        calibration = calibrate(p, truth, blocks=block)
        p, truth, _ = blocks_of(rng, [1] * 20, alike)
        rates.append(covered(p, truth, calibration, coverage).mean())
    within(rates, coverage, coverage + 1 / (count + 1) + 0.01)


def test_copies_of_a_voxel_are_no_evidence():
    """Where blocks matter: ten strokes of 100 voxels that are all alike."""
    rng, with_blocks, without = np.random.default_rng(0), [], []
    for _ in range(250):
        p, truth, block = blocks_of(rng, [1] * 10, 1.0)
        p, truth, block = (np.repeat(a, 100, axis=0) for a in (p, truth, block))
        new, right, _ = blocks_of(rng, [1] * 50, 1.0)
        for rates, ids in ((with_blocks, block), (without, None)):
            calibration = calibrate(p, truth, blocks=ids)
            rates.append(covered(new, right, calibration, 0.85).mean())
    within(with_blocks, 0.85, 0.85 + 1 / 11)
    assert np.mean(without) < 0.84


def test_coverage_with_blocks_of_all_sizes_that_are_harder_when_large():
    rng, rates = np.random.default_rng(0), []

    def draw(count):
        sizes = rng.integers(1, 30, count)
        truth = rng.integers(2, size=sizes.sum())
        block = np.repeat(np.arange(count), sizes)
        ease = (2 + rng.normal(size=count) - sizes / 15)[block]
        p1 = 1 / (1 + np.exp(-ease - 0.3 * rng.normal(size=len(block))))
        p = np.where(truth[:, None] == [0, 1], p1[:, None], 1 - p1[:, None])
        return p, truth, block

    for _ in range(300):
        p, truth, block = draw(25)
        calibration = calibrate(p, truth, blocks=block)
        p, truth, _ = draw(300)
        rates.append(covered(p, truth, calibration, 0.8).mean())
    within(rates, 0.795, 0.8 + 1.5 / 26)


@pytest.mark.parametrize(("count", "full"), [(8, True), (9, False), (20, False)])
def test_few_blocks_give_full_sets_however_many_voxels(count, full):
    truth = np.arange(count * 500) % 2
    p = np.eye(2)[truth]
    calibration = calibrate(p, truth, blocks=np.repeat(np.arange(count), 500))
    sets = prediction_set(p.T, calibration, 0.9)
    assert sets.all() == full
    if not full:
        assert np.array_equal(sets.T, p > 0)


def test_many_blocks_come_to_the_pooled_threshold():
    rng = np.random.default_rng(0)
    p, truth, block = blocks_of(rng, [3] * 20_000, 0.5)
    pooled, blocked = calibrate(p, truth), calibrate(p, truth, blocks=block)
    for coverage in (0.5, 0.9, 0.98):
        for c in (None, 0, 1):
            assert blocked.threshold(coverage, c) == pytest.approx(
                pooled.threshold(coverage, c), abs=0.003
            )


def test_names_of_blocks_do_not_matter():
    p, truth, block = blocks_of(np.random.default_rng(0), [4] * 30, 0.5)
    assert calibrate(p, truth, blocks=block) == calibrate(
        p, truth, blocks=10**9 - 7 * block
    )


@pytest.mark.parametrize("score", ["lac", "aps"])
@pytest.mark.parametrize("blocked", [False, True])
def test_coverage_where_classes_have_other_shares(score, blocked):
    shown, real = np.array([0.55, 0.4, 0.05]), np.array([0.95, 0.03, 0.02])
    rng, rates, plain = np.random.default_rng(1), [], []
    chance = rng if score == "aps" else None
    weights = np.exp(log_prior_ratio(real, shown))
    for _ in range(DRAWS):
        p, truth = voxels(rng, 300, shares=shown)
        p[truth == 1] = softmax(np.log(p[truth == 1]) * 0.2)
        new, right = voxels(rng, 200, shares=real)
        new[right == 1] = softmax(np.log(new[right == 1]) * 0.2)
        blocks = np.arange(300) if blocked else None
        options = {"score": score, "rng": chance, "blocks": blocks}
        for found, w in ((rates, weights), (plain, None)):
            calibration = calibrate(p, truth, weights=w, **options)
            found.append(covered(new, right, calibration, 0.8, rng=chance).mean())
    within(rates, 0.8, 0.8 + 0.02)
    assert abs(np.mean(plain) - 0.8) > 0.01


def test_weights_do_nothing_within_a_class():
    p, truth = voxels(np.random.default_rng(0), 500)
    plain, weighted = calibrate(p, truth), calibrate(p, truth, weights=[1, 5, 0.1])
    assert plain.by_class == weighted.by_class
    assert plain.marginal != weighted.marginal


def test_weights_of_1_change_nothing_but_steps():
    p, truth = voxels(np.random.default_rng(0), 800)
    plain, weighted = calibrate(p, truth), calibrate(p, truth, weights=[3, 3, 3])
    for coverage in (0.1, 0.5, 0.9, 0.99):
        a, b = plain.threshold(coverage), weighted.threshold(coverage)
        assert a <= b <= plain.threshold(coverage + 0.0025)


def test_class_that_was_not_held_out_is_not_excluded():
    p, truth = voxels(np.random.default_rng(0), 200, shares=[0.5, 0.5, 0])
    weighted = calibrate(p, truth, weights=[1, 1, 100])
    assert weighted.threshold(0.9) == 1
    assert calibrate(p, truth, weights=[0, 0, 1]).threshold(0.1) == 1


def test_coverage_within_groups():
    rng, rates = np.random.default_rng(0), []

    def draw(n):
        """Near a border nothing is certain."""
        group = (rng.random(n) < 0.8).astype(np.uint8)
        truth = rng.integers(2, size=n)
        ease = np.where(group, 4, 0.5)
        logits = rng.normal(size=(n, 2)) + ease[:, None] * np.eye(2)[truth]
        return softmax(logits), truth, group

    for _ in range(DRAWS):
        p, truth, group = draw(300)
        calibration = calibrate(p, truth, groups=group)
        p, truth, group = draw(400)
        found = covered(p, truth, calibration, 0.9, groups=group)
        rates.append([found[group == g].mean() for g in (0, 1)])
    within(np.array(rates)[:, 0], 0.9, 0.9 + 1 / 50)
    within(np.array(rates)[:, 1], 0.9, 0.9 + 1 / 200)
    new = np.full(400, 2)
    assert prediction_set(p.T, calibration, 0.9, groups=new).all()
    text = calibration.model_dump_json()
    assert ConformalCalibration.model_validate_json(text) == calibration


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("classes", [2, 4])
def test_certain_and_right_gets_sets_of_one_from_aps(classes, dtype):
    truth = np.arange(100) % classes
    p = np.eye(classes)[truth]
    calibration = calibrate(p, truth, score="aps")
    sets = prediction_set(p.T.astype(dtype), calibration, 0.9)
    assert np.array_equal(sets.T, p > 0)


def test_certain_and_wrong_gets_full_sets_from_aps():
    truth = np.arange(100) % 2
    said = np.where(np.arange(100) < 20, 1 - truth, truth)
    calibration = calibrate(np.eye(2)[said], truth, score="aps")
    assert prediction_set(np.eye(2)[said].T, calibration, 0.9).all()


@settings(deadline=None, max_examples=30)
@given(st.integers(2, 6), st.integers(0, 2**16), st.floats(0.05, 0.98))
def test_aps_takes_the_likeliest_classes_first(classes, seed, coverage):
    rng = np.random.default_rng(seed)
    p, truth = voxels(rng, 100, classes)
    calibration = calibrate(p, truth, score="aps")
    limit = calibration.threshold(coverage)
    mean = voxels(rng, 40, classes)[0]
    sets = prediction_set(mean.T, calibration, coverage).T
    for found, row in zip(sets, mean, strict=True):
        order = np.argsort(-row)
        before = np.concatenate([[0], np.cumsum(row[order])[:-1]])
        assert np.array_equal(found[order], before <= limit + 1e-12)
        assert found.any()


def test_random_aps_needs_a_generator_and_repeats_with_its_seed():
    p, truth = voxels(np.random.default_rng(0), 200)
    calibration = calibrate(p, truth, score="aps", rng=np.random.default_rng(1))
    with pytest.raises(InputError, match="pass an rng"):
        prediction_set(p.T, calibration, 0.9)
    first, second = (
        prediction_set(p.T, calibration, 0.9, rng=np.random.default_rng(2))
        for _ in range(2)
    )
    assert np.array_equal(first, second)


@pytest.mark.parametrize("shape", [(12,), (3, 4), (2, 3, 2)])
@pytest.mark.parametrize("score", ["lac", "aps"])
def test_any_number_of_axes(shape, score):
    rng = np.random.default_rng(0)
    p, truth = voxels(rng, 50)
    group = np.arange(50) % 2
    calibration = calibrate(p, truth, score=score, groups=group)
    mean, groups = voxels(rng, 12)[0].T, np.arange(12) % 2
    flat = prediction_set(mean, calibration, 0.7, groups=groups)
    found = prediction_set(
        mean.reshape(3, *shape), calibration, 0.7, groups=groups.reshape(shape)
    )
    assert np.array_equal(found, flat.reshape(3, *shape))


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"blocks": [0, 1]}, "blocks must be one integer"),
        ({"blocks": np.zeros(4)}, "blocks must be one integer"),
        ({"groups": [0, 1]}, "groups must be one integer"),
        ({"groups": [0, 0, -1, 0]}, "numbered from 0"),
        ({"weights": [1, 1, 1]}, "2 weights"),
        ({"weights": [np.inf, 1]}, "finite"),
        ({"weights": [0, 0]}, "not all 0"),
        ({"score": "raps"}, "choose lac or aps"),
    ],
)
def test_bad_options(options, reason):
    with pytest.raises(InputError, match=reason):
        calibrate(np.full((4, 2), 0.5), [0, 1, 0, 1], **options)


def test_groups_that_do_not_go_with_the_calibration():
    p, truth = np.full((4, 2), 0.5), np.array([0, 1, 0, 1])
    with pytest.raises(InputError, match="has no groups"):
        prediction_set(p.T, calibrate(p, truth), 0.9, groups=truth)
    calibration = calibrate(p, truth, groups=truth)
    with pytest.raises(InputError, match="in the shape"):
        prediction_set(p.T, calibration, 0.9, groups=truth[:2])
    with pytest.raises(InputError, match="not both"):
        prediction_set(p.T, calibration, 0.9, groups=truth, per_class=True)
