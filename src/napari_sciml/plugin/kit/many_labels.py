"""Colors of more labels than 16 bits can name."""

from functools import cached_property
from typing import Any

import numpy as np
from napari.utils.colormaps import DirectLabelColormap

MOST_COLORS = 2**16
"""Different ones that napari draws quickly."""
LEVELS = 30
"""Of red, green and blue each, where there are more labels than colors."""


class _ManyLabels(DirectLabelColormap):
    """Labels of any number: napari refuses those over 2^16 where numba is missing.

    Its table from labels to textures, 2 bytes a label, is no larger for that than a
    slice of the labels.
    """

    @cached_property
    def _array_map(self) -> np.ndarray:
        known = self._label_mapping_and_color_dict[0]
        labels = np.array([name for name in known if name is not None], np.int64)
        numbers = [number for name, number in known.items() if name is not None]
        kind = np.min_scalar_type(self._num_unique_colors + 2)
        # One more: higher labels are clipped to it, and have the color of unknown ones.
        table = np.zeros(int(labels.max(initial=0)) + 2, kind)
        table[labels] = numbers
        return table


def colormap_of_many(colors: np.ndarray) -> DirectLabelColormap:
    """Give each label, from 0 on, its color.

    Parameters
    ----------
    colors
        ``(labels, 4)`` from 0 to 1, opacities 0 or 1. Where there are more than napari
        draws quickly, they are rounded to fewer.
    """
    if len(colors) > MOST_COLORS:
        colors = np.round(colors * (LEVELS - 1)) / (LEVELS - 1)
    known: dict[int | None, Any] = {None: np.zeros(4), **dict(enumerate(colors))}
    return _ManyLabels(color_dict=known)
