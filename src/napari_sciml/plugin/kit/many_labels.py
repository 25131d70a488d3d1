"""Colors of more labels than 16 bits can name, quickly."""

from functools import cached_property
from typing import Any

import numpy as np
from napari.utils.colormaps import DirectLabelColormap
from pydantic import field_validator

MOST_COLORS = 2**16
"""Different ones that napari draws quickly."""
LEVELS = 30
"""Of red, green and blue each, where there are more labels than colors."""


class _ManyLabels(DirectLabelColormap):
    """Labels of any number: napari refuses those over 2^16 where numba is missing.

    Its table from labels to textures, 2 bytes a label, is no larger for that than a
    slice of the labels. The colors are those of an array already, and are told apart
    together: one by one, 10^5 of them take two seconds.
    """

    @field_validator("color_dict", mode="before")
    @classmethod
    def _validate_color_dict(cls, colors: Any) -> Any:
        return colors

    @cached_property
    def _told_apart(self) -> tuple[np.ndarray, np.ndarray]:
        """Number of each label's color from 1 on, and a label for each."""
        known = [color for name, color in self.color_dict.items() if name is not None]
        rows = np.array(known, np.float32)
        whole = rows.view(np.dtype((np.void, rows.itemsize * rows.shape[1])))
        _, first, numbers = np.unique(
            whole.ravel(), return_index=True, return_inverse=True
        )
        return numbers + 1, first

    @cached_property
    def _num_unique_colors(self) -> int:
        return len(self._told_apart[1])

    @cached_property
    def _label_mapping_and_color_dict(
        self,
    ) -> tuple[dict[int | None, int], dict[int, np.ndarray]]:
        numbers, first = self._told_apart
        known: dict[int | None, int] = {None: 0, **dict(enumerate(numbers.tolist()))}
        colors = [self.default_color, *map(self.color_dict.__getitem__, first.tolist())]
        return known, dict(enumerate(colors))

    @cached_property
    def _array_map(self) -> np.ndarray:
        numbers, first = self._told_apart
        # One more: higher labels are clipped to it, and have the color of unknown ones.
        table = np.zeros(len(numbers) + 1, np.min_scalar_type(len(first) + 2))
        table[:-1] = numbers
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
    known: dict[int | None, Any] = {None: np.zeros(4, np.float32)}
    known.update(enumerate(colors.astype(np.float32)))
    return _ManyLabels(color_dict=known)
