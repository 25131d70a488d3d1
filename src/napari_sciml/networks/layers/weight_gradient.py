"""Gradient of a convolution's weights, on the fast path of a CPU; see `kernels`."""

import math
from itertools import product

import torch
from torch import Tensor
from torch.nn.functional import pad

from napari_sciml.networks.layers.kernels import (
    LANES,
    Taps,
    channels_last,
    is_fast,
    mirrored,
    planes,
    vectors,
)

IN_CACHE = 2**20
"""Numbers of an image up to which matrix products are not slowed down by memory."""


def weight_gradient(image: Tensor, grad: Tensor, taps: Taps) -> Tensor:
    """Gradient ``(out, in, …)``, float32, from channels-last image and gradient."""
    inputs, outputs = image.shape[1], grad.shape[1]
    plain, swapped = (a * vectors(b) for a, b in ((inputs, outputs), (outputs, inputs)))
    if swapped < plain:
        return mirrored(_weight_gradient(grad, image, taps))
    return _weight_gradient(image, grad, taps)


def _weight_gradient(image: Tensor, grad: Tensor, taps: Taps) -> Tensor:
    channels = image.shape[1]
    if _by_products(image, taps):
        return _product_gradient(image, grad, taps)
    if _is_unsafe(image, taps):
        missing = -channels % LANES
        image = channels_last(pad(image, (0, 0) * len(taps.reach) + (0, missing)))
    by_planes = image.ndim == 5 and is_fast(image) and not _has_fast_volume(image, taps)
    gradient = _plane_gradients if by_planes else _gradient
    return gradient(image, grad, taps)[:, :channels].float()


def _by_products(image: Tensor, taps: Taps) -> bool:
    """Whether matrix products are faster: twice as fast with a dilation, on crops."""
    spread = image.dtype == torch.float32 and max(taps.reach) > 1
    if not spread or not is_fast(image) or image.numel() > IN_CACHE:
        return False
    wide = zip(image.shape[2:], _gaps(image, taps), strict=True)
    return math.prod(1 + gap / size for size, gap in wide) <= 2


def _gaps(image: Tensor, taps: Taps) -> list[int]:
    """Zeros after each axis that no tap reaches across."""
    alone = image.shape[0] == 1
    return [0 if alone else taps.reach[0], *taps.reach[1:]]


def _product_gradient(image: Tensor, grad: Tensor, taps: Taps) -> Tensor:
    """A product of two matrices ``(voxels, channels)`` for each tap.

    Between rows, planes and images lie zeros, so that a tap is one shift of them all.
    """
    room = [n for gap in reversed(_gaps(image, taps)) for n in (0, gap)]
    order = (0, *range(2, image.ndim), 1)
    wide = pad(image.permute(order), [0, 0, *room])
    steps = [math.prod(wide.shape[axis + 2 : -1]) for axis in range(len(taps.reach))]
    seen = wide.reshape(-1, image.shape[1])
    told = pad(grad.permute(order), [0, 0, *room]).reshape(-1, grad.shape[1]).T
    found = image.new_zeros((*taps.kernel, grad.shape[1], image.shape[1]))
    moves = product(*((-r, 0, r) if r else (0,) for r in taps.reach))
    for move, part in zip(moves, found.flatten(0, len(taps.reach) - 1), strict=True):
        shift = sum(a * b for a, b in zip(move, steps, strict=True))
        back, ahead, size = max(0, -shift), max(0, shift), len(seen)
        if abs(shift) < size:
            torch.mm(told[:, back : size - ahead], seen[ahead : size - back], out=part)
    return found.movedim((-2, -1), (0, 1)).contiguous()


def _is_unsafe(image: Tensor, taps: Taps) -> bool:
    """Where oneDNN writes out of bounds (seen up to torch 2.13): NaN, or a crash."""
    odd = image.shape[1] > LANES and image.shape[1] % LANES != 0
    return image.dtype == torch.bfloat16 and max(taps.reach) > 1 and odd


def _has_fast_volume(image: Tensor, taps: Taps) -> bool:
    """Whether one gradient of the volume is faster than three of its planes."""
    n, channels, depth, height, _ = image.shape
    # For two planes of bfloat16 oneDNN returns memory that it never wrote.
    if set(taps.reach) != {1} or depth < 8:
        return False
    # Below this size torch takes single float32 images to its generic path.
    large = n > 1 or channels * depth * height > 20480
    return large or image.dtype == torch.bfloat16


def _plane_gradients(image: Tensor, grad: Tensor, taps: Taps) -> Tensor:
    depth, step, planar = image.shape[2], taps.reach[0], Taps(taps.reach[1:])
    size = (grad.shape[1], image.shape[1], *planar.kernel)
    parts = []
    for shift in (-step, 0, step) if step else (0,):
        total = torch.zeros(size, dtype=torch.float32)
        parts.append(total)
        if step >= depth and shift:
            continue
        read = slice(max(0, shift), depth + min(0, shift))
        write = slice(max(0, -shift), depth - max(0, shift))
        for x, g in zip(image[:, :, read], grad[:, :, write], strict=True):
            total += _gradient(planes(x[None]), planes(g[None]), planar)
    return torch.stack(parts, dim=2)


def _gradient(image: Tensor, grad: Tensor, taps: Taps) -> Tensor:
    like = image.new_empty((grad.shape[1], image.shape[1], *taps.kernel))
    ones, zeros = [1] * len(taps.reach), [0] * len(taps.reach)
    _, result, _ = torch.ops.aten.convolution_backward(
        *(grad, image, channels_last(like), None, ones, taps.reach, taps.dilation),
        *(False, zeros, 1, [False, True, False]),
    )
    return result
