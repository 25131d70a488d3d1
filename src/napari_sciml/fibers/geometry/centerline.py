"""The center line of one fiber: its ends and its length.

A fiber's voxels are a noisy tube. The center line is a polynomial curve c(u), u in
[-1, 1], that is fitted to all voxels by turns with each voxel's place u on it (a
principal curve: Hastie & Stuetzle, J. Am. Stat. Assoc. 84, 1989, 502-516). The end
faces are then found along the curve from the number of voxels, not from the outermost
voxel, so that neither the thickness of a slanted fiber nor a single voxel that sticks
out counts as length.
"""

from dataclasses import dataclass

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray

from napari_sciml.fibers.geometry.geodesic import geodesic_coordinate

Array = NDArray[np.float64]

_MOST_POINTS = 100_000
_REACH = 1.25  # the curve is sampled as far as this to both sides; the ends are near 1
_ROUNDS = 3
_STRAIGHT = 0.2  # largest sagitta, in radii, of what is measured as a straight line
_SLANT = 1.5  # length of a slanted end, in radii
_MOST_SLANT = 0.3  # the same, at most, in half lengths
_CURVED = 0.1  # sagitta over chord from which on a parabola is not enough
_WAVY = 1.1  # scatter round a parabola, relative to a tube's, from which on it is not
_BENT = 0.25  # sagitta over chord from which on a cubic is not enough
_THICK = 1.5  # scatter round a curve, relative to a tube's, that calls for a better one
_NO_TUBE = 3.0  # the same, for what is no tube at all: a plate, a net, a clump
_SHORTEST = 2.0  # length over diameter below which a body has no center line
_ROUNDING = 1e-9
_NO_LENGTH = 1e-12  # what a curve that shrank to one point counts as
SAMPLES = 33
"""Points of a measured center line."""


@dataclass(frozen=True)
class Tube:
    """What is known of a fiber before it is traced.

    Attributes
    ----------
    volume
        Its volume, physical; in 2D its area.
    spacing
        Edges of a voxel ``(z, y, x)``, physical.
    flat
        Whether it is a strip in an image, not a cylinder in a volume.
    cut
        Whether the border of the image may have cut its ends at a slant.
    """

    volume: float
    spacing: Array
    flat: bool = False
    cut: bool = False

    def radius(self, length: float) -> float:
        """Radius of the cylinder, or half the width of the strip, of that length."""
        return float(self.radii(np.array(self.volume), length))

    def radii(self, volumes: Array, length: float) -> Array:
        """Radii of pieces of these volumes, all of one length."""
        length = max(length, _NO_LENGTH)
        if self.flat:
            return volumes / (2 * length)
        return np.asarray(np.sqrt(volumes / (np.pi * length)))

    def scatter(self, length: float) -> float:
        """Mean square distance to the center line."""
        return self.radius(length) ** 2 / (3 if self.flat else 2)


@dataclass(frozen=True)
class Centerline:
    """A measured center line.

    Attributes
    ----------
    start, end
        Centers of the two end faces ``(z, y, x)``, physical.
    arc_length
        Length along the line between them, physical.
    line
        ``(33, 3)`` points at equal distances along it, from start to end.
    place
        ``(m,)`` distance along it of every `step`-th voxel, physical; voxels of
        rounded ends may lie a little before 0 or beyond `arc_length`.
    step
        1, or more for a fiber of more than 100,000 voxels.
    """

    start: Array
    end: Array
    arc_length: float
    line: Array
    place: Array
    step: int = 1

    @property
    def curvature(self) -> float:
        """Mean curvature along the line: how far it turns (radians) per length."""
        steps = np.diff(self.line, axis=0)
        across = np.linalg.norm(np.cross(steps[:-1], steps[1:]), axis=1)
        along = np.einsum("ij,ij->i", steps[:-1], steps[1:])
        turn = float(np.arctan2(across, along).sum())
        if turn < _ROUNDING:
            return 0.0
        # From the middle of the first step to that of the last one.
        return turn / (self.arc_length * (1 - 1 / len(steps)))


@dataclass(frozen=True)
class _Curve:
    """A polynomial curve and the place of every point of the fiber on it."""

    coefficients: Array
    u: Array

    def at(self, u: Array) -> Array:
        return _values(self.coefficients, u)

    def slope(self) -> Array:
        return _values(np.asarray(legendre.legder(self.coefficients)), self.u)

    def line(self, reach: float = 1.0) -> Array:
        return self.at(np.linspace(-reach, reach, 65))

    def length(self) -> float:
        return float(np.linalg.norm(np.diff(self.line(), axis=0), axis=1).sum())


def trace_centerline(points: Array, axis: Array, tube: Tube) -> Centerline | None:
    """Trace one fiber.

    Parameters
    ----------
    points
        Centers of its voxels ``(n, 3)``, physical.
    axis
        First principal axis, a unit vector.
    tube
        Its size.

    Returns
    -------
    Centerline or None
        A straight line where the fiber bends by less than a fifth of its radius.
        None for what is not twice as long as wide, or is no tube: a plate, a clump.
    """
    step = 1 + len(points) // _MOST_POINTS
    points = points[::step]
    along = points @ axis
    curve = _principal_curve(points, along, tube, degree=2)
    chord, sagitta = _chord_and_sagitta(curve)
    if sagitta > _CURVED * chord or _excess(points, curve, tube) > _WAVY:
        waved = _principal_curve(points, along, tube, degree=3)
        curve = _better(points, (curve, waved), tube)
        chord, sagitta = _chord_and_sagitta(curve)
    if sagitta > _BENT * chord or _excess(points, curve, tube) > _THICK:
        curve = _follow(points, curve, tube)
        if _excess(points, curve, tube) > _NO_TUBE:
            return None
    elif sagitta < _STRAIGHT * tube.radius(curve.length()):
        curve = _principal_curve(points, along, tube, degree=1)
    if curve.length() < _SHORTEST * 2 * tube.radius(curve.length()):
        return None
    return _between_end_faces(curve, tube, step)


