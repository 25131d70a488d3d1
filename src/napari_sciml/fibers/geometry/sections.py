"""What the cross-sections along one fiber say."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_sciml.fibers.geometry.centerline import Centerline, Tube

_FEWEST = 5
_MOSTLY = 0.6


@dataclass(frozen=True)
class Sections:
    """Numbers of one fiber.

    Attributes
    ----------
    radius_std
        Standard deviation of the radius over the cross-sections but the first and the
        last, physical; NaN with fewer than five cross-sections.
    lowest
        Mean probability of the cross-section where it is lowest; NaN without one.
    """

    radius_std: float
    lowest: float


def cross_sections(
    line: Centerline, tube: Tube, probability: NDArray[np.number] | None = None
) -> Sections:
    """Cut a fiber across into slices as long as it is thick.

    A slice holds tens of voxels, so that neither the grid of voxels nor a single
    voxel decides: a dip of the probability counts where it goes through the fiber.

    Parameters
    ----------
    line
        Center line of the fiber.
    tube
        Its size.
    probability
        ``(n,)``, one value a voxel, in the order of the points of the center line.
    """
    radius = tube.radius(line.arc_length)
    thickness = max(2 * radius, 2 * float(tube.spacing.max()))
    count = max(1, int(line.arc_length // thickness))
    part = np.floor(line.place * (count / line.arc_length)).astype(np.int64)
    part = np.clip(part, 0, count - 1)
    voxels = np.bincount(part, minlength=count)
    # The voxels fill the volume of the fiber, whether all of them are here or not.
    volume = voxels.astype(np.float64) * (tube.volume / len(part))
    radii = tube.radii(volume, line.arc_length / count)
    spread = float(radii[1:-1].std()) if count >= _FEWEST else float("nan")
    if probability is None:
        return Sections(spread, float("nan"))
    sums = np.bincount(part, probability[:: line.step], minlength=count)
    return Sections(spread, float((sums[voxels > 0] / voxels[voxels > 0]).min()))


def cut_ends(
    place: NDArray[np.float64], at_border: NDArray[np.bool_], thickness: float
) -> int:
    """Count the ends that the border cuts.

    However slanted the cut is, what is left ends in a point of the border; an end that
    only lies beside the border has most of its last voxels inside.

    Parameters
    ----------
    place
        ``(n,)`` distance of each voxel along the fiber.
    at_border
        ``(n,)`` whether it lies at the border of the image.
    thickness
        Thickness of what counts as the end: a voxel.
    """
    low, high = float(place.min()), float(place.max())
    # A little less, so that rounding does not add the next layer of voxels.
    reach = 0.9 * thickness
    ends = (place <= low + reach, place >= high - reach)
    return sum(bool(at_border[end].mean() >= _MOSTLY) for end in ends)
