import pytest
import torch
from torch import nn
from torch.nn import functional

from napari_sciml.networks.layers import kernels
from napari_sciml.networks.layers.convolution import (
    DilatedConv,
    Taps,
    accumulate,
    channels_last,
    convolution,
    physical_taps,
    weight_gradient,
)

LAYOUTS = {1: [torch.contiguous_format]}
LAYOUTS[2] = [torch.contiguous_format, torch.channels_last]
LAYOUTS[3] = [torch.contiguous_format, torch.channels_last_3d]
CONVOLVE = {1: functional.conv1d, 2: functional.conv2d, 3: functional.conv3d}
REACHES = [
    *[(d,) for d in (1, 3)],
    *[(1, 1), (2, 2), (0, 3), (2, 0), (0, 0)],
    *[(1, 1, 1), (2, 2, 2), (4, 4, 4), (0, 1, 1), (0, 3, 3), (1, 2, 3)],
    *[(2, 0, 1), (1, 0, 0), (0, 0, 2), (0, 0, 0)],
]
PRECISIONS = [
    (torch.float32, False, 1e-4),
    (torch.bfloat16, False, 3e-2),
    (torch.float32, True, 3e-2),
]


def tensors(reach, shape, channels, dtype):
    """Image, weight and gradient of the result."""
    inputs, outputs = channels
    generator = torch.Generator().manual_seed(sum(reach) + inputs)
    sizes = [
        (shape[0], inputs, *shape[1:]),
        (outputs, inputs, *Taps(reach).kernel),
        (shape[0], outputs, *shape[1:]),
    ]
    return [torch.randn(size, generator=generator).to(dtype) for size in sizes]


def ours(image, weight, grad, reach, layout, *, autocast=False):
    """Output, gradient of the image, gradient of the weight."""
    conv = DilatedConv(weight.shape[1], weight.shape[0], Taps(reach))
    conv.weight = nn.Parameter(weight)
    image = image.clone(memory_format=layout).requires_grad_()
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        out = conv(image)
    out.backward(grad.to(out.dtype).contiguous(memory_format=layout))
    return out.detach(), image.grad, conv.weight.grad


def reference(image, weight, grad, reach):
    """The convolution of torch and its gradients, in double precision."""
    image = image.double().requires_grad_()
    weight = weight.double().requires_grad_()
    taps = Taps(reach)
    out = CONVOLVE[len(reach)](image, weight, padding=reach, dilation=taps.dilation)
    out.backward(grad.double())
    return out.detach(), image.grad, weight.grad


def check(found, wanted, tolerance):
    for got, right in zip(found, wanted, strict=True):
        assert got.shape == right.shape
        scale = max(1.0, float(right.abs().max()))
        assert float((got.double() - right).abs().max()) < tolerance * scale


@pytest.mark.parametrize("reach", REACHES)
@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize(("dtype", "autocast", "tolerance"), PRECISIONS)
def test_equals_autograd(dtype, autocast, tolerance, n, reach):
    dims = len(reach)
    for shape in ((5, 7, 6), (2, 6, 5), (1, 1, 1)):
        for channels in ((3, 4), (5, 3), (1, 2), (2, 1)):
            values = tensors(reach, (n, *shape[:dims]), channels, dtype)
            wanted = reference(*values, reach)
            for layout in LAYOUTS[dims]:
                found = ours(*values, reach, layout, autocast=autocast)
                check(found, wanted, tolerance)
                assert found[1].dtype == found[2].dtype == dtype


@pytest.mark.parametrize("channels", [(16, 16), (9, 3), (4, 10), (21, 6), (3, 33)])
@pytest.mark.parametrize("reach", [(1, 1, 1), (3, 3, 3)])
@pytest.mark.parametrize(("dtype", "autocast", "tolerance"), PRECISIONS)
def test_every_way_to_fill_the_vector_unit(dtype, autocast, tolerance, reach, channels):
    values = tensors(reach, (1, 8, 9, 10), channels, dtype)
    found = ours(*values, reach, LAYOUTS[3][1], autocast=autocast)
    check(found, reference(*values, reach), tolerance)


