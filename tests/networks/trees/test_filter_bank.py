"""Channels for trees: what they mean, how far they look, and that they turn along."""

from itertools import permutations, product

import numpy as np
import pytest
import torch
from scipy import ndimage

from napari_sciml.errors import InputError
from napari_sciml.images.tiles import with_halo
from napari_sciml.networks.trees.filter_bank import AXIS_SCALE, FilterBank

SHAPES = {2: (45, 38), 3: (9, 16, 13)}
FAR = 1e9
"""So many times coarser that it is no axis of space: a stack of slices."""


def noise(shape, seed=0, dtype=np.float64):
    values = np.random.default_rng(seed).normal(size=shape).astype(dtype)
    return torch.from_numpy(values)


def at_scale(bank, channels, sigma):
    """Smoothed value, slope, eigenvalues of Hessian and structure tensor."""
    start, size = 1, len(bank._near)
    for other in bank.scales:
        own = channels[start : start + 2 + size]
        tensor = channels[start + 2 + size : start + 2 + 2 * size]
        if other == sigma:
            return own[0], own[1], own[2:], tensor
        start += 2 + size * (1 + (other in bank.tensors))
    raise AssertionError(sigma)


@pytest.mark.parametrize("inputs", [1, 3])
@pytest.mark.parametrize(
    ("dims", "spacing"),
    [
        *((2, None), (2, (1.0, 3.0)), (2, (FAR, 1.0)), (3, None)),
        *((3, (5.0, 1.0, 1.0)), (3, (FAR, 1.0, 1.0)), (3, (FAR, 2.0, 1.0))),
    ],
)
def test_as_many_channels_as_it_says(dims, spacing, inputs):
    bank = FilterBank(dims, spacing=spacing, inputs=inputs)
    image = noise((inputs, *SHAPES[dims]), dtype=np.float32)
    channels, axis = bank(image)
    assert channels.shape == (bank.channels, *SHAPES[dims])
    assert axis.shape == (dims, *SHAPES[dims])
    assert channels.isfinite().all()
    own = bank.channels // inputs
    for number in range(inputs):
        alone, _ = FilterBank(dims, spacing=spacing)(image[number : number + 1])
        part = channels[number * own : (number + 1) * own]
        assert torch.equal(part[0], image[number])
        if number == 0:
            assert torch.equal(part, alone)


@pytest.mark.parametrize("spacing", [None, (2.0, 1.0, 1.0), (1.0, 3.5, 1.7)])
@pytest.mark.parametrize("dims", [2, 3])
def test_channels_turn_with_the_image(dims, spacing):
    """All flips and permutations, borders included; voxels turn along."""
    edges = spacing and spacing[-dims:]
    image = noise((1, *SHAPES[dims]))
    plain, _ = FilterBank(dims, spacing=edges)(image)
    for order in permutations(range(dims)):
        bank = FilterBank(dims, spacing=edges and [edges[a] for a in order])
        turn = [0, *[a + 1 for a in order]]
        for flips in product([False, True], repeat=dims):
            axes = [a + 1 for a, flip in enumerate(flips) if flip]
            found, _ = bank(image.permute(turn).flip(axes))
            expected = plain.permute(turn).flip(axes)
            assert torch.allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("spacing", [None, (2.0, 1.0, 1.0), (1.0, FAR, 1.0)])
@pytest.mark.parametrize("dims", [2, 3])
def test_blocks_are_parts_of_the_whole_exactly(dims, spacing):
    edges = spacing and spacing[-dims:]
    bank, rng = FilterBank(dims, spacing=edges), np.random.default_rng(1)
    shape = {2: (70, 53), 3: (34, 29, 31)}[dims]
    image = noise((1, *shape), dtype=np.float32)
    whole, way = bank(image)
    for trial in range(12):
        low = [int(rng.integers(n)) if trial else 0 for n in shape]
        high = [
            int(rng.integers(a + 1, n + 1)) for a, n in zip(low, shape, strict=True)
        ]
        core = tuple(map(slice, low, high))
        tile = with_halo(core, bank.reach, shape)
        channels, axis = bank(image[:, *tile.read], tile.surround)
        assert torch.equal(channels, whole[:, *core])
        assert torch.equal(axis, way[:, *core])


