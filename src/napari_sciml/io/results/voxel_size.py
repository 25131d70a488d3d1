"""Which voxel size a mask is measured with."""

from collections.abc import Sequence
from dataclasses import replace

from napari_sciml.bounds import wrong_edges
from napari_sciml.errors import InputError
from napari_sciml.escape import MAX_NAME
from napari_sciml.images.units import NO_UNIT, UNNAMED, readable, unit_name
from napari_sciml.io.images.stacks.stated_size import StatedSize, disagreements


def choose_voxel_size(
    mask: StatedSize,
    others: Sequence[StatedSize],
    axes: Sequence[str],
    *,
    voxel_size: str | None = None,
    unit: str | None = None,
) -> tuple[StatedSize, tuple[str, ...]]:
    """The size that is given; else that of the mask, or of what belongs to it.

    Parameters
    ----------
    mask
        What its file states.
    others
        The same of the image and the prediction of the mask, where there are some.
    axes
        Of the mask.
    voxel_size
        What was given, as "3,1,1" or one number.
    unit
        Of what was given; without a given size, what lengths are converted to.

    Returns
    -------
    StatedSize
        Of the mask; its unit as it was given, or "units" where a size has none.
    tuple of str
        Cautions.

    Raises
    ------
    InputError
        When what was given cannot be read, or lengths cannot be converted.
    """
    unit = _unit(unit)
    stated = [one for one in (mask, *others) if one.is_stated]
    edges = parse_voxel_size(voxel_size, len(axes))
    if edges is not None:
        if len(edges) != len(axes):
            raise InputError(
                f"The mask has {len(axes)} axes, but {len(edges)} voxel edges were "
                f"given: give one for each of {', '.join(axes)}."
            )
        units = [one.unit for one in stated if one.unit != NO_UNIT]
        name = unit_name(unit) if unit else next(iter(units), NO_UNIT)
        return _checked(_named(replace(mask, voxel_size=edges, unit=name), unit)), ()
    found, cautions = _stated(mask, others)
    if unit:
        if not stated:
            cautions += (
                f"{mask.source} states no voxel size: each edge is taken for 1 "
                f"{unit}; give the true one by --voxel-size.",
            )
        found = found.in_unit(unit)
    return _checked(_named(found, unit)), cautions


def parse_voxel_size(text: str | None, ndim: int) -> tuple[float, ...] | None:
    """Read "3,1,1", or one number for all axes."""
    if text is None:
        return None
    try:
        sizes = tuple(float(part) for part in text.split(","))
    except ValueError:
        sizes = ()
    if not sizes or not all(0 < size < float("inf") for size in sizes):
        raise InputError(
            f"The voxel size {text!r} cannot be read: give positive numbers like 3,1,1."
        )
    return sizes * ndim if len(sizes) == 1 else sizes


def _unit(text: str | None) -> str | None:
    """The unit that was given, on one line."""
    unit = readable(text or "") or None
    if unit is not None and len(unit) > MAX_NAME:
        raise InputError(
            f"The unit '{unit[:20]}…' has {len(unit)} signs: give a unit like µm."
        )
    return unit


def _checked(size: StatedSize) -> StatedSize:
    """The size, where volumes and directions can be computed with it."""
    problem = wrong_edges(size.voxel_size)
    if not problem:
        return size
    raise InputError(
        f"The voxel size {size.text} cannot be used, as {problem}: give the true one "
        "by --voxel-size, in another unit where need be."
    )


def _stated(
    mask: StatedSize, others: Sequence[StatedSize]
) -> tuple[StatedSize, tuple[str, ...]]:
    """The size of the first file that has one with a unit, or at least one."""
    files = [mask, *others]
    known = [one for one in files if one.unit != NO_UNIT]
    stated = known + [one for one in files if one.is_stated]
    if not stated:
        return mask, ()
    first = stated[0]
    if first is mask:
        return mask, disagreements(mask, others)
    told = "no unit of its voxel size" if mask.is_stated else "no voxel size"
    taken = (
        f"{mask.source} states {told}: it takes the voxel size of {first.source}, "
        f"{first.text}."
    )
    rest = [one for one in files if one is not first]
    return replace(first, source=mask.source), (taken, *disagreements(first, rest))


def _named(found: StatedSize, unit: str | None) -> StatedSize:
    """As the user spells the unit; what are no numbers of voxels is not called so."""
    if found.unit != NO_UNIT:
        return replace(found, unit=unit) if unit else found
    return replace(found, unit=UNNAMED) if found.is_stated else found
