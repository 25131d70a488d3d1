from itertools import permutations, product

import numpy as np
import pytest
import torch
from scipy import ndimage

from napari_sciml.networks.scale_space import ScaleSpace

SHAPES = {2: (21, 18), 3: (13, 16, 15)}


def noise(shape, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape))


def channels(front, image):
    """Channels ``(c, …)`` in double precision."""
    return front.double()(image.double()[None, None])[0]


def by_name(front, values):
    """The channels of each scale under the names in the documentation."""
    names = ("smooth", "gradient", "trace", "traceless", "cubic")
    rows = iter(values[1:])
    return [dict(zip(names, rows, strict=False)) for _ in front.sigmas]


@pytest.mark.parametrize("sigmas", [(), (0.5,), (1.0, 2.0, 4.0)])
@pytest.mark.parametrize("dims", [2, 3])
def test_shape_and_first_channel(dims, sigmas):
    front, image = ScaleSpace(dims, sigmas), noise(SHAPES[dims])
    out = channels(front, image)
    assert out.shape == (front.channels, *SHAPES[dims])
    assert torch.equal(out[0], image)


@pytest.mark.parametrize("dims", [2, 3])
def test_channels_turn_with_the_image(dims):
    """All flips and axis permutations: 8 in 2D, 48 in 3D; borders included."""
    front, image = ScaleSpace(dims, (1.0, 2.0)), noise(SHAPES[dims])
    plain = channels(front, image)
    for order in permutations(range(dims)):
        for flips in product([False, True], repeat=dims):
            axes = [axis for axis, flip in enumerate(flips) if flip]
            turned = channels(front, image.permute(order).flip(axes))
            expected = plain.permute(0, *[a + 1 for a in order])
            expected = expected.flip([axis + 1 for axis in axes])
            assert torch.allclose(turned, expected, atol=1e-7)


@pytest.mark.parametrize("shape", [(30, 25), (12, 14, 11), (3, 2), (1, 5, 2), (1, 1)])
def test_smoothing_agrees_with_scipy(shape):
    front = ScaleSpace(len(shape), (0.7, 1.0, 2.5, 4.0))
    image = noise(shape)
    for sigma, scale in zip(
        front.sigmas, by_name(front, channels(front, image)), strict=True
    ):
        expected = ndimage.gaussian_filter(
            image.numpy(), sigma, mode="nearest", radius=int(np.ceil(3 * sigma))
        )
        assert np.allclose(scale["smooth"].numpy(), expected, atol=1e-12)


@pytest.mark.parametrize("sigma", [1.0, 2.0])
@pytest.mark.parametrize("dims", [2, 3])
def test_invariants_agree_with_eigenvalues(dims, sigma):
    front, image = ScaleSpace(dims, (sigma,)), noise(SHAPES[dims])
    (scale,) = by_name(front, channels(front, image))
    gradient, hessian = finite_differences(image.numpy(), sigma)
    eigenvalues = np.linalg.eigvalsh(hessian)
    cubic = eigenvalues.prod(-1)
    deviation = eigenvalues - eigenvalues.mean(-1, keepdims=True)
    expected = {
        "gradient": np.linalg.norm(gradient, axis=-1),
        "trace": eigenvalues.sum(-1),
        "traceless": np.linalg.norm(deviation, axis=-1),
        "cubic": np.sign(cubic) * np.log1p(8 * np.abs(cubic)),
    }
    for name, values in expected.items():
        assert np.allclose(scale[name].numpy(), values, atol=1e-6), name


def finite_differences(image, sigma):
    """Gradient and Hessian of the smoothed image in units of sigma, by scipy."""
    dims, reach = image.ndim, int(np.ceil(3 * sigma))
    padded = np.pad(image, reach + 2, mode="edge")
    smooth = ndimage.gaussian_filter(padded, sigma, mode="nearest", radius=reach)
    inner = (slice(reach + 2, -reach - 2),) * dims

    def along(axis, taps, values):
        return ndimage.correlate1d(values, taps, axis=axis)

    first, second = [-0.5, 0, 0.5], [1, -2, 1]
    gradient = [sigma * along(a, first, smooth)[inner] for a in range(dims)]
    hessian = np.empty((*image.shape, dims, dims))
    for a, b in product(range(dims), repeat=2):
        mixed = along(b, first, along(a, first, smooth))
        values = along(a, second, smooth) if a == b else mixed
        hessian[..., a, b] = sigma**2 * values[inner]
    return np.stack(gradient, -1), hessian


@pytest.mark.parametrize("sigma", [1.0, 3.0])
@pytest.mark.parametrize("dims", [2, 3])
def test_quadratic_image(dims, sigma):
    """f(x) = x A x / 2 + b x: smoothing adds a constant, derivatives are exact."""
    rng = np.random.default_rng(dims)
    a, b = rng.normal(size=(dims, dims)), rng.normal(size=dims)
    a = (a + a.T) / 2
    front = ScaleSpace(dims, (sigma,))
    edge = 2 * front.radius + 3
    x = np.stack(np.indices((edge,) * dims), -1) - edge // 2
    image = np.einsum("...i,ij,...j->...", x, a, x) / 2 + x @ b
    middle = (slice(None), *[edge // 2] * dims)
    values = channels(front, torch.from_numpy(image))[middle].numpy()
    h = sigma**2 * a
    det = np.linalg.det(h)
    traceless = h - np.eye(dims) * np.trace(h) / dims
    expected = [
        sigma * np.linalg.norm(b),
        np.trace(h),
        np.linalg.norm(traceless),
        np.sign(det) * np.log1p(8 * abs(det)),
    ]
    assert np.allclose(values[2:], expected, atol=1e-9)


@pytest.mark.parametrize("shape", [(9, 8), (6, 7, 5), (1, 1), (1, 1, 1), (2, 3, 1)])
def test_constant_image_has_no_structure(shape):
    front = ScaleSpace(len(shape))
    out = front(torch.full((1, 1, *shape), 0.37))[0]
    flat = {0, *range(1, front.channels, 5)}
    for index, values in enumerate(out):
        assert torch.allclose(values, torch.tensor(0.37 * (index in flat)), atol=1e-6)


@pytest.mark.parametrize("sigmas", [(), (0.5,), (1.0, 2.0)])
@pytest.mark.parametrize("dims", [2, 3])
def test_radius(dims, sigmas):
    """A voxel is felt up to the radius (the bound may be one voxel too wide)."""
    front = ScaleSpace(dims, sigmas)
    r, edge = front.radius, 2 * front.radius + 7
    image = noise((edge,) * dims)
    changed = image.clone()
    changed[(edge // 2,) * dims] += 1
    moved = (channels(front, changed) - channels(front, image)).abs().amax(0) > 1e-13
    felt = np.abs(np.argwhere(moved.numpy()) - edge // 2).max()
    assert felt == r or (sigmas and felt == r - 1)


@pytest.mark.parametrize("dims", [2, 3])
def test_calibration_gives_zero_mean_and_unit_spread(dims):
    front = ScaleSpace(dims)
    samples = [5 + 3 * noise(SHAPES[dims], s)[None, None].float() for s in range(3)]
    front.calibrate(samples)
    rows = torch.cat([front(s)[0].flatten(1) for s in samples], 1)
    assert torch.allclose(rows.mean(1), torch.zeros(front.channels), atol=1e-4)
    assert torch.allclose(rows.std(1), torch.ones(front.channels), atol=1e-4)
    center = front.center.clone()
    front.calibrate(samples)
    assert torch.allclose(front.center, center)
