"""The linear model beside the trees: against scikit-learn, and what is refused."""

import io

import numpy as np
import pytest
import torch
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression

from napari_sciml.errors import InputError
from napari_sciml.networks.trees import linear
from napari_sciml.networks.trees.linear import LEAST_TOLD, LinearModel, mixed
from napari_sciml.networks.trees.two_stage import TwoStageForest
from napari_sciml.training.linear_fitting import PENALTY, TOLERANCE, fit_linear


def labeled(classes, count=400, seed=0):
    rng = np.random.default_rng(seed)
    rows = rng.normal(2, 3, (count, 7)).astype(np.float32)
    label = (rows[:, 0] + rng.normal(0, 2, count) > 2).astype(np.intp)
    if classes == 3:
        label[rows[:, 1] > 4] = 2
    return rows, label, np.ones(count)


@pytest.mark.parametrize("classes", [2, 3])
def test_answers_are_those_of_scikit_learn(classes) -> None:
    rows, label, weights = labeled(classes)
    model = fit_linear(rows, label, weights, known=classes, share=0.5)
    even = len(rows) / (classes * np.bincount(label))[label]
    oracle = LogisticRegression(C=PENALTY, tol=TOLERANCE)
    oracle.fit(model.seen(rows), label, sample_weight=even)
    expected = oracle.predict_log_proba(model.seen(rows))
    found = model.log_probabilities(rows)
    np.testing.assert_allclose(found, expected.clip(LEAST_TOLD), atol=1e-4)
    assert (found.argmax(1) == label).mean() > 0.7


def test_classes_count_alike_however_much_was_painted() -> None:
    rows, label, weights = labeled(2)
    often = np.concatenate([np.arange(400), *[np.flatnonzero(label)] * 4])
    once = fit_linear(rows, label, weights, known=2, share=0.5)
    again = fit_linear(rows[often], label[often], weights[often], known=2, share=0.5)
    assert once.bias[1] == pytest.approx(float(again.bias[1]), abs=0.1)
    heavy = fit_linear(rows, label, 1 + 4.0 * label, known=2, share=0.5)
    assert once.bias[1] == pytest.approx(float(heavy.bias[1]), abs=1e-3)


def test_a_class_that_nobody_painted_gets_nothing() -> None:
    rows, label, weights = labeled(2)
    model = fit_linear(rows, 2 * label, weights, known=4, share=0.3)
    told = model.log_probabilities(rows)
    assert np.isneginf(told[:, [1, 3]]).all()
    assert np.isfinite(told[:, [0, 2]]).all()
    shares = np.zeros((5, len(rows), 4), np.float32)
    shares[..., 0] = 1
    found = mixed(shares, told, 0.3)
    assert (found[..., [1, 3]] == 0).all()
    np.testing.assert_allclose(found.sum(-1), 1, atol=1e-6)
    model.check()


def test_both_have_their_say_by_their_odds() -> None:
    shares = np.array([[0.9, 0.1], [0.5, 0.5]], np.float32)
    told = log_softmax(np.array([[0.0, 3.0], [1.0, 0.0]]), axis=1)
    found = mixed(shares, told, 0.5)
    odds = np.log(found[:, 1] / found[:, 0])
    np.testing.assert_allclose(odds, [(np.log(1 / 9) + 3) / 2, -0.5], atol=1e-5)
    np.testing.assert_allclose(mixed(shares, told, 0.0), shares, atol=1e-6)


def test_pieces_do_not_matter(monkeypatch) -> None:
    rows, label, weights = labeled(2)
    model = fit_linear(rows, label, weights, known=2, share=0.5)
    expected = model.log_probabilities(rows)
    monkeypatch.setattr(linear, "PIECE", 7)
    assert np.array_equal(model.log_probabilities(rows), expected)


def test_a_constant_channel_says_nothing() -> None:
    rows, label, weights = labeled(2)
    rows[:, 3] = 5
    model = fit_linear(rows, label, weights, known=2, share=0.5)
    assert np.isfinite(model.log_probabilities(rows)).all()


def test_values_of_any_size_are_answered() -> None:
    rows, label, weights = labeled(2)
    rows[:, 3] = 5
    model = fit_linear(rows, label, weights, known=2, share=0.5)
    for size in (1e10, 1e30, 3e38):
        assert np.isfinite(model.log_probabilities(rows * size)).all()
        assert np.isfinite(model.log_probabilities(-rows * size)).all()


def test_models_from_before_have_none_and_answer_as_trees(grow_trees, fibers) -> None:
    image, labels, _ = fibers(2)
    trees = grow_trees(image, labels).trees
    description = trees.description()
    assert description["linear"]["share"] == 0.5
    del description["linear"]
    state = {k: v for k, v in trees.state_dict().items() if not k.startswith("linear")}
    before = TwoStageForest.from_description(description)
    before.load_state_dict(state)
    before.check()
    assert before.linear is None
    assert before.description() == description


def test_it_is_kept_with_the_trees(grow_trees, fibers) -> None:
    image, labels, _ = fibers(2)
    trees = grow_trees(image, labels).trees
    stored = io.BytesIO()
    torch.save(trees.state_dict(), stored)
    again = TwoStageForest.from_description(trees.description())
    again.load_state_dict(torch.load(io.BytesIO(stored.getvalue()), weights_only=True))
    rows = np.random.default_rng(0).normal(size=(20, trees.bank.channels))
    rows = rows.astype(np.float32)
    assert trees.linear is not None
    assert again.linear is not None
    expected = trees.linear.log_probabilities(rows)
    np.testing.assert_array_equal(again.linear.log_probabilities(rows), expected)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("center", np.nan),
        ("spread", 0.0),
        ("spread", 1e-45),
        ("spread", np.inf),
        ("weight", np.inf),
        ("bias", np.nan),
        ("bias", np.inf),
        ("bias", -np.inf),
    ],
)
def test_damaged_arrays_are_refused(name, value) -> None:
    model = LinearModel(7, 2, share=0.3)
    model.check()
    getattr(model, name).fill_(value)
    with pytest.raises(InputError, match="damaged"):
        model.check()


@pytest.mark.parametrize(
    "wrong",
    [
        *({"features": 0}, {"classes": 0}, {"features": 10**12}),
        *({"share": 1.0}, {"share": -0.1}, {"share": float("nan")}),
    ],
)
def test_senseless_descriptions_are_refused(wrong) -> None:
    sound = {"features": 7, "classes": 2, "share": 0.3}
    with pytest.raises(InputError, match="damaged"):
        LinearModel.from_description({**sound, **wrong})


def test_one_for_other_channels_is_refused(grow_trees, fibers) -> None:
    image, labels, _ = fibers(2)
    description = grow_trees(image, labels).trees.description()
    description["linear"]["features"] += 1
    with pytest.raises(InputError, match="damaged"):
        TwoStageForest.from_description(description)
