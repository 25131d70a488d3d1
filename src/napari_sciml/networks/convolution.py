"""A 3D convolution whose training does not collapse when it is dilated.

On CPUs the library's weight gradient of a 3D convolution with a dilation along
depth is 2 to 7 times slower than without one. Three batched 2D weight gradients,
one a depth tap, over shifted views of the same arrays give the same sums.
"""

from typing import Any

import torch
from torch import Tensor, nn

Triple = tuple[int, int, int]


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
        slow = image.device.type == "cpu" and self.dilation[0] > 1
        if not (slow and torch.is_grad_enabled()):
            return super().forward(image)
        weight = self.weight
        if torch.is_autocast_enabled("cpu"):
            dtype = torch.get_autocast_dtype("cpu")
            image, weight = image.to(dtype), weight.to(dtype)
        result: Tensor = _DilatedConvolution.apply(  # type: ignore[no-untyped-call]
            image, weight, self.dilation[0]
        )
        return result


class _DilatedConvolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, image: Tensor, weight: Tensor, dilation: int) -> Tensor:
        ctx.save_for_backward(image, weight)
        ctx.dilation = dilation
        return nn.functional.conv3d(image, weight, padding=dilation, dilation=dilation)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor, None]:
        image, weight = ctx.saved_tensors
        (grad,) = grads
        grad_image = None
        if ctx.needs_input_grad[0]:
            d: Triple = (ctx.dilation,) * 3
            grad_image = torch.ops.aten.convolution_backward(
                *(grad, image, weight, None, (1, 1, 1), d, d, False, (0, 0, 0), 1),
                [True, False, False],
            )[0]
        return grad_image, _weight_gradient(image, grad, weight, ctx.dilation), None


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
