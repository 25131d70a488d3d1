"""A training that goes on while its labels change."""

from itertools import chain

import numpy as np
import pytest
import torch

from napari_sciml.annotation.changes import LabelChange
from napari_sciml.errors import InputError
from napari_sciml.networks.ensemble_description import build_ensemble, describe_ensemble
from napari_sciml.prediction.blockwise import predict
from napari_sciml.progress import exhaust
from napari_sciml.training.config import TrainingConfig
from napari_sciml.training.evaluation.metrics import score
from napari_sciml.training.evaluation.validation_set import ask
from napari_sciml.training.live import (
    AT_A_TIME,
    GLIDE,
    SETTLING,
    LiveTraining,
    describe,
)

CLASSES = ("background", "fiber")
SHAPE = (12, 40, 40)


def scene() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    image = rng.normal(0, 0.3, SHAPE).astype(np.float32)
    image[:, 16:24] += 2
    labels = np.zeros(SHAPE, np.uint8)
    labels[2:8:2, 18, 4:36] = 2
    labels[2:8:2, 6, 4:36] = labels[2:8:2, 33, 4:36] = 1
    return image, labels


def config(**settings) -> TrainingConfig:
    given = {"members": 2, "crop": 16, "evaluate_every": 4, "threads": 1, **settings}
    return TrainingConfig(**given)


def stroke(revision: int, z: int, y: int, value: int) -> LabelChange:
    places = np.ravel_multi_index((z, y, np.arange(6, 18)), SHAPE)
    return LabelChange(revision, places, np.full(12, value, np.uint8))


def run(training: LiveTraining, rounds: int) -> None:
    last = training.round + rounds
    while training.round < last:
        exhaust(training.advance())


def started(image, labels, **settings) -> LiveTraining:
    """With its first trees, where it has any."""
    training = LiveTraining(image, labels, config(**settings), CLASSES)
    exhaust(training.advance())
    return training


@pytest.mark.parametrize("trees", [True, False])
def test_the_same_schedule_gives_the_same_weights(trees) -> None:
    results = []
    for _ in range(2):
        image, labels = scene()
        training = started(image, labels, trees=trees)
        run(training, 5)
        training.update_labels([stroke(2, 9, 20, 2), stroke(3, 9, 3, 1)])
        exhaust(training.advance())
        run(training, 7)
        ensemble = exhaust(training.ready())
        results.append((ensemble.state_dict(), describe_ensemble(ensemble)))
    (first, told), (second, again) = results
    assert told == again
    assert (told["forest"] is not None) is trees
    assert first.keys() == second.keys()
    assert all(torch.equal(value, second[name]) for name, value in first.items())


def test_what_was_looked_at_meanwhile_does_not_matter() -> None:
    """Handing out, scores and calibration change nothing of what comes next."""
    results = []
    for curious in (False, True):
        image, labels = scene()
        training = started(image, labels)
        for turn in range(3):
            run(training, 3)
            if curious:
                ensemble = exhaust(training.ready())
                training.scores()
                exhaust(training.calibrate(ensemble))
            training.update_labels([stroke(2 + turn, 9, 20 - turn, 2 - turn % 2)])
            exhaust(training.advance())
        ensemble = exhaust(training.ready())
        results.append((ensemble.state_dict(), describe_ensemble(ensemble)))
    (first, told), (second, again) = results
    assert any(told["log_prior_ratio"]), "the cut was moved"
    assert told["log_prior_ratio"] == again["log_prior_ratio"]
    assert all(torch.equal(value, second[name]) for name, value in first.items())


def test_the_networks_never_become_worse_while_labels_stay() -> None:
    image, labels = scene()
    training = LiveTraining(image, labels, config(trees=False), CLASSES)
    batches, errors = training.trainer.validation.batches, []
    for _ in range(12):
        run(training, 4)
        best = training.trainer.best()
        with torch.inference_mode():
            found = [ask(member, batches) for member in best.members]
        errors.append(np.mean([score(*rows).error for rows in found]))
    # bfloat16 on the one side, float32 on the other.
    assert (np.diff(errors) <= 0.01).all()
    assert errors[-1] < errors[0]


def test_networks_step_by_turns() -> None:
    image, labels = scene()
    training = started(image, labels, members=5, crop=8)
    stepped = []
    for _ in range(5):
        stepped.append([e.member for e in training.advance() if e])
    assert {len(members) for members in stepped} == {AT_A_TIME}
    assert [*chain(*stepped)] == [*range(5)] * AT_A_TIME
    assert {member.steps for member in training.trainer.members} == {AT_A_TIME}


def test_labels_that_come_later_are_learned() -> None:
    image, labels = scene()
    image[:, 28:31, :] += 4  # something else that is bright, not painted yet
    training = started(image, labels)
    run(training, 10)
    before = predict(exhaust(training.ready()), image).mean[1, :, 29].mean()
    training.update_labels(
        [stroke(i, z, 29, 1) for i, z in enumerate((1, 4, 7, 10), 2)]
    )
    exhaust(training.advance())
    after = predict(exhaust(training.ready()), image).mean[1, :, 29].mean()
    assert after < before - 0.2
    assert after < 0.5
    run(training, 40)
    assert predict(exhaust(training.ready()), image).mean[1, :, 29].mean() < 0.5


