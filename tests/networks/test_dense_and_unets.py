"""MSDNet, TUNet and TUNet3+ against plain implementations and published facts."""

import pytest
import torch
from torch.nn import functional

from napari_sciml.networks.build import build_network
from napari_sciml.networks.config import MSDNetConfig, TUNet3PlusConfig, TUNetConfig

CONV = {1: functional.conv1d, 2: functional.conv2d, 3: functional.conv3d}
UP = {
    1: functional.conv_transpose1d,
    2: functional.conv_transpose2d,
    3: functional.conv_transpose3d,
}
POOL = {1: functional.max_pool1d, 2: functional.max_pool2d, 3: functional.max_pool3d}


def build(config, dims, in_channels=1, classes=2, seed=0):
    return build_network(
        config, in_channels=in_channels, classes=classes, dims=dims, seed=seed
    )


def noise(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def size(network):
    return sum(p.numel() for p in network.parameters())


def conv_relu(layer, *inputs, dilation=1):
    """Concatenate, then convolve."""
    weight = torch.cat([part.weight for part in layer.convolutions], 1)
    x = torch.cat(inputs, 1)
    conv = CONV[x.ndim - 2]
    return torch.relu(conv(x, weight, layer.bias, 1, dilation, dilation))


def readout(network, x):
    weight = network.output.weight
    point = weight.view(*weight.shape, *[1] * network.dims)
    return CONV[network.dims](x, point, network.output.bias)


def plain_msdnet(network, x):
    maps = x
    dilations = network.config.layer_dilations(network.dims)
    for layer, dilation in zip(network.layers, dilations, strict=True):
        maps = torch.cat([maps, conv_relu(layer, maps, dilation=dilation)], 1)
    return readout(network, maps)


def down(network, x):
    states = []
    for encoder in network.encoders:
        x = POOL[network.dims](x, 2) if states else x
        for layer in encoder:
            x = conv_relu(layer, x)
        states.append(x)
    return states


def plain_tunet(network, x):
    *skips, x = down(network, x)
    for level in reversed(range(len(skips))):
        up = network.ups[level].conv
        x = UP[network.dims](x, up.weight, up.bias, stride=2)
        x = conv_relu(network.joins[level], skips[level], x)
        x = conv_relu(network.decoders[level], x)
    return readout(network, x)


def plain_tunet3plus(network, x):
    states = down(network, x)
    for level in reversed(range(len(states) - 1)):
        parts = []
        for source, state in enumerate(states):
            squeeze = network.squeezers[level][source]
            if source <= level:
                pooled = POOL[network.dims](state, 2 ** (level - source))
                parts.append(conv_relu(squeeze, pooled))
            else:
                grown = conv_relu(squeeze, state)
                for axis in range(network.dims):
                    grown = grown.repeat_interleave(2 ** (source - level), axis + 2)
                parts.append(grown)
        states[level] = conv_relu(network.decoders[level], *parts)
    return readout(network, states[0])


PLAIN = [
    (MSDNetConfig(layers=3), plain_msdnet),
    (MSDNetConfig(layers=18, width=1, dilations=(1, 2, 3)), plain_msdnet),
    (MSDNetConfig(layers=4, width=5, dilations=(4, 1)), plain_msdnet),
    (TUNetConfig(), plain_tunet),
    (TUNetConfig(depth=4, base=5, growth=1.3, hidden=0.8), plain_tunet),
    (TUNet3PlusConfig(), plain_tunet3plus),
    (TUNet3PlusConfig(depth=4, base=5, growth=1.3, carry=3), plain_tunet3plus),
]


@pytest.mark.parametrize("in_channels", [1, 3])
@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize(("config", "plain"), PLAIN)
def test_equals_a_plain_implementation(config, plain, dims, in_channels):
    """Answers and all gradients."""
    network = build(config, dims, in_channels)
    x = noise(2, in_channels, *(16, 8, 24)[:dims]).requires_grad_()
    targets = [x, *network.parameters()]
    results = []
    for run in (network, lambda x: plain(network, x)):
        logits = run(x)
        loss = (logits * noise(*logits.shape, seed=1)).sum()
        results.append([logits, *torch.autograd.grad(loss, targets)])
    for found, expected in zip(*results, strict=True):
        assert (found - expected).norm() <= 1e-4 * expected.norm() + 1e-6


@pytest.mark.parametrize(
    ("config", "dims", "published"),
    [
        (TUNetConfig(depth=3, base=8), 2, 29_650),
        (TUNetConfig(depth=3, base=8), 3, 85_346),
        (TUNetConfig(depth=3, base=16), 2, 117_410),
        (TUNetConfig(depth=4, base=16), 3, 1_401_986),
        (TUNetConfig(depth=5, base=32, growth=1.5), 2, 1_360_670),
        (TUNetConfig(depth=5, base=32, growth=1.5), 3, 3_952_118),
    ],
)
def test_channel_law_of_the_paper(config, dims, published):
    """DLSIA's networks have two more numbers for each normalized channel."""
    network = build(config, dims)
    normalized = sum(
        parameter.numel()
        for name, parameter in network.named_parameters()
        if name.endswith("bias") and not name.startswith(("ups", "output"))
    )
    assert size(network) + 2 * normalized == published


@pytest.mark.parametrize(
    ("dims", "in_channels"), [(2, 16), (3, 16), (2, 1), (3, 1), (1, 16)]
)
def test_default_msdnet_has_about_45000_parameters(dims, in_channels):
    """With the channels of the front end; fewer without."""
    parameters = size(build(MSDNetConfig(), dims, in_channels))
    if in_channels == 16:
        assert abs(parameters - 45_000) <= 4_500
    else:
        assert 20_000 < parameters < 45_000


def test_literal_dilations():
    config = MSDNetConfig(layers=23, width=1, dilations=range(1, 11))
    dilations = config.layer_dilations(2)
    assert dilations == tuple(i % 10 + 1 for i in range(23))
    assert build(config, 2).radius == sum(dilations)


def test_a_changed_default_does_not_change_stored_networks():
    assert build(MSDNetConfig(), 3).description()["layers"] == 3


def test_anisotropic_voxels_are_pooled_late():
    network = build_network(
        TUNetConfig(depth=4),
        in_channels=1,
        classes=2,
        dims=3,
        seed=0,
        spacing=(4.0, 1.0, 1.0),
    )
    assert network.factors == [(1, 2, 2), (1, 2, 2), (2, 2, 2)]
    assert network.encoders[0][0].convolutions[0].weight.shape[2:] == (1, 3, 3)
    assert network.encoders[2][0].convolutions[0].weight.shape[2:] == (3, 3, 3)
    assert network(noise(1, 1, 3, 9, 17)).shape == (1, 2, 3, 9, 17)


def disks():
    """Bright disks with dark rims in noise, and the truth at a fifth of the pixels."""
    y, x = torch.meshgrid(torch.arange(48.0), torch.arange(48.0), indexing="ij")
    centers = ((12, 12), (14, 36), (36, 20))
    radii = [((y - a) ** 2 + (x - b) ** 2).sqrt() for a, b in centers]
    distance = torch.stack(radii).amin(0)
    truth = (distance < 7).long()
    image = 1.0 * (distance < 4) - 1.0 * ((distance >= 4) & (distance < 7))
    chosen = torch.rand(48, 48, generator=torch.Generator().manual_seed(2)) < 0.2
    image = image + 0.5 * noise(48, 48)
    return image[None, None], truth, torch.where(chosen, truth, -1)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(
    "config", [MSDNetConfig(layers=4, width=8), TUNetConfig(), TUNet3PlusConfig()]
)
def test_learns_a_small_picture(config, seed):
    """Without any normalization."""
    image, truth, labels = disks()
    network = build(config, 2, seed=seed)
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3)
    for step in range(120):
        flips = [axis for axis in (0, 1) if step >> axis & 1]
        logits = network(image.flip([axis + 2 for axis in flips]))
        targets = labels.flip(flips)[None]
        loss = functional.cross_entropy(logits, targets, ignore_index=-1)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
    with torch.inference_mode():
        found = network(image)[0].argmax(0)
    assert 2 * (found * truth).sum() / (found.sum() + truth.sum()) > 0.9
