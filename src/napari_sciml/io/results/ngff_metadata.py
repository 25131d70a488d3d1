"""OME-Zarr 0.5 metadata, so that other viewers open what we write."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from napari_sciml.annotation.classes import DEFAULT_COLORS
from napari_sciml.images.units import NO_UNIT, unit_name

LEVEL = "0"
"""Name of the full-resolution array in its group."""


Steps = tuple[int, ...]
"""Voxels of the full resolution, along each axis of space, that one stands for."""


def multiscales(
    name: str,
    axes: Sequence[str],
    voxel_size: Sequence[float],
    unit: str,
    levels: Sequence[Steps] | None = None,
    *,
    inside: str = "",
    channels: Sequence[dict[str, Any]] = (),
) -> dict[str, Any]:
    """Attributes of a group with one or more resolution levels (NGFF 0.5).

    Parameters
    ----------
    name
        Name of the image.
    axes
        "c" for classes, "z", "y", "x".
    voxel_size
        Along the spatial axes only, in ``unit``.
    unit
        UDUNITS name; "pixel" is left out.
    levels
        Steps of each level, named "0", "1" …; only the full resolution by default.
    inside
        Group below this one that has the levels; none by default.
    channels
        How to show each class, see `class_channels`; nothing is said by default.
    """
    levels = levels or [(1,) * len(voxel_size)]
    image = {
        "name": name,
        "axes": [_axis(axis, unit) for axis in axes],
        "datasets": [
            {
                "path": f"{inside}/{number}" if inside else str(number),
                "coordinateTransformations": _placed(steps, voxel_size, len(axes)),
            }
            for number, steps in enumerate(levels)
        ],
    }
    about: dict[str, Any] = {"version": "0.5", "multiscales": [image]}
    if channels:
        about["omero"] = {"channels": list(channels)}
    return {"ome": about}


def class_channels(names: Sequence[str], highest: float) -> list[dict[str, Any]]:
    """How viewers show the classes of an image ``(c, …)``: name, color, contrast.

    The first class surrounds the others and would hide them: it is switched off,
    unless it is the only one.

    Parameters
    ----------
    names
        Of the classes.
    highest
        Value that is shown brightest; 0 is black.
    """
    window = {"min": 0.0, "max": 1.0, "start": 0.0, "end": float(highest)}
    return [
        {
            "label": name,
            "color": DEFAULT_COLORS[i % len(DEFAULT_COLORS)].lstrip("#").upper(),
            "window": window,
            "active": i > 0 or len(names) == 1,
        }
        for i, name in enumerate(names)
    ]


def _placed(
    steps: Steps, voxel_size: Sequence[float], axes: int
) -> list[dict[str, Any]]:
    """Size of the voxels of a level and where the middle of the first one lies."""
    lead = axes - len(voxel_size)
    sizes = [float(size) for size in voxel_size]
    scale = [1.0] * lead + [n * s for n, s in zip(steps, sizes, strict=True)]
    placed: list[dict[str, Any]] = [{"type": "scale", "scale": scale}]
    if any(n > 1 for n in steps):
        middles = [(n - 1) / 2 * s for n, s in zip(steps, sizes, strict=True)]
        placed.append({"type": "translation", "translation": [0.0] * lead + middles})
    return placed


def create_level(
    group: Any,
    *,
    shape: Sequence[int],
    chunks: Sequence[int],
    dtype: Any,
    axes: Sequence[str],
    name: str = LEVEL,
    shards: Sequence[int] | None = None,
    every_chunk: bool = False,
) -> Any:
    """Make an array of a group, compressed with zstd; of full resolution by default.

    With ``shards``, that many voxels go into a file; they are multiples of chunks. With
    ``every_chunk`` chunks of zeros are written, too, so that a chunk that got lost can
    be told from an empty one.
    """
    from zarr.codecs import BloscCodec

    inner = tuple(min(c, n) for c, n in zip(chunks, shape, strict=True))
    if shards is not None:
        shards = tuple(
            c * -(-min(s, n) // c) for c, s, n in zip(inner, shards, shape, strict=True)
        )
    return group.create_array(
        name,
        shape=tuple(shape),
        chunks=inner,
        shards=shards,
        dtype=np.dtype(dtype),
        compressors=BloscCodec(cname="zstd", shuffle="shuffle"),
        dimension_names=list(axes),
        config={"write_empty_chunks": every_chunk},
    )


def _axis(name: str, unit: str) -> dict[str, str]:
    if name == "c":
        return {"name": name, "type": "channel"}
    # Of "units", that of sizes without one, this makes "pixel".
    known = unit_name(unit)
    if known == NO_UNIT:
        return {"name": name, "type": "space"}
    return {"name": name, "type": "space", "unit": known}