@pytest.mark.parametrize("spacing", [None, (1.0, 4.0, 2.0), (FAR, 1.0, 1.0)])
@pytest.mark.parametrize("dims", [2, 3])
def test_nothing_beyond_the_reach_is_looked_at(dims, spacing):
    edges = spacing and spacing[-dims:]
    bank = FilterBank(dims, spacing=edges)
    shape = tuple(2 * r + 5 for r in bank.reach)
    image, middle = noise((1, *shape)), tuple(n // 2 for n in shape)
    spoiled = image.clone()
    spoiled[0, *middle] += 50
    changed = (bank(image)[0] != bank(spoiled)[0]).any(0).numpy()
    assert changed[middle]
    for axis, (reach, at) in enumerate(zip(bank.reach, middle, strict=True)):
        others = tuple(a for a in range(dims) if a != axis)
        touched = np.flatnonzero(changed.any(others))
        assert abs(touched - at).max() <= reach
        assert reach <= abs(touched - at).max() + 8, "far too wide costs time"


@pytest.mark.parametrize("edges", [(2.0, 1.0), (1.0, 1.0)])
def test_slices_far_apart_are_seen_one_by_one(edges):
    """Gray values of other slices change nothing: those of 2D come out."""
    image = noise((1, 5, 33, 28), dtype=np.float32)
    bank, flat = FilterBank(3, spacing=(FAR, *edges)), FilterBank(2, spacing=edges)
    assert (bank.channels, bank.reach) == (flat.channels, (0, *flat.reach))
    channels, axis = bank(image)
    assert not axis[0].any()
    for z in range(5):
        expected, way = flat(image[:, z])
        assert torch.allclose(channels[:, z], expected, atol=1e-5)
        assert torch.allclose(axis[1:, z], way, atol=1e-5)


@pytest.mark.parametrize("spacing", [None, (3.0, 1.0, 2.0), (1.0, 1.5, 1.5)])
@pytest.mark.parametrize("dims", [2, 3])
def test_curvature_is_that_of_space(dims, spacing):
    """Of a quadratic, the Hessian is exact however coarse the voxels are."""
    edges = np.array((spacing or (1.0,) * 3)[-dims:])
    edges /= edges.min()
    half = np.random.default_rng(2).normal(size=(dims, dims))
    bend = (half + half.T) / 50
    bank = FilterBank(dims, spacing=tuple(edges))
    shape = [2 * r + 3 for r in bank.reach]
    place = (np.indices(shape).reshape(dims, -1).T - np.array(shape) // 2) * edges
    image = ((place @ bend) * place).sum(1).reshape(shape) / 2
    channels, _ = bank(torch.from_numpy(image)[None])
    middle = tuple(n // 2 for n in shape)
    for sigma in bank.scales:
        _, slope, bent, _ = at_scale(bank, channels[:, *middle], sigma)
        expected = sigma**2 * np.linalg.eigvalsh(bend)[::-1]
        np.testing.assert_allclose(bent, expected, atol=1e-6)
        assert slope == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("dims", [2, 3])
def test_smoothing_agrees_with_scipy(dims):
    bank, image = FilterBank(dims), noise(SHAPES[dims])
    channels, _ = bank(image[None])
    for sigma in bank.scales:
        smooth = ndimage.gaussian_filter(
            image.numpy(), sigma, mode="nearest", radius=int(np.ceil(3 * sigma))
        )
        found, _, _, tensor = at_scale(bank, channels, sigma)
        np.testing.assert_allclose(found, smooth, atol=1e-12)
        if sigma in bank.tensors:
            assert (np.diff(tensor, axis=0) <= 1e-9).all()
            assert tensor.min() >= 0


def tube(direction, shape, radius=2.0):
    place = np.indices(shape) - (np.array(shape) // 2).reshape(-1, *[1] * len(shape))
    along = np.tensordot(direction, place, 1)
    away = np.sqrt(np.maximum((place**2).sum(0) - along**2, 0))
    return np.exp(-((away / radius) ** 2)), away < 0.7, np.abs(along)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("dims", [2, 3])
def test_the_axis_runs_along_tubes(dims, sign):
    rng = np.random.default_rng(3)
    for _ in range(4):
        direction = rng.normal(size=dims)
        direction /= np.linalg.norm(direction)
        image, inside, along = tube(direction, (31,) * dims)
        image = image + 0.01 * rng.normal(size=image.shape)
        bank = FilterBank(dims)
        channels, axis = bank(sign * torch.from_numpy(image)[None])
        inside &= along < 8
        cosine = np.abs(np.tensordot(direction, axis.numpy(), 1)[inside])
        assert np.degrees(np.arccos(cosine.clip(0, 1))).max() < 12
        # A tube bends across and not along.
        bent = at_scale(bank, channels, AXIS_SCALE)[2][:, inside].numpy() * sign
        values = np.sort(np.abs(bent), axis=0)
        assert (values[0] < 0.35 * values[-1]).all()


def test_a_flat_image_is_flat():
    channels, axis = FilterBank(3)(torch.full((1, 9, 8, 7), 3.0))
    assert torch.allclose(channels.amax((1, 2, 3)), channels.amin((1, 2, 3)), atol=1e-5)
    assert axis.isfinite().all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (3, 2)])
def test_images_smaller_than_the_reach(shape):
    channels, _ = FilterBank(2)(noise((1, *shape), dtype=np.float32))
    assert channels.shape[1:] == shape
    assert channels.isfinite().all()


def test_other_channels_than_it_was_made_for():
    with pytest.raises(InputError, match="3 channels"):
        FilterBank(2, inputs=3)(noise((1, 8, 8)))
