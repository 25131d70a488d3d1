"""What the second stage of trees sees of the first one's answer."""

from collections.abc import Sequence

import numpy as np
import torch

from napari_sciml.networks.scale_space import relative_steps
from napari_sciml.networks.trees.filter_bank import ALONG, APART, FilterBank

SHELLS = (1, 2, 4)
"""Distances at which the first answer is looked up, along each axis."""


class Context:
    """What the second stage sees of the first one's answer.

    For each class but the first, or for all of three and more: the probability; its
    mean, least and greatest value in the voxels at each distance of `SHELLS` along the
    axes; and the lesser and the greater one ahead and behind along the fiber.
    """

    def __init__(
        self, bank: FilterBank, classes: int, spacing: Sequence[float] | None
    ) -> None:
        self._bank = bank
        steps = relative_steps(spacing or (1.0,) * bank.dims)
        self._shells = [
            [
                (axis, round(distance / step))
                for axis, step in enumerate(steps)
                if step <= APART
            ]
            for distance in SHELLS
        ]
        self.told = range(1, classes) if classes <= 2 else range(classes)
        self._around = 1 + 3 * len(SHELLS)

    @property
    def channels(self) -> int:
        """Channels in total."""
        return len(self.told) * (self._around + 2 * len(ALONG))

    @property
    def reach(self) -> tuple[int, ...]:
        """Voxels on each side, axis by axis."""
        far = [0] * self._bank.dims
        for shell in self._shells:
            for axis, distance in shell:
                far[axis] = max(far[axis], distance)
        return tuple(map(max, zip(far, self._bank.along_reach, strict=True)))

    def offsets(self, axis: np.ndarray) -> np.ndarray:
        """Places ``(n, point, dims)`` that a voxel's context is looked up at.

        Parameters
        ----------
        axis
            ``(dims, n)``, as from `FilterBank.forward`.
        """
        fixed = [np.zeros(self._bank.dims, np.intp)]
        for shell in self._shells:
            for direction, distance in shell:
                for sign in (1, -1):
                    fixed.append(np.zeros(self._bank.dims, np.intp))
                    fixed[-1][direction] = sign * distance
        along = self._bank.along_offsets(torch.from_numpy(axis)).numpy()
        count = axis.shape[1]
        still = np.broadcast_to(np.stack(fixed), (count, len(fixed), len(fixed[0])))
        return np.concatenate([still, along.transpose(2, 0, 1)], axis=1)

    def of_points(self, points: np.ndarray) -> np.ndarray:
        """Context ``(n, channels)`` from answers ``(n, point, class)`` at `offsets`."""
        columns = []
        for index in self.told:
            own = points[:, :, index]
            columns.append(own[:, :1])
            start = 1
            for shell in self._shells:
                stop = start + 2 * len(shell)
                part = own[:, start:stop]
                columns += [part.mean(1), part.min(1), part.max(1)]
                start = stop
            for ahead in range(start, own.shape[1], 2):
                pair = own[:, ahead : ahead + 2]
                columns += [pair.min(1), pair.max(1)]
        return np.column_stack(columns).astype(np.float32)
