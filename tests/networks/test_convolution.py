import pytest
import torch
from torch import nn

from napari_sciml.networks.convolution import DilatedConv3d

SHAPES = [(1, 3, 5, 7, 6), (2, 3, 9, 5, 4), (1, 3, 2, 6, 5), (1, 3, 1, 1, 1)]


def tensors(shape, dilation, dtype):
    generator = torch.Generator().manual_seed(dilation)
    image = torch.randn(shape, generator=generator).to(dtype)
    weight = torch.randn((4, shape[1], 3, 3, 3), generator=generator).to(dtype)
    grad = torch.randn((shape[0], 4, *shape[2:]), generator=generator).to(dtype)
    return image, weight, grad


def ours(image, weight, grad, dilation, layout, *, autocast=False):
    """Output, gradient of the image, gradient of the weight."""
    module = DilatedConv3d(image.shape[1], 4, dilation).to(weight.dtype)
    module.weight = nn.Parameter(weight)
    image = image.clone(memory_format=layout).requires_grad_()
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        out = module(image)
    out.backward(grad.to(out.dtype).contiguous(memory_format=layout))
    return out.detach(), image.grad, module.weight.grad


def reference(image, weight, grad, dilation):
    """The convolution of torch and its gradients, in double precision."""
    image = image.double().requires_grad_()
    weight = weight.double().requires_grad_()
    out = nn.functional.conv3d(image, weight, padding=dilation, dilation=dilation)
    out.backward(grad.double())
    return out.detach(), image.grad, weight.grad


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last_3d])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dilation", [1, 2, 3, 4])
@pytest.mark.parametrize(
    ("dtype", "autocast", "tolerance"),
    [
        (torch.float32, False, 1e-5),
        (torch.bfloat16, False, 3e-2),
        (torch.float32, True, 3e-2),
    ],
)
def test_equals_autograd(dtype, autocast, tolerance, dilation, shape, layout):
    values = tensors(shape, dilation, dtype)
    found = ours(*values, dilation, layout, autocast=autocast)
    for got, wanted in zip(found, reference(*values, dilation), strict=True):
        assert got.shape == wanted.shape
        scale = max(1.0, float(wanted.abs().max()))
        assert float((got.double() - wanted).abs().max()) < tolerance * scale
    assert found[1].dtype == found[2].dtype == dtype


@pytest.mark.parametrize("dilation", [1, 3])
def test_without_gradient(dilation):
    image, weight, _ = tensors((1, 3, 5, 6, 7), dilation, torch.float32)
    module = DilatedConv3d(3, 4, dilation)
    module.weight = nn.Parameter(weight)
    training = module(image)
    with torch.inference_mode():
        assert torch.allclose(module(image), training, atol=1e-5)


def test_image_that_needs_no_gradient():
    image, weight, grad = tensors((1, 3, 5, 6, 7), 2, torch.float32)
    module = DilatedConv3d(3, 4, 2)
    module.weight = nn.Parameter(weight)
    module(image).backward(grad)
    assert image.grad is None
    wanted = reference(image, weight, grad, 2)[2]
    assert torch.allclose(module.weight.grad.double(), wanted, atol=1e-4)
