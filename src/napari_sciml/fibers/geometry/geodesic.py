"""Distance along a bent fiber, from one of its ends."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

Array = NDArray[np.float64]


def geodesic_coordinate(points: Array, spacing: Array, radius: float) -> Array | None:
    """Length of the shortest way inside the fiber, from one end to each voxel.

    The voxels are gathered in cells of about one radius, which makes the graph small
    and its ways smooth. The end is the cell that is farthest from the cell farthest
    from an arbitrary one, as in the diameter of a tree.

    Parameters
    ----------
    points
        Centers of the voxels ``(n, 3)``, physical.
    spacing
        Edges of a voxel, physical.
    radius
        Radius of the fiber, physical.

    Returns
    -------
    ndarray or None
        ``(n,)``, physical; None where the voxels are not connected.
    """
    cell = np.maximum(radius, spacing)
    index = np.floor((points - points.min(axis=0)) / cell).astype(np.int64)
    cells, member = np.unique(index, axis=0, return_inverse=True)
    member = member.reshape(-1)
    size = np.bincount(member)
    centers = np.stack([np.bincount(member, axis) / size for axis in points.T], axis=1)
    graph = _neighbor_graph(cells, centers)
    end = int(np.argmax(_distances(graph, 0)))
    along = _distances(graph, end)
    if not np.isfinite(along).all():
        return None
    # Averaging both directions evens out the ways round the inside of a bend.
    back = _distances(graph, int(np.argmax(along)))
    return ((along + back.max() - back) / 2)[member]


def _neighbor_graph(cells: NDArray[np.int64], centers: Array) -> csr_array:
    pairs = cKDTree(cells).query_pairs(1.8, output_type="ndarray")
    gaps = centers[pairs[:, 0]] - centers[pairs[:, 1]]
    weights = np.maximum(np.linalg.norm(gaps, axis=1), 1e-9)
    shape = (len(cells), len(cells))
    # scipy before 1.15 keeps wide indices as they are, and its dijkstra takes none.
    start, stop = pairs.astype(np.int32).T
    return csr_array((weights, (start, stop)), shape=shape)


def _distances(graph: csr_array, start: int) -> Array:
    return np.asarray(dijkstra(graph, directed=False, indices=[start]))[0]
