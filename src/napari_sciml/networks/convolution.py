"""A 3D convolution that stays on the fast path of a CPU.

Two things make 3D convolutions on a CPU several times slower than they need be.
The framework sends small inputs of batch size one to a generic implementation, and
the library's weight gradient collapses when there is a dilation along depth. Here
oneDNN is called directly; the gradient of the input is a convolution with the
mirrored kernel, and that of the weights is taken as three batched 2D weight
gradients, one a depth tap, over shifted views of the same arrays.
"""

from typing import Any

import torch
from torch import Tensor, nn


class DilatedConv3d(nn.Conv3d):
    """`torch.nn.Conv3d` with kernel 3, stride 1 and "same" zero padding."""

    def __init__(self, in_channels: int, out_channels: int, dilation: int) -> None:
        super().__init__(
            in_channels,
            out_channels,
            kernel_size=3,
            padding=dilation,
            dilation=dilation,
            bias=False,
        )

    def forward(self, image: Tensor) -> Tensor:
        """Map ``(n, in, z, y, x)`` to ``(n, out, z, y, x)``."""
        there = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
        if image.device.type != "cpu" or not there:
            return super().forward(image)
        weight = self.weight
        if torch.is_autocast_enabled("cpu"):
            dtype = torch.get_autocast_dtype("cpu")
            image, weight = image.to(dtype), weight.to(dtype)
        result: Tensor = _Convolution.apply(  # type: ignore[no-untyped-call]
            image, weight, self.dilation[0]
        )
        return result


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, image: Tensor, weight: Tensor, dilation: int) -> Tensor:
        ctx.save_for_backward(image, weight)
        ctx.dilation = dilation
        return _convolve(image, weight, dilation)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor, None]:
        image, weight = ctx.saved_tensors
        (grad,) = grads
        grad_image = None
        if ctx.needs_input_grad[0]:
            mirrored = weight.flip(2, 3, 4).transpose(0, 1).contiguous()
            grad_image = _convolve(grad, mirrored, ctx.dilation)
        return grad_image, _weight_gradient(image, grad, weight, ctx.dilation), None


def _convolve(image: Tensor, weight: Tensor, d: int) -> Tensor:
    image = image.contiguous(memory_format=torch.channels_last_3d)
    result: Tensor = torch.ops.aten.mkldnn_convolution(
        image, weight, None, [d, d, d], [1, 1, 1], [d, d, d], 1
    )
    return result


def _weight_gradient(image: Tensor, grad: Tensor, weight: Tensor, d: int) -> Tensor:
    depth = image.shape[2]
    total = torch.zeros_like(weight, dtype=torch.float32)
    for tap in range(3):
        shift = (tap - 1) * d
        if abs(shift) >= depth:
            continue
        read = slice(max(0, shift), depth + min(0, shift))
        write = slice(max(0, -shift), depth - max(0, shift))
        plane = weight[:, :, tap].contiguous(memory_format=torch.channels_last)
        for x, g in zip(image[:, :, read], grad[:, :, write], strict=True):
            total[:, :, tap] += torch.ops.aten.convolution_backward(
                *(g.transpose(0, 1), x.transpose(0, 1), plane, None),
                *((1, 1), (d, d), (d, d), False, (0, 0), 1),
                [False, True, False],
            )[1]
    return total.to(weight.dtype)


def _has_onednn() -> bool:
    return bool(torch.backends.mkldnn.is_available())  # type: ignore[no-untyped-call]
