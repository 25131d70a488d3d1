"""The layers that show a rating."""

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image, Labels, Layer, Shapes
from napari.utils.colormaps import Colormap, DirectLabelColormap
from napari.utils.transforms import Affine

from napari_sciml.errors import InputError
from napari_sciml.focus.colors import focus_colors
from napari_sciml.focus.levels import LEVELS
from napari_sciml.focus.rating.cells import CellGrid
from napari_sciml.focus.rating.result import FocusResult
from napari_sciml.plugin.layers.axes import LayerAxes
from napari_sciml.plugin.layers.images import layer_transform, space_of
from napari_sciml.plugin.layers.places import place_of_part, to_physical

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_sciml.plugin.layers.layers import LayerGroup

FOCUS = "Focus"
EXPECTED = "Focus level"
CERTAINTY = "Focus certainty"
OUT_OF_FOCUS = "Out of focus"
MOST_SHAPES = 2000
"""Tiles of a plane that are drawn as borders; more make the viewer slow."""
AT_ONCE = 100
"""Borders that are made before the window may draw itself again."""
BORDER = 0.045
"""Width of the borders, in tiles."""
CHOSEN = (1.0, 1.0, 1.0, 1.0)
MASK_COLOR = (0.85, 0.87, 0.92, 1.0)


