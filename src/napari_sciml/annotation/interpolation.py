"""Fill the slices between two that are annotated.

Shapes are matched, moved onto each other, and mixed by their signed distances
(Raya and Udupa, IEEE Trans. Med. Imaging 9, 1990). Components that overlap belong
together, so that a shape may split or merge; of the rest, those that are nearest
to each other are pairs, as far as the distance is not larger than they are. A shape
that has no partner is left out: labels teach, and a guess teaches what is wrong.

The centers of matched shapes are moved onto each other first, and the result is
moved along the line between them. Without that, a fiber that shifts by half its
width would be thinner on the way, and one that shifts by its width would vanish.
Moves are by whole voxels: they keep the shape exactly.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components as graph_components

from napari_sciml.errors import InputError


def fill_between(
    labels: np.ndarray,
    label: int,
    *,
    axis: int,
    slices: tuple[int, int],
    at: Mapping[int, int] | None = None,
) -> np.ndarray:
    """Find the voxels of a class between two slices in which it is annotated.

    Parameters
    ----------
    labels
        Annotation.
    label
        The class.
    axis
        Across the slices.
    slices
        Positions along it, the lower first.
    at
        Positions along axes that stay as they are, such as time.

    Returns
    -------
    ndarray of int64
        Sorted, flat in C order. Voxels that have a label already are not among
        them.

    Raises
    ------
    InputError
        When the class is missing in a slice, nothing lies between them, or no
        shape of the one belongs to a shape of the other.
    """
    fixed = dict(at or {})
    low, high = slices
    ends = [labels[_section(labels.ndim, {**fixed, axis: n})] == label for n in slices]
    for end, position in zip(ends, slices, strict=True):
        if not end.any():
            raise InputError(f"Class {label} is not painted in slice {position}.")
    if high - low < 2:
        raise InputError("There is no slice between these two.")
    pairs = match_shapes(*ends)
    if not pairs:
        raise InputError(
            f"The shapes in slices {low} and {high} are too far from each other to "
            "belong together: paint one between them."
        )
    found = [np.zeros(0, np.int64)]
    for position in range(low + 1, high):
        shape = interpolate(pairs, (position - low) / (high - low), ends[0].shape)
        section = _section(labels.ndim, {**fixed, axis: position})
        empty = labels[section] == 0
        found.append(_flat(shape & empty, section, labels.shape))
    return np.sort(np.concatenate(found))


@dataclass(frozen=True)
class ShapePair:
    """Two shapes that are one, in two slices.

    Attributes
    ----------
    first, last
        Signed distances to the edges, positive inside; centers in the same place.
    corner
        Where the first one lies in its slice.
    move
        From the first to the last, in whole voxels.
    """

    first: np.ndarray
    last: np.ndarray
    corner: np.ndarray
    move: np.ndarray


def match_shapes(first: np.ndarray, last: np.ndarray) -> list[ShapePair]:
    """Match the components of two masks of the same shape."""
    ones = np.ones((3,) * first.ndim)
    (a, n_a), (b, n_b) = (ndimage.label(mask, ones) for mask in (first, last))
    links = _overlaps(a, b)
    links += _nearest(a, b, n_a, n_b, links)
    if not links:
        return []
    ends = np.array(links).T
    size = n_a + n_b
    graph = coo_array(
        (np.ones(len(links), bool), (ends[0], n_a + ends[1])), shape=(size, size)
    )
    group = graph_components(graph, directed=False)[1]
    return [
        _pair(
            np.isin(a, 1 + np.flatnonzero(group[:n_a] == g)),
            np.isin(b, 1 + np.flatnonzero(group[n_a:] == g)),
        )
        for g in np.unique(group[ends[0]])
    ]


def interpolate(
    pairs: list[ShapePair], fraction: float, shape: tuple[int, ...]
) -> np.ndarray:
    """Mask between two slices.

    Parameters
    ----------
    pairs
        From `match_shapes`.
    fraction
        Of the way: 0 gives the first slice, 1 the last.
    shape
        Of a slice.
    """
    mask = np.zeros(shape, bool)
    for pair in pairs:
        inside = (1 - fraction) * pair.first + fraction * pair.last > 0
        corner = pair.corner + np.rint(fraction * pair.move).astype(int)
        places = np.argwhere(inside) + corner
        places = places[np.all((places >= 0) & (places < shape), axis=1)]
        mask[tuple(places.T)] = True
    return mask


def _overlaps(a: np.ndarray, b: np.ndarray) -> list[tuple[int, int]]:
    both = (a > 0) & (b > 0)
    pairs = np.unique(np.stack([a[both], b[both]], axis=1), axis=0) - 1
    return [(int(i), int(j)) for i, j in pairs]


def _nearest(
    a: np.ndarray, b: np.ndarray, n_a: int, n_b: int, links: list[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Pairs of components that overlap with none, the nearest first."""
    free_a = sorted(set(range(n_a)) - {i for i, _ in links})
    free_b = sorted(set(range(n_b)) - {j for _, j in links})
    center_a, size_a = _centers(a, n_a)
    center_b, size_b = _centers(b, n_b)
    pairs: list[tuple[int, int]] = []
    candidates = sorted(
        (float(np.linalg.norm(center_a[i] - center_b[j])), i, j)
        for i in free_a
        for j in free_b
    )
    alone = n_a == n_b == 1
    for distance, i, j in candidates:
        near = alone or distance <= size_a[i] + size_b[j]
        if near and i in free_a and j in free_b:
            pairs.append((i, j))
            free_a.remove(i)
            free_b.remove(j)
    return pairs


def _centers(parts: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Centroid ``(n, ndim)`` and diameter ``(n,)`` of each component."""
    numbers = np.arange(1, count + 1)
    centers = np.array(ndimage.center_of_mass(parts > 0, parts, numbers))
    sizes = [
        np.linalg.norm([side.stop - side.start for side in box])
        for box in ndimage.find_objects(parts)
    ]
    return centers, np.array(sizes)


def _pair(first: np.ndarray, last: np.ndarray) -> ShapePair:
    a, b = np.argwhere(first), np.argwhere(last)
    move = np.rint(b.mean(0) - a.mean(0)).astype(int)
    b = b - move
    # An empty layer all round: a distance needs something outside.
    corner = np.minimum(a.min(0), b.min(0)) - 1
    size = np.maximum(a.max(0), b.max(0)) + 2 - corner
    return ShapePair(
        _signed_distance(a - corner, size),
        _signed_distance(b - corner, size),
        corner,
        move,
    )


def _signed_distance(voxels: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Distance to the edge, which runs half a voxel from the outermost centers."""
    inside = np.zeros(size, bool)
    inside[tuple(voxels.T)] = True
    within = ndimage.distance_transform_edt(inside)
    without = ndimage.distance_transform_edt(~inside)
    return np.where(inside, within - 0.5, 0.5 - without)


def _section(ndim: int, fixed: Mapping[int, int]) -> tuple[int | slice, ...]:
    return tuple(fixed.get(axis, slice(None)) for axis in range(ndim))


def _flat(
    mask: np.ndarray, section: tuple[int | slice, ...], shape: tuple[int, ...]
) -> np.ndarray:
    """Places in the annotation of a mask of a section."""
    inside = iter(np.nonzero(mask))
    places = [
        next(inside) if isinstance(side, slice) else np.int64(side) for side in section
    ]
    return np.ravel_multi_index(np.broadcast_arrays(*places), shape).astype(np.int64)
