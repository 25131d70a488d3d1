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

from napari_sciml.errors import InputError
from napari_sciml.images.channels import channel_words

TRUNCATE = 3.0
SMALLEST_BLUR = 0.3
SIGMAS = (0.1, 64.0)
MAX_SIGMAS = 20

Surround = Sequence[tuple[int, int]]
"""Voxels at the low and the high end of each axis."""


class ScaleSpace(nn.Module):
    """Gray values, and a few rotation invariants at a few scales.

    With ``spacing``, scales and derivatives are those of space, not of the voxel
    grid: coarse voxels along an axis change what is seen as little as they can.

    Channels: the gray value; then for each scale sigma the smoothed value,
    ``sigma |grad|``, and with ``H`` the Hessian times ``sigma**2`` its trace, the
    norm of its traceless part, and ``sign(det H) log(1 + 8 |det H|)``. From each
    channel ``center`` is taken off, and it is multiplied by ``gain``, so that it
    has about zero mean and unit spread.

    Parameters
    ----------
    dims
        1, 2 or 3.
    sigmas
        At most 20 scales of 0.1 to 64 voxels along the axis with the finest voxels;
        none = the gray value alone.
    spacing
        Edge lengths of a voxel, one an axis, in any unit; none = all the same.
    inputs
        Channels of the image: the front end sees each by itself, and gives all
        that it finds in the first one, then in the second one, and so on.

    Raises
    ------
    InputError
        When the spacing does not fit the axes or is not positive, or a scale is
        out of bounds.
    """

    def __init__(
        self,
        dims: int,
        sigmas: Sequence[float] = (1.0, 2.0, 4.0),
        *,
        spacing: Sequence[float] | None = None,
        inputs: int = 1,
    ) -> None:
        super().__init__()
        _check(dims, sigmas)
        self.dims = dims
        self.inputs = inputs
        self.sigmas = tuple(float(sigma) for sigma in sigmas)
        self.spacing = None if spacing is None else _checked(spacing, dims)
        self._steps = relative_steps(self.spacing or (1.0,) * dims)
        self.register_buffer("center", torch.zeros(self.channels))
        self.register_buffer("gain", torch.ones(self.channels))

    center: Tensor
    gain: Tensor

    @property
    def channels(self) -> int:
        """Channels that come out, in total."""
        return self.inputs * (1 + 5 * len(self.sigmas))

    @property
    def radius(self) -> int:
        """Voxels that a voxel's channels depend on, on each side of any axis."""
        return max(self.reach)

    @property
    def reach(self) -> tuple[int, ...]:
        """The same for each axis."""
        return tuple(
            max((blur_taps(on_axis(s, step)) for s in self.sigmas), default=-1) + 1
            for step in self._steps
        )

    def calibrate(self, samples: Sequence[Tensor]) -> None:
        """Fix center and gain from a few images ``(n, inputs, …)``."""
        self.center.zero_()
        self.gain.fill_(1)
        rows = [self(sample).movedim(1, 0).flatten(1) for sample in samples]
        values = torch.cat(rows, dim=1)
        self.center.copy_(values.mean(1))
        spread = values.std(1)
        self.gain.copy_(torch.where(spread > 1e-6, 1 / spread, 1.0))

    def forward(self, image: Tensor, surround: Surround | None = None) -> Tensor:
        """Map ``(n, inputs, …)`` to ``(n, channels, …)``; borders are continued.

        With ``surround``, so many voxels at the low and the high end of each axis
        are only looked at: the result is smaller by them, and by what they save in
        computation.
        """
        check_channels(self.inputs, image.shape[1])
        count = len(image)
        image = image.flatten(0, 1).unsqueeze(1)
        reach = self.reach
        around = surround or [(0, 0)] * self.dims
        padded = continued(
            image, [(r - a, r - b) for r, (a, b) in zip(reach, around, strict=True)]
        )
        channels = [without(padded, reach)]
        for sigma in self.sigmas:
            blurs = [on_axis(sigma, step) for step in self._steps]
            # A voxel more than the kernel, for the derivatives.
            spare = [r - blur_taps(b) - 1 for r, b in zip(reach, blurs, strict=True)]
            smooth = without(padded, spare)
            for axis, blur in enumerate(blurs):
                smooth = gaussian_blur(smooth, blur, axis + 2) if blur else smooth
            channels += self._invariants(smooth, sigma)
        shape = (1, -1, *[1] * self.dims)
        stack = torch.cat(channels, dim=1)
        stack = stack.view(count, -1, *stack.shape[2:])
        return (stack - self.center.view(shape)) * self.gain.view(shape)

    def _invariants(self, smooth: Tensor, sigma: float) -> list[Tensor]:
        """Invariants without the outermost voxels."""
        view = _Shifted(smooth)
        axes = range(self.dims)
        here = view()
        unit = [sigma / step for step in self._steps]
        gradient = [(view({a: 1}) - view({a: -1})) * (unit[a] / 2) for a in axes]
        hessian = {
            (a, a): (view({a: 1}) + view({a: -1}) - 2 * here) * unit[a] ** 2
            for a in axes
        }
        for a in axes:
            for b in range(a + 1, self.dims):
                corners = view({a: 1, b: 1}) + view({a: -1, b: -1})
                corners = corners - view({a: 1, b: -1}) - view({a: -1, b: 1})
                hessian[a, b] = corners * (unit[a] * unit[b] / 4)
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


