"""Colors that can be read on the theme of the viewer, and follow it."""

import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from napari.settings import get_settings
from napari.utils.theme import available_themes, get_system_theme, get_theme

Owner = TypeVar("Owner")
BRIGHT = 0.4
"""Relative luminance of a background from which on it is a light one."""


@dataclass(frozen=True)
class Palette:
    """Colors by what they mean; all but `behind` and `grid` have 4.5 : 1 or more.

    Attributes
    ----------
    ink, axis
        Text in plots, and their axes.
    error, caution
        Lines of text.
    bars, behind
        Of histograms: what is chosen, before all.
    quiet, loud
        Curves.
    mark
        A threshold.
    grid
        Lines that only help.
    """

    ink: str
    axis: str
    error: str
    caution: str
    bars: str
    behind: str
    quiet: str
    loud: str
    mark: str
    grid: str


DARK = Palette(
    ink="#e6e9ec",
    axis="#9aa4ae",
    error="#ff8a5c",
    caution="#ffb347",
    bars="#7d9cc4",
    behind="#4a525b",
    quiet="#8a9ab1",
    loud="#ffb347",
    mark="#ff6b6b",
    grid="#5b636b",
)
LIGHT = Palette(
    ink="#1e1e21",
    axis="#4d545b",
    error="#a33300",
    caution="#7d4d00",
    bars="#3f628f",
    behind="#bfc4c9",
    quiet="#55657d",
    loud="#8f5500",
    mark="#b32020",
    grid="#9aa1a8",
)

_followers: "weakref.WeakKeyDictionary[Any, list[Callable[[Any, Palette], None]]]"
_followers = weakref.WeakKeyDictionary()
_watched: "weakref.ref[Any] | None" = None


def luminance(color: str) -> float:
    """Relative luminance of "#rrggbb", 0 to 1 (WCAG 2.2, "relative luminance")."""
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def palette() -> Palette:
    """For the theme that is set."""
    name = get_settings().appearance.theme
    theme = get_theme(name if name in available_themes() else get_system_theme())
    return LIGHT if luminance(theme.background.as_hex("long")) > BRIGHT else DARK


def follow(owner: Owner, paint: Callable[[Owner, Palette], None]) -> None:
    """Paint now, and whenever the theme changes, as long as the owner lives.

    Parameters
    ----------
    owner
        Is held weakly.
    paint
        Gets the owner and the colors; it must not hold the owner.
    """
    _watch()
    _followers.setdefault(owner, []).append(paint)
    paint(owner, palette())


def _watch() -> None:
    """Hear of changes; tests of napari make new settings now and then."""
    global _watched
    appearance = get_settings().appearance
    if _watched is None or _watched() is not appearance:
        appearance.events.theme.connect(_on_theme)
        _watched = weakref.ref(appearance)


def _on_theme(event: object = None) -> None:
    colors = palette()
    for owner, paints in list(_followers.items()):
        for paint in paints:
            try:
                paint(owner, colors)
            except RuntimeError:  # gone in Qt, but not yet in Python
                _followers.pop(owner, None)
                break
