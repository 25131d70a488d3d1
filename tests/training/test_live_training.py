"""A training that goes on while its labels change."""

import numpy as np
import pytest
import torch

from napari_sciml.annotation.changes import LabelChange
from napari_sciml.errors import InputError
from napari_sciml.networks.ensemble import Ensemble
from napari_sciml.networks.pixelwise import PixelNet
from napari_sciml.prediction.blockwise import predict
from napari_sciml.steps import result_of
from napari_sciml.training.config import TrainingConfig
from napari_sciml.training.live import LiveTraining, judge

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
    for _ in range(rounds):
        for _ in training.steps():
            pass


def test_the_same_schedule_gives_the_same_weights() -> None:
    results = []
    for _ in range(2):
        image, labels = scene()
        training = LiveTraining(image, labels, config(), CLASSES)
        run(training, 5)
        training.take([stroke(2, 9, 20, 2), stroke(3, 9, 3, 1)])
        run(training, 7)
        results.append(training.team.best().state_dict())
    for name, value in results[0].items():
        assert torch.equal(value, results[1][name])


def test_the_shown_state_never_becomes_worse_while_labels_stay() -> None:
    image, labels = scene()
    training = LiveTraining(image, labels, config(), CLASSES)
    batches, errors = training.team.test.batches, []
    for _ in range(12):
        run(training, 4)
        found = judge(training.team.best(), batches)
        assert found is not None
        errors.append(found.error)
    # bfloat16 on the one side, float32 on the other.
    assert (np.diff(errors) <= 0.01).all()
    assert errors[-1] < errors[0]


def test_labels_that_come_later_are_learned() -> None:
    image, labels = scene()
    image[:, 28:31, :] += 4  # something else that is bright, not painted yet
    training = LiveTraining(image, labels, config(), CLASSES)
    run(training, 10)
    ensemble = result_of(training.learn_instant())
    before = predict(ensemble, image).mean[1, :, 29].mean()
    training.take([stroke(i, z, 29, 1) for i, z in enumerate((1, 4, 7, 10), 2)])
    ensemble = result_of(training.learn_instant())
    after = predict(ensemble, image).mean[1, :, 29].mean()
    assert after < before - 0.2
    run(training, 40)
    assert predict(training.team.best(), image).mean[1, :, 29].mean() < 0.5


def test_the_cheap_model_is_an_ensemble_like_any_other() -> None:
    image, labels = scene()
    training = LiveTraining(image, labels, config(), CLASSES)
    ensemble = result_of(training.learn_instant())
    scores = result_of(training.judge(ensemble))
    assert all(isinstance(member, PixelNet) for member in ensemble.members)
    assert scores.dice[1] > 0.9
    mean = predict(ensemble, image).mean
    np.testing.assert_allclose(mean, predict(ensemble, image, block=17).mean, atol=1e-5)
    again = Ensemble.from_description(ensemble.description())
    again.load_state_dict(ensemble.state_dict())
    np.testing.assert_array_equal(mean, predict(again.eval(), image).mean)


def test_settles_when_nothing_changes_and_wakes_with_labels() -> None:
    image, labels = scene()
    training = LiveTraining(image, labels, config(evaluate_every=1, members=1), CLASSES)
    training._since = 398
    assert not training.settled
    for _ in range(300):
        run(training, 1)
        if training.settled:
            break
    assert training.settled
    training.take([stroke(2, 9, 20, 2)])
    assert not training.settled


def test_with_one_class_left_it_says_so_and_keeps_what_it_has() -> None:
    image, labels = scene()
    training = LiveTraining(image, labels, config(), CLASSES)
    places = np.flatnonzero(labels == 2)
    erased = LabelChange(2, places, np.zeros(len(places), np.uint8))
    with pytest.raises(InputError, match="two classes"):
        training.take([erased])
    run(training, 2)
    training.take([stroke(3, 9, 20, 2)])
    run(training, 2)


@pytest.mark.parametrize(
    ("own", "instant", "rounds", "expected"),
    [
        (0.2, 0.05, 120, False),
        (0.09, 0.05, 120, False),  # few held-out strokes
        (0.04, 0.05, 120, True),
        (0.04, 0.05, 119, False),
        (None, None, 119, False),
        (None, None, 120, True),
    ],
)
def test_takes_over_by_the_held_out_error(own, instant, rounds, expected) -> None:
    from napari_sciml.training.metrics import Scores

    image, labels = scene()
    training = LiveTraining(image, labels, config(), CLASSES)
    training.round = rounds
    for member in training.team.members:
        member.best = own and Scores(0.0, own, (1.0, 1.0), 10)
    found = instant and Scores(0.0, instant, (1.0, 1.0), 10)
    assert training.takes_over(found) is expected
    if expected:  # and stays
        assert training.takes_over(Scores(0.0, 0.0, (1.0, 1.0), 10))


def test_where_a_class_is_not_held_out_the_ensemble_takes_over_late() -> None:
    from napari_sciml.training.metrics import Scores

    image, labels = scene()
    labels[labels == 2] = 0
    labels[9, 20:23, 20] = 2
    training = LiveTraining(image, labels, config(), CLASSES)
    assert set(training.team.test.truth.tolist()) == {0}
    for member in training.team.members:
        member.best = Scores(0.0, 0.01, (1.0, 1.0), 10)
    instant = Scores(0.0, 0.5, (1.0, 1.0), 10)
    training.round = 399
    assert not training.takes_over(instant)
    training.round = 400
    assert training.takes_over(instant)
