"""The whole image, beginning where the user looks; two models side by side."""

import sys

import numpy as np
import pytest

from napari_sciml.errors import InputError
from napari_sciml.prediction.blockwise import predict
from napari_sciml.prediction.viewport import Viewport, ViewportMailbox
from napari_sciml.training.config import TrainingConfig
from napari_sciml.training.session import train_to_end
from napari_sciml.workflows.prediction.arrays import (
    compare_models,
    describe_device,
    predict_volume,
)

SHAPE = (16, 32, 32)


def bright_bar() -> tuple[np.ndarray, np.ndarray]:
    """A bar that is brighter than the rest, and strokes on both."""
    rng = np.random.default_rng(0)
    image = rng.normal(0, 0.2, SHAPE).astype(np.float32)
    image[:, 12:20] += 2
    labels = np.zeros(SHAPE, np.uint8)
    labels[4:12:2, 15, 4:28] = 2
    labels[4:12:2, 4, 4:28] = labels[4:12:2, 27, 4:28] = 1
    return image, labels


def slice_view(z: int) -> Viewport:
    region = (slice(z, z + 1), slice(0, SHAPE[1]), slice(0, SHAPE[2]))
    return Viewport(region, (float(z), 16.0, 16.0))


@pytest.fixture(scope="module")
def ensemble():
    image, labels = bright_bar()
    config = TrainingConfig(steps=2, members=2, batch=1, crop=16)
    return train_to_end(image, labels, config=config)


def test_volume_starts_at_the_view_and_equals_plain_prediction(ensemble) -> None:
    image, _ = bright_bar()
    target = ViewportMailbox(Viewport(slice_view(15).region, (15.0, 31.0, 31.0)))
    mean = np.full((2, *SHAPE), np.nan, np.float32)
    blocks = [b for b in predict_volume(ensemble, image, target, block=16) if b]
    for block in blocks:
        mean[:, *block.tile.core] = block.mean
    assert [b.done for b in blocks] == list(range(1, len(blocks) + 1))
    assert {b.total for b in blocks} == {len(blocks)}
    assert blocks[0].tile.core[1].stop == SHAPE[1]
    assert blocks[0].tile.core[2].stop == SHAPE[2]
    np.testing.assert_allclose(mean, predict(ensemble, image).mean, atol=1e-5)


def test_volume_turns_to_where_the_user_goes(ensemble) -> None:
    image, _ = bright_bar()
    target = ViewportMailbox(Viewport(slice_view(0).region, (0.0, 0.0, 0.0)))
    starts = []
    for block in predict_volume(ensemble, image, target, block=16):
        if block is not None:
            starts.append((block.tile.core[1].start, block.tile.core[2].start))
            target.look_at(Viewport(slice_view(0).region, (0.0, 31.0, 31.0)))
    assert starts[:2] == [(0, 0), (16, 16)]


def test_models_are_compared_on_a_region(ensemble) -> None:
    image, _ = bright_bar()
    region = slice_view(7).region
    (same,) = [c for c in compare_models(ensemble, ensemble, image, region) if c]
    assert same.share == 0
    assert not same.difference.any()
    other = ensemble.copy_with([m.state_dict() for m in ensemble.members])
    other.set_calibration(log_prior_ratio=[0.0, 50.0])
    (apart,) = [c for c in compare_models(ensemble, other, image, region) if c]
    expected = predict(other, image).mean - predict(ensemble, image).mean
    np.testing.assert_allclose(apart.difference, expected[1][region], atol=0.03)
    assert apart.share > 0
    other.class_names = ("background", "void")
    with pytest.raises(InputError, match="different classes"):
        list(compare_models(ensemble, other, image, region))


def test_device_is_told_in_words() -> None:
    assert describe_device("cpu").startswith("CPU, ")
    with pytest.raises(InputError, match="no device"):
        describe_device("abacus")


def test_needs_no_qt() -> None:
    import subprocess

    code = """
import sys
import napari_sciml.workflows.prediction.arrays, napari_sciml.workflows.training.live
print({'qtpy', 'torch'} & {*sys.modules})
"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert out.stdout.strip() == "set()"
