"""OME-Zarr 0.5 metadata, so that other viewers open what we write."""

from collections.abc import Sequence
from typing import Any

import numpy as np

LEVEL = "0"
"""Name of the full-resolution array in its group."""


def multiscales(
    name: str, axes: Sequence[str], voxel_size: Sequence[float], unit: str
) -> dict[str, Any]:
    """Attributes of a group with a single resolution level (NGFF 0.5).

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
    """
    scale = [1.0] * (len(axes) - len(voxel_size)) + [float(s) for s in voxel_size]
    step = {"type": "scale", "scale": scale}
    image = {
        "name": name,
        "axes": [_axis(axis, unit) for axis in axes],
        "datasets": [{"path": LEVEL, "coordinateTransformations": [step]}],
    }
    return {"ome": {"version": "0.5", "multiscales": [image]}}


def create_level(
    group: Any,
    *,
    shape: Sequence[int],
    chunks: Sequence[int],
    dtype: Any,
    axes: Sequence[str],
    every_chunk: bool = False,
) -> Any:
    """Make the full-resolution array of a group, compressed with zstd.

    With ``every_chunk`` chunks of zeros are written, too, so that a chunk that got lost
    can be told from an empty one.
    """
    from zarr.codecs import BloscCodec

    return group.create_array(
        LEVEL,
        shape=tuple(shape),
        chunks=tuple(min(c, n) for c, n in zip(chunks, shape, strict=True)),
        dtype=np.dtype(dtype),
        compressors=BloscCodec(cname="zstd", shuffle="shuffle"),
        dimension_names=list(axes),
        config={"write_empty_chunks": every_chunk},
    )


def _axis(name: str, unit: str) -> dict[str, str]:
    if name == "c":
        return {"name": name, "type": "channel"}
    if unit == "pixel":
        return {"name": name, "type": "space"}
    return {"name": name, "type": "space", "unit": unit}
