"""Begin with an earlier model, where the strokes agree with it."""

import numpy as np
import pytest
import torch

from napari_sciml.annotation.changes import LabelChange
from napari_sciml.errors import InputError
from napari_sciml.io.models.examples import EXAMPLES_FILE
from napari_sciml.io.models.folder import save_model
from napari_sciml.io.models.start import read_start
from napari_sciml.prediction.blockwise import predict
from napari_sciml.progress import exhaust
from napari_sciml.training.live import LiveTraining
from napari_sciml.training.session import train_to_end
from napari_sciml.training.start import Start
from napari_sciml.workflows.live_session import LiveSession
from overlap import dice

CLASSES = ("background", "fiber")


@pytest.fixture(scope="module")
def known(toy, tiny_config):
    """A model of a bright tube, learned from all strokes."""
    image, labels, _ = toy(2)
    return Start(train_to_end(image, labels, config=tiny_config(2)), "before", "1")


@pytest.fixture(scope="module")
def few(toy):
    """Another image of that kind, with a few dots of each class."""
    image, _, truth = toy(2, noise=25.0)
    image = image + np.random.default_rng(5).normal(0, 5, image.shape)
    labels = np.zeros(truth.shape, np.uint8)
    for row in (6, 40):
        labels[row : row + 2, 31:33], labels[row : row + 2, 5:8] = 2, 1
    return image.astype(np.float32), labels, truth


def test_what_fits_goes_on(known, few, tiny_config):
    image, labels, truth = few
    config = tiny_config(2, seed=9)  # networks of its own would have other graphs
    training = LiveTraining(image, labels, config, CLASSES, start=known)
    exhaust(training.advance())
    assert training.trainer.goes_on is True
    for own, old in zip(
        training.trainer.ensemble.members, known.ensemble.members, strict=True
    ):
        assert own.description() == old.description()
    ensemble = exhaust(training.ready())
    alone = LiveTraining(image, labels, tiny_config(2), CLASSES)
    exhaust(alone.advance())
    scores = [
        dice(predict(one, image).mean[1] > 0.5, truth)
        for one in (ensemble, exhaust(alone.ready()), known.ensemble)
    ]
    assert scores[0] > max(scores[1:]) - 0.02


def test_what_does_not_fit_is_left(known, few, tiny_config):
    image, labels, _ = few
    config = tiny_config(2, seed=9)
    wrong = 260 - image  # dark tubes
    ensemble = train_to_end(wrong, labels, config=config, start=known)
    old = known.ensemble.members[0].description()
    assert ensemble.members[0].description() != old
    training = LiveTraining(wrong, labels, config, CLASSES, start=known)
    exhaust(training.advance())
    assert training.trainer.goes_on is False
    examples = exhaust(training.ready()).forest.examples
    assert len(examples) == (labels > 0).sum()


def test_strokes_can_change_their_mind(known, few, tiny_config):
    """The first strokes say that dark is fiber; they are taken back."""
    image, labels, _ = few
    swapped = np.uint8([0, 2, 1])[labels]
    training = LiveTraining(image, swapped, tiny_config(2), CLASSES, start=known)
    exhaust(training.advance())
    assert training.trainer.goes_on is False
    before = training.trainer.members[0]
    more = labels.copy()
    for row in range(10, 60, 6):
        more[row : row + 2, 31:33], more[row : row + 2, 5:8] = 2, 1
    places = np.flatnonzero(more)
    training.update_labels([LabelChange(1, places, more.reshape(-1)[places])])
    exhaust(training.advance())
    assert training.trainer.goes_on is True
    assert training.trainer.members[0] is not before
    for _ in range(4):
        exhaust(training.advance())
    assert training.ensemble_trust < 0.5


