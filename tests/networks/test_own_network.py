import pytest
import torch
from torch import nn

from napari_sciml.errors import InputError
from napari_sciml.networks.build import network_from_description
from napari_sciml.networks.custom import CustomNetwork


class Turned(nn.Module):
    def forward(self, image):
        return image.expand(-1, 2, -1, -1).transpose(2, 3)


class Half(nn.Module):
    """Fails unless both edges are even."""

    def forward(self, image):
        small = nn.functional.max_pool2d(image.expand(-1, 2, -1, -1), 2)
        grown = nn.functional.interpolate(small, scale_factor=2)
        assert grown.shape[2:] == image.shape[2:]
        return grown


def own(module, **settings):
    settings = {
        **{"name": "mine", "dims": 2, "in_channels": 1, "classes": 2, "radius": 1},
        **settings,
    }
    return CustomNetwork(module, **settings)


def conv(out=2, **settings):
    return nn.Conv2d(1, out, 3, **{"padding": 1} | settings)


@pytest.mark.parametrize(
    ("module", "match"),
    [
        (conv(out=3), r"must map \(1, 1, 4, 5\) to \(1, 2, 4, 5\).*\(1, 3, 4, 5\)"),
        (conv(padding=0), r"answer is \(1, 2, 2, 3\)"),
        (Turned(), r"answer is \(1, 2, 5, 4\)"),
        (nn.Conv3d(1, 2, 1), "'mine'"),
        (nn.Conv2d(4, 2, 1), "'mine' fails on an image of shape"),
        (nn.LSTM(5, 5), "'mine'"),
    ],
)
def test_wrong_answers_are_noticed_at_once(module, match):
    with pytest.raises(InputError, match=match):
        own(module)


@pytest.mark.parametrize("settings", [{"radius": -1}, {"stride": 0}, {"dims": 5}])
def test_bad_settings(settings):
    with pytest.raises(InputError):
        own(conv(), **settings)


def test_pooling_modules_take_any_size():
    with pytest.raises(InputError, match="fails on an image"):
        own(Half())
    network = own(Half(), stride=2)
    assert network(torch.rand(2, 1, 5, 7)).shape == (2, 2, 5, 7)


def test_trying_out_changes_nothing():
    """A batch normalization must not learn from the trial."""
    module = nn.Sequential(conv(), nn.BatchNorm2d(2)).train()
    own(module)
    assert module.training
    assert module[1].num_batches_tracked == 0
    assert all(parameter.grad is None for parameter in module.parameters())


def test_initialize_draws_from_the_generator_alone():
    network = own(nn.Sequential(conv(), nn.BatchNorm2d(2)))
    before = torch.get_rng_state()
    network.initialize(torch.Generator().manual_seed(1))
    first = [p.detach().clone() for p in network.parameters()]
    network.initialize(torch.Generator().manual_seed(1))
    for a, b in zip(first, network.parameters(), strict=True):
        assert torch.equal(a, b)
    network.initialize(torch.Generator().manual_seed(2))
    assert not torch.equal(first[0], next(network.parameters()))
    assert torch.equal(torch.get_rng_state(), before)


def test_description_without_the_module():
    with pytest.raises(InputError, match=r"'mine' of its author's: load it with own="):
        network_from_description(own(conv()).description())
