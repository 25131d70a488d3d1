"""A convolution of three taps an axis that stays on the fast path of a CPU."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from napari_sciml.networks.layers.kernels import (
    Taps,
    accumulate,
    channels_last,
    convolve,
    mirrored,
    physical_taps,
)
from napari_sciml.networks.layers.weight_gradient import weight_gradient

__all__ = [
    "DilatedConv",
    "Taps",
    "accumulate",
    "channels_last",
    "convolution",
    "convolve",
    "mirrored",
    "physical_taps",
    "weight_gradient",
]


def convolution(
    dims: int,
    in_channels: int,
    out_channels: int,
    *,
    dilation: int = 1,
    spacing: Sequence[float] | None = None,
) -> nn.Module:
    """Make a 3-tap convolution with "same" zero padding and no bias.

    Parameters
    ----------
    dims
        1, 2 or 3.
    dilation
        Voxels between taps; with ``spacing``, in units of the shortest voxel edge.
    spacing
        See `physical_taps`.

    Returns
    -------
    nn.Module
        With a ``weight`` not yet drawn and ``reach``, the voxels an axis that the
        result depends on, on each side. torch's random numbers are left alone.
    """
    taps = physical_taps(dims, dilation, spacing)
    return DilatedConv(in_channels, out_channels, taps)


class DilatedConv(nn.Module):
    """Convolution of stride 1 with "same" zero padding and no bias.

    The weight is zero until it is drawn.
    """

    def __init__(self, in_channels: int, out_channels: int, taps: Taps) -> None:
        super().__init__()
        self.taps = taps
        self.weight = nn.Parameter(torch.zeros(out_channels, in_channels, *taps.kernel))

    @property
    def reach(self) -> tuple[int, ...]:
        """Voxels an axis that a result depends on, on each side."""
        return self.taps.reach

    def forward(self, image: Tensor) -> Tensor:
        """Map ``(n, in, …)`` to ``(n, out, …)``."""
        weight: Tensor = self.weight
        if torch.is_autocast_enabled(image.device.type):
            dtype = torch.get_autocast_dtype(image.device.type)
            image, weight = image.to(dtype), weight.to(dtype)
        result: Tensor = _Convolution.apply(  # type: ignore[no-untyped-call]
            image, weight, self.taps
        )
        return result

    def extra_repr(self) -> str:
        """Shape and steps."""
        outputs, inputs = self.weight.shape[:2]
        return f"{inputs}, {outputs}, reach={self.reach}"


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, image: Tensor, weight: Tensor, taps: Taps) -> Tensor:
        image = channels_last(image)
        ctx.save_for_backward(image, weight)
        ctx.taps = taps
        return convolve(image, weight, None, taps)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        image, weight = ctx.saved_tensors
        grad, needed = channels_last(grads[0]), ctx.needs_input_grad
        grad_image = grad_weight = None
        if needed[0]:
            grad_image = convolve(grad, mirrored(weight), None, ctx.taps)
        if needed[1]:
            grad_weight = weight_gradient(image, grad, ctx.taps).to(weight.dtype)
        return grad_image, grad_weight, None
