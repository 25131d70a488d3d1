"""What a network sees of a slice: itself, its neighbors, and their smooth mean."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

TRUNCATE = 4.0


@dataclass(frozen=True)
class Sight:
    """Which slices a network is given, and the smooth mean that it corrects.

    A network has to learn only what is to be added to a Gaussian mean of what it
    sees, so that it is as good as that filter from the first step on.

    Attributes
    ----------
    context
        Slices seen on each side; 0 for a plane alone.
    blind
        Whether the slice itself is not seen.
    sigma
        Of the Gaussian, in voxels along all axes.
    others
        Whether the mean is of the other slices only. Where pixels are hidden while it
        learns and seen afterwards, a mean of all would see their noise then.
    """

    context: int
    blind: bool
    sigma: float
    others: bool = False

    @property
    def offsets(self) -> tuple[int, ...]:
        """Slices that are seen, from this one."""
        every = range(-self.context, self.context + 1)
        return tuple(z for z in every if z or not self.blind)

    @property
    def channels(self) -> int:
        """Of the images that a network takes: the slices, and the mean."""
        return len(self.offsets) + 1

    @property
    def halo(self) -> int:
        """Voxels in the plane around one that its mean depends on."""
        return int(TRUNCATE * self.sigma + 0.5)

    def slices(self, z: int, length: int) -> list[int]:
        """Numbers of the slices that are seen from one of an image of so many.

        Beyond an end the slice on the other side is taken, never the slice itself.
        """
        seen = [z + o if 0 <= z + o < length else z - o for o in self.offsets]
        return [min(max(s, 0), length - 1) for s in seen]

    def inputs(self, stack: np.ndarray) -> np.ndarray:
        """What a network gets: ``(n, channels, y, x)``, the mean last.

        Parameters
        ----------
        stack
            float32 ``(n, slices, y, x)``: the slices at `offsets`.
        """
        weights = np.exp(-0.5 * (np.array(self.offsets) / self.sigma) ** 2)
        if self.others:
            weights[np.array(self.offsets) == 0] = 0
        weights = (weights / weights.sum()).astype(np.float32)
        mean = np.einsum("z,nzyx->nyx", weights, stack)
        for axis in (1, 2):
            mean = ndimage.gaussian_filter1d(
                mean, self.sigma, axis=axis, mode="reflect", truncate=TRUNCATE
            )
        return np.concatenate([stack, mean[:, None]], axis=1)
