"""A fixed front end: what classical filters see, as channels for the networks.

Networks that start from gray values alone need many steps to find edges, blobs
and tubes; given these, they are useful after seconds. The channels are
differential invariants of Gaussian scale space (Lindeberg, *Scale-Space Theory*,
1994): they do not change when the image is flipped or turned, so training can
augment by flips and quarter turns.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

TRUNCATE = 3.0


class ScaleSpace(nn.Module):
    """Gray values, and a few rotation invariants at a few scales.

    Channels: the gray value; then for each scale sigma the smoothed value,
    ``sigma |grad|``, and with ``H`` the Hessian times ``sigma**2`` its trace, the
    norm of its traceless part, and ``sign(det H) log(1 + 8 |det H|)``. From each
    channel ``center`` is taken off, and it is multiplied by ``gain``, so that it
    has about zero mean and unit spread.

    Parameters
    ----------
    dims
        2 or 3.
    sigmas
        Scales in voxels.
    """

    def __init__(self, dims: int, sigmas: Sequence[float] = (1.0, 2.0, 4.0)) -> None:
        super().__init__()
        self.dims = dims
        self.sigmas = tuple(float(sigma) for sigma in sigmas)
        self.register_buffer("center", torch.zeros(self.channels))
        self.register_buffer("gain", torch.ones(self.channels))

    center: Tensor
    gain: Tensor

    @property
    def channels(self) -> int:
        """Channels that come out."""
        return 1 + 5 * len(self.sigmas)

    @property
    def radius(self) -> int:
        """Voxels that a voxel's channels depend on, on each side."""
        return max((_kernel_radius(s) for s in self.sigmas), default=-1) + 1

    def calibrate(self, samples: Sequence[Tensor]) -> None:
        """Fix center and gain from a few images ``(n, 1, …)``."""
        self.center.zero_()
        self.gain.fill_(1)
        rows = [self(sample).movedim(1, 0).flatten(1) for sample in samples]
        values = torch.cat(rows, dim=1)
        self.center.copy_(values.mean(1))
        spread = values.std(1)
        self.gain.copy_(torch.where(spread > 1e-6, 1 / spread, 1.0))

    def forward(self, image: Tensor) -> Tensor:
        """Map ``(n, 1, …)`` to ``(n, channels, …)``; borders are continued."""
        radius = self.radius
        padded = _continue(image, radius)
        channels = [image]
        for sigma in self.sigmas:
            smooth = padded
            for axis in range(2, 2 + self.dims):
                smooth = _blur(smooth, sigma, axis)
            margin = radius - _kernel_radius(sigma)
            channels += self._invariants(smooth, sigma, margin)
        shape = (1, -1, *[1] * self.dims)
        stack = torch.cat(channels, dim=1)
        return (stack - self.center.view(shape)) * self.gain.view(shape)

    def _invariants(self, smooth: Tensor, sigma: float, margin: int) -> list[Tensor]:
        """Invariants without the outer ``margin`` voxels (at least 1)."""
        view = _Shifted(smooth, self.dims, margin)
        axes = range(self.dims)
        here = view()
        gradient = [(view({a: 1}) - view({a: -1})) * (sigma / 2) for a in axes]
        hessian = {
            (a, a): (view({a: 1}) + view({a: -1}) - 2 * here) * sigma**2 for a in axes
        }
        for a in axes:
            for b in range(a + 1, self.dims):
                corners = view({a: 1, b: 1}) + view({a: -1, b: -1})
                corners = corners - view({a: 1, b: -1}) - view({a: -1, b: 1})
                hessian[a, b] = corners * (sigma**2 / 4)
        trace = sum((hessian[a, a] for a in axes), torch.zeros_like(here))
        square = sum(
            (h**2 * (1 if a == b else 2) for (a, b), h in hessian.items()),
            torch.zeros_like(here),
        )
        norm = sum((g**2 for g in gradient), torch.zeros_like(here)).sqrt()
        traceless = (square - trace**2 / self.dims).clamp_min(0).sqrt()
        return [
            here,
            norm,
            trace,
            traceless,
            _compressed(_determinant(hessian, self.dims)),
        ]


class _Shifted:
    """Views of an array, cropped by a margin and moved by whole voxels."""

    def __init__(self, array: Tensor, dims: int, margin: int) -> None:
        self.array, self.dims, self.margin = array, dims, margin

    def __call__(self, shift: dict[int, int] | None = None) -> Tensor:
        view = self.array
        for axis in range(self.dims):
            start = self.margin + (shift or {}).get(axis, 0)
            view = view.narrow(axis + 2, start, view.shape[axis + 2] - 2 * self.margin)
        return view


def _determinant(h: dict[tuple[int, int], Tensor], dims: int) -> Tensor:
    if dims == 2:
        return h[0, 0] * h[1, 1] - h[0, 1] ** 2
    return (
        h[0, 0] * (h[1, 1] * h[2, 2] - h[1, 2] ** 2)
        - h[0, 1] * (h[0, 1] * h[2, 2] - h[1, 2] * h[0, 2])
        + h[0, 2] * (h[0, 1] * h[1, 2] - h[1, 1] * h[0, 2])
    )


def _compressed(x: Tensor) -> Tensor:
    """An odd compression, so that cubes of contrasts do not run away."""
    return torch.sign(x) * torch.log1p(8 * x.abs())


def _kernel_radius(sigma: float) -> int:
    return math.ceil(TRUNCATE * sigma)


def _gaussian(sigma: float) -> list[float]:
    radius = _kernel_radius(sigma)
    taps = [math.exp(-(i**2) / (2 * sigma**2)) for i in range(radius + 1)]
    total = taps[0] + 2 * sum(taps[1:])
    return [tap / total for tap in taps]


def _blur(image: Tensor, sigma: float, axis: int) -> Tensor:
    """Convolve along an axis; the result is shorter by the kernel.

    Sums of shifted views: convolutions of one channel run on a slow path.
    """
    taps = _gaussian(sigma)
    radius = len(taps) - 1
    length = image.shape[axis] - 2 * radius
    out = image.narrow(axis, radius, length) * taps[0]
    for i, tap in enumerate(taps[1:], start=1):
        out.add_(image.narrow(axis, radius + i, length), alpha=tap)
        out.add_(image.narrow(axis, radius - i, length), alpha=tap)
    return out


def _continue(image: Tensor, radius: int) -> Tensor:
    """Repeat the outermost voxels; unlike `torch.nn.functional.pad` on any size."""
    for axis in range(2, image.ndim):
        index = torch.arange(-radius, image.shape[axis] + radius, device=image.device)
        image = image.index_select(axis, index.clamp(0, image.shape[axis] - 1))
    return image
