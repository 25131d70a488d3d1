"""What an OME-Zarr (NGFF) says of the axes and voxel sizes of its levels."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from napari_sciml.errors import InputError
from napari_sciml.images.axes import RawImage
from napari_sciml.images.units import NO_UNIT, unit_name
from napari_sciml.io.images.ngff.store import readable_store
from napari_sciml.io.images.restored import caution_of_zarr

LONGEST_NAME = 100
"""Letters of the name of an axis."""
LOOKED_UP = 3
"""Folders above an array that may say what it is a level of."""


def multiscales_of(node: Any) -> Any:
    """The images that a zarr group lists, newer or older; empty if none."""
    attributes = node.attrs.asdict()
    listed = attributes.get("ome", attributes)
    return listed.get("multiscales") if isinstance(listed, Mapping) else None


def image_of_level(path: Path) -> tuple[Any, Mapping[str, Any], int] | None:
    """Group, image and number of the level that an array is; None if it is none.

    Parameters
    ----------
    path
        Of the array, as ``img.zarr/0``.
    """
    import zarr

    path = path.absolute()
    for folder in path.parents[:LOOKED_UP]:
        inside = path.relative_to(folder).as_posix()
        try:
            group = zarr.open_group(readable_store(folder), mode="r")
        except (
            Exception
        ):  # no group, or a broken one: then it says nothing of the array
            continue
        for image in multiscales_of(group) or ():
            paths = [
                str(one.get("path")).strip("/") for one in image.get("datasets", ())
            ]
            if inside in paths:
                return group, image, paths.index(inside)
    return None


def read_level(
    group: Any, image: Mapping[str, Any], level: int, path: Path
) -> RawImage:
    """One resolution of an image with its axes, voxel size and units.

    Raises
    ------
    InputError
        When it names more or fewer axes than the array has.
    """
    levels = image["datasets"]
    array = group[levels[level]["path"]]
    names, units = _axes(image, array.ndim, path)
    restored = caution_of_zarr(group.attrs.asdict(), path.name)
    scale = _scale(levels[level], array.ndim)
    if scale is None and level:
        scale = _scale_by_shape(group, levels[0], array)
    whole = _scale(image, array.ndim)
    if scale is None and whole is None:
        lacking = _without_scale(image, units, path)
        return RawImage(array, names, cautions=(*lacking, *restored))
    sizes = [
        a * b for a, b in zip(scale or _ones(array), whole or _ones(array), strict=True)
    ]
    spacing = dict(zip(names, sizes, strict=True))
    return RawImage(array, names, spacing, units, restored)


def _axes(
    image: Mapping[str, Any], ndim: int, path: Path
) -> tuple[tuple[str, ...], dict[str, str]]:
    """Names of the axes, and the units of those that have one."""
    # Axes are objects since NGFF 0.4, plain names in 0.3 and always tczyx before.
    axes = [
        axis if isinstance(axis, Mapping) else {"name": axis}
        for axis in image.get("axes") or "tczyx"[-ndim:]
    ]
    if len(axes) != ndim:
        raise InputError(
            f"{path} names {len(axes)} axes, but its array has {ndim}; mend its "
            "metadata, or give an array that is no level of it."
        )
    told = [str(axis["name"]) for axis in axes]
    if any(len(name) > LONGEST_NAME for name in told):
        raise InputError(
            f"{path} names an axis by more than a word; mend its metadata, or copy it "
            "again."
        )
    names = tuple(
        "c" if axis.get("type") == "channel" else name.lower()
        for name, axis in zip(told, axes, strict=True)
    )
    pairs = zip(names, axes, strict=True)
    return names, {n: str(axis["unit"]) for n, axis in pairs if axis.get("unit")}


def _ones(array: Any) -> list[float]:
    return [1.0] * array.ndim


def _scale(part: Mapping[str, Any], ndim: int) -> list[float] | None:
    """Product of the scales of a level or an image; None without a usable one."""
    found = None
    for step in part.get("coordinateTransformations") or ():
        numbers = step.get("scale") if step.get("type") == "scale" else None
        if isinstance(numbers, Sequence) and len(numbers) == ndim:
            before = found or [1.0] * ndim
            found = [a * float(b) for a, b in zip(before, numbers, strict=True)]
    return found


def _scale_by_shape(
    group: Any, finest: Mapping[str, Any], array: Any
) -> list[float] | None:
    """Scale of a level that states none, from how many voxels the finest one has."""
    scale = _scale(finest, array.ndim)
    if scale is None:
        return None
    full = group[finest["path"]].shape
    return [s * a / b for s, a, b in zip(scale, full, array.shape, strict=True)]


def _without_scale(
    image: Mapping[str, Any], units: Mapping[str, str], path: Path
) -> tuple[str, ...]:
    """A caution where there should be a voxel size: there is a unit, or steps."""
    stated = [unit for axis, unit in units.items() if axis in "zyx"]
    lengths = [unit for unit in stated if unit_name(unit) != NO_UNIT]
    parts = [image, *image["datasets"]]
    steps = any(
        step.get("type") == "scale"
        for part in parts
        for step in part.get("coordinateTransformations") or ()
    )
    if not (lengths or steps):
        return ()
    what = f"names the unit {lengths[0]}" if lengths else "has a scale"
    return (
        f"{path} {what}, but no voxel size for each of its axes, so lengths count in "
        "voxels; give it by --voxel-size where you measure.",
    )