def check_channels(wanted: int, found: int) -> None:
    """Make sure that an image has as many channels as a model is for.

    Raises
    ------
    InputError
        Tells both numbers.
    """
    if found != wanted:
        raise InputError(
            f"The model was trained on images with {channel_words(wanted)}, but this "
            f"one has {channel_words(found)}: choose another image, or train anew."
        )


def as_batch(values: Tensor, dims: int) -> Tensor:
    """Give ``(…)`` or ``(…, channel)`` with ``dims`` spatial axes as ``(1, c, …)``."""
    return (values[None] if values.ndim == dims else values.movedim(-1, 0))[None]


class _Shifted:
    """Views of an array without its outermost voxels, moved by one voxel at most."""

    def __init__(self, array: Tensor) -> None:
        self.array = array

    def __call__(self, shift: dict[int, int] | None = None) -> Tensor:
        view = self.array
        for axis in range(2, view.ndim):
            start = 1 + (shift or {}).get(axis - 2, 0)
            view = view.narrow(axis, start, view.shape[axis] - 2)
        return view


def _determinant(h: dict[tuple[int, int], Tensor], dims: int) -> Tensor:
    if dims == 1:
        return h[0, 0]
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


def _check(dims: int, sigmas: Sequence[float]) -> None:
    if type(dims) is not int or dims not in (1, 2, 3):
        raise InputError(f"A front end works on 1, 2 or 3 axes, not on {dims!r}.")
    low, high = SIGMAS
    if len(sigmas) > MAX_SIGMAS or not all(low <= s <= high for s in sigmas):
        raise InputError(
            f"The scales of the front end must be at most {MAX_SIGMAS} numbers from "
            f"{low} to {high:g}, but they are {tuple(sigmas)}."
        )


def _checked(spacing: Sequence[float], dims: int) -> tuple[float, ...]:
    values = tuple(float(edge) for edge in spacing)
    if len(values) != dims or not all(0 < edge < math.inf for edge in values):
        raise InputError(
            f"The voxel spacing {values} must be {dims} positive numbers, one an axis."
        )
    return values


def relative_steps(spacing: Sequence[float]) -> list[float]:
    """Edges of a voxel in units of the finest one."""
    return [edge / min(spacing) for edge in spacing]


def on_axis(sigma: float, step: float) -> float:
    """A scale in voxels of an axis; 0 where the voxels alone blur as much."""
    blur = sigma / step
    return 0.0 if step > 1 and blur < SMALLEST_BLUR else blur


def blur_taps(sigma: float) -> int:
    """Voxels on each side that a blur looks at."""
    return math.ceil(TRUNCATE * sigma)


def _gaussian(sigma: float) -> list[float]:
    radius = blur_taps(sigma)
    taps = [math.exp(-(i**2) / (2 * sigma**2)) for i in range(radius + 1)]
    total = taps[0] + 2 * sum(taps[1:])
    return [tap / total for tap in taps]


def gaussian_blur(image: Tensor, sigma: float, axis: int) -> Tensor:
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


def continued(image: Tensor, margins: Surround) -> Tensor:
    """Repeat the outermost voxels; unlike `torch.nn.functional.pad` on any size.

    A negative margin cuts voxels off.
    """
    for axis, (low, high) in enumerate(margins, start=2):
        if not low and not high:  # else all would be copied
            continue
        index = torch.arange(-low, image.shape[axis] + high, device=image.device)
        image = image.index_select(axis, index.clamp(0, image.shape[axis] - 1))
    return image


def without(image: Tensor, margins: Sequence[int]) -> Tensor:
    """A view without so many voxels at both ends of each axis."""
    for axis, margin in enumerate(margins, start=2):
        image = image.narrow(axis, margin, image.shape[axis] - 2 * margin)
    return image
