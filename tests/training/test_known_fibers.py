"""What is known of fibers before there are many strokes."""

import numpy as np
import pytest
import torch

from napari_sciml.annotation.scribbles import as_scribbles
from napari_sciml.images.intensity import estimate_intensity
from napari_sciml.progress import exhaust
from napari_sciml.training.config import TrainingConfig
from napari_sciml.training.known_fibers import (
    CHANNELS,
    FILE,
    WEIGHT,
    KnownFibers,
    load,
)
from napari_sciml.training.live import LiveTraining
from napari_sciml.training.trees import TreeGrower

NAMES = ("background", "fiber")


def few_strokes(truth):
    """A line of six voxels on a fiber, and one beside it, on the middle slice."""
    labels = np.zeros(truth.shape, np.uint8)
    z = len(truth) // 2
    for value, where in ((2, truth[z]), (1, ~truth[z])):
        runs = np.argwhere(where[:, :-5] & where[:, 5:])
        y, x = runs[len(runs) // 2]
        line = np.zeros(where.shape, bool)
        line[y, x : x + 6] = True
        labels[z][line & where] = value
    return labels


def best_dice(prediction, truth):
    mean = prediction.mean[1]
    return max(
        2 * ((mean > cut) & truth).sum() / ((mean > cut).sum() + truth.sum())
        for cut in np.linspace(0.05, 0.95, 19)
    )


def predicted(image, labels, **settings):
    from napari_sciml.prediction.blockwise import predict

    config = TrainingConfig(members=1, seed=0, **settings)
    training = LiveTraining(image, labels, config, NAMES)
    exhaust(training.advance())
    return predict(exhaust(training.ready()), image), training


@pytest.mark.parametrize("sign", [1, -1], ids=["bright", "dark"])
def test_few_strokes_are_enough_with_it(fibers, sign):
    image, _, truth = fibers(3, noise=45.0)
    labels = few_strokes(truth)
    with_, training = predicted(sign * image, labels)
    without, other = predicted(sign * image, labels, known_fibers=False)
    assert best_dice(with_, truth) > best_dice(without, truth) + 0.05
    assert training.trainer.teacher.known_strokes > 0
    assert other.trainer.teacher.known_strokes == 0


@pytest.mark.parametrize(
    ("names", "dims", "channels"),
    [
        (("background", "void"), 3, CHANNELS),
        (("paste", "fiber"), 3, CHANNELS),
        (NAMES, 2, CHANNELS),
        (NAMES, 3, 2 * CHANNELS),
    ],
)
def test_of_other_things_nothing_is_known(names, dims, channels):
    assert KnownFibers.of(names, dims=dims, channels=channels) is None


def test_slices_that_are_looked_at_one_by_one_are_no_volume(fibers):
    image, labels, _ = fibers(3)
    _, training = predicted(image, labels, dims=2)
    assert training.trainer.teacher.known_strokes == 0


def test_what_phantoms_do_not_know_is_learned_from_strokes_alone(fibers):
    """Strokes on nothing in particular: the class is only called so."""
    image, labels, _ = fibers(3)
    rng = np.random.default_rng(0)
    anything = np.where(labels > 0, rng.integers(1, 3, labels.shape), 0)
    _, training = predicted(image, anything.astype(np.uint8))
    assert training.trainer.teacher.known_strokes == 0


def grower_of(image, classes=2):
    return TreeGrower(
        image,
        estimate_intensity(image),
        classes=classes,
        spacing=None,
        seed=0,
        device=torch.device("cpu"),
    )


def test_it_counts_as_much_as_a_few_strokes_however_many_there_are(fibers):
    image, labels, _ = fibers(3)
    grower, strokes = grower_of(image), as_scribbles(labels)
    known = KnownFibers.of(NAMES, dims=3, channels=grower.channels)
    exhaust(grower.look_at(strokes))
    found = known.weighing(grower, strokes)
    assert found.weights.sum() == pytest.approx(WEIGHT, rel=1e-4)
    assert set(found.classes) == {0, 1}
    only = strokes.subset(strokes.values == 1)
    assert known.weighing(grower, only) is None, "dark or bright is not known yet"


def test_classes_are_found_by_their_names(fibers):
    image, labels, _ = fibers(3)
    names = ("fiber", "void", "background")
    other = np.choose(labels, [0, 3, 1]).astype(np.uint8)
    grower, strokes = grower_of(image, classes=3), as_scribbles(other)
    exhaust(grower.look_at(strokes))
    known = KnownFibers.of(names, dims=3, channels=grower.channels)
    found = known.weighing(grower, strokes)
    assert set(found.classes) == {0, 2}
    assert exhaust(grower.grow(strokes, found)).trees.classes == 3


def test_what_is_shipped_is_sound():
    assert FILE.stat().st_size < 1e6
    for dark in (False, True):
        found = load(dark=dark)
        assert found.rows.shape[1] == CHANNELS
        assert np.isfinite(found.rows).all()
        assert np.isfinite(found.context).all()
        shares = np.bincount(found.classes) / len(found)
        assert len(shares) == 2
        assert shares.min() > 0.3
    bright, dark = (load(dark=kind) for kind in (False, True))
    gray = [part.rows[part.classes == 1, 1].mean() for part in (bright, dark)]
    assert gray[0] > 0 > gray[1]