def test_the_same_twice(known, few, tiny_config):
    image, labels, _ = few
    one, other = (
        train_to_end(image, labels, config=tiny_config(2), start=known).state_dict()
        for _ in range(2)
    )
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_single_stroke_of_each_class_is_enough_to_tell(known, few, tiny_config):
    image, labels, _ = few
    labels = labels.copy()
    labels[20:] = 0
    for picture, fits in ((image, True), (260 - image, False)):
        training = LiveTraining(picture, labels, tiny_config(2), CLASSES, start=known)
        assert training.trainer.goes_on is fits


def test_examples_are_kept_beside_the_weights(known, tmp_path):
    save_model(known.ensemble, tmp_path / "model", record={})
    examples = read_start(tmp_path / "model").ensemble.forest.examples
    wanted = known.ensemble.forest.examples
    for name in ("rows", "context", "classes", "weights"):
        assert np.allclose(getattr(examples, name), getattr(wanted, name))


def test_a_model_without_examples_lends_its_networks(known, few, tiny_config, tmp_path):
    save_model(known.ensemble, tmp_path / "model", record={})
    (tmp_path / "model" / EXAMPLES_FILE).unlink()
    start = read_start(tmp_path / "model")
    training = LiveTraining(*few[:2], tiny_config(2), CLASSES, start=start)
    assert training.trainer.goes_on is True
    exhaust(training.advance())


@pytest.mark.parametrize("damage", ["short", "other", "text"])
def test_damaged_examples_are_told(known, tmp_path, damage):
    save_model(known.ensemble, tmp_path / "model", record={})
    file = tmp_path / "model" / EXAMPLES_FILE
    content = file.read_bytes()
    file.write_bytes(
        {
            "short": content[: len(content) // 2],
            "other": (tmp_path / "model" / "weights.safetensors").read_bytes(),
            "text": b"{}",
        }[damage]
    )
    with pytest.raises(InputError, match="damaged"):
        read_start(tmp_path / "model")


def test_other_classes_take_what_they_know_by_name(known, few, tiny_config):
    image, labels, _ = few
    labels = labels.copy()
    labels[55:58, 10:13] = 3
    names = ("background", "fiber", "void")
    training = LiveTraining(image, labels, tiny_config(2), names, start=known)
    exhaust(training.advance())
    ensemble = exhaust(training.ready())
    assert ensemble.class_names == names
    assert len(ensemble.forest.examples) == (labels > 0).sum()


@pytest.mark.parametrize(
    ("settings", "words"),
    [({"sigmas": (1.0, 2.0, 4.0)}, "sigmas"), ({"spacing": (2.0, 1.0)}, "spacing")],
)
def test_other_settings_are_told(known, few, tiny_config, settings, words):
    with pytest.raises(InputError, match=words):
        LiveTraining(*few[:2], tiny_config(2, **settings), CLASSES, start=known)


def test_other_images_are_told(known, toy, tiny_config):
    with pytest.raises(InputError, match="2D images"):
        LiveTraining(*toy(3)[:2], tiny_config(3), CLASSES, start=known)


def test_a_session_shows_the_model_before_any_stroke(known, few, tiny_config, tmp_path):
    image, labels, truth = few
    save_model(known.ensemble, tmp_path / "yesterday", record={})
    session = LiveSession(
        image, config=tiny_config(2), start=tmp_path / "yesterday", threads=1
    )
    shown = session.predict()
    assert shown.kind == "the model yesterday"
    assert dice(shown.mean[1] > 0.5, truth) > 0.6
    session.update(labels)
    assert "fits" in session.verdict
    assert session.predict().kind == "trees"


def test_weights_of_examples_follow_the_strokes(known):
    kept = known.examples(CLASSES)
    assert kept.weighing(90.0).weights.sum() == pytest.approx(90, rel=1e-4)
    fewer = kept.at_most(10)
    assert len(fewer) <= 20
    for label in (0, 1):
        total = kept.weights[kept.classes == label].sum()
        assert fewer.weights[fewer.classes == label].sum() == pytest.approx(total)
