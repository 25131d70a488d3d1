"""What is predicted next, and that models do not mix."""

import numpy as np
import pytest
import torch

from napari_sciml.prediction.blockwise import predict
from napari_sciml.prediction.viewport import Viewport, ViewportMailbox
from napari_sciml.prediction.viewport_scheduler import ViewportScheduler
from napari_sciml.progress import exhaust
from napari_sciml.training.config import TrainingConfig
from napari_sciml.training.live import LiveTraining

SHAPE = (70, 200, 40)
CPU = torch.device("cpu")


def slice_view(z: int, visible=None, volume: bool = False) -> Viewport:
    region = (slice(z, z + 1), slice(0, SHAPE[1]), slice(0, SHAPE[2]))
    middle = (float(z), SHAPE[1] / 2, SHAPE[2] / 2)
    return Viewport(region, middle, visible=visible, volume=volume)


@pytest.fixture
def image():
    return np.random.default_rng(0).normal(100, 50, SHAPE).astype(np.float32)


@pytest.fixture
def ensemble(make_ensemble):
    return make_ensemble(3, members=2)


def drain(scheduler: ViewportScheduler, most: int = 10_000):
    blocks = []
    while not scheduler.complete and most:
        block = scheduler.advance()
        most -= 1
        if block is not None:
            blocks.append(block)
    assert most
    return blocks


def test_first_the_shown_slice_then_outwards_and_nothing_twice(image, ensemble):
    scheduler = ViewportScheduler(image, ViewportMailbox(slice_view(30)), CPU)
    assert scheduler.complete
    scheduler.use(ensemble, 7)
    blocks = drain(scheduler)
    shown = [b for b in blocks if b.tile.core[0] == slice(30, 31)]
    assert blocks[: len(shown)] == shown
    volume = blocks[len(shown) :]
    assert [b.done for b in volume] == list(range(1, volume[0].total + 1))
    assert len({str(b.tile.core) for b in blocks}) == len(blocks)
    assert {b.model for b in blocks} == {7}
    covered = np.zeros(SHAPE, int)
    mean = np.zeros((2, *SHAPE), np.float32)
    for block in volume:
        covered[block.tile.core] += 1
        mean[:, *block.tile.core] = block.mean
    assert (covered == 1).all()
    np.testing.assert_allclose(mean, predict(ensemble, image).mean, atol=0.03)


def test_an_older_picture_is_replaced_in_one_piece(image, ensemble) -> None:
    target = ViewportMailbox(slice_view(30))
    scheduler = ViewportScheduler(image, target, CPU)
    scheduler.use(ensemble, 1)
    drain(scheduler)
    scheduler.use(ensemble, 2, urgent=True)
    first = next(b for b in iter(scheduler.advance, 0) if b is not None)
    assert first.tile.core == slice_view(30).region
    assert first.mean.shape == (2, 1, *SHAPE[1:])
    assert first.mutual_information.shape == (1, *SHAPE[1:])
    expected = predict(ensemble, image).mean[:, 30:31]
    np.testing.assert_allclose(first.mean, expected, atol=0.03)


def test_turns_at_once_to_where_the_user_goes(image, ensemble) -> None:
    target = ViewportMailbox(slice_view(10))
    scheduler = ViewportScheduler(image, target, CPU)
    scheduler.use(ensemble, 1)
    scheduler.advance()
    target.look_at(slice_view(60))
    assert scheduler.is_due()
    blocks = [b for _ in range(12) if (b := scheduler.advance()) is not None]
    assert blocks[0].tile.core[0] == slice(60, 61)


def test_what_lies_in_the_window_comes_before_the_rest_of_the_slice(image, ensemble):
    window = (slice(30, 31), slice(190, 200), slice(0, 40))
    target = ViewportMailbox(slice_view(30, visible=window))
    scheduler = ViewportScheduler(image, target, CPU)
    scheduler.use(ensemble, 1)
    blocks = drain(scheduler)
    assert blocks[0].tile.core[1].stop == 200
    assert blocks[1].tile.core[0] == slice(30, 31)


def test_in_3d_the_volume_fills_from_the_middle(image, ensemble) -> None:
    view = Viewport(slice_view(30).region, (0.0, 199.0, 20.0), volume=True)
    scheduler = ViewportScheduler(image, ViewportMailbox(view), CPU)
    scheduler.use(ensemble, 1)
    blocks = drain(scheduler)
    assert blocks[0].tile.core[1].stop == 200
    assert len(blocks) == blocks[0].total


def test_a_slice_is_not_predicted_where_its_blocks_are(image, ensemble) -> None:
    target = ViewportMailbox(slice_view(30))
    scheduler = ViewportScheduler(image, target, CPU)
    scheduler.use(ensemble, 1)
    drain(scheduler)
    target.look_at(slice_view(31))
    assert scheduler.complete
    assert scheduler.advance() is None


@pytest.fixture
def trees(image):
    labels = np.zeros(SHAPE, np.uint8)
    labels[30, 20:60, 5:15], labels[30, 100:140, 5:15] = 1, 2
    bright = image.copy()
    bright[:, 100:] += 200
    config = TrainingConfig(members=1, crop=16, threads=1)
    training = LiveTraining(bright, labels, config, ("background", "fiber"))
    exhaust(training.advance())
    return bright, training.hasty()


def next_block(scheduler):
    return next(b for b in iter(scheduler.advance, 0) if b is not None)


def test_a_slice_of_which_nothing_was_shown_gets_a_first_look(trees) -> None:
    image, ensemble = trees
    target = ViewportMailbox(slice_view(30))
    scheduler = ViewportScheduler(image, target, CPU)
    scheduler.use(ensemble, 1)
    assert scheduler.blank
    tiles = 2
    blocks = [next_block(scheduler) for _ in range(2 * tiles)]
    assert [b.hasty for b in blocks] == [True] * tiles + [False] * tiles
    assert not scheduler.blank
    for look, whole in zip(blocks[:tiles], blocks[tiles:], strict=True):
        assert look.tile.core == whole.tile.core
        assert look.mean.shape == whole.mean.shape
        assert np.abs(look.mean - whole.mean).mean() < 0.2
        np.testing.assert_allclose(look.mean.sum(0), 1, atol=1e-5)
    target.look_at(slice_view(50))
    assert next_block(scheduler).hasty
    target.look_at(slice_view(30))
    scheduler.use(ensemble, 2, urgent=True)
    assert not next_block(scheduler).hasty


def test_a_first_look_is_not_owed_where_an_older_model_has_answered(trees) -> None:
    image, ensemble = trees
    target = ViewportMailbox(slice_view(30, volume=True))
    scheduler = ViewportScheduler(image, target, CPU)
    scheduler.use(ensemble, 1)
    assert not any(b.hasty for b in drain(scheduler))
    target.look_at(slice_view(31))
    scheduler.use(ensemble, 2, urgent=True)
    assert not scheduler.blank
    assert not next_block(scheduler).hasty
