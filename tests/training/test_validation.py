from itertools import pairwise

import numpy as np
import pytest

from napari_sciml.errors import InputError
from napari_sciml.progress import exhaust
from napari_sciml.training.cross_validation import cross_check, cross_validate
from napari_sciml.training.events import TrainingStep


def validate(*args, **settings):
    """Reports and events."""
    events, validation = [], cross_validate(*args, **settings)
    while True:
        try:
            events.append(next(validation))
        except StopIteration as stop:
            return stop.value, events


def test_every_stroke_is_a_test_once(toy, tiny_config):
    image, labels, _ = toy(2)
    # Shares of the image are known here: how they are estimated is another test.
    config = tiny_config(2, steps=60, members=1, gap=1, prior=(0.65, 0.35))
    reports, events = validate(image, labels, config, folds=3)
    assert len(reports) == 3
    tested = np.sum([r.confusion.sum(1) for r in reports], axis=0)
    assert tested.tolist() == [(labels == 1).sum(), (labels == 2).sum()]
    hits = np.sum([np.diag(r.confusion) for r in reports], axis=0)
    assert (hits / tested > 0.85).all()
    fractions = [event.fraction for event in events if event is not None]
    assert all(a <= b for a, b in pairwise(fractions))
    assert fractions[0] == 0
    assert fractions[-1] == 1
    assert sum(fraction == 1 for fraction in fractions) == 1


def test_a_fold_without_labels_is_left_out(tiny_config):
    """Two strokes of a class, each too short to be cut, in four folds."""
    labels = np.zeros((64, 64), np.uint8)
    for value, column in ((1, 10), (2, 40)):
        labels[10:13, column] = labels[50:53, column] = value
    image = np.random.default_rng(0).normal(size=labels.shape)
    config = tiny_config(2, steps=2, members=1)
    reports, events = validate(image, labels, config, folds=6)
    empty = [report is None for report in reports]
    assert len(reports) == 6
    assert 0 < sum(empty) < 6
    steps = [event for event in events if isinstance(event, TrainingStep)]
    assert len(steps) == 2 * (6 - sum(empty))


def test_labels_are_checked(toy, tiny_config):
    image, labels, _ = toy(2)
    with pytest.raises(InputError, match="two classes"):
        next(cross_validate(image, np.minimum(labels, 1), tiny_config(2)))


def test_folds_keep_the_share_of_strokes_that_correct(toy, tiny_config):
    """They drop strokes, and cut long ones in pieces: a number of all means nothing."""
    image, labels, _ = toy(3)
    said = {}
    for before in (None, 10**6, 0):
        config = tiny_config(3, steps=1, members=1, before=before)
        checked = exhaust(cross_check(image, labels, config, folds=3))
        said[before] = np.concatenate([one.pieces.said for one in checked])
    np.testing.assert_array_equal(said[None], said[10**6])
    assert np.abs(said[0] - said[None]).max() > 0.01
