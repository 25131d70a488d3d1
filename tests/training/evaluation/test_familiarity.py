"""How much of another image looks like nothing that a model was trained on."""

import numpy as np
import pytest
import torch

from napari_sciml.errors import InputError
from napari_sciml.images.intensity import estimate_intensity
from napari_sciml.networks.scale_space import as_batch
from napari_sciml.samples.phantom import PhantomConfig, make_phantom
from napari_sciml.training.evaluation.familiarity import learn_range, share_outside


def phantom(seed, **changes):
    return make_phantom(PhantomConfig(shape=(64, 64, 64), seed=seed, **changes)).image


@pytest.fixture(scope="module")
def scan():
    return phantom(41)


@pytest.fixture
def knowing(make_ensemble, scan):
    """An ensemble that knows what there is in a scan."""
    ensemble = make_ensemble(3, members=1, sigmas=(1.0, 2.0, 4.0))
    ensemble.intensity = estimate_intensity(scan)
    part = torch.from_numpy(ensemble.intensity.apply(scan[16:48, 16:48, 16:48]))
    ensemble.front.calibrate([as_batch(part, 3)])
    learn_range(ensemble, scan, seed=0)
    return ensemble


OTHERS = {
    "brighter": {"paste_gray": 0.52, "fiber_gray": 0.71},
    "darker": {"paste_gray": 0.3, "fiber_gray": 0.45, "void_gray": 0.02},
    "noisier": {"noise": 0.08, "white_noise": 0.06},
}


@pytest.mark.parametrize("changes", OTHERS.values(), ids=OTHERS)
def test_another_contrast_stands_out(knowing, changes) -> None:
    seeds = range(142, 145)
    same = [share_outside(knowing, phantom(seed)) for seed in seeds]
    other = [share_outside(knowing, phantom(seed, **changes)) for seed in seeds]
    assert max(same) < 0.05
    assert sum(other) > 5 * sum(same)


def test_it_is_the_same_each_time(knowing, scan) -> None:
    assert share_outside(knowing, scan) == share_outside(knowing, scan) < 0.02


def test_an_image_of_other_axes_cannot_be_compared(knowing, scan) -> None:
    assert share_outside(knowing, scan[0]) is None


def test_a_model_of_old_does_not_know(make_ensemble, scan) -> None:
    assert share_outside(make_ensemble(3, members=1), scan) is None


def test_flat_and_small_images(knowing) -> None:
    flat = np.full((5, 70, 3), 40_000, np.uint16)
    assert share_outside(knowing, flat) in (0.0, 1.0)
    assert share_outside(knowing, np.zeros((1, 1, 1), np.uint16)) == 1.0


def test_values_that_are_no_numbers(knowing) -> None:
    with pytest.raises(InputError, match="NaN or infinite"):
        share_outside(knowing, np.full((40, 40, 40), np.nan, np.float32))
