"""Attributes of files as text, and lists of names in a sentence."""

from collections.abc import Sequence
from typing import Any

import numpy as np

SHOWN = 3
"""Things that a sentence names."""


def text_of(value: Any) -> str:
    """One word; empty where there is none, or several."""
    words = texts_of(value)
    return words[0] if len(words) == 1 else ""


def texts_of(value: Any) -> list[str]:
    """All words of an attribute."""
    if value is None:
        return []
    values = np.asarray(value, dtype=object).reshape(-1)
    return [
        one.decode("utf-8", "replace") if isinstance(one, bytes) else str(one)
        for one in values
    ]


def numbers_of(value: Any) -> list[float]:
    """All numbers of an attribute; none where it holds something else."""
    if value is None:
        return []
    try:
        return [float(one) for one in np.asarray(value).reshape(-1)]
    except (TypeError, ValueError):
        return []


def value_text(value: Any) -> str:
    """A value that fills gaps, for a sentence: 0 for all kinds of nothing."""
    return "0" if value is None or not value else str(value)


def listed(names: Sequence[str], most: int = SHOWN) -> str:
    """The first names, and how many more there are."""
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if names[most:] else shown
