"""Parts that dense and U-shaped networks are made of.

Every part with weights has ``draw(generator)``: He initialization (He et al.,
2015) by the number of values that an output voxel is summed from.
"""

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from napari_sciml.networks.layers.convolution import (
    DilatedConv,
    Taps,
    accumulate,
    channels_last,
    convolution,
    convolve,
    mirrored,
    weight_gradient,
)

TRANSPOSED: dict[int, Any] = {
    1: nn.ConvTranspose1d,
    2: nn.ConvTranspose2d,
    3: nn.ConvTranspose3d,
}
MAX_POOL = {
    1: functional.max_pool1d,
    2: functional.max_pool2d,
    3: functional.max_pool3d,
}


class ConvReLU(nn.Module):
    """A 3-tap convolution over several inputs as if concatenated, bias and ReLU.

    The inputs are convolved one by one and added up. That is the same function,
    without the copies: on a CPU a concatenation of activations costs about a tenth
    of the convolution, and training would keep every one of them. Kept for the
    gradient are the inputs and the result, which others keep as their input.
    """

    def __init__(
        self,
        dims: int,
        inputs: Sequence[int],
        outputs: int,
        *,
        dilation: int = 1,
        spacing: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(
            convolution(dims, channels, outputs, dilation=dilation, spacing=spacing)
            for channels in inputs
        )
        self.bias = nn.Parameter(torch.zeros(outputs))

    @property
    def _parts(self) -> list[DilatedConv]:
        return [cast("DilatedConv", part) for part in self.convolutions]

    def draw(self, generator: torch.Generator) -> None:
        """Draw new weights."""
        weights = [part.weight for part in self._parts]
        spread = (2 / sum(weight[0].numel() for weight in weights)) ** 0.5
        for weight in weights:
            nn.init.normal_(weight, std=spread, generator=generator)
        nn.init.zeros_(self.bias)

    def forward(self, *inputs: Tensor) -> Tensor:
        """Map inputs ``(n, c_i, …)`` to ``(n, outputs, …)``."""
        images = [prepared(image) for image in inputs]
        weights = [part.weight.to(images[0].dtype) for part in self._parts]
        result: Tensor = _SummedConvolutions.apply(  # type: ignore[no-untyped-call]
            self._parts[0].taps, self.bias, *images, *weights
        )
        return result


class _SummedConvolutions(torch.autograd.Function):
    """``relu(sum_i conv(image_i, weight_i) + bias)``."""

    @staticmethod
    def forward(ctx: Any, taps: Taps, bias: Tensor, *arrays: Tensor) -> Tensor:
        images, weights = _halves(arrays)
        total = convolve(images[0], weights[0], bias.to(images[0].dtype), taps)
        for image, weight in zip(images[1:], weights[1:], strict=True):
            total = accumulate(total, image, weight, taps)
        total.relu_()
        ctx.save_for_backward(total, *arrays)
        ctx.taps = taps
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        total, *arrays = ctx.saved_tensors
        grad = channels_last(torch.ops.aten.threshold_backward(grads[0], total, 0))
        images, weights = _halves(arrays)
        needed, _ = _halves(ctx.needs_input_grad[2:])
        of_images = [
            convolve(grad, mirrored(weight), None, ctx.taps) if need else None
            for weight, need in zip(weights, needed, strict=True)
        ]
        of_weights = [
            weight_gradient(image, grad, ctx.taps).to(weight.dtype)
            for image, weight in zip(images, weights, strict=True)
        ]
        others = [0, *range(2, grad.ndim)]
        of_bias = grad.sum(others).float()
        return None, of_bias, *of_images, *of_weights


def _halves(values: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any]]:
    middle = len(values) // 2
    return values[:middle], values[middle:]


def prepared(image: Tensor) -> Tensor:
    """Lay out channels-last, in the type that autocast asks for."""
    if torch.is_autocast_enabled(image.device.type):
        image = image.to(torch.get_autocast_dtype(image.device.type))
    return channels_last(image)


class Pointwise(nn.Module):
    """A linear map of each voxel's channels, over several inputs as if concatenated.

    As a matrix product: a convolution with kernel 1 and few outputs is tens of
    times slower on a CPU.
    """

    def __init__(self, inputs: Sequence[int], outputs: int) -> None:
        super().__init__()
        self.inputs = list(inputs)
        self.weight = nn.Parameter(torch.zeros(outputs, sum(inputs)))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def draw(self, generator: torch.Generator) -> None:
        """Draw new weights."""
        spread = self.weight.shape[1] ** -0.5
        nn.init.normal_(self.weight, std=spread, generator=generator)
        nn.init.zeros_(self.bias)

    def forward(self, *inputs: Tensor) -> Tensor:
        """Map inputs ``(n, c_i, …)`` to ``(n, outputs, …)``."""
        total: Tensor = self.bias
        for weight, image in zip(
            torch.split(self.weight, self.inputs, 1), inputs, strict=True
        ):
            total = total + functional.linear(image.movedim(1, -1), weight)
        return total.movedim(-1, 1)


class Up(nn.Module):
    """A transposed convolution that makes each voxel ``factors`` voxels."""

    def __init__(self, inputs: int, outputs: int, factors: tuple[int, ...]) -> None:
        super().__init__()
        self.conv = TRANSPOSED[len(factors)](inputs, outputs, factors, stride=factors)

    def draw(self, generator: torch.Generator) -> None:
        """Draw new weights: an output voxel is reached by one input voxel."""
        weight, bias = (
            self.conv.get_parameter("weight"),
            self.conv.get_parameter("bias"),
        )
        nn.init.normal_(weight, std=weight.shape[0] ** -0.5, generator=generator)
        nn.init.zeros_(bias)

    def forward(self, image: Tensor) -> Tensor:
        """Map ``(n, inputs, …)`` to ``(n, outputs, …)``, larger by the factors."""
        result: Tensor = self.conv(image)
        return result


def max_pool(image: Tensor, factors: tuple[int, ...]) -> Tensor:
    """Largest value in each box of ``factors`` voxels."""
    return MAX_POOL[len(factors)](image, factors)


def pad_to_multiple(image: Tensor, factors: Sequence[int]) -> Tensor:
    """Continue the far ends until each length is a multiple of its factor.

    Only the far ends, and by the last voxel: then a part of an image that starts
    at a multiple of the factors and runs to the image's end is padded like it.
    """
    missing = [-n % f for n, f in zip(image.shape[2:], factors, strict=True)]
    if not any(missing):
        return image
    widths = [width for n in reversed(missing) for width in (0, n)]
    return functional.pad(image, widths, mode="replicate")


def crop_to(image: Tensor, shape: Sequence[int]) -> Tensor:
    """Cut the far ends off; the opposite of `pad_to_multiple`."""
    inside: Any = (..., *[slice(n) for n in shape])
    return image[inside]
