import numpy as np
import pytest
from scipy.special import log_softmax, softmax

from napari_sciml.errors import InputError
from napari_sciml.uncertainty.prior import log_prior_ratio
from napari_sciml.uncertainty.temperature import fit_temperature, tempered


def calibrated(n, classes=3, members=None, seed=0):
    """Logits that are right about how often they are right, and a draw of truth."""
    rng = np.random.default_rng(seed)
    shape = (n, classes) if members is None else (members, n, classes)
    logits = 2 * rng.normal(size=shape)
    p = softmax(logits, axis=-1)
    p = p if members is None else p.mean(axis=0)
    truth = (rng.random((n, 1)) > p.cumsum(axis=1)).sum(axis=1)
    return logits, np.minimum(truth, classes - 1)


@pytest.mark.parametrize("factor", [0.2, 1, 10])
@pytest.mark.parametrize("members", [None, 4])
def test_recovers_a_known_temperature(factor, members):
    logits, truth = calibrated(6000, members=members)
    found = fit_temperature(factor * logits, truth)
    assert found == pytest.approx(factor, rel=0.1)


def test_members_together_are_sharper_than_each_alone():
    logits, truth = calibrated(5000, members=5)
    alone = np.mean([fit_temperature(member, truth) for member in logits])
    together = fit_temperature(logits, truth)
    assert together == pytest.approx(1, abs=0.12)
    assert alone > 1.3


def test_log_probabilities_are_logits():
    logits, truth = calibrated(500)
    logits = 3 * logits
    other = log_softmax(logits, axis=-1)
    assert fit_temperature(other, truth) == pytest.approx(
        fit_temperature(logits, truth), rel=1e-6
    )


@pytest.mark.parametrize(
    ("truth", "expected"),
    [([0] * 15 + [1] * 4, 1.0), ([1] * 500, 1.0), ([], 1.0)],
)
def test_too_few_labels_or_one_class_leave_things_as_they_are(truth, expected):
    logits = np.random.default_rng(0).normal(size=(len(truth), 2))
    assert fit_temperature(logits, np.array(truth, int)) == expected


@pytest.mark.parametrize("scale", [1e-6, 1.0, 30.0, 1e6])
@pytest.mark.parametrize("right", [True, False])
def test_always_right_or_wrong_stays_bounded(scale, right):
    truth = np.arange(400) % 2
    said = truth if right else 1 - truth
    found = fit_temperature(scale * np.eye(2)[said], truth)
    assert 0.05 <= found <= 20
    if scale == 1:
        assert found < 0.5 if right else found > 10


def test_certain_and_wrong_member_is_no_infinity():
    logits, truth = calibrated(200, classes=2)
    logits = log_softmax(logits, axis=-1)
    logits[0] = [-np.inf, 0]
    truth[0] = 0
    assert 1 < fit_temperature(logits, truth) <= 20


def test_weights_count_like_copies():
    logits, truth = calibrated(3000, classes=2)
    logits[truth == 1] *= 4
    copied = np.repeat(np.arange(len(truth)), np.where(truth == 1, 3, 1))
    assert fit_temperature(logits, truth, [1, 3]) == pytest.approx(
        fit_temperature(logits[copied], truth[copied]), rel=0.01
    )
    ratio = log_prior_ratio([0.98, 0.02], np.bincount(truth) / len(truth))
    assert fit_temperature(logits, truth, np.exp(ratio)) == pytest.approx(
        fit_temperature(logits, truth, [1, 0.02]), rel=0.05
    )


def test_class_of_weight_0_does_not_count():
    logits, truth = calibrated(500)
    assert fit_temperature(logits, truth, [1, 0, 0]) == 1


def test_tempered():
    logits = calibrated(10, members=3)[0]
    expected = softmax(logits / 2, axis=-1).mean(axis=0)
    assert tempered(logits, 2) == pytest.approx(expected)
    assert tempered(logits[0], 1) == pytest.approx(softmax(logits[0], axis=-1))


@pytest.mark.parametrize(
    ("logits", "truth", "weights", "reason"),
    [
        (np.ones(3), [0, 1, 0], None, "member, n, class"),
        (np.ones((3, 1)), [0, 0, 0], None, "two classes"),
        (np.ones((3, 2)), [0, 1], None, "3 voxels"),
        (np.full((1, 2), np.nan), [0], None, "NaN"),
        (np.ones((2, 2)), [-1, 0], None, "not annotated"),
        (np.ones((2, 2)), [0, 2], None, "not annotated"),
        (np.ones((2, 2)), [0, 1], [1], "2 weights"),
        (np.ones((2, 2)), [0, 1], [1, -1], "negative"),
    ],
)
def test_bad_input(logits, truth, weights, reason):
    with pytest.raises(InputError, match=reason):
        fit_temperature(logits, np.array(truth), weights)


@pytest.mark.parametrize("temperature", [0, -1, np.nan, np.inf])
def test_temperature_is_above_0(temperature):
    with pytest.raises(InputError, match="above 0"):
        tempered(np.ones((2, 2)), temperature)