@pytest.mark.parametrize(("reach", "shape"), [((2, 2), (13, 16)), ((3, 4), (13, 16))])
@pytest.mark.parametrize("depth", [None, (1, 0), (9, 2), (9, 0)])
@pytest.mark.parametrize("n", [1, 3])
def test_dilated_weights_of_a_crop_come_from_matrix_products(
    monkeypatch, n, depth, reach, shape
):
    """Zeros lie between rows, planes and images: no tap reads the next one's."""
    if depth is not None:
        shape, reach = (depth[0], *shape), (depth[1], *reach)
    monkeypatch.setattr(torch.ops.aten, "convolution_backward", None)
    image, weight, grad = tensors(reach, (n, *shape), (5, 3), torch.float32)
    wanted = reference(image, weight, grad, reach)[2]
    found = weight_gradient(channels_last(image), channels_last(grad), Taps(reach))
    check([found], [wanted], 1e-5)


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("outputs", [3, 16, 20])
@pytest.mark.parametrize("inputs", [17, 18, 24, 30, 33, 40, 47])
def test_bfloat16_weights_of_any_number_of_channels(inputs, outputs, dims):
    """oneDNN writes out of bounds for some numbers: never let it see them."""
    reach = (2,) * dims
    image, weight, grad = tensors(
        reach, (1, 12, 12, 12)[: dims + 1], (inputs, outputs), torch.bfloat16
    )
    wanted = reference(image, weight, grad, reach)[2]
    for _ in range(2):
        found = weight_gradient(channels_last(image), channels_last(grad), Taps(reach))
        assert torch.isfinite(found).all()
        check([found], [wanted], 2e-2)


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("reach", [(1, 1), (2, 2, 2), (0, 1, 2), (0, 0, 0)])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-4)])
def test_accumulates(monkeypatch, dtype, tolerance, reach, fused):
    if not fused:
        monkeypatch.setattr(kernels, "_has_fused_sum", lambda: False)
    image, weight, start = tensors(reach, (2, 5, 6, 7)[: len(reach) + 1], (3, 2), dtype)
    wanted = start.double() + reference(image, weight, start, reach)[0]
    total = channels_last(start.clone())
    accumulate(total, channels_last(image), weight, Taps(reach))
    check([total], [wanted], tolerance)


def test_without_gradient():
    image, weight, grad = tensors((3, 3, 3), (1, 5, 6, 7), (3, 4), torch.float32)
    conv = DilatedConv(3, 4, Taps((3, 3, 3)))
    conv.weight = nn.Parameter(weight)
    training = conv(image)
    with torch.inference_mode():
        assert torch.allclose(conv(image), training, atol=1e-5)
    training.backward(grad)
    assert image.grad is None
    conv.weight.requires_grad_(False)
    conv(image.requires_grad_()).backward(grad)
    assert image.grad is not None


@pytest.mark.parametrize(
    ("spacing", "dilation", "reach"),
    [
        (None, 3, (3, 3, 3)),
        ((1, 1, 1), 2, (2, 2, 2)),
        ((4.0, 1.0, 1.0), 1, (0, 1, 1)),
        ((4.0, 1.0, 1.0), 2, (1, 2, 2)),
        ((4.0, 1.0, 1.0), 4, (1, 4, 4)),
        ((0.5, 1.0, 2.0), 4, (4, 2, 1)),
        ((300.0, 100.0, 100.0), 4, (1, 4, 4)),
    ],
)
def test_dilation_is_a_distance(spacing, dilation, reach):
    assert physical_taps(3, dilation, spacing).reach == reach
    conv = convolution(3, 2, 3, dilation=dilation, spacing=spacing)
    assert conv.reach == reach
    assert conv.weight.shape == (3, 2, *[3 if step else 1 for step in reach])


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_construction_leaves_random_numbers_alone(dims):
    torch.manual_seed(0)
    before = torch.get_rng_state()
    convolution(dims, 3, 4, dilation=2)
    assert torch.equal(torch.get_rng_state(), before)
