"""Middle slices of an image with its fibers in color."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_sciml.errors import InputError
from napari_sciml.fibers.geometry.voxels import sliceable
from napari_sciml.fibers.report.coloring import number_colors

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_OPACITY = 0.6
_WIDTH = 9.0
_TITLE = 0.45
_TALLEST = 8.0


@dataclass(frozen=True)
class _Panel:
    gray: NDArray[np.float32]
    labels: NDArray[Any]
    edges: tuple[float, float]  # of a pixel, down and across
    axes: str  # down and across
    title: str

    @property
    def proportion(self) -> float:
        """Width over height in physical units."""
        rows, columns = self.gray.shape
        return columns * self.edges[1] / (rows * self.edges[0])


def overview_picture(
    image: Any, labels: ArrayLike, *, voxel_size: Sequence[float] | None = None
) -> "Figure":
    """Draw the middle slices of an image with the instances over it.

    Parameters
    ----------
    image
        ``(z, y, x)`` or ``(y, x)``, array-like; only the middle slices are read.
    labels
        Same shape, 0 = no fiber. A fiber has the same color in every slice.
    voxel_size
        Edge of a voxel along each axis, for the proportions; None = 1.

    Returns
    -------
    Figure
        One panel for an image; three, one across each axis, for a volume.

    Raises
    ------
    InputError
        If the shapes differ or are neither 2D nor 3D.
    """
    from matplotlib.figure import Figure

    panels = _panels(image, sliceable(labels), voxel_size)
    widths = [panel.proportion for panel in panels]
    height = min(_WIDTH / sum(widths) + _TITLE, _TALLEST)
    width = min(_WIDTH, (height - _TITLE) * sum(widths) + _TITLE)
    figure = Figure(figsize=(width, height), dpi=150, layout="constrained")
    grid = figure.add_gridspec(1, len(panels), width_ratios=widths)
    limits = _gray_limits(panels)
    for i, panel in enumerate(panels):
        _draw(figure.add_subplot(grid[0, i]), panel, limits)
    return figure


def _panels(
    image: Any, labels: NDArray[Any], voxel_size: Sequence[float] | None
) -> list[_Panel]:
    shape = tuple(int(n) for n in image.shape)
    if shape != tuple(labels.shape) or labels.ndim not in (2, 3) or 0 in shape:
        raise InputError(
            f"The image has shape {shape}, the labels {labels.shape}; give both for "
            "one image (y, x) or one volume (z, y, x)."
        )
    edges = [1.0] * labels.ndim if voxel_size is None else list(map(float, voxel_size))
    if len(edges) != labels.ndim:
        raise InputError(f"The voxel size must have {labels.ndim} numbers.")
    if labels.ndim == 2:
        return [_panel(image, labels, (), edges, "yx", "")]
    panels = []
    for axis, name in enumerate("zyx"):
        middle = shape[axis] // 2
        across = (slice(None),) * axis + (middle,)
        rest = edges[:axis] + edges[axis + 1 :]
        axes = "zyx".replace(name, "")
        panels.append(_panel(image, labels, across, rest, axes, f"{name} = {middle}"))
    return panels


def _panel(
    image: Any,
    labels: NDArray[Any],
    across: tuple[Any, ...],
    edges: list[float],
    axes: str,
    title: str,
) -> _Panel:
    gray = np.asarray(image[across] if across else image[:]).astype(np.float32)
    shown = np.asarray(labels[across] if across else labels[:])
    return _Panel(gray, shown, (edges[0], edges[1]), axes, title)


def _gray_limits(panels: list[_Panel]) -> tuple[float, float]:
    """One scale for all panels that a few extreme voxels do not spoil."""
    values = np.concatenate([panel.gray.reshape(-1) for panel in panels])
    values = values[np.isfinite(values)]
    if not values.size:
        return 0.0, 1.0
    low, high = np.percentile(values, [0.5, 99.8])
    return float(low), float(max(high, low + 1e-6))


def _draw(axes: "Axes", panel: _Panel, limits: tuple[float, float]) -> None:
    low, high = limits
    gray = np.clip((np.nan_to_num(panel.gray) - low) / (high - low), 0.0, 1.0)
    picture = np.repeat(gray[..., None], 3, axis=2)
    inside = panel.labels != 0
    colors = number_colors(panel.labels[inside])
    # The image shines through, so that one sees whether a fiber is one.
    picture[inside] = (1 - _OPACITY) * picture[inside] + _OPACITY * colors
    aspect = panel.edges[0] / panel.edges[1]
    axes.imshow(picture, aspect=aspect, interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_color("#bbbbbb")
    style: dict[str, Any] = {"fontsize": 9, "color": "#333333"}
    axes.set_xlabel(f"{panel.axes[1]} →", **style)
    axes.set_ylabel(f"← {panel.axes[0]}", **style)
    axes.set_title(panel.title, **style)
