"""What convolutions are computed with, on the fast path of a CPU.

Three things make convolutions of few channels on a CPU several times slower than
they need be, and each has its answer here (3D mostly, oneDNN called directly):

- The framework sends small inputs to a generic implementation.
- The vector unit works on output channels, 16 at a time: a convolution with 3
  outputs wastes most of it. Then the three depth taps are computed as outputs of
  their own, plane by plane, and added up afterwards; and the gradient of the
  weights, which is symmetric, is taken with the roles of image and gradient swapped.
- The library's weight gradient collapses when there is a dilation along depth. Here
  it is a batched 2D gradient for each depth tap, over shifted views of one array.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

LANES = 16


@dataclass(frozen=True)
class Taps:
    """Where a kernel reads: voxels from one tap to the next, 0 = a single tap.

    With ``inside``, results along the first axis are only those whose taps all lie in
    the image: there are ``reach`` fewer of them on each side. Otherwise what lies
    outside is zero, and the result is as large as the image.
    """

    reach: tuple[int, ...]
    inside: bool = False

    @cached_property
    def kernel(self) -> tuple[int, ...]:
        """Taps an axis, 1 or 3."""
        return tuple(3 if step else 1 for step in self.reach)

    @cached_property
    def dilation(self) -> tuple[int, ...]:
        """Steps as convolutions want them, at least 1."""
        return tuple(max(1, step) for step in self.reach)

    @cached_property
    def padding(self) -> tuple[int, ...]:
        """Zeros that convolutions add on each side."""
        return (0, *self.reach[1:]) if self.inside else self.reach


def physical_taps(dims: int, dilation: int, spacing: Sequence[float] | None) -> Taps:
    """Taps as far apart as ``dilation`` times the shortest voxel edge.

    Parameters
    ----------
    spacing
        Voxel edges, one an axis; None = all equal. An axis whose step rounds to no
        voxel at all has a single tap.
    """
    if spacing is None:
        return Taps((dilation,) * dims)
    finest = min(spacing)
    return Taps(tuple(math.floor(dilation * finest / s + 0.5) for s in spacing))


def channels_last(x: Tensor) -> Tensor:
    """Lay out so that the channels of a voxel lie side by side, unmistakably.

    With one channel, or one voxel an axis, several layouts share the same strides
    and libraries guess; the strides are set as convolutions look for them.
    """
    if x.ndim == 3:
        return x.contiguous()
    order = (0, *range(2, x.ndim), 1)
    moved = x.permute(order).contiguous()
    strides = [1] * x.ndim
    for axis in range(x.ndim - 2, -1, -1):
        strides[axis] = strides[axis + 1] * moved.shape[axis + 1]
    back = (0, x.ndim - 1, *range(1, x.ndim - 1))
    return moved.as_strided(moved.shape, strides).permute(back)


def mirrored(weight: Tensor) -> Tensor:
    """The kernel whose convolution is the gradient of the image."""
    axes = tuple(range(2, weight.ndim))
    return weight.flip(axes).transpose(0, 1).contiguous()


def convolve(image: Tensor, weight: Tensor, bias: Tensor | None, taps: Taps) -> Tensor:
    """Convolve a channels-last image ``(n, in, …)`` with ``(out, in, …)``."""
    if is_narrow(image, weight):
        image, taps = depth_parts(image, weight, taps)
        weight = picking(weight, 3)
    return _convolve(image, weight, bias, taps)


def accumulate(total: Tensor, image: Tensor, weight: Tensor, taps: Taps) -> Tensor:
    """Add a convolution to a channels-last ``total`` in place."""
    if is_narrow(image, weight):
        image, taps = depth_parts(image, weight, taps)
        weight = picking(weight, 3)
    if not _has_fused_sum() or not is_fast(image):
        return total.add_(_convolve(image, weight, None, taps))
    ones = (1,) * len(taps.reach)
    torch.ops.mkldnn._convolution_pointwise_.binary(
        *(total, image, weight, None, taps.padding, ones, taps.dilation, 1),
        *("add", 1.0, None, [], None),
    )
    return total


def vectors(channels: int) -> int:
    """Vectors that the channels of a voxel fill."""
    return math.ceil(channels / LANES)


def is_narrow(image: Tensor, weight: Tensor) -> bool:
    """Whether depth taps as outputs of their own fill the vector unit better."""
    outputs, inputs, *kernel = weight.shape
    few = 3 * outputs <= LANES and inputs >= 3
    return kernel == [3, 3, 3] and few and is_fast(image)


def depth_parts(image: Tensor, weight: Tensor, taps: Taps) -> tuple[Tensor, Taps]:
    """Convolve plane by plane, each depth tap for itself.

    Returns
    -------
    volume
        ``(n, 3 out, z, y, x)``: outputs of the first depth tap, of the second, …
    taps
        What is left to do: `picking` them up, along depth.
    """
    flat = weight.movedim(2, 0).flatten(0, 1)
    parts = _convolve(planes(image), flat, None, Taps(taps.reach[1:]))
    volume = parts.view(image.shape[0], -1, *parts.shape[1:]).transpose(1, 2)
    return channels_last(volume), Taps((taps.reach[0], 0, 0), taps.inside)


def picking(
    weight: Tensor,
    depth: int,
    rows: slice = slice(None),
    channels: slice = slice(None),
    total: int | None = None,
) -> Tensor:
    """Make the kernel that puts outputs where they belong.

    Parameters
    ----------
    weight
        What the outputs were convolved with.
    depth
        3 to sum what `depth_parts` gives, 1 for plain outputs.
    rows, channels, total
        Outputs ``rows`` become ``channels`` of ``total``; all by default.
    """
    outputs = weight.shape[0]
    kernel = weight.new_zeros((total or outputs, depth, outputs, depth))
    picked = kernel[channels, :, rows].diagonal(dim1=0, dim2=2)
    picked.diagonal(dim1=0, dim2=1).fill_(1)
    return kernel.reshape(len(kernel), -1, depth, *[1] * (weight.ndim - 3))


def is_fast(image: Tensor) -> bool:
    """Whether oneDNN can be called directly."""
    if image.device.type != "cpu" or image.ndim < 4 or not image.numel():
        return False
    if image.dtype == torch.bfloat16:
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    there = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return image.dtype == torch.float32 and bool(there)


def _has_fused_sum() -> bool:
    """An operation made for torch's own compiler: there, but not promised."""
    return hasattr(torch.ops.mkldnn, "_convolution_pointwise_")


def _convolve(image: Tensor, weight: Tensor, bias: Tensor | None, taps: Taps) -> Tensor:
    ones = (1,) * len(taps.reach)
    if is_fast(image):
        result: Tensor = torch.ops.aten.mkldnn_convolution(
            image, weight, bias, taps.padding, ones, taps.dilation, 1
        )
        return channels_last(result)
    call = {1: torch.conv1d, 2: torch.conv2d, 3: torch.conv3d}[len(ones)]
    result = call(image, weight, bias, ones, taps.padding, taps.dilation)
    return result


def planes(volume: Tensor) -> Tensor:
    """View channels-last ``(n, c, z, y, x)`` as a batch ``(n z, c, y, x)``."""
    return channels_last(volume.transpose(1, 2).flatten(0, 1))
