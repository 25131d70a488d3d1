"""Eigenvalues of symmetric 2 x 2 and 3 x 3 tensors at every voxel, in closed form."""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

TINY = 1e-12

Tensors = Mapping[tuple[int, int], Tensor]
"""Entries ``(i, j)`` with i <= j of a symmetric tensor, each ``(…)``."""


def eigenvalues(tensor: Tensors, size: int) -> list[Tensor]:
    """Compute the eigenvalues, the largest first.

    Parameters
    ----------
    tensor
        Entries, each ``(…)``.
    size
        1, 2 or 3.

    Returns
    -------
    list of Tensor
        ``size`` of them, each ``(…)``.

    References
    ----------
    Smith, "Eigenvalues of a symmetric 3 x 3 matrix", Communications of the ACM 4
    (1961) 168.
    """
    if size == 1:
        return [tensor[0, 0]]
    if size == 2:
        return _of_two(tensor[0, 0], tensor[1, 1], tensor[0, 1])
    return _of_three(tensor)


def axis_of_tubes(tensor: Tensors, values: Sequence[Tensor]) -> Tensor:
    """Find the unit vector ``(size, …)`` along which a Hessian bends least.

    Zero where all directions are alike.

    Parameters
    ----------
    tensor
        Entries of the Hessian, each ``(…)``.
    values
        Its eigenvalues.
    """
    least = values[0]
    for value in values[1:]:
        least = torch.where(value.abs() < least.abs(), value, least)
    if len(values) == 1:
        return torch.ones_like(least)[None]
    a, b = (tensor[i, i] - least for i in range(2))
    mixed = tensor[0, 1]
    if len(values) == 2:
        return _longest([[-mixed, a], [-b, mixed]])
    rows = [
        (a, mixed, tensor[0, 2]),
        (mixed, b, tensor[1, 2]),
        (tensor[0, 2], tensor[1, 2], tensor[2, 2] - least),
    ]
    return _longest([_cross(rows[i], rows[j]) for i, j in ((0, 1), (0, 2), (1, 2))])


def _cross(a: Sequence[Tensor], b: Sequence[Tensor]) -> list[Tensor]:
    """Of three parts each; `torch.linalg.cross` wants stacks, which take longer."""
    return [a[i] * b[j] - a[j] * b[i] for i, j in ((1, 2), (2, 0), (0, 1))]


def _longest(vectors: Sequence[Sequence[Tensor]]) -> Tensor:
    """The longest ``(size, …)`` of some vectors of parts ``(…)``, at unit length."""
    best, length = list(vectors[0]), _square(vectors[0])
    for vector in vectors[1:]:
        own = _square(vector)
        longer = own > length
        pairs = zip(vector, best, strict=True)
        best = [torch.where(longer, new, old) for new, old in pairs]
        length = torch.where(longer, own, length)
    return torch.stack(best).div_(length.clamp_min(TINY**2).sqrt_())


def _square(vector: Sequence[Tensor]) -> Tensor:
    total = vector[0] * vector[0]
    for part in vector[1:]:
        total += part * part
    return total


def _of_two(a: Tensor, b: Tensor, mixed: Tensor) -> list[Tensor]:
    middle = (a + b) / 2
    radius = (((a - b) / 2) ** 2 + mixed**2).sqrt()
    return [middle + radius, middle - radius]


def _of_three(tensor: Tensors) -> list[Tensor]:
    middle = (tensor[0, 0] + tensor[1, 1] + tensor[2, 2]) / 3
    a, b, c = (tensor[i, i] - middle for i in range(3))
    d, e, f = tensor[0, 1], tensor[0, 2], tensor[1, 2]
    square = a * a + b * b + c * c + 2 * (d * d + e * e + f * f)
    radius = (square / 6).sqrt().clamp_min(TINY)
    det = a * (b * c - f * f) - d * (d * c - e * f) + e * (d * f - b * e)
    # Rounded values leave the domain of the arc cosine.
    angle = torch.acos((det / (2 * radius**3)).clamp(-1, 1)) / 3
    first = middle + 2 * radius * torch.cos(angle)
    last = middle + 2 * radius * torch.cos(angle + 2 * math.pi / 3)
    return [first, 3 * middle - first - last, last]
