"""Channels that decision trees can split on.

Trees look at one channel at a time, so each should mean something by itself: the
sorted eigenvalues of the Hessian and of the structure tensor say "tube", "sheet" and
"blob", which trace and determinant only say together. Blurs that are wide against the
structures tell an uneven background. And as fibers are long, gray value and tube-ness
are looked up some voxels ahead and behind along the fiber. All channels stay the same
when the image is flipped or turned.

References
----------
Frangi et al., "Multiscale vessel enhancement filtering", MICCAI (1998).
Weickert, *Anisotropic Diffusion in Image Processing* (1998), structure tensor.
"""

import math
from collections.abc import Sequence
from itertools import combinations_with_replacement

import torch
from torch import Tensor, nn

from napari_sciml.networks.scale_space import (
    Surround,
    blur_taps,
    check_channels,
    continued,
    gaussian_blur,
    on_axis,
    relative_steps,
    without,
)
from napari_sciml.networks.trees.eigenvalues import axis_of_tubes, eigenvalues

SCALES = {2: (1.0, 2.0, 4.0, 8.0), 3: (1.0, 2.0, 4.0)}
WIDE = {2: 16.0, 3: 8.0}
"""A blur alone, for uneven backgrounds. Scales to 8 and 16 voxels help photographs
(Dice 0.61 instead of 0.54 on a retina), and volumes not at all."""
TENSORS = {2: (1.0, 2.0, 4.0), 3: (1.0, 2.0)}
AXIS_SCALE = 2.0
"""Of the Hessian that tells how a fiber runs."""
ALONG = (2, 4, 6)
"""Voxels ahead and behind."""
ALONG_SCALE = 1.0
APART = 64.0
"""An axis whose voxels are so many times longer than others is no axis of space."""


