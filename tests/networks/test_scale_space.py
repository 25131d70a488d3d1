from itertools import permutations, product

import numpy as np
import pytest
import torch
from scipy import ndimage

from napari_sciml.errors import InputError
from napari_sciml.networks.scale_space import ScaleSpace

SHAPES = {1: (19,), 2: (21, 18), 3: (13, 16, 15)}


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
@pytest.mark.parametrize("dims", [1, 2, 3])
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
@pytest.mark.parametrize("dims", [1, 2, 3])
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


def blob(shape, spacing, width):
    """A Gaussian in the middle of space, sampled at a spacing."""
    axes = np.meshgrid(
        *[(np.arange(n) - n // 2) * h for n, h in zip(shape, spacing, strict=True)],
        indexing="ij",
    )
    square = sum(x**2 / w**2 for x, w in zip(axes, width, strict=True))
    return torch.from_numpy(np.exp(-square / 2))


@pytest.mark.parametrize("sigma", [1.0, 2.0, 4.0])
@pytest.mark.parametrize("spacing", [(3, 1, 1), (1.5, 1, 3), (2, 1)])
def test_coarse_voxels_see_the_same_blob(spacing, sigma):
    """Channels where both grids have a voxel; the width differs along each axis."""
    dims = len(spacing)
    width = (8.0, 10.0, 12.0)[:dims]
    coarse_shape = [2 * int(15 / h) + 1 for h in spacing]
    coarse = blob(coarse_shape, spacing, width)
    exact = blob([61] * dims, [0.5] * dims, width)
    fine = channels(ScaleSpace(dims, (2 * sigma,)), exact)
    for axis, (n, h) in enumerate(zip(coarse_shape, spacing, strict=True), start=1):
        places = torch.arange(n) - n // 2
        fine = fine.index_select(axis, (places * 2 * h).long() + 30)
    inner = (slice(None), *[slice(1 + int(4 / h), -1 - int(4 / h)) for h in spacing])
    aware = channels(ScaleSpace(dims, (sigma,), spacing=spacing), coarse)
    blind = channels(ScaleSpace(dims, (sigma,)), coarse)
    for index, truth in enumerate(fine[inner]):
        error, ignored = (
            float((x[inner][index] - truth).abs().max() / truth.abs().max())
            for x in (aware, blind)
        )
        assert error < 0.06, index
        assert index < 2 or ignored > 0.15, index


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_equal_spacing_changes_nothing(dims):
    image = noise(SHAPES[dims])
    plain = channels(ScaleSpace(dims), image)
    front = ScaleSpace(dims, spacing=[0.3] * dims)
    assert front.spacing == (0.3,) * dims
    assert torch.equal(channels(front, image), plain)
    assert ScaleSpace(dims).spacing is None


@pytest.mark.parametrize("spacing", [(3, 1, 1), (20, 2, 1), (1, 5)])
def test_reach_with_spacing(spacing):
    """Up to the radius along the finest axis, less far along the others."""
    front = ScaleSpace(len(spacing), (0.6, 2.0), spacing=spacing)
    assert front.radius == ScaleSpace(len(spacing), (0.6, 2.0)).radius
    edge = 2 * front.radius + 3
    image = noise((edge,) * len(spacing))
    changed = image.clone()
    changed[(edge // 2,) * len(spacing)] += 1
    moved = (channels(front, changed) - channels(front, image)).abs().amax(0) > 1e-13
    felt = np.abs(np.argwhere(moved.numpy()) - edge // 2).max(0)
    expected = [np.ceil(3 * 2 / h) if 2 / h > 0.3 else 0 for h in spacing]
    assert all(e <= f <= e + 1 for e, f in zip(expected, felt, strict=True))


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 3, 1), (1, 9, 8)])
def test_any_size_with_spacing(shape):
    out = ScaleSpace(3, spacing=(4, 1, 1))(torch.full((1, 1, *shape), 0.4))
    assert out.shape == (1, 16, *shape)
    assert torch.allclose(out[0, 2], torch.zeros(shape), atol=1e-6)


@pytest.mark.parametrize("spacing", [(1, 1), (1, 0, 1), (1, -2, 1), (1, np.nan, 1)])
def test_bad_spacing_is_one_clear_sentence(spacing):
    with pytest.raises(InputError, match="must be 3 positive numbers, one an axis"):
        ScaleSpace(3, spacing=spacing)


@pytest.mark.parametrize(
    "sigmas",
    [(0.0,), (-1.0,), (1e9,), (float("nan"),), (float("inf"),), (1.0,) * 1000],
)
def test_absurd_scales_are_refused(sigmas):
    with pytest.raises(InputError, match=r"at most 20 numbers from 0\.1 to 64"):
        ScaleSpace(2, sigmas)


@pytest.mark.parametrize("dims", [0, 4, 2.0, "2"])
def test_absurd_axes_are_refused(dims):
    with pytest.raises(InputError, match="1, 2 or 3 axes"):
        ScaleSpace(dims)


def test_reach_axis_by_axis():
    front = ScaleSpace(3, (1.0, 2.0), spacing=(4.0, 1.0, 1.0))
    assert front.reach == (3, 7, 7)
    assert front.radius == 7
