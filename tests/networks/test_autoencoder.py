import json

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from napari_sciml.errors import InputError
from napari_sciml.networks.autoencoders.autoencoder import (
    Autoencoder,
    AutoencoderConfig,
    build_autoencoder,
)
from napari_sciml.networks.config import GraphLaw, SMSNetConfig
from napari_sciml.networks.heads import (
    ClassifierConfig,
    SMSNetClassifier,
    build_classifier,
)

TINY = SMSNetConfig(law=GraphLaw(nodes=3, dilations=(1, 2)), width=3, parameters=None)
CONFIGS = {
    "convolution": AutoencoderConfig(depth=2, base=3, latent=4),
    "mixed": AutoencoderConfig(
        **{"depth": 2, "base": 3, "latent": 5, "hidden": (7, 6)},
        **{"growth": 1.4, "dilations": (1, 2), "classes": 3},
    ),
    "smsnet": AutoencoderConfig(
        **{"body": "smsnet", "depth": 1, "base": 3, "latent": 4},
        **{"hidden": (9,), "classes": 2, "network": TINY},
    ),
}
SHAPES = [(16, 16), (13, 7), (1, 5), (6, 8, 9), (5, 1, 7)]


def images(channels, shape, n=2, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn((n, channels, *shape), generator=generator)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", CONFIGS)
def test_any_shape(name, shape, channels):
    config, x = CONFIGS[name], images(channels, shape)
    network = build_autoencoder(config, in_channels=channels, shape=shape, seed=0)
    out = network(x)
    assert out.image.shape == x.shape
    assert out.latent.shape == (2, config.latent)
    assert torch.equal(network.encode(x), out.latent)
    assert torch.equal(network.decode(out.latent), out.image)
    if config.classes is None:
        assert out.class_logits is None
    else:
        assert out.class_logits.shape == (2, config.classes)
    out.image.square().sum().backward()
    encoder = [p for p in network.encoder.parameters() if p.ndim > 1]
    assert all(p.grad.abs().sum() > 0 for p in encoder) or min(shape) < 4


@pytest.mark.parametrize("shape", [(11,), (8, 9), (5, 6, 7)])
@pytest.mark.parametrize("name", ["convolution", "mixed"])
def test_one_to_three_axes(name, shape):
    network = build_autoencoder(CONFIGS[name], in_channels=2, shape=shape, seed=1)
    assert network(images(2, shape)).image.shape == (2, 2, *shape)


@pytest.mark.parametrize("shape", [(13, 9), (5, 6, 7)])
@pytest.mark.parametrize("name", CONFIGS)
def test_description_round_trip(name, shape):
    """Every setting: the copy has the same output, not only the same shapes."""
    network = build_autoencoder(CONFIGS[name], in_channels=2, shape=shape, seed=3)
    description = json.loads(json.dumps(network.description()))
    copy = Autoencoder.from_description(description)
    assert copy.description() == network.description()
    assert copy.config == network.config
    copy.load_state_dict(network.state_dict())
    x = images(2, shape)
    for a, b in zip(network(x), copy(x), strict=True):
        assert (a is None and b is None) or torch.equal(a, b)


@pytest.mark.parametrize("name", CONFIGS)
def test_seeds_decide_and_the_global_state_stays(name):
    def build(seed):
        return build_autoencoder(CONFIGS[name], in_channels=1, shape=(9, 8), seed=seed)

    before = torch.random.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    first, again, other = build(5).state_dict(), build(5).state_dict(), build(6)
    copy = Autoencoder.from_description(other.description())
    assert torch.equal(torch.random.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002
    assert all(torch.equal(first[key], again[key]) for key in first)
    weights = "to_latent.0.weight"
    assert not torch.equal(first[weights], other.state_dict()[weights])
    assert copy.state_dict().keys() == other.state_dict().keys()


@pytest.mark.parametrize("name", CONFIGS)
def test_company_in_the_batch_does_not_matter(name):
    network = build_autoencoder(CONFIGS[name], in_channels=1, shape=(9, 8), seed=0)
    a, b = images(1, (9, 8), 1, seed=1), 100 * images(1, (9, 8), 1, seed=2)
    for mode in (network.train, network.eval):
        mode()
        with torch.inference_mode():
            together, alone = network(torch.cat([b, a])), network(a)
            assert torch.allclose(together.image[1], alone.image[0], atol=1e-5)
            assert torch.allclose(together.latent[1], alone.latent[0], atol=1e-5)


@pytest.mark.parametrize("body", ["convolution", "smsnet"])
@pytest.mark.parametrize("shape", [(32, 32), (16, 16, 16)])
def test_default_weights_keep_the_spread(body, shape):
    config = AutoencoderConfig(body=body)
    spreads = []
    for seed in range(3):
        network = build_autoencoder(config, in_channels=1, shape=shape, seed=seed)
        with torch.inference_mode():
            spreads.append(float(network(images(1, shape, 4)).image.std()))
    assert 0.1 < np.exp(np.mean(np.log(spreads))) < 5


def test_another_shape_is_one_clear_sentence():
    network = build_autoencoder(
        CONFIGS["convolution"], in_channels=1, shape=(8, 8), seed=0
    )
    with pytest.raises(InputError, match=r"1 channels and the shape \(8, 8\), not"):
        network(torch.zeros(1, 1, 8, 9))


@pytest.mark.parametrize("shape", [(), (4, 4, 4, 4), (0, 4)])
def test_bad_shapes_are_one_clear_sentence(shape):
    with pytest.raises(InputError, match="1 to 3 axes"):
        build_autoencoder(CONFIGS["convolution"], in_channels=1, shape=shape, seed=0)


@pytest.mark.parametrize(
    "settings",
    [
        {"body": "smsnet", "dilations": (1, 2)},
        {"body": "smsnet", "growth": 1.5},
        {"network": TINY},
        {"dilations": (0,)},
        {"hidden": (0,)},
    ],
)
def test_settings_without_effect_are_refused(settings):
    with pytest.raises(ValidationError):
        AutoencoderConfig(**settings)


def classifier(dims, seed=0, grid=2):
    config = ClassifierConfig(network=TINY, features=5, grid=grid, hidden=(7,))
    return build_classifier(config, in_channels=2, classes=4, dims=dims, seed=seed)


@pytest.mark.parametrize("edge", [1, 5, 12])
@pytest.mark.parametrize("dims", [2, 3])
def test_classifier_takes_images_of_any_size(dims, edge):
    x = images(2, range(edge, edge + dims), 3)
    network = classifier(dims)
    logits = network(x)
    assert logits.shape == (3, 4)
    assert torch.allclose(network(x[1:2]), logits[1:2], atol=1e-5)


@pytest.mark.parametrize("dims", [2, 3])
def test_classifier_round_trip_and_seed(dims):
    network, x = classifier(dims, seed=2, grid=3), images(2, (6, 7, 8)[:dims])
    description = json.loads(json.dumps(network.description()))
    copy = SMSNetClassifier.from_description(description)
    assert copy.description() == network.description()
    copy.load_state_dict(network.state_dict())
    assert torch.equal(copy(x), network(x))
    assert torch.equal(classifier(dims, seed=2, grid=3)(x), network(x))
    assert not torch.equal(classifier(dims, seed=3, grid=3)(x), network(x))
