"""Of the images that are learned from, the one on the screen is predicted."""

import numpy as np
import pytest
import torch

from napari_sciml.images.mosaic import Mosaic
from napari_sciml.prediction.blockwise import predict
from napari_sciml.prediction.viewport import ViewportMailbox
from napari_sciml.workflows.training.shown_image import ShownImage

CPU = torch.device("cpu")


@pytest.fixture
def images() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.random(shape).astype(np.float32) for shape in ((40, 50), (30, 36))]


def drained(shown: ShownImage) -> tuple[set[tuple[int, int]], np.ndarray]:
    """The image and model of each block, and what is predicted."""
    blocks = []
    while not shown.scheduler.complete:
        block = shown.advance()
        blocks += [] if block is None else [block]
    shape = [max(b.tile.core[axis].stop for b in blocks) for axis in range(2)]
    mean = np.zeros((2, *shape), np.float32)
    for block in blocks:
        mean[:, *block.tile.core] = block.mean
    return {(block.image, block.model) for block in blocks}, mean


def test_a_switch_takes_the_model_along(images, make_ensemble) -> None:
    ensemble = make_ensemble(2, members=2)
    shown = ShownImage(Mosaic(images), ViewportMailbox(), CPU, 0)
    shown.use(ensemble, 4, urgent=False)
    for number, image in enumerate(images):
        shown.switch_to(number)
        of, mean = drained(shown)
        assert of == {(number, 4)}
        np.testing.assert_allclose(mean, predict(ensemble, image).mean, atol=1e-2)


def test_to_stay_is_no_switch(images, make_ensemble) -> None:
    shown = ShownImage(images[0], ViewportMailbox(), CPU, 0)
    shown.use(make_ensemble(2, members=1), 1, urgent=False)
    before = shown.scheduler
    shown.switch_to(0)
    assert shown.scheduler is before
    assert drained(shown)[0] == {(0, 1)}


def test_work_on_another_image_does_not_draw_attention(images) -> None:
    mosaic = Mosaic(images)
    shown = ShownImage(mosaic, ViewportMailbox(), CPU, 0)
    attended = []
    shown.scheduler.attend = attended.append  # type: ignore[method-assign]
    own, other = (mosaic.to_space(n, np.array([7])) for n in range(2))
    shown.attend(other)
    assert not attended
    shown.attend(np.concatenate([own, other]))
    assert [indices.tolist() for indices in attended] == [[7]]
