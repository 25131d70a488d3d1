"""Focus jobs without a window."""

import numpy as np
import pytest

from napari_sciml.errors import InputError
from napari_sciml.focus.config import FocusTrainingConfig
from napari_sciml.workflows.focus.arrays import (
    FocusModelReady,
    FocusProgress,
    FocusRated,
    rate_focus,
    train_own_focus,
)


@pytest.fixture
def image():
    return np.random.default_rng(0).poisson(100, (2, 200, 200)).astype(np.uint16)


def test_the_result_comes_last(image):
    *before, last = rate_focus(image, tile=84, device="cpu")
    assert isinstance(last, FocusRated)
    assert last.result.level.shape == (2, 3, 3)
    assert isinstance(before[0], FocusProgress)


def test_closing_stops_it(image):
    job = rate_focus(image, tile=84, device="cpu")
    next(job)
    next(job)
    job.close()
    assert list(job) == []


def test_every_plane_of_a_stack_is_an_image_to_train_on(image, tmp_path):
    np.save(tmp_path / "one.npy", image[0])
    config = FocusTrainingConfig(steps=2, batch=4, device="cpu")
    *_, last = train_own_focus([image, image[0]], [tmp_path / "one.npy"], config)
    assert isinstance(last, FocusModelReady)
    assert last.model.card["trained_on"] == "3 images"  # one of four is held out
    assert last.model.card["files"] == ["one.npy"]


def test_no_image_to_train_on_is_said():
    with pytest.raises(InputError, match="at least one"):
        list(train_own_focus([], [], FocusTrainingConfig(steps=2)))
