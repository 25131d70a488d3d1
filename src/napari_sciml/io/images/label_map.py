"""Which class a value or a color of somebody's labels stands for."""

import math
import re
from collections.abc import Iterable, Mapping

import numpy as np

from napari_sciml.errors import InputError
from napari_sciml.images.label_values import (
    MAX_LABEL,
    count_values,
    list_values,
    value_name,
)

LabelMap = Mapping[float | str, int]
"""From a value, or a color like ``"#ff0000"``, to its class; 0 = not annotated."""

GRAY = 0x010101
_COLOR = re.compile(r"#[0-9a-f]{6}")


def read_label_map(texts: Iterable[str]) -> dict[float | str, int]:
    """Read ``127:1,255:2`` or ``#ff0000:1``, in one text or several.

    Raises
    ------
    InputError
        When one cannot be read, or a value is given two classes.
    """
    found: dict[float | str, int] = {}
    for part in (part.strip() for text in texts for part in text.split(",")):
        if not part:
            continue
        value, _, label = part.rpartition(":")
        key = _key(value.strip().lower())
        if key is None or not label.strip().isdecimal() or int(label) > MAX_LABEL:
            raise InputError(
                f"The map {part!r} cannot be read: give value:class or color:class, "
                "like 127:1,255:2 or #ff0000:1; the class 0 means not annotated."
            )
        if found.setdefault(key, int(label)) != int(label):
            raise InputError(f"The map gives {value} two classes: choose one of them.")
    return found


def mapped(
    values: np.ndarray, mapping: LabelMap, what: str, *, color: bool = False
) -> np.ndarray:
    """Replace values by their classes.

    Parameters
    ----------
    values
        Of any dtype; colors are whole numbers, ``0xrrggbb``.
    mapping
        A value that it does not name must be 0, which stays 0.
    what
        Subject of the sentence if it is not.
    color
        Whether the values are colors.

    Returns
    -------
    ndarray of uint8

    Raises
    ------
    InputError
        When the labels hold a value that the map does not name.
    """
    labels = np.zeros(values.shape, np.uint8)
    left = values != 0
    for key, label in mapping.items():
        value = _value(key, color)
        hit = np.isnan(values) if math.isnan(value) else values == value
        labels[hit] = label
        left &= ~hit
    if left.any():
        others = count_values(values[left])
        one = value_name(next(iter(others)), color)
        raise InputError(
            f"{what} also hold {list_values(others, color=color)}, not named in the "
            f"map: add each with its class, or with 0 for not annotated, like {one}:0."
        )
    return labels


def map_in_words(mapping: LabelMap) -> dict[str, int]:
    """The map as a record has it."""
    return {
        key if isinstance(key, str) else value_name(key): label
        for key, label in mapping.items()
    }


def _key(text: str) -> float | str | None:
    if _COLOR.fullmatch(text):
        return text
    try:
        return float(text)
    except ValueError:
        return None


def _value(key: float | str, color: bool) -> float:
    """Number by which labels hold a key: a gray is a color, too."""
    if not isinstance(key, str):
        return key * GRAY if color else key
    packed = int(key.removeprefix("#"), 16)
    if color:
        return packed
    gray, rest = divmod(packed, GRAY)
    return math.inf if rest else gray
