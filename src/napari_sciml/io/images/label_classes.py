"""Find out whether the values of a file can be the labels of classes."""

from collections.abc import Mapping, Sequence

import numpy as np

from napari_sciml.errors import InputError
from napari_sciml.images.channels import ChannelImage
from napari_sciml.images.label_values import (
    MANY,
    count_values,
    list_values,
    listed,
    value_name,
)
from napari_sciml.images.room import check_room
from napari_sciml.images.volume import Volume
from napari_sciml.io.images.label_map import GRAY

MANY_COLORS = 32
COLORS = 3
BY_MAP = "say which value is which class, like --map {}"


class UnknownClassesError(InputError):
    """Labels that can be used once somebody says which class each value is.

    Parameters
    ----------
    found
        What was found, a sentence without its end.
    advice
        What settles it, the end of the sentence.
    suggestion
        A map to begin with, such as ``127:1,255:2``.
    """

    def __init__(self, found: str, advice: str, suggestion: str) -> None:
        super().__init__(f"{found}: {advice}.")
        self.found, self.suggestion = found, suggestion


def check_shape(shape: tuple[int, ...], like: tuple[int, ...], what: str) -> None:
    """Make sure that labels have the shape of their image.

    Raises
    ------
    InputError
        Tells also whether only the order of the axes differs.
    """
    if shape == like:
        return
    hint = "give labels of the same shape"
    if sorted(shape) == sorted(like):
        axes = listed(list("zyx"[-len(like) :]))
        hint = (
            "they look transposed, so save them with their axes in the order of the "
            f"image ({axes})"
        )
    raise InputError(
        f"{what} have shape {shape} but the image has shape {like}; {hint}."
    )


def gray_or_colors(volume: Volume, what: str) -> tuple[np.ndarray, bool]:
    """One number for each voxel, and whether it is a color, ``0xrrggbb``.

    A picture in color whose red, green and blue are equal everywhere is gray. What is
    wholly transparent is 0.

    Raises
    ------
    InputError
        For other channels than those of a color.
    """
    check_room((*volume.shape, volume.channels), volume.data.dtype, what, copies=2)
    if volume.channels == 1:
        return np.array(volume.data), False
    values = np.asarray(volume.data[...])
    if volume.channels != COLORS or values.dtype != np.uint8:
        raise InputError(
            f"{what} have {volume.channels} channels; give labels with one value for "
            "each voxel."
        )
    red, green, blue = np.moveaxis(values.astype(np.int32), -1, 0)
    packed = (red << 16) + (green << 8) + blue
    packed[_transparent(volume.data)] = 0
    if np.array_equal(red, green) and np.array_equal(red, blue):
        return packed // GRAY, False
    return packed, True


def refuse_colors(packed: np.ndarray, what: str) -> InputError:
    """What to say of labels in color for which there is no map."""
    counts = dict(sorted(count_values(packed).items(), key=lambda item: -item[1]))
    if len(counts) > MANY_COLORS:
        return InputError(
            f"{what} are a picture with {len(counts):,} colors, which looks like an "
            "image; give labels with one value for each voxel."
        )
    # The commonest one is what was not painted, unless that is black, which is 0.
    painted = [value_name(color, True) for color in counts if color][:3]
    first = int(0 not in counts)
    example = ",".join(f"{c}:{n}" for n, c in enumerate(painted, 1 - first))
    return UnknownClassesError(
        f"{what} are a picture with the colors {list_values(counts, color=True)}",
        f"say which color is which class, like --map {example}, or give labels with "
        "one value for each voxel",
        example,
    )


def check_classes(
    labels: np.ndarray | Mapping[int, int],
    names: Sequence[str],
    what: str,
    *,
    advice: str,
    by_map: str = BY_MAP,
) -> dict[int, int]:
    """Count the voxels of each class; each label must be one of them.

    Parameters
    ----------
    labels
        uint8; 0 = not annotated. Or the voxels of each value, counted.
    names
        Of the classes 1, 2 …
    what
        Subject of the sentence if they do not fit.
    advice
        How classes are added, such as "add classes first".
    by_map
        How values become classes; ``{}`` stands for an example of a map.

    Returns
    -------
    dict
        Voxels of each label that occurs, ascending, without 0.

    Raises
    ------
    InputError
        Names the values that were found, and what settles it.
    """
    found_values = labels if isinstance(labels, Mapping) else count_values(labels)
    counts = {int(v): n for v, n in found_values.items()}
    zeros = counts.pop(0, 0)
    if max(counts, default=0) <= len(names):
        return counts
    found = list(counts)
    classes = listed([f"{n} = {name}" for n, name in enumerate(names, 1)])
    there = "classes are" if len(names) > 1 else "only class is"
    if len(counts) > MANY:
        raise InputError(
            f"{what} hold {list_values(counts)}, but the {there} {classes}: they "
            "look like an image or like numbered objects; give labels of classes."
        )
    raise UnknownClassesError(
        f"{what} go up to {max(counts)} and hold {list_values(counts)}, but the "
        f"{there} {classes}",
        _what_settles(found, len(names), zeros, advice, by_map),
        _map_to_begin_with(found, len(names), zeros),
    )


def missing_classes(
    counts: Mapping[int, int], names: Sequence[str], what: str
) -> tuple[str, ...]:
    """Sentences on classes that have a name but hardly any voxel, or none."""
    none = [name for n, name in enumerate(names, 1) if n not in counts]
    one = [names[n - 1] for n, count in counts.items() if count == 1]
    said = []
    if none:
        said.append(
            f"{what} have no voxel of {listed(none)}: a model does not learn what "
            f"is not labeled{_from_zero(counts, names)}."
        )
    if one:
        said.append(
            f"{what} have a single voxel of {listed(one)}: paint more, or neither "
            "the share that is estimated nor what is found can be relied on."
        )
    return tuple(said)


def _what_settles(
    values: Sequence[int], classes: int, zeros: int, advice: str, by_map: str
) -> str:
    """The ways in which labels with such values can be used."""
    wanted = by_map.format(_map_to_begin_with(values, classes, zeros))
    if len(values) + 1 == classes and zeros:
        return f"{wanted} where 0 is the class 1"
    if len(values) <= classes:
        return wanted
    return f"{advice}, or {wanted} where 0 means not annotated"


def _map_to_begin_with(values: Sequence[int], classes: int, zeros: int) -> str:
    if len(values) + 1 == classes and zeros:
        values = (0, *values)
    return ",".join(f"{v}:{n if n <= classes else 0}" for n, v in enumerate(values, 1))


def _from_zero(counts: Mapping[int, int], names: Sequence[str]) -> str:
    """A hint where the labels look as if their first class was 0."""
    if list(counts) != list(range(1, len(names))):
        return ""
    wanted = ",".join(f"{n - 1}:{n}" for n in range(1, len(names) + 1))
    return f"; if 0 stands for {names[0]}, use --map {wanted}"


def _transparent(data: ChannelImage) -> np.ndarray:
    """Where a fourth sample of a picture, alpha, is 0."""
    shape = data.source.shape
    if shape[data.channel_axis] != COLORS + 1 or data.channels != COLORS:
        return np.zeros(data.shape, bool)
    alpha = np.moveaxis(np.asarray(data.source[...]), data.channel_axis, 0)[-1]
    return np.asarray(alpha == 0)
