"""Circular arcs and directions in space."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_sciml.errors import InputError

Points = NDArray[np.float64]
"""Points or vectors ``(..., 3)`` in the order (z, y, x), voxels."""


@dataclass(frozen=True)
class Arc:
    """A circular arc given by its middle; arrays may hold many poses at once.

    Attributes
    ----------
    center, tangent, normal
        ``(..., 3)``: middle of the arc, unit tangent there, unit vector towards
        the center of curvature. Order (z, y, x), voxels.
    curvature
        ``(...)``: 1 / radius of curvature, per voxel.
    """

    center: Points
    tangent: Points
    normal: Points
    curvature: Points

    def at(self, s: Points) -> Points:
        """Points ``(..., n, 3)`` at the arc lengths `s` counted from the middle."""
        k = np.maximum(np.asarray(self.curvature), 1e-9)[..., None]
        along = np.sin(k * s) / k
        aside = 2 * np.sin(k * s / 2) ** 2 / k
        return (
            self.center[..., None, :]
            + along[..., None] * self.tangent[..., None, :]
            + aside[..., None] * self.normal[..., None, :]
        )

    def pose(self, index: int) -> "Arc":
        """One pose of many."""
        return Arc(
            self.center[index],
            self.tangent[index],
            self.normal[index],
            self.curvature[index],
        )


def random_directions(
    mean: Points, concentration: float, n: int, rng: np.random.Generator
) -> Points:
    """Unit vectors ``(n, 3)`` of the von Mises-Fisher distribution on the sphere.

    Parameters
    ----------
    mean
        ``(3,)`` mean direction (z, y, x), not zero.
    concentration
        0 is isotropic.
    n
        How many.
    rng
        Source of randomness.

    Notes
    -----
    On the ordinary sphere the cosine to the mean can be drawn by inverting its
    distribution function: A. T. A. Wood, "Simulation of the von Mises Fisher
    distribution", Commun. Stat. Simul. Comput. 23 (1994) 157-164.
    """
    norm = np.linalg.norm(mean)
    if not norm > 0:
        raise InputError("The preferred direction is zero: give a vector (z, y, x).")
    axis = np.tile(mean / norm, (n, 1))
    u = rng.random(n)
    if concentration > 0:
        k = concentration
        cosine = 1 + np.log(u + (1 - u) * np.exp(-2 * k)) / k
    else:
        cosine = 2 * u - 1
    sine = np.sqrt(np.clip(1 - cosine**2, 0, None))
    return cosine[:, None] * axis + sine[:, None] * perpendicular(axis, rng)


def perpendicular(vectors: Points, rng: np.random.Generator) -> Points:
    """A random unit vector at right angles to each of the unit `vectors`."""
    other = rng.normal(size=vectors.shape)
    other -= (other * vectors).sum(axis=1, keepdims=True) * vectors
    return other / np.linalg.norm(other, axis=1, keepdims=True)