@pytest.mark.parametrize("before", [None, 0, 2, 99])
def test_a_training_begun_anew_knows_which_strokes_corrected_a_picture(before) -> None:
    image, labels = scene()
    went_on = LiveTraining(image, labels, config(), CLASSES)
    painted = went_on.before
    assert painted > 2
    exhaust(went_on.advance())
    went_on.update_labels([stroke(2, 9, 20, 2), stroke(3, 9, 30, 1)])
    exhaust(went_on.advance())
    assert went_on.before == painted
    known = painted if before is None else before
    anew = LiveTraining(image, went_on.labels, config(), CLASSES, before=known)
    by_settings = LiveTraining(image, went_on.labels, config(before=known), CLASSES)
    assert by_settings.before == anew.before
    exhaust(anew.advance())
    assert anew.before == min(known, painted + 2)
    one, other = (exhaust(made.ready()).forest.linear for made in (went_on, anew))
    assert one is not None
    if before is None:
        assert other.share == pytest.approx(one.share)
    elif before == 99:  # nobody had seen a picture
        assert other is None
    else:
        assert other.share > one.share


def test_trees_answer_before_the_first_step() -> None:
    image, labels = scene()
    training = started(image, labels)
    ensemble = exhaust(training.ready())
    assert (ensemble.trust, training.describe()) == (0, "trees")
    assert training.scores().dice[1] > 0.9
    mean = predict(ensemble, image).mean
    # The correction of the odds is rounded by the size of a block.
    blocked = predict(ensemble, image, block=17).mean
    np.testing.assert_allclose(mean, blocked, rtol=1e-6)
    assert (mean[1, :, 17:23] > 0.5).mean() > 0.95
    again = build_ensemble(describe_ensemble(ensemble))
    again.load_state_dict(ensemble.state_dict())
    np.testing.assert_array_equal(mean, predict(again.eval(), image).mean)


def test_networks_count_more_and_more_and_never_at_once() -> None:
    image, labels = scene()
    training = started(image, labels)
    trust = [training.trainer.trust]
    for _ in range(40):
        run(training, 1)
        trust.append(training.trainer.trust)
    assert trust[0] == 0
    assert 0 < trust[-1] <= 0.5
    assert np.abs(np.diff(trust)).max() <= GLIDE * 0.5
    steps = 40 * AT_A_TIME // 2
    assert training.describe() == f"trees and 2 networks, {steps} steps"


def test_scores_while_labels_come() -> None:
    """Asked at any moment: before the first trees, and before they know the labels."""
    image, labels = scene()
    training = LiveTraining(image, labels, config(), CLASSES)
    assert training.scores() is None
    exhaust(training.advance())
    before = training.scores()
    assert before.voxels == len(training.trainer.validation)
    held = set(training.trainer.validation.indices.tolist())
    places = [(z, y) for z in (0, 9, 11) for y in (1, 3, 9, 11, 20, 36, 38)]
    more = [stroke(i, z, y, 1 + (y == 20)) for i, (z, y) in enumerate(places, 2)]
    training.update_labels(more)
    assert set(training.trainer.validation.indices.tolist()) - held, "some are a test"
    training.scores()
    exhaust(training.advance())
    assert training.scores().voxels == len(training.trainer.validation)


@pytest.mark.parametrize(
    ("trust", "networks", "steps", "expected"),
    [
        (0, 5, 12, "trees"),
        (1, 5, 12, "5 networks, 12 steps"),
        (1, 1, 1, "1 network, 1 step"),
        (0.3, 5, 230, "trees and 5 networks, 230 steps"),
    ],
)
def test_what_answers_in_words(trust, networks, steps, expected) -> None:
    assert describe(trust, networks, steps) == expected


def test_settles_when_nothing_changes_and_wakes_with_labels() -> None:
    image, labels = scene()
    settings = config(evaluate_every=1, members=1, trees=False)
    training = LiveTraining(image, labels, settings, CLASSES)
    training._since = SETTLING - 2
    assert not training.settled
    for _ in range(400):
        run(training, 1)
        if training.settled:
            break
    assert training.settled
    training.update_labels([stroke(2, 9, 20, 2)])
    assert not training.settled


def test_with_one_class_left_it_says_so_and_keeps_what_it_has() -> None:
    image, labels = scene()
    training = LiveTraining(image, labels, config(), CLASSES)
    places = np.flatnonzero(labels == 2)
    erased = LabelChange(2, places, np.zeros(len(places), np.uint8))
    with pytest.raises(InputError, match="two classes"):
        training.update_labels([erased])
    run(training, 2)
    training.update_labels([stroke(3, 9, 20, 2)])
    run(training, 2)
