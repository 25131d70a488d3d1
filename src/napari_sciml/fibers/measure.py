"""One row of numbers a fiber."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from napari_sciml.errors import InputError
from napari_sciml.fibers.bodies import Bodies, measure_bodies
from napari_sciml.fibers.contacts import contact_counts, touching_pairs
from napari_sciml.fibers.spacing import nearest_neighbor_spacing
from napari_sciml.fibers.voxels import Grid, SortedVoxels, make_grid, sort_voxels

COLUMNS = (
    "label",
    "voxels",
    "volume",
    "centroid_z",
    "centroid_y",
    "centroid_x",
    "length",
    "arc_length",
    "dz",
    "dy",
    "dx",
    "theta_deg",
    "phi_deg",
    "radius",
    "aspect_ratio",
    "touches_border",
    "tortuosity",
    "curvature",
    "diameter",
    "radius_std",
    "contacts",
    "spacing",
    "extent_z",
    "extent_y",
    "extent_x",
    "cut_ends",
)
"""Columns of every table."""
CONFIDENCE_COLUMNS = ("mean_confidence", "lowest_confidence")
"""Columns that follow where a probability is given."""


def measure_fibers(
    labels: ArrayLike,
    *,
    voxel_size: Sequence[float] | None = None,
    probability: ArrayLike | None = None,
) -> pd.DataFrame:
    r"""Measure every fiber in physical units.

    Parameters
    ----------
    labels
        ``(z, y, x)`` or ``(y, x)`` whole numbers, 0 = no fiber.
    voxel_size
        Edge of a voxel along each axis; None = 1. Everything below is in its unit.
    probability
        Class probability of the fibers, same shape; gives `mean_confidence` and
        `lowest_confidence`.

    Returns
    -------
    DataFrame
        One row a label, in ascending order, with

        - ``label``, ``voxels``, ``volume`` (area in 2D);
        - ``centroid_z``, ``centroid_y``, ``centroid_x``: mean of the voxel centers,
          where the first voxel's center is 0;
        - ``length``: end to end, the distance between the centers of the two end
          faces of the center line, whether the fiber is straight or bent. An end face
          is where a flat end would be that closes in the same volume, so a rounded
          end of radius r counts for 2/3 r, and thickness does not count as length;
        - ``arc_length``: the length along the center line;
        - ``dz``, ``dy``, ``dx``: unit vector from end to end, in physical space, with
          dz >= 0 (dz = 0: dy >= 0; both 0: dx > 0), as a fiber has no front;
        - ``theta_deg``: angle from the z axis, 0 to 90; ``phi_deg``: azimuth in the
          x-y plane from x towards y, above -180 to 180;
        - ``radius``: of the cylinder of the same volume and arc length (in 2D half
          the width of the strip); ``aspect_ratio``: arc length over diameter;
        - ``touches_border``: a voxel lies at the border of the image, so the fiber
          may be longer than what is seen;
        - ``tortuosity``: arc length over length (NaN for a closed ring);
        - ``curvature``: mean along the center line, radians per length; 0 for what
          bends by less than a fifth of its radius;
        - ``diameter``: twice the radius; ``radius_std``: standard deviation of the
          radius along the fiber, NaN for those shorter than five diameters;
        - ``contacts``: how many other fibers it touches, by a face, an edge or a
          corner of a voxel;
        - ``spacing``: mean distance of its center line to the nearest other one, NaN
          for the only fiber;
        - ``extent_z``, ``extent_y``, ``extent_x``: edges of its bounding box;
        - ``cut_ends``: how many of its two ends the border cuts: those whose outermost
          voxels mostly lie at the border;
        - ``mean_confidence``: mean probability of its voxels, where given;
        - ``lowest_confidence``: the mean probability of the cross-section, one
          diameter thick, where that is lowest; of all voxels for what has no center
          line.

        In 2D the table has the same columns, with ``centroid_z`` = ``dz`` =
        ``extent_z`` = 0 and ``theta_deg`` = 90, so that what reads the table need not
        tell them apart.

    Raises
    ------
    InputError
        If the labels are no labels, or shape or voxel size does not fit.

    Notes
    -----
    Instances of fewer than 20 voxels, or not twice as long as wide, have no center
    line: their length is that of the uniform rod with the same second moment,
    :math:`\sqrt{12 \lambda_1}` plus the extent of a voxel along the axis.
    """
    values = np.asarray(labels)
    grid = make_grid(values.shape, voxel_size)
    if probability is not None and np.shape(probability) != values.shape:
        raise InputError(
            f"The probability has shape {np.shape(probability)}, but the labels have "
            f"{values.shape}; give the probability of one class for the same image."
        )
    voxels = sort_voxels(values)
    known = None
    if probability is not None:
        known = np.asarray(probability).reshape(-1)[voxels.position]
    bodies = measure_bodies(voxels, grid, known)
    contacts = contact_counts(touching_pairs(values), voxels.labels)
    means = None if known is None else mean_values(known, voxels)
    return fiber_table(voxels.labels, voxels.counts, bodies, grid, contacts, means)


def fiber_table(
    labels: NDArray[np.int64],
    counts: NDArray[np.int64],
    bodies: Bodies,
    grid: Grid,
    contacts: NDArray[np.int64],
    confidence: NDArray[np.float64] | None = None,
) -> pd.DataFrame:
    """Make the table of `measure_fibers`.

    Parameters
    ----------
    labels, counts
        ``(n,)`` label of each fiber and its voxels.
    bodies
        Their geometry.
    grid
        Shape and voxel size.
    contacts
        ``(n,)`` how many others each touches.
    confidence
        ``(n,)`` mean probability of each.
    """
    volume = counts * grid.voxel_volume
    arc, length = bodies.arc_length, bodies.length
    dz, dy, dx = bodies.direction.T
    radius = volume / (2 * arc) if grid.flat else np.sqrt(volume / (np.pi * arc))
    ends_apart = length > 1e-6 * arc
    columns = (
        labels,
        counts,
        volume,
        *bodies.centroid.T,
        length,
        arc,
        dz,
        dy,
        dx,
        np.degrees(np.arccos(np.clip(dz, 0.0, 1.0))),
        np.degrees(np.arctan2(dy, dx)),
        radius,
        arc / (2 * radius),
        bodies.touches_border,
        np.where(ends_apart, arc / np.where(ends_apart, length, 1.0), np.nan),
        bodies.curvature,
        2 * radius,
        bodies.radius_std,
        contacts,
        nearest_neighbor_spacing(bodies.line, radius),
        *bodies.extent.T,
        bodies.cut_ends,
    )
    table = pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)))
    if confidence is None:
        return table
    lowest = np.where(np.isnan(bodies.lowest), confidence, bodies.lowest)
    return table.assign(mean_confidence=confidence, lowest_confidence=lowest)


def mean_values(known: NDArray[Any], voxels: SortedVoxels) -> NDArray[np.float64]:
    """Mean of one value a voxel, in the order of the voxels, for each fiber."""
    sums = [np.zeros(0)]
    for block in voxels.blocks():
        first, last = voxels.start[block.start], voxels.start[block.stop]
        part = known[first:last].astype(np.float64)
        sums.append(np.add.reduceat(part, voxels.start[block] - first))
    return np.concatenate(sums) / voxels.counts
