import numpy as np
import pytest
import torch

from napari_sciml.errors import InputError
from napari_sciml.images.intensity import IntensityScale
from napari_sciml.networks.autoencoders.autoencoder import (
    AutoencoderConfig,
    build_autoencoder,
)
from napari_sciml.networks.build import build_network
from napari_sciml.networks.config import (
    GraphLaw,
    MSDNetConfig,
    SMSNetConfig,
    TUNetConfig,
)
from napari_sciml.networks.heads import ClassifierConfig, build_classifier
from napari_sciml.networks.image_model import ImageModel

SMALL = {
    "smsnet": SMSNetConfig(law=GraphLaw(nodes=3), width=4, parameters=None),
    "msdnet": MSDNetConfig(layers=3, width=4),
    "tunet": TUNetConfig(depth=3, base=4),
}
PLAIN = IntensityScale(0.0, 1.0)


def make(kind="tunet", dims=2, members=2, channels=1, intensity=PLAIN, out=1):
    networks = [
        build_network(
            SMALL[kind], in_channels=channels, classes=out, dims=dims, seed=seed
        )
        for seed in range(members)
    ]
    return ImageModel(networks, task="restore", intensity=intensity)


def noise(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("kind", list(SMALL))
@pytest.mark.parametrize(
    ("shape", "block"), [((150,), 40), ((61, 83), 24), ((20, 25, 19), 9)]
)
def test_blocks_are_the_whole(kind, shape, block):
    model, images = make(kind, len(shape)), noise(2, 1, *shape)
    whole = model.apply(images, block=1000)
    parts = model.apply(images, block=block)
    assert np.abs(whole.mean - parts.mean).max() <= 1e-5
    assert np.abs(whole.std - parts.std).max() <= 1e-5


def test_mean_and_sample_standard_deviation():
    model, images = make(members=3), noise(2, 1, 20, 24)
    with torch.inference_mode():
        every = [m(torch.from_numpy(images)).numpy() for m in model.members]
    applied = model.apply(images)
    assert np.allclose(applied.mean, np.mean(every, axis=0), atol=1e-6)
    assert np.allclose(applied.std, np.std(every, axis=0, ddof=1), atol=1e-6)


def test_one_network_cannot_tell_its_uncertainty():
    assert make(members=1).apply(noise(1, 1, 9, 9)).std is None


@pytest.mark.parametrize(
    "scale", [IntensityScale(100.0, 0.1), IntensityScale((100.0, 0.0), (0.1, 1.0))]
)
def test_gray_values_go_in_and_come_out(scale):
    model = make(channels=2, intensity=scale)
    images = 100 + 10 * noise(1, 2, 16, 16)
    each = np.reshape(np.resize(scale.offset, 2), (1, 2, 1, 1))
    factor = np.reshape(np.resize(scale.scale, 2), (1, 2, 1, 1))
    plain = make(channels=2).apply((images - each) * factor)
    found = model.apply(images)
    assert np.allclose(found.mean, plain.mean * 10 + 100, rtol=1e-5)
    assert np.allclose(found.std, plain.std * 10, rtol=1e-4, atol=1e-5)


def test_autoencoders_and_classifiers():
    settings = AutoencoderConfig(depth=1, base=2, latent=2)
    coder = build_autoencoder(settings, in_channels=1, shape=(8, 8), seed=0)
    model = ImageModel([coder], task="embed", intensity=PLAIN)
    assert model.apply(noise(3, 1, 8, 8)).mean.shape == (3, 1, 8, 8)
    settings = ClassifierConfig(network=SMALL["smsnet"], features=4)
    build = [
        build_classifier(settings, in_channels=1, classes=3, dims=2, seed=seed)
        for seed in (0, 1)
    ]
    applied = ImageModel(build, task="classify", intensity=PLAIN).apply(
        noise(4, 1, 8, 8)
    )
    assert applied.mean.shape == applied.std.shape == (4, 3)
    assert np.allclose(applied.mean.sum(1), 1, atol=1e-6)


@pytest.mark.parametrize(
    ("images", "sentence"),
    [
        (noise(1, 9, 9), "takes images"),
        (noise(1, 2, 9, 9), "takes images"),
        (noise(0, 1, 9, 9), "takes images"),
        (noise(1, 1, 9, 9) * np.nan, "NaN"),
    ],
)
def test_images_that_do_not_fit(images, sentence):
    with pytest.raises(InputError, match=sentence):
        make().apply(images)


def test_what_is_no_model():
    two, one = make(channels=2).members, make().members
    for members, task, scale, sentence in (
        ([], "fill", PLAIN, "at least one"),
        (one, "guess", PLAIN, "no task 'guess'"),
        ([*two, *one], "fill", PLAIN, "same axes and channels"),
        (one, "fill", IntensityScale((0.0, 0.0), (1.0, 1.0)), "scales of gray"),
    ):
        with pytest.raises(InputError, match=sentence):
            ImageModel(members, task=task, intensity=scale)
