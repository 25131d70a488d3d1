"""One row of numbers a fiber."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from napari_sciml.fibers.geometry.bodies import Bodies, body_steps
from napari_sciml.fibers.geometry.contacts import contact_steps
from napari_sciml.fibers.geometry.spacing import nearest_neighbor_spacing
from napari_sciml.fibers.geometry.voxels import (
    Grid,
    SortedVoxels,
    check_probability,
    make_grid,
    sort_voxels,
)
from napari_sciml.progress import Steps, exhaust, subrange

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
    steps = measuring_steps(labels, voxel_size=voxel_size, probability=probability)
    return exhaust(steps).table


@dataclass(frozen=True)
class MeasuredFibers:
    """What is known of n fibers.

    Attributes
    ----------
    table
        As `measure_fibers` gives it.
    lines
        ``(n, 33, 3)`` points at equal distances along the center line of each row of
        the table, z, y, x, physical.
    """

    table: pd.DataFrame
    lines: NDArray[np.float32]


def measuring_steps(
    labels: ArrayLike,
    *,
    voxel_size: Sequence[float] | None = None,
    probability: ArrayLike | None = None,
) -> Steps[MeasuredFibers]:
    """Do as `measure_fibers`, and yield the share that is done; may be closed."""
    values = np.asarray(labels)
    grid = make_grid(values.shape, voxel_size)
    check_probability(probability, values.shape)
    voxels = sort_voxels(values)
    known = None
    if probability is not None:
        known = np.asarray(probability).reshape(-1)[voxels.position]
    found = yield from subrange(0.0, 0.8, voxel_steps(voxels, grid, known))
    counts = contact_steps(values, voxels.labels)
    return with_neighbors(found, (yield from subrange(0.8, 0.95, counts)))


def with_neighbors(
    found: MeasuredFibers, contacts: NDArray[np.int64]
) -> MeasuredFibers:
    """Fill in how many others each fiber touches, and how far off the next one is."""
    radii = found.table["radius"].to_numpy(np.float64)
    table = found.table.assign(
        contacts=contacts, spacing=nearest_neighbor_spacing(found.lines, radii)
    )
    return MeasuredFibers(table, found.lines)


def measure_voxels(
    voxels: SortedVoxels, grid: Grid, probability: NDArray[np.number] | None = None
) -> MeasuredFibers:
    """Measure fibers by themselves: without contacts (0) and spacing (NaN).

    Parameters
    ----------
    voxels, grid
        The fibers, and where their voxels lie.
    probability
        Flat, one value a voxel of the image.
    """
    known = None if probability is None else probability[voxels.position]
    return exhaust(voxel_steps(voxels, grid, known))


def voxel_steps(
    voxels: SortedVoxels,
    grid: Grid,
    probability: NDArray[np.number] | None = None,
    *,
    sizes: NDArray[np.int64] | None = None,
    every: int = 1,
) -> Steps[MeasuredFibers]:
    """Do as `measure_voxels`, and yield the share that is done; may be closed.

    Parameters
    ----------
    voxels, grid
        The fibers, and where their voxels lie.
    probability
        One value a voxel of the fibers, in their order.
    sizes, every
        Where only one of so many voxels of a fiber is given: how many it has.
    """
    bodies = yield from body_steps(voxels, grid, probability, every=every)
    counts = voxels.counts if sizes is None else sizes
    table = _as_table(voxels.labels, counts, bodies, grid)
    if probability is not None:
        mean = _means(probability, voxels)
        lowest = np.where(np.isnan(bodies.lowest), mean, bodies.lowest)
        table = table.assign(mean_confidence=mean, lowest_confidence=lowest)
    return MeasuredFibers(table, bodies.line)


def _as_table(
    labels: NDArray[np.int64], counts: NDArray[np.int64], bodies: Bodies, grid: Grid
) -> pd.DataFrame:
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
        np.zeros(len(arc), np.int64),
        np.full(len(arc), np.nan),
        *bodies.extent.T,
        bodies.cut_ends,
    )
    return pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)))


def _means(known: NDArray[Any], voxels: SortedVoxels) -> NDArray[np.float64]:
    sums = [np.zeros(0)]
    for block in voxels.blocks():
        first, last = voxels.start[block.start], voxels.start[block.stop]
        values = known[first:last].astype(np.float64)
        sums.append(np.add.reduceat(values, voxels.start[block] - first))
    return np.concatenate(sums) / voxels.counts
