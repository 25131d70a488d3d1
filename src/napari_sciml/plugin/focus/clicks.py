"""Which tile was clicked."""

from typing import TYPE_CHECKING, Any

import numpy as np
from psygnal import Signal

from napari_sciml.plugin.kit.clicks import Clicks
from napari_sciml.plugin.layers.images import space_of

if TYPE_CHECKING:
    from napari_sciml.plugin.focus.layers import FocusLayers


class TileClicks:
    """Marks the tile that is clicked, where tiles are shown, and tells of it."""

    picked = Signal(tuple)

    def __init__(self) -> None:
        self._clicks = Clicks(self._on_click)
        self._shown: FocusLayers | None = None

    def watch(self, shown: "FocusLayers | None", viewer: Any) -> None:
        """Listen to clicks on these tiles, if there are any."""
        self.close()
        self._shown = shown
        if shown is not None and viewer is not None:
            self._clicks.listen(viewer)

    def close(self) -> None:
        """Stop listening."""
        self._clicks.close()

    def _on_click(self, event: Any) -> None:
        shown = self._shown
        # In 3D all tiles of a line of sight are clicked.
        if shown is None or not shown.visible or len(event.dims_displayed) != 2:
            return
        tile = tile_at(shown, event.position)
        if tile is not None:
            shown.choose(tile)
            self.picked.emit(tile)


def tile_at(shown: "FocusLayers", position: Any) -> tuple[int, ...] | None:
    """Find the tile that holds a point; of those that overlap, the one it is most in.

    Parameters
    ----------
    shown
        The tiles.
    position
        Of the point in the world.

    Returns
    -------
    tuple or None
        Plane, row and column of the tile; None where there is none.
    """
    result = shown.result
    inside = np.asarray(shown.on.world_to_data(position), float)[space_of(shown.on)]
    planes = np.rint(inside[:-2]).astype(int)
    if ((planes < 0) | (planes >= result.level.shape[:-2])).any():
        return None
    place = []
    for at, firsts in zip(inside[-2:], (result.ys, result.xs), strict=True):
        away = np.abs(firsts + (result.tile - 1) / 2 - at)
        if away.min() > result.tile / 2:
            return None
        place.append(int(away.argmin()))
    return (*map(int, planes), *place)
