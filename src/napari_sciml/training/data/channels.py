"""The labeled parts of an image, as front-end channels ready to train on."""

from collections import OrderedDict
from itertools import product
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from napari_sciml.images.mosaic import frame_at
from napari_sciml.images.tiles import Region, with_halo
from napari_sciml.networks.ensemble import Ensemble
from napari_sciml.networks.scale_space import Surround, as_batch

CELL = {2: 256, 3: 64}
CACHE_BYTES = 1_000_000_000


class ChannelCache:
    """Front-end channels, computed cell by cell and kept while memory lasts.

    Only the cells that are asked for are ever read, however large the image is.

    Parameters
    ----------
    image
        Array-like of raw gray values, ``(y, x)`` or ``(z, y, x)``; see
        `napari_sciml.images.channels` for several channels.
    ensemble
        Whose front end and intensity to use.
    """

    def __init__(self, image: Any, ensemble: Ensemble) -> None:
        self.image = image
        self.ensemble = ensemble
        self._cells: OrderedDict[tuple[int, ...], Tensor] = OrderedDict()
        self._bytes = 0

    def forget(self) -> None:
        """Keep nothing: the front end is another one now."""
        self._cells.clear()
        self._bytes = 0

    def channels(self, region: Region) -> Tensor:
        """Channels ``(1, c, …)`` of a region that lies in the image."""
        size = CELL[self.image.ndim]
        shape = tuple(part.stop - part.start for part in region)
        device = self.ensemble.device
        out = torch.empty((1, self.ensemble.front.channels, *shape), device=device)
        indices = [range(r.start // size, (r.stop - 1) // size + 1) for r in region]
        for index in product(*indices):
            into, taken = [], []
            for i, r in zip(index, region, strict=True):
                start, stop = max(r.start, i * size), min(r.stop, (i + 1) * size)
                into.append(slice(start - r.start, stop - r.start))
                taken.append(slice(start - i * size, stop - i * size))
            out[:, :, *into] = self._cell(index)[:, :, *taken]
        return out

    def _cell(self, index: tuple[int, ...]) -> Tensor:
        if index in self._cells:
            self._cells.move_to_end(index)
            return self._cells[index]
        cell = self._cells[index] = self._compute_cell(index)
        self._bytes += cell.nbytes
        while self._bytes > CACHE_BYTES and len(self._cells) > 1:
            _, oldest = self._cells.popitem(last=False)
            self._bytes -= oldest.nbytes
        return cell

    def _compute_cell(self, index: tuple[int, ...]) -> Tensor:
        size = CELL[self.image.ndim]
        frame = frame_at(self.image, size * np.array(index))
        core = tuple(
            slice(i * size, min((i + 1) * size, part.stop))
            for i, part in zip(index, frame, strict=True)
        )
        tile = with_halo(core, self.ensemble.front.radius, frame)
        return self.compute(self.gray(tile.read), tile.surround)

    def gray(self, region: Region) -> np.ndarray:
        """Gray values of a region, float32 of about zero mean and unit spread.

        With several channels, these are the last axis.
        """
        return self.ensemble.intensity.apply(self.image[region])

    def compute(self, gray: np.ndarray, surround: Surround | None = None) -> Tensor:
        """Channels ``(1, c, …)`` of gray values, nothing kept."""
        values = as_batch(torch.from_numpy(gray), self.image.ndim)
        with torch.no_grad():
            front = self.ensemble.front
            return cast("Tensor", front(values.to(self.ensemble.device), surround))
