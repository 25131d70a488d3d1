"""From a mask to numbered fibers."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_sciml.errors import InputError
from napari_sciml.fibers.blockwise.blocks import BlockVolume
from napari_sciml.fibers.blockwise.shaping import shape_fibers
from napari_sciml.fibers.config import Connectivity
from napari_sciml.fibers.geometry.voxels import Grid, check_probability, make_grid
from napari_sciml.fibers.splitting.split import splitting_steps
from napari_sciml.images.components import connected_components
from napari_sciml.progress import Steps, exhaust, subrange

_CHUNK = 1 << 22
_IN_PLANE = {4: 4, 6: 4, 8: 8, 18: 8, 26: 8}


def label_fibers(
    mask: ArrayLike,
    *,
    connectivity: Connectivity = 26,
    dust: int = 0,
    dust_volume: float | None = None,
    split: bool = False,
    voxel_size: Sequence[float] | None = None,
    probability: ArrayLike | None = None,
    extend: bool = False,
    slenderness: float = 0.0,
) -> NDArray[np.unsignedinteger[Any]]:
    """Number the connected pieces of a mask, or its fibers.

    Parameters
    ----------
    mask
        ``(z, y, x)`` or ``(y, x)``; boolean, or numbers with one value besides zero
        (floats: only 0 and 1).
    connectivity
        6 (faces), 18 (and edges) or 26 (and corners). In 2D, 6 stands for 4 and
        18 and 26 for 8; 4 and 8 themselves are good in 2D only.
    dust
        Connected pieces of fewer voxels than this are dropped.
    dust_volume
        The same as a volume (in 2D an area) in the unit of the voxel size; takes the
        place of `dust`.
    split
        Take touching, crossing and bundled fibers apart along their center lines, and
        join what continues across a small gap; see
        `napari_sciml.fibers.splitting.split.split_fibers`.
    voxel_size
        Edge of a voxel along each axis, for splitting and `dust_volume`; None = 1.
    probability
        Of the fibers, same shape, where the mask was made from one; splitting follows
        it where fibers touch.
    extend
        Where there is a probability, add to each fiber the voxels next to it that are
        likelier fiber than not; see `napari_sciml.fibers.blockwise.extending`.
    slenderness
        In a volume, bodies that are not so many times as long as wide are dropped,
        unless the border cuts them; see `napari_sciml.fibers.blockwise.compact`.

    Returns
    -------
    ndarray
        Labels 1 to n in the order of the first voxel in the mask, 0 = no fiber; in the
        smallest of uint8, uint16 and uint32 that holds n. An empty mask has no fibers.

    Raises
    ------
    InputError
        If the mask is neither 2D nor 3D, or not a mask, or the probability has another
        shape.
    """
    steps = labeling_steps(
        mask,
        connectivity=connectivity,
        dust=dust,
        dust_volume=dust_volume,
        split=split,
        voxel_size=voxel_size,
        probability=probability,
        extend=extend,
        slenderness=slenderness,
    )
    return exhaust(steps)


def labeling_steps(
    mask: ArrayLike,
    *,
    connectivity: Connectivity = 26,
    dust: int = 0,
    dust_volume: float | None = None,
    split: bool = False,
    voxel_size: Sequence[float] | None = None,
    probability: ArrayLike | None = None,
    extend: bool = False,
    slenderness: float = 0.0,
) -> Steps[NDArray[np.unsignedinteger[Any]]]:
    """Do as `label_fibers`, and yield the share that is done; may be closed."""
    binary = _as_binary(mask)
    check_probability(probability, binary.shape)
    if dust_volume is not None:
        dust = voxels_of(dust_volume, make_grid(binary.shape, voxel_size))
    if dust < 0:
        raise InputError(f"dust is {dust}, but must be zero or more voxels.")
    neighbors = _neighbors(connectivity, binary.ndim)
    if binary.size == 0:
        return np.zeros(binary.shape, np.uint8)
    yield 0.0
    labels = connected_components(binary, neighbors)
    yield 0.05
    labels = _renumbered(labels, _sizes(labels, int(labels.max())) >= max(dust, 1))
    if split:
        steps = splitting_steps(
            labels, voxel_size=voxel_size, dust=dust, probability=probability
        )
        labels = yield from subrange(0.1, 0.95, steps)
    volume = out = BlockVolume.in_memory(labels)
    likely = None
    if extend and probability is not None:
        likely = BlockVolume.in_memory(np.asarray(probability), "The probability")
        out = BlockVolume.in_memory(np.zeros_like(labels))
    shaping = shape_fibers(
        volume,
        _sizes(labels, int(labels.max())),
        out,
        likely=likely,
        slenderness=slenderness,
        grid=make_grid(labels.shape, voxel_size),
    )
    sizes = yield from subrange(0.95, 1.0, shaping)
    return out.source.astype(np.min_scalar_type(len(sizes) - 1), copy=False)


def voxels_of(volume: float, grid: Grid) -> int:
    """Fewest voxels that make up a volume; in 2D an area.

    Raises
    ------
    InputError
        If the volume is negative.
    """
    if not 0 <= volume < np.inf:
        raise InputError(f"The volume of dust is {volume:g}, but must be 0 or more.")
    # A product of edges such as 0.1 is not exact.
    return int(np.ceil(volume / grid.voxel_volume * (1 - 1e-9)))


def _as_binary(mask: ArrayLike) -> NDArray[np.bool_]:
    values = np.asarray(mask)
    if values.ndim not in (2, 3):
        raise InputError(
            f"The mask has {values.ndim} axes; give one image (y, x) or one volume "
            "(z, y, x)."
        )
    if values.dtype == np.bool_:
        return np.ascontiguousarray(values)
    if values.dtype.kind not in "uif":
        raise InputError(f"A mask of {values.dtype} is not one of true and false.")
    binary = values != 0
    top = 1 if values.dtype.kind == "f" else values.max(initial=1)
    if any(np.any(part[inside] != top) for part, inside in _pairs(values, binary)):
        raise InputError(
            "The mask has more values than two (is it a probability or has it several "
            "classes?); threshold it, or choose a class, first."
        )
    return np.ascontiguousarray(binary)


def _pairs(
    values: NDArray[Any], binary: NDArray[np.bool_]
) -> Iterator[tuple[NDArray[Any], NDArray[np.bool_]]]:
    """Plane by plane, so that a large mask needs no large temporary array."""
    yield from zip(values, binary, strict=True)


def _neighbors(connectivity: int, ndim: int) -> int:
    allowed = tuple(_IN_PLANE) if ndim == 2 else (6, 18, 26)
    if connectivity not in allowed:
        raise InputError(
            f"The connectivity {connectivity} does not exist in {ndim}D; take one of "
            f"{', '.join(map(str, allowed))}."
        )
    return _IN_PLANE[connectivity] if ndim == 2 else connectivity


def _sizes(labels: NDArray[Any], count: int) -> NDArray[np.int64]:
    """Voxels of each label; in pieces, as bincount makes int64 of what it is given."""
    flat = labels.reshape(-1)
    sizes = np.zeros(count + 1, np.int64)
    step = max(_CHUNK, count)
    for start in range(0, flat.size, step):
        sizes += np.bincount(flat[start : start + step], minlength=count + 1)
    return sizes


def _renumbered(
    labels: NDArray[Any], keep: NDArray[np.bool_]
) -> NDArray[np.unsignedinteger[Any]]:
    keep[0] = False
    count = int(keep.sum())
    table = np.zeros(keep.size, np.min_scalar_type(count))
    table[keep] = np.arange(1, count + 1)
    return table[labels]
