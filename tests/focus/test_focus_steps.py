"""A rating a few tiles at a time."""

import numpy as np
import pytest

from napari_sciml.focus.model import pretrained
from napari_sciml.focus.rating import tiling
from napari_sciml.focus.rating.rate import TilesRated, rating_steps
from napari_sciml.focus.rating.result import FocusResult


class Watched:
    """An array that remembers what was read."""

    def __init__(self, data):
        self.data, self.shape, self.dtype = data, data.shape, data.dtype
        self.read = []

    def __getitem__(self, key):
        values = self.data[key]
        self.read.append(values.size)
        return values


def _even(tiles):
    return np.full((len(tiles), 11), 1 / 11, np.float32)


def _steps(image, **options):
    settings = {"tile": 84, "stride": 84, "scale": None, "batch": 8, **options}
    return rating_steps(_even, image, **settings)


@pytest.fixture
def stack():
    rng = np.random.default_rng(0)
    return rng.poisson(100, (3, 400, 300)).astype(np.uint16)


def test_steps_come_after_every_batch_and_end_with_the_result(stack):
    *steps, result = _steps(stack)
    assert all(isinstance(step, TilesRated) for step in steps)
    assert [step.done for step in steps[:4]] == [8, 16, 20, 28]
    assert steps[-1].fraction == 1
    assert isinstance(result, FocusResult)


def test_planes_are_read_once_and_only_when_needed(stack):
    watched = Watched(stack)
    steps = _steps(watched)
    next(steps)
    assert watched.read == [120_000]
    steps.close()
    assert watched.read == [120_000]


@pytest.mark.parametrize("stride", [84, 40])
def test_large_planes_are_read_in_bands(stack, monkeypatch, stride):
    whole = pretrained().rate(stack, stride=stride, device="cpu")
    monkeypatch.setattr(tiling, "BAND_PIXELS", 300 * 200)
    watched = Watched(stack)
    bands = pretrained().rate(watched, stride=stride, device="cpu")
    assert max(watched.read) <= 300 * 200
    np.testing.assert_allclose(bands.probabilities, whole.probabilities, atol=1e-3)


def test_progress_is_told_while_a_single_plane_is_rated(stack):
    shares = []
    pretrained().rate(stack[0], batch=4, device="cpu", progress=shares.append)
    assert shares == sorted(shares)
    assert len(shares) == 5
    assert shares[-1] == 1


def test_scaled_values_are_what_the_network_sees(stack):
    seen = []

    def keep(tiles):
        seen.append(tiles)
        return _even(tiles)

    settings = {"tile": 84, "stride": 84, "batch": 8}
    list(rating_steps(keep, stack[0], scale=(50.0, 150.0), **settings))
    np.testing.assert_allclose(seen[0][0], (stack[0, :84, :84] - 50.0) / 100, rtol=1e-5)