class FilterBank(nn.Module):
    """Gray values, eigenvalues at a few scales, and what lies along a fiber.

    Channels: the gray value; for each scale sigma of `SCALES` the smoothed value,
    ``sigma |grad|`` and the sorted eigenvalues of ``sigma**2`` times the Hessian, and
    for those of `TENSORS` the roots of the eigenvalues of the structure tensor; a wide
    blur; and the lesser and the greater of the values ahead and behind, at each
    distance of `ALONG`, of the smoothed value and of the sum of the extreme Hessian
    eigenvalues.

    Parameters
    ----------
    dims
        2 or 3.
    spacing
        Edge lengths of a voxel, one an axis, in any unit; none = all the same. An axis
        over `APART` times coarser than the finest is not looked along at all.
    inputs
        Channels of the image, each of which is looked at by itself.
    """

    def __init__(
        self, dims: int, *, spacing: Sequence[float] | None = None, inputs: int = 1
    ) -> None:
        super().__init__()
        self.dims, self.inputs = dims, inputs
        self._steps = relative_steps(spacing or (1.0,) * dims)
        self._near = [axis for axis in range(dims) if self._steps[axis] <= APART]
        space = max(2, len(self._near))
        self.scales, self.wide = SCALES[space], WIDE[space]
        self.tensors = TENSORS[space]

    @property
    def channels(self) -> int:
        """Channels that come out, in total."""
        own = 2 + len(self.scales) * (2 + len(self._near))
        own += len(self.tensors) * len(self._near) + 4 * len(ALONG)
        return self.inputs * own

    @property
    def directions(self) -> int:
        """Axes of space: eigenvalues of a tensor."""
        return len(self._near)

    @property
    def reach(self) -> tuple[int, ...]:
        """Voxels on each side, axis by axis, that a voxel's channels depend on."""
        return tuple(
            max(
                self._radius(self.wide, axis),
                *(self._radius(s, axis) + 1 for s in self.scales),
                *(2 * self._radius(s, axis) + 1 for s in self.tensors),
                self.along_reach[axis] + self._radius(ALONG_SCALE, axis) + 1,
            )
            if axis in self._near
            else 0
            for axis in range(self.dims)
        )

    @property
    def along_reach(self) -> tuple[int, ...]:
        """Voxels on each side that what lies along a fiber is looked up in."""
        return tuple(
            math.ceil(max(ALONG) / step) if axis in self._near else 0
            for axis, step in enumerate(self._steps)
        )

    def forward(
        self, image: Tensor, surround: Surround | None = None
    ) -> tuple[Tensor, Tensor]:
        """Compute the channels; borders of the image are continued.

        Parameters
        ----------
        image
            ``(inputs, …)`` float32 of about zero mean and unit spread.
        surround
            Voxels at the low and the high end of each axis that are only looked at.

        Returns
        -------
        channels, axis : Tensor
            ``(channels, …)``, and the unit vector ``(dims, …)``, in voxels of the
            finest axis, along which a fiber would run there, by the first input.
        """
        check_channels(self.inputs, image.shape[0])
        around = surround or [(0, 0)] * self.dims
        margins = [
            (reach - low, reach - high)
            for reach, (low, high) in zip(self.reach, around, strict=True)
        ]
        found = [self._look(continued(one[None, None], margins)) for one in image]
        axis = found[0][1]
        if len(found) == 1:  # or all would be copied
            return found[0][0], axis
        return torch.cat([channels for channels, _ in found]), axis

    def along_offsets(self, axis: Tensor) -> Tensor:
        """Steps to the voxels ahead and behind along a fiber.

        Parameters
        ----------
        axis
            Unit vectors ``(dims, …)``, as from `forward`.

        Returns
        -------
        Tensor
            ``(2 len(ALONG), dims, …)`` int64: ahead and behind by turns, distance by
            distance.
        """
        steps = axis.new_tensor(self._steps).view(-1, *[1] * (axis.ndim - 1))
        found = []
        for distance in ALONG:
            ahead = (axis * (distance / steps)).round().long()
            found += [ahead, -ahead]
        return torch.stack(found)

    def _look_along(self, values: Tensor, axis: Tensor) -> list[Tensor]:
        """The lesser and the greater of the values ahead and behind.

        ``values`` are wider than ``axis`` by `along_reach` on each side.
        """
        strides = [math.prod(values.shape[a + 1 :]) for a in range(values.ndim)]
        flat, here = values.reshape(-1), self._places(values, axis.shape[1:], strides)
        found = []
        for distance in ALONG:
            offset = torch.zeros_like(here)
            for a in self._near:
                offset += (axis[a] * (distance / self._steps[a])).round_().long() * (
                    strides[a]
                )
            ahead, behind = flat[here + offset], flat[here - offset]
            found += [torch.minimum(ahead, behind), torch.maximum(ahead, behind)]
        return found

    def _places(
        self, values: Tensor, shape: Sequence[int], strides: Sequence[int]
    ) -> Tensor:
        here = torch.zeros(tuple(shape), dtype=torch.long, device=values.device)
        for a, (size, stride) in enumerate(zip(shape, strides, strict=True)):
            index = torch.arange(size, device=values.device) + self.along_reach[a]
            here += (index * stride).view(-1, *[1] * (len(shape) - a - 1))
        return here

    def _look(self, padded: Tensor) -> tuple[Tensor, Tensor]:
        """Channels and axis of one image ``(1, 1, …)`` with `reach` round it."""
        channels = [without(padded, self.reach)[0, 0]]
        for sigma in self.scales:
            tensor = sigma in self.tensors
            margin = [
                (1 + self._radius(sigma, a) * tensor) * (a in self._near)
                for a in range(self.dims)
            ]
            smooth = self._smooth(padded, sigma, margin)
            gradient = self._gradient(smooth, sigma)
            inner = [m - (m > 0) for m in margin]
            slope = [without(g[None, None], inner)[0, 0] for g in gradient]
            channels += [
                without(smooth, margin)[0, 0],
                sum((g**2 for g in slope), torch.zeros_like(slope[0])).sqrt(),
            ]
            near = without(smooth, inner)
            hessian = self._hessian(near, sigma)
            values = eigenvalues(hessian, len(self._near))
            channels += values
            if sigma == AXIS_SCALE:
                axis = self._axis(hessian, values)
            if tensor:
                channels += self._tensor(gradient, sigma)
        channels.append(self._smooth(padded, self.wide, [0] * self.dims)[0, 0])
        channels += self._along(padded, axis)
        return torch.stack(channels), axis

    def _smooth(self, padded: Tensor, sigma: float, margin: Sequence[int]) -> Tensor:
        """Blurred, with so many voxels more on each side; thick axes first."""
        spare = [
            reach - self._radius(sigma, axis) - more
            for axis, (reach, more) in enumerate(zip(self.reach, margin, strict=True))
        ]
        smooth = without(padded, [max(0, s) for s in spare])
        for axis in self._near:
            blur = on_axis(sigma, self._steps[axis])
            smooth = gaussian_blur(smooth, blur, axis + 2) if blur else smooth
        return smooth

    def _gradient(self, smooth: Tensor, sigma: float) -> list[Tensor]:
        """Along each near axis, without the outermost voxels."""
        return [
            (self._moved(smooth, {a: 1}) - self._moved(smooth, {a: -1}))
            * (sigma / self._steps[a] / 2)
            for a in self._near
        ]

    def _hessian(self, smooth: Tensor, sigma: float) -> dict[tuple[int, int], Tensor]:
        """By pairs of near axes, numbered from 0, without the outermost voxels."""
        here, found = self._moved(smooth, {}), {}
        unit = [sigma / self._steps[a] for a in self._near]
        for i, j in combinations_with_replacement(range(len(self._near)), 2):
            a, b = self._near[i], self._near[j]
            if i == j:
                bent = self._moved(smooth, {a: 1}) + self._moved(smooth, {a: -1})
                found[i, j] = (bent - 2 * here) * unit[i] ** 2
                continue
            same = self._moved(smooth, {a: 1, b: 1}) + self._moved(
                smooth, {a: -1, b: -1}
            )
            other = self._moved(smooth, {a: 1, b: -1}) + self._moved(
                smooth, {a: -1, b: 1}
            )
            found[i, j] = (same - other) * (unit[i] * unit[j] / 4)
        return found

    def _moved(self, image: Tensor, shift: dict[int, int]) -> Tensor:
        """``(…)`` without the outermost voxels of near axes, moved by one at most."""
        for axis in self._near:
            size = image.shape[axis + 2] - 2
            image = image.narrow(axis + 2, 1 + shift.get(axis, 0), size)
        return image[0, 0]

    def _tensor(self, gradient: Sequence[Tensor], sigma: float) -> list[Tensor]:
        """Roots of the eigenvalues of the structure tensor."""
        products = {}
        for i, j in combinations_with_replacement(range(len(gradient)), 2):
            product = (gradient[i] * gradient[j])[None, None]
            for axis in self._near:
                blur = on_axis(sigma, self._steps[axis])
                product = gaussian_blur(product, blur, axis + 2) if blur else product
            products[i, j] = product[0, 0]
        values = eigenvalues(products, len(gradient))
        return [value.clamp_min(0).sqrt() for value in values]

    def _axis(
        self, hessian: dict[tuple[int, int], Tensor], values: Sequence[Tensor]
    ) -> Tensor:
        near = axis_of_tubes(hessian, values)
        axis = near.new_zeros((self.dims, *near.shape[1:]))
        axis[self._near] = near
        return axis

    def _along(self, padded: Tensor, axis: Tensor) -> list[Tensor]:
        more = [r + (a in self._near) for a, r in enumerate(self.along_reach)]
        smooth = self._smooth(padded, ALONG_SCALE, more)
        values = eigenvalues(self._hessian(smooth, ALONG_SCALE), len(self._near))
        tubes = (values[0] + values[-1]).contiguous()
        gray = self._moved(smooth, {}).contiguous()
        return self._look_along(gray, axis) + self._look_along(tubes, axis)

    def _radius(self, sigma: float, axis: int) -> int:
        return blur_taps(on_axis(sigma, self._steps[axis]))
