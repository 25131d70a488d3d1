"""How good instances and masks are, where the truth is known."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from napari_sciml.errors import InputError


@dataclass(frozen=True)
class InstanceScore:
    """Agreement of two sets of instances.

    Attributes
    ----------
    f1, precision, recall
        2 matched / (truth + predicted), matched / predicted, matched / truth. With no
        instances on either side all are 1, with none on one side 0.
    matched, truth, predicted
        Numbers of matched, true and predicted instances.
    mean_iou
        Mean IoU of the matched pairs; 0 without any.
    """

    f1: float
    precision: float
    recall: float
    matched: int
    truth: int
    predicted: int
    mean_iou: float


def instance_f1(
    truth: ArrayLike, predicted: ArrayLike, iou: float = 0.4
) -> InstanceScore:
    """Score predicted instances by one-to-one matches.

    Parameters
    ----------
    truth, predicted
        Labels of the same shape, 0 = no instance.
    iou
        Intersection over union from which on two instances may match, above 0.

    Raises
    ------
    InputError
        As `match_instances`.
    """
    pairs, true_count, predicted_count = _match(truth, predicted, iou)
    matched = len(pairs)
    both = true_count + predicted_count
    return InstanceScore(
        f1=2 * matched / both if both else 1.0,
        precision=_ratio(matched, predicted_count, both),
        recall=_ratio(matched, true_count, both),
        matched=matched,
        truth=true_count,
        predicted=predicted_count,
        mean_iou=float(pairs["iou"].mean()) if matched else 0.0,
    )


def match_instances(
    truth: ArrayLike, predicted: ArrayLike, iou: float = 0.4
) -> pd.DataFrame:
    """Match instances one to one, as many as possible, then the best overlaps.

    Parameters
    ----------
    truth, predicted, iou
        As in `instance_f1`. Above an IoU of 1/2 no instance has a choice; below, the
        pairs are assigned together (Hungarian method), not greedily.

    Returns
    -------
    DataFrame
        A row a pair: ``truth`` and ``predicted``, the labels, and ``iou``.

    Raises
    ------
    InputError
        If the shapes differ, the labels are no labels, or the IoU is out of range.
    """
    return _match(truth, predicted, iou)[0]


def dice(truth: ArrayLike, mask: ArrayLike) -> float:
    """Overlap of two masks, 2 |A and B| / (|A| + |B|); 1 if both are empty.

    Parameters
    ----------
    truth, mask
        Same shape; what is not zero belongs to the mask.

    Raises
    ------
    InputError
        If the shapes differ.
    """
    a, b = np.asarray(truth) != 0, np.asarray(mask) != 0
    _check_same_shape(a, b)
    both = np.count_nonzero(a) + np.count_nonzero(b)
    return 2 * np.count_nonzero(a & b) / both if both else 1.0


def _ratio(matched: int, count: int, both: int) -> float:
    if count:
        return matched / count
    return 0.0 if both else 1.0


def _check_same_shape(a: NDArray[Any], b: NDArray[Any]) -> None:
    if a.shape != b.shape:
        raise InputError(
            f"The truth has shape {a.shape}, the result {b.shape}; compare the same "
            "image."
        )


def _match(
    truth: ArrayLike, predicted: ArrayLike, iou: float
) -> tuple[pd.DataFrame, int, int]:
    if not 0 < iou <= 1:
        raise InputError(f"The IoU threshold is {iou}; give it above 0 and up to 1.")
    a, b = np.asarray(truth), np.asarray(predicted)
    _check_same_shape(a, b)
    table, rows, columns = _overlaps(a, b)
    true_size, predicted_size = table.sum(axis=1), table.sum(axis=0)
    inner = table.tocoo()
    union = true_size[inner.row] + predicted_size[inner.col] - inner.data
    ratio = inner.data / union
    # 2/5 of integers may come out a hair under 0.4.
    good = (inner.row > 0) & (inner.col > 0) & (ratio >= iou - 1e-12)
    first, second = inner.row[good], inner.col[good]
    chosen = _assign(first, second, ratio[good])
    pairs = {
        "truth": rows[first[chosen]],
        "predicted": columns[second[chosen]],
        "iou": ratio[good][chosen],
    }
    return pd.DataFrame(pairs), len(rows) - 1, len(columns) - 1


def _overlaps(
    a: NDArray[Any], b: NDArray[Any]
) -> tuple[Any, NDArray[np.int64], NDArray[np.int64]]:
    """Sparse table of common voxels; row and column 0 stand for no instance."""
    either = np.flatnonzero((a != 0).reshape(-1) | (b != 0).reshape(-1))
    rows, i = _numbered(a.reshape(-1)[either])
    columns, j = _numbered(b.reshape(-1)[either])
    ones = np.ones(len(either), np.int64)
    table = coo_array((ones, (i, j)), shape=(len(rows), len(columns))).tocsr()
    return table, rows, columns


def _numbered(labels: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Labels that occur, 0 always first, and the place of each voxel's label."""
    if labels.dtype.kind not in "uib":
        raise InputError(f"Labels must be whole numbers, not {labels.dtype}.")
    if labels.dtype.kind == "i" and labels.min(initial=0) < 0:
        raise InputError("Labels must not be negative; 0 means no instance.")
    values = np.concatenate(([0], labels.astype(np.int64)))
    names, place = np.unique(values, return_inverse=True)
    return names, place.reshape(-1)[1:]


def _assign(
    first: NDArray[Any], second: NDArray[Any], ratio: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Choose pairs, each instance once: most pairs, then the largest sum of IoU."""
    if not len(first):
        return np.zeros(0, np.int64)
    n = int(first.max()) + 1
    edges = (np.ones(len(first)), (first, n + second))
    nodes = n + int(second.max()) + 1
    graph = coo_array(edges, shape=(nodes, nodes))
    group = connected_components(graph, directed=False)[1][first]
    order = np.argsort(group, kind="stable")
    bounds = np.flatnonzero(np.diff(group[order])) + 1
    chosen = [
        members[_assign_group(first[members], second[members], ratio[members])]
        for members in np.split(order, bounds)
    ]
    return np.sort(np.concatenate(chosen))


def _assign_group(
    first: NDArray[Any], second: NDArray[Any], ratio: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Hungarian method among instances that compete, usually two or three."""
    if len(first) == 1:
        return np.zeros(1, np.int64)
    i = np.unique(first, return_inverse=True)[1]
    j = np.unique(second, return_inverse=True)[1]
    gain = np.zeros((i.max() + 1, j.max() + 1))
    # One pair more outweighs any sum of IoU.
    gain[i, j] = len(ratio) + ratio
    row, column = linear_sum_assignment(gain, maximize=True)
    taken = np.zeros(gain.shape, bool)
    taken[row, column] = True
    return np.flatnonzero(taken[i, j])
