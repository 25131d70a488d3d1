"""Voxel sizes that an HDF5 file states, in the ways of several programs."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from napari_sciml.images.axes import Sizes
from napari_sciml.images.units import METERS, NO_UNIT, unit_name
from napari_sciml.io.images.text import numbers_of, text_of, texts_of
from napari_sciml.json_files import parse_object

SIZES = ("voxel_size", "pixel_size", "voxelsize", "pixelsize", "resolution", "spacing")
"""Attributes with a size for each axis, in the unit of another attribute."""
UNITS = ("unit", "units", "axis_units")
UNEVEN = 0.01
"""Of the distance between two voxels that is no rounding error."""


def stated_sizes(
    data: Any, parent: Any, names: Sequence[str], given: Sequence[str], name: str
) -> Sizes:
    """Voxel size of ImageJ and ilastik, of attributes, or of positions along the axes.

    Parameters
    ----------
    data
        The data set.
    parent
        Group that it was found in.
    names
        Letters of its axes, as stored.
    given
        What the file calls them; empty if it does not.
    name
        Of the data set, for messages.
    """
    micrometers = numbers_of(data.attrs.get("element_size_um"))
    if micrometers:
        return _by_axis(
            micrometers, ["micrometer"], names, f"element_size_um of {name}"
        )
    for key in SIZES:
        found = _attribute(data.attrs, key, names, name)
        if found is not None:
            return found
    tags = _of_axis_tags(data, names, name)
    return tags or _positions(data, parent, names, given, name)


def _by_axis(
    sizes: Sequence[float], units: Sequence[str], names: Sequence[str], what: str
) -> Sizes:
    """Give each size to an axis: of space, of all axes, or of z, y, x."""
    space = [axis for axis in names if axis in "zyx"]
    axes = {len(space): space, len(names): list(names)}.get(len(sizes))
    if axes is None and len(sizes) == len("zyx"):
        axes = list("zyx")
    if axes is None or len(units) not in (1, len(sizes)):
        return Sizes(
            cautions=(
                f"The {what} has {len(sizes)} numbers for the axes "
                f"{', '.join(names)}, so it is not used.",
            )
        )
    if len(units) == 1:
        units = list(units) * len(sizes)
    spacing = {a: s for a, s in zip(axes, sizes, strict=True) if a in space}
    named = {a: u for a, u in zip(axes, units, strict=True) if a in space}
    if all(unit_name(unit) in METERS for unit in named.values()):
        return Sizes(spacing, named)
    listed = ", ".join(f"{size:g}" for size in spacing.values())
    return Sizes(
        spacing, cautions=(f"The {what} ({listed}) has no unit; give it by --unit.",)
    )


def _attribute(
    attributes: Mapping[str, Any], key: str, names: Sequence[str], name: str
) -> Sizes | None:
    """Sizes of one attribute, or of one for each axis ("pixel_size_x")."""
    sizes = numbers_of(attributes.get(key))
    space = [axis for axis in names if axis in "zyx"]
    if len(sizes) == 1:
        sizes *= len(space)
    if not sizes:
        each = [
            numbers_of(attributes.get(f"{key}_{axis}"))
            or numbers_of(attributes.get(f"{axis}_{key}"))
            for axis in space
        ]
        sizes = [found[0] for found in each if found]
    if not sizes:
        return None
    keys = (f"{key}_unit", f"{key}_units", *UNITS)
    return _by_axis(sizes, _units(attributes, keys), names, f"{key} of {name}")


def _units(attributes: Mapping[str, Any], keys: Sequence[str]) -> list[str]:
    """Units of the first attribute that names lengths."""
    for key in keys:
        words = texts_of(attributes.get(key))
        if words and all(unit_name(word) in METERS for word in words if word):
            return words
    return [""]


def axis_tags(data: Any) -> list[dict[str, Any]]:
    """The axes as vigra and ilastik describe them; empty where they do not."""
    with suppress(ValueError, TypeError, KeyError):
        return list(parse_object(text_of(data.attrs.get("axistags")))["axes"])
    return []


def _of_axis_tags(data: Any, names: Sequence[str], name: str) -> Sizes | None:
    """Resolution of the axes as vigra has it, which is 0 where it is not known."""
    with suppress(ValueError, TypeError, AttributeError):
        tags = axis_tags(data)
        sizes = [float(tag.get("resolution") or 0) for tag in tags]
        space = [s for s, axis in zip(sizes, names, strict=True) if axis in "zyx"]
        if all(size > 0 for size in space):
            units = _units(data.attrs, UNITS)
            return _by_axis(sizes, units, names, f"resolution in axistags of {name}")
    return None


def _positions(
    data: Any, parent: Any, names: Sequence[str], given: Sequence[str], name: str
) -> Sizes:
    """Distances of the positions that NeXus or a dimension scale gives for an axis."""
    sizes: dict[str, float] = {}
    units: dict[str, str] = {}
    cautions: list[str] = []
    bare: dict[str, float] = {}
    for number, axis in enumerate(names):
        word = given[number] if number < len(given) else ""
        scale = _scale(data, parent, number, word) if axis in "zyx" else None
        if scale is None:
            continue
        unit = unit_name(text_of(scale.attrs.get("units")))
        steps = np.abs(np.diff(np.asarray(scale[...], dtype=float)))
        step = float(np.median(steps))
        if unit == NO_UNIT:
            bare[axis] = step
            continue
        sizes[axis], units[axis] = step, unit
        if np.ptp(steps) > UNEVEN * step:
            cautions.append(
                f"The positions along {axis} of {name} are not evenly spaced; the "
                f"middle distance, {step:.4g} {unit}, is taken for all."
            )
    cautions += _without_unit(bare, name)
    return Sizes(sizes, units, tuple(cautions))


def _without_unit(steps: Mapping[str, float], name: str) -> list[str]:
    """A caution on positions that are not just the numbers of the voxels."""
    told = [axis for axis, step in steps.items() if step != 1]
    if not told:
        return []
    listed = ", ".join(f"{steps[axis]:g} along {axis}" for axis in told)
    return [
        f"The positions of {name} ({listed}) have no unit, so that they give no voxel "
        "size; give it by --voxel-size and --unit."
    ]


def _scale(data: Any, parent: Any, number: int, word: str) -> Any:
    """Positions along an axis, one for each voxel or for each edge; None if none."""
    scales = list(data.dims[number].values())
    beside = parent.get(word) if word and "/" not in word else None
    for found in (beside, *scales):
        shape = getattr(found, "shape", None)
        length = data.shape[number]
        if (
            shape in ((length,), (length + 1,))
            and length > 1
            and found.dtype.kind in "iuf"
        ):
            return found
    return None