def _better(points: Array, curves: tuple[_Curve, ...], tube: Tube) -> _Curve:
    return min(curves, key=lambda curve: _excess(points, curve, tube))


def _follow(points: Array, gentle: _Curve, tube: Tube) -> _Curve:
    """Go the shortest way inside the fiber, as it may turn back on itself."""
    radius = tube.radius(gentle.length())
    along = geodesic_coordinate(points, tube.spacing, radius)
    if along is None:
        return gentle
    bent = (_principal_curve(points, along, tube, degree) for degree in (5, 9))
    return _better(points, (gentle, *bent), tube)


def _principal_curve(points: Array, along: Array, tube: Tube, degree: int) -> _Curve:
    curve = _fit(points, along, tube, degree)
    for _ in range(_ROUNDS):
        slope = curve.slope()
        gap = points - curve.at(curve.u)
        speed = np.einsum("ij,ij->i", slope, slope)
        step = np.einsum("ij,ij->i", gap, slope) / np.maximum(speed, 1e-12)
        curve = _fit(points, curve.u + np.clip(step, -0.2, 0.2), tube, degree)
    return curve


def _fit(points: Array, along: Array, tube: Tube, degree: int) -> _Curve:
    low, high = float(along.min()), float(along.max())
    u = (along - (low + high) / 2) * (2 / max(high - low, 1e-12))
    whole = np.abs(u) <= 1 - (_slant(tube, high - low) if degree < 3 else 0.0)
    basis = legendre.legvander(u[whole], degree)
    normal = basis.T @ basis
    # A trace of ridge keeps the system solvable where points share few places.
    normal.flat[:: degree + 2] += 1e-12 * len(u)
    coefficients = np.linalg.solve(normal, basis.T @ points[whole])
    return _Curve(np.asarray(coefficients, np.float64), u)


def _slant(tube: Tube, length: float) -> float:
    """Part of the half length that a slanted end may take up.

    Such an end has voxels on one side only, which would draw the curve aside. Higher
    polynomials need all voxels to stay in bounds.
    """
    if not tube.cut:
        return 0.0
    return min(2 * _SLANT * tube.radius(length) / max(length, _NO_LENGTH), _MOST_SLANT)


def _values(coefficients: Array, u: Array) -> Array:
    return legendre.legvander(u, len(coefficients) - 1) @ coefficients


def _excess(points: Array, curve: _Curve, tube: Tube) -> float:
    """Scatter round the curve relative to the tube's: about 1 for a good curve."""
    gap = points - curve.at(curve.u)
    square = float(np.einsum("ij,ij->", gap, gap)) / len(points)
    return square / tube.scatter(curve.length())


def _chord_and_sagitta(curve: _Curve) -> tuple[float, float]:
    line = curve.line()
    chord = float(np.linalg.norm(line[-1] - line[0]))
    unit = (line[-1] - line[0]) / max(chord, 1e-12)
    offset = line - line[0]
    across = offset - np.outer(offset @ unit, unit)
    return chord, float(np.linalg.norm(across, axis=1).max())


def _between_end_faces(curve: _Curve, tube: Tube, step: int) -> Centerline:
    u = np.linspace(-_REACH, _REACH, 129)
    steps = np.diff(curve.at(u), axis=0)
    lengths = np.linalg.norm(steps, axis=1)
    arc = np.concatenate(([0.0], np.cumsum(lengths)))
    place = np.interp(curve.u, u, arc)
    near = np.searchsorted(u, [-0.95, 0.95])
    tangents = steps[near] / lengths[near, None]
    covers = np.abs(tangents) @ tube.spacing
    radius = tube.radius(curve.length())
    first = -_end_face(-place, float(covers[0]), radius)
    last = _end_face(place, float(covers[1]), radius)
    line = curve.at(np.interp(np.linspace(first, last, SAMPLES), arc, u))
    return Centerline(line[0], line[-1], last - first, line, place - first, step)


def _end_face(place: Array, covers: float, radius: float) -> float:
    """Where a flat end would be that closes in as many voxels as there are.

    The voxels per length are counted just before the end region; the voxels in the
    end region divided by them are the length that the fiber goes on for. `covers` is
    the extent of a voxel along the line: a voxel that a limit cuts counts in part.
    """
    top = float(place.max())
    margin = 1.5 * radius + covers
    window = min(4 * radius + covers, (top - float(place.min())) / 2 - margin)
    if window < covers:
        return top + covers / 2
    limits = np.array([[top - margin], [top - margin - window]])
    beyond, more = np.clip((place - limits) / covers + 0.5, 0.0, 1.0).sum(axis=1)
    if more <= beyond:
        return top + covers / 2
    return float(min(top - margin + beyond * window / (more - beyond), top + covers))