class FocusLayers:
    """Shows a rating on its image, and follows the plane that is shown.

    Parameters
    ----------
    layers
        Our layers in the viewer.
    result
        The rating.
    on
        The image that was rated.
    """

    def __init__(self, layers: "LayerGroup", result: FocusResult, on: Image) -> None:
        self.result, self.on = result, on
        self.grid = CellGrid.of(result)
        self.chosen: tuple[int, ...] | None = None
        self._layers = layers
        self._plane: tuple[int, ...] = ()
        self._aside = False

    @property
    def bordered(self) -> bool:
        """Whether the tiles are drawn as borders, not as areas.

        Borders lie in the shown plane, whichever it is, so that there are few; in
        an image that is turned out of its planes they cannot. A viewer that has
        lost a Shapes layer may crash when it gets another one.
        """
        there = isinstance(self._layers.get(FOCUS), Shapes)
        safe = there or not self._layers.shapes_lost
        few = len(self.result.ys) * len(self.result.xs) <= MOST_SHAPES
        return few and safe and self._plane_place() is not None

    @property
    def visible(self) -> bool:
        """Whether the tiles can be seen, if one looks where they are."""
        layer = self._layers.get(FOCUS)
        return layer is not None and bool(layer.visible)

    def show(self, viewer: Any) -> "Iterator[None]":
        """Make the layers, one at a time: each takes the viewer some 0.1 s."""
        result = self.result
        known = np.where(result.blank, np.nan, result.expected)
        hidden = {"visible": False, "blending": "translucent"}
        limits = {"contrast_limits": (0, LEVELS - 1), "colormap": level_colormap()}
        self._show_cells(viewer, EXPECTED, known, **limits, **hidden)
        yield
        limits = {"contrast_limits": (0, 1), "colormap": "gray"}
        self._show_cells(viewer, CERTAINTY, result.certainty, **limits, **hidden)
        yield
        self._show_mask(viewer)
        yield
        if self.bordered:
            yield from self._show_borders(viewer)
        else:
            self._show_areas(viewer)

    def follow(self, viewer: Any) -> None:
        """Give the borders the colors of the plane that is shown."""
        layer = self._layers.get(FOCUS)
        if not isinstance(layer, Shapes) or self.on not in viewer.layers:
            return
        self._step_aside(layer, viewer.dims)
        plane = self.shown_plane(viewer)
        if plane != self._plane:
            self._plane = plane
            self._recolor(layer)

    def choose(self, tile: tuple[int, ...]) -> None:
        """Mark a tile."""
        self.chosen = tile
        layer = self._layers.get(FOCUS)
        if isinstance(layer, Shapes):
            self._recolor(layer)

    def center(self, tile: tuple[int, ...]) -> np.ndarray:
        """Center of a tile in the world."""
        middle = (self.result.tile - 1) / 2
        y, x = self.result.ys[tile[-2]] + middle, self.result.xs[tile[-1]] + middle
        place, axes = layer_transform(self.on), LayerAxes.of(self.on)
        to_world = Affine(affine_matrix=place["affine"])
        inside = axes.spread((*tile[:-2], y, x), 0)
        return np.asarray(to_world(to_physical(place)(inside)))

    def in_plane(self, plane: int, point: Any) -> np.ndarray:
        """The same place of the world in another plane of the stack."""
        inside = np.asarray(self.on.world_to_data(point), float)
        inside[space_of(self.on)[0]] = plane
        return np.asarray(self.on.data_to_world(inside))

    def _show_cells(
        self, viewer: Any, name: str, values: np.ndarray, **options: Any
    ) -> None:
        cells = self.grid.spread(values.astype(np.float32))
        self._drop_unlike(viewer, name, Image, cells.shape)
        place = place_of_cells(self.on, self.grid)
        self._layers.show_image(name, cells, self.on, **place, **options)

    def _show_areas(self, viewer: Any) -> None:
        colors = focus_colors(self.result.expected, self.result.certainty)[..., :3]
        parts = [self.grid.spread(colors[..., channel]) for channel in range(3)]
        cells = np.stack(parts, axis=-1)
        self._drop_unlike(viewer, FOCUS, Image, cells.shape)
        place = place_of_cells(self.on, self.grid)
        options = {"rgb": True, "opacity": 0.5, "blending": "translucent"}
        self._layers.show_image(FOCUS, cells, self.on, **place, **options)

    def _show_mask(self, viewer: Any) -> None:
        result = self.result
        out = (result.p_in_focus < 0.5) & ~result.blank
        cells = self.grid.spread(out.astype(np.uint8))
        self._drop_unlike(viewer, OUT_OF_FOCUS, Labels, cells.shape)
        colors: dict[int | None, Any] = {None: "transparent", 1: MASK_COLOR}
        options = {
            "colormap": DirectLabelColormap(color_dict=colors),
            "opacity": 0.3,
            **place_of_cells(self.on, self.grid),
        }
        self._layers.show_labels(OUT_OF_FOCUS, cells, self.on, **options)

    def _show_borders(self, viewer: Any) -> "Iterator[None]":
        outlines, width = self._outlines(), BORDER * self.result.tile
        self._plane = self.shown_plane(viewer)
        layer = self._layers.get(FOCUS)
        if not isinstance(layer, Shapes):
            self._drop(viewer, FOCUS)
            layer = self._begin_borders(outlines[:AT_ONCE], width)
            yield
            for first in range(AT_ONCE, len(outlines), AT_ONCE):
                some = slice(first, first + AT_ONCE)
                layer.add(
                    outlines[some],
                    shape_type="polygon",
                    edge_color=self._colors()[some],
                    face_color="transparent",
                    edge_width=width,
                )
                yield
        elif not _same(layer.data, outlines):
            layer.data = outlines
            layer.edge_width, layer.face_color = width, "transparent"
        self._recolor(layer)

    def _begin_borders(self, outlines: list[np.ndarray], width: float) -> Shapes:
        place = self._plane_place() or {}
        colors = self._colors()[: len(outlines)]
        return self._layers.show_shapes(
            FOCUS, outlines, self.on, colors, edge_width=width, opacity=1.0, **place
        )

    def _outlines(self) -> list[np.ndarray]:
        """Borders inside of the tiles, so that each can be seen beside the next."""
        inset = BORDER * self.result.tile / 2
        corners = self.result.rectangles()
        inside = corners + np.array([[1, 1], [1, -1], [-1, -1], [-1, 1]]) * inset
        return list(inside)

    def _recolor(self, layer: Shapes) -> None:
        colors = self._colors()
        if len(layer.data) == len(colors):  # else they are still being made
            layer.edge_color = colors

    def _colors(self) -> np.ndarray:
        result, place = self.result, self._plane
        colors = focus_colors(result.expected[place], result.certainty[place])
        if self.chosen is not None and self.chosen[:-2] == place:
            colors[self.chosen[-2:]] = CHOSEN
        return colors.reshape(-1, 4)

    def _plane_place(self) -> dict[str, Any] | None:
        """Where a plane lies in the image; None where that depends on the plane."""
        try:
            return layer_transform(self.on, space_of(self.on)[-2:])
        except InputError:
            return None

    def _step_aside(self, layer: Shapes, dims: Any) -> None:
        """Hide the borders while planes are seen from another side."""
        across = dims.ndisplay != 2 or set(dims.displayed) != {
            dims.ndim - 2,
            dims.ndim - 1,
        }
        if across and layer.visible:
            self._aside, layer.visible = True, False
        elif self._aside and not across:
            self._aside, layer.visible = False, True

    def shown_plane(self, viewer: Any) -> tuple[int, ...]:
        """Where the sliders stand, also that of an axis that is on the screen."""
        inside = np.asarray(self.on.world_to_data(viewer.dims.point))
        point = inside[space_of(self.on)][:-2]
        last = np.subtract(self.result.level.shape[:-2], 1)
        return tuple(int(n) for n in np.clip(np.rint(point), 0, last))

    def _drop_unlike(
        self, viewer: Any, name: str, kind: type[Layer], shape: tuple[int, ...]
    ) -> None:
        old = self._layers.get(name)
        blank = LayerAxes.of(self.on).lift(np.broadcast_to(0, shape))
        if old is not None and (type(old) is not kind or old.data.shape != blank.shape):
            self._drop(viewer, name)

    def _drop(self, viewer: Any, name: str) -> None:
        old = self._layers.get(name)
        if old is not None:
            viewer.layers.remove(old)


def place_of_cells(layer: Layer, grid: CellGrid) -> dict[str, Any]:
    """Keywords that put a grid of cells on the image that they are of."""
    pitch = np.array(grid.pitch)
    steps = np.ones(len(space_of(layer)))
    steps[-2:] = pitch
    return place_of_part(layer, np.zeros(len(steps)), steps)


def level_colormap() -> Colormap:
    """Hue of the levels at full certainty; nothing where nothing is known."""
    colors = focus_colors(np.linspace(0, LEVELS - 1, 64), 1.0)
    return Colormap(colors, name="focus level", nan_color=(0, 0, 0, 0))


def _same(old: list[np.ndarray], new: list[np.ndarray]) -> bool:
    return len(old) == len(new) and all(
        np.allclose(a, b) for a, b in zip(old, new, strict=True)
    )
