"""Probabilities after the training: shares, temperature, held-out scores."""

import numpy as np
import pytest
import torch
from torch import nn

from napari_sciml.annotation.scribbles import Scribbles
from napari_sciml.images.intensity import IntensityScale
from napari_sciml.networks.custom import CustomNetwork
from napari_sciml.networks.ensemble import Ensemble
from napari_sciml.networks.scale_space import ScaleSpace
from napari_sciml.prediction.blockwise import predict
from napari_sciml.progress import exhaust
from napari_sciml.training.data.channels import ChannelCache
from napari_sciml.training.data.targets import IGNORE
from napari_sciml.training.evaluation.calibration import calibrate_ensemble
from napari_sciml.training.evaluation.validation_set import ValidationSet

GAIN = 4.0


class Certain(nn.Module):
    """The log odds of fiber are the gray value, times a gain, plus a bias."""

    def __init__(self, gain, bias):
        super().__init__()
        self.gain, self.bias = gain, bias

    def forward(self, image):
        odds = self.gain * image + self.bias
        return torch.cat([-odds / 2, odds / 2], 1)


def ensemble(gain=1.0, biases=(0.0, 0.0, 0.0), dims=2):
    sizes = {"dims": dims, "in_channels": 1, "classes": 2, "radius": 0}
    members = [CustomNetwork(Certain(gain, b), name="certain", **sizes) for b in biases]
    return Ensemble(
        members,
        front=ScaleSpace(dims, ()),
        intensity=IntensityScale(offset=0.0, scale=1.0),
        class_names=("background", "fiber"),
    )


def calibrated(model, image, labels, prior=None):
    held_out = ValidationSet(
        Scribbles.from_dense(labels), ChannelCache(image, model), 64
    )
    rng = np.random.default_rng(0)
    return exhaust(calibrate_ensemble(model, image, held_out, prior=prior, rng=rng))


@pytest.fixture(scope="module")
def logistic():
    """Gray values that are log odds, and labels drawn with these odds."""
    rng = np.random.default_rng(0)
    image = rng.normal(-1, 2, (256, 256)).astype(np.float32)
    truth = rng.random(image.shape) < 1 / (1 + np.exp(-image))
    labels = np.where(truth, 2, 1).astype(np.uint8)
    return image, labels


@pytest.mark.parametrize("gain", [0.5, 1.0, GAIN])
def test_temperature_undoes_a_gain(logistic, gain):
    image, labels = logistic
    # Balanced as in a training: odds are then those of the classes alike.
    shift = -np.log((labels == 2).sum() / (labels == 1).sum())
    model = ensemble(gain, (gain * shift,) * 3)
    found = calibrated(model, image, labels)
    assert found.temperature == pytest.approx(gain, rel=0.1)
    assert float(model.temperature) == pytest.approx(found.temperature)


def test_a_known_share_is_met(logistic):
    image, labels = logistic
    model = ensemble()
    found = calibrated(model, image, labels, prior=(0.95, 0.05))
    assert found.offsets[0] == 0
    assert found.shares[1] == pytest.approx(0.05, abs=0.005)
    share = (predict(model, image).mean[1] > 0.5).mean()
    assert share == pytest.approx(0.05, abs=0.005)


def test_the_report_holds_at_the_shares_of_the_image(logistic):
    image, labels = logistic
    found = calibrated(ensemble(), image, labels)
    assert found.report.voxels == labels.size
    assert found.report.prior == pytest.approx(found.shares, abs=1e-6)
    assert found.expected_dice == (1.0, 1.0)  # members that are alike agree


def test_nothing_held_out(logistic):
    image, labels = logistic
    found = calibrated(ensemble(), image, np.zeros_like(labels))
    assert found.report is found.conformal is None
    assert found.temperature == 1


def test_few_strokes_count_voxel_by_voxel_and_many_as_one_each():
    image = np.zeros((128, 128), np.float32)
    labels = np.zeros(image.shape, np.uint8)
    labels[::4, ::3] = np.arange(43) % 2 + 1  # 1,376 strokes of a voxel
    many = calibrated(ensemble(), image, labels).conformal
    assert many.n == np.count_nonzero(labels)
    few = np.zeros_like(labels)
    few[4, 4:60], few[40, 4:60] = 1, 2
    image[few == 2], image[few == 1] = 3, -3
    found = calibrated(ensemble(), image, few).conformal
    # As two observations they could not promise 90 %: every set would be full.
    assert found.threshold(0.9, 1) < 0.5


def test_held_out_labels_are_all_there_and_in_order():
    rng = np.random.default_rng(1)
    labels = np.zeros((70, 90), np.uint8)
    labels[5:9, 10:60], labels[50, 20:80], labels[66:, 3] = 1, 2, 1
    image = rng.normal(size=labels.shape).astype(np.float32)
    model = ensemble()
    held_out = ValidationSet(
        Scribbles.from_dense(labels), ChannelCache(image, model), 32
    )
    assert len(held_out) == np.count_nonzero(labels)
    assert np.bincount(held_out.truth).tolist() == [204, 60]
    logits = exhaust(held_out.logits(model))
    assert logits.shape == (3, len(held_out), 2)
    seen = [b.channels[:, 0][b.targets != IGNORE] for b in held_out.batches]
    assert np.allclose(logits[0, :, 1] * 2, torch.cat(seen), atol=1e-5)
    # A stroke that is cut by a cell stays one stroke.
    assert np.sort(np.bincount(held_out.strokes)).tolist() == [4, 60, 200]
