"""Axes and voxel size that an HDF5 file states, in the ways of several programs."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from napari_sciml.images.axes import guess_axes
from napari_sciml.io.images.hdf5.sizes import axis_tags, stated_sizes
from napari_sciml.io.images.text import text_of, texts_of

NAMING = ("axes", "axis_names", "axis_labels", "axis_order", "dimension_names")
"""Attributes of a data set with the names of its axes."""
ORDER = "tczyx"
_WORDS = {
    **dict.fromkeys(("time", "times", "timepoint", "timepoints"), "t"),
    **dict.fromkeys(("channel", "channels", "ch", "color", "rgb"), "c"),
    **dict.fromkeys(("depth", "slice", "slices", "plane", "planes"), "z"),
    **dict.fromkeys(("row", "rows", "height"), "y"),
    **dict.fromkeys(("column", "columns", "col", "width"), "x"),
    **{axis: axis for axis in ORDER},
}
_NO_NAME = re.compile(r"\.?|(phony_)?(dim|axis|dimension)[_ ]?\d*")


@dataclass(frozen=True)
class StatedAxes:
    """Axes in the order in which an image has them.

    Attributes
    ----------
    names
        Of the axes.
    order
        Which axis of the data set each is.
    spacing, units, cautions
        As in `RawImage`.
    """

    names: tuple[str, ...]
    order: tuple[int, ...]
    spacing: Mapping[str, float] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    cautions: tuple[str, ...] = ()


def describe_axes(data: Any, parent: Any, name: str) -> StatedAxes:
    """Axes as ilastik, NeXus or dimension scales name them, or guessed by shape.

    Parameters
    ----------
    data
        The data set.
    parent
        Group that it was found in.
    name
        Of the data set, for messages.
    """
    given = _stated_names(data, parent)
    cautions: list[str] = []
    if given and len(given) != data.ndim:
        cautions.append(
            f"{name} has {data.ndim} axes, but names {len(given)} "
            f"({', '.join(given)}); the names are not used."
        )
        given = []
    names = _known_names(given, data.shape)
    for word, axis in zip(given, names, strict=False):
        if _meaning(word) is None and not _is_no_name(word):
            cautions.append(
                f"{name} calls an axis {word!r}, which is taken for {axis}."
            )
    order = _order(names)
    sizes = stated_sizes(data, parent, names, given, name)
    return StatedAxes(
        tuple(names[i] for i in order),
        order,
        sizes.spacing,
        sizes.units,
        (*cautions, *sizes.cautions),
    )


def _stated_names(data: Any, parent: Any) -> list[str]:
    return next((names for names in _namings(data, parent) if any(names)), [])


def _namings(data: Any, parent: Any) -> Iterator[list[str]]:
    """Names of the axes, by the surest way first."""
    with suppress(TypeError, KeyError):
        yield [str(tag["key"]) for tag in axis_tags(data)]
    for key in NAMING:
        yield _split(texts_of(data.attrs.get(key)), data.ndim)
    if text_of(parent.attrs.get("NX_class")) == "NXdata":
        yield _split(texts_of(parent.attrs.get("axes")), data.ndim)
    yield [dim.label or _scale_name(dim) for dim in data.dims]


def _split(words: list[str], count: int) -> list[str]:
    """Names that may be one word: "z:y:x", "[z, y, x]" or "zyx"."""
    if len(words) != 1 or count == 1:
        return words
    parts = [part for part in re.split(r"[\s,:;\[\]\"']+", words[0]) if part]
    if len(parts) == 1 and len(parts[0]) == count:
        return list(parts[0])
    return parts


def _scale_name(dimension: Any) -> str:
    scales = list(dimension.values())
    return str(scales[0].name).rsplit("/", 1)[-1] if scales else ""


def _known_names(given: Sequence[str], shape: Sequence[int]) -> list[str]:
    """A letter for each axis; those without a name get what is left of z, y, x."""
    guessed = list(guess_axes(shape))
    found = [_meaning(word) for word in given]
    if not any(found) or len(set(found) - {None}) < len([f for f in found if f]):
        return guessed
    unnamed = [i for i, axis in enumerate(found) if axis is None]
    left = [axis for axis in "zyx" if axis not in found]
    left = left[max(0, len(left) - len(unnamed)) :]
    left = [f"axis {i}" for i in range(len(unnamed) - len(left))] + left
    for i, axis in zip(unnamed, left, strict=True):
        found[i] = axis
    return [str(axis) for axis in found]


def _meaning(word: str) -> str | None:
    """The letter of an axis that is called "Z", "pos_x" or "time"; None if unknown."""
    plain = re.sub(r"[\[(].*?[\])]", "", word).strip().lower()
    if plain in _WORDS:
        return _WORDS[plain]
    letters = [part for part in re.split(r"[\W_]+", plain) if part in set("zyx")]
    return letters[0] if len(letters) == 1 else None


def _is_no_name(word: str) -> bool:
    return _NO_NAME.fullmatch(word.strip().lower()) is not None


def _order(names: Sequence[str]) -> tuple[int, ...]:
    """Axes as stored where those of space are z, y, x; else in the usual order."""
    places = [ORDER.find(name) for name in names if name not in ("c", "s")]
    if places == sorted(places):
        return tuple(range(len(names)))
    return tuple(sorted(range(len(names)), key=lambda i: ORDER.find(names[i])))
