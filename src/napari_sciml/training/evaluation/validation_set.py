"""The labels kept aside as a test, and what an ensemble says about them."""

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from napari_sciml.annotation.scribbles import Scribbles
from napari_sciml.images.mosaic import frame_at
from napari_sciml.images.tiles import Tile, with_halo
from napari_sciml.networks.ensemble import Ensemble, memory_format
from napari_sciml.training.data.augmentation import joined
from napari_sciml.training.data.channels import ChannelCache
from napari_sciml.training.data.sampling import Batch
from napari_sciml.training.data.targets import IGNORE

MARGIN = {1: 24, 2: 16, 3: 8}
"""Voxels round held-out labels that networks see at most, by joined axes."""
CELLS = 64
VOXELS = 1_000_000
"""Parts are left out beyond these: a look must not take longer than the training."""


@dataclass(frozen=True)
class _Labels:
    """Held-out voxels ``(n, ndim)``, the class and the stroke of each ``(n,)``."""

    voxels: np.ndarray
    classes: np.ndarray
    strokes: np.ndarray

    def __getitem__(self, chosen: np.ndarray) -> "_Labels":
        parts = (self.voxels, self.classes, self.strokes)
        return _Labels(*(part[chosen] for part in parts))


@dataclass(frozen=True)
class ValidationAnswers:
    """What a model says about held-out voxels.

    Attributes
    ----------
    answers
        ``(n, class)`` probabilities.
    truth, strokes, indices
        ``(n,)`` class index, number of the stroke, and flat place, of each.
    """

    answers: np.ndarray
    truth: np.ndarray
    strokes: np.ndarray
    indices: np.ndarray


class ValidationSet:
    """Image parts that hold held-out labels, each a batch of one.

    Each is the bounding box of the labels in a cell of a grid, and a margin: a
    stroke is flat, and most of a cube round it would be computed for nothing.
    Where there are many, a random choice of them is used, with all classes in it.
    The image is read by `prepare`, or when the parts are first asked for.

    Parameters
    ----------
    labels
        The held-out annotation.
    cache
        Where the channels come from.
    edge
        Edges of a cell in voxels, one for each axis or one for all.
    seed
        Of the choice.
    most
        Voxels that all parts together may have; `VOXELS` by default.
    """

    def __init__(
        self,
        labels: Scribbles,
        cache: ChannelCache,
        edge: int | Sequence[int],
        *,
        seed: int = 0,
        most: int | None = None,
    ) -> None:
        self._cache = cache
        self._batches: list[Batch] = []
        cells = _cells(_numbered(labels), np.broadcast_to(edge, labels.ndim))
        tiles = _tiles(cells, cache.ensemble, cache.image)
        chosen = _choose(cells, tiles, np.random.default_rng(seed), most or VOXELS)
        self._cells = [(cells[index], tiles[index]) for index in chosen]

    def __len__(self) -> int:
        """Held-out voxels."""
        return len(self.strokes)

    @property
    def strokes(self) -> np.ndarray:
        """Number of the stroke of each voxel; voxels of one are not independent."""
        return _joined([cell.strokes for cell, _ in self._cells])

    @property
    def truth(self) -> np.ndarray:
        """Class index of each held-out voxel, ``(n,)``."""
        return _joined([cell.classes for cell, _ in self._cells])

    @property
    def indices(self) -> np.ndarray:
        """Flat place of each voxel in the image, ``(n,)``."""
        voxels = [cell.voxels for cell, _ in self._cells]
        if not voxels:
            return np.empty(0, np.int64)
        shape = tuple(self._cache.image.shape)
        return np.ravel_multi_index(tuple(np.concatenate(voxels).T), shape)

    @property
    def batches(self) -> list[Batch]:
        """Channels and class indices of the parts."""
        for _ in self.prepare():
            pass
        return self._batches

    def forget(self) -> None:
        """Read all parts again: the front end is another one now."""
        self._batches = []

    def prepare(self) -> Iterator[None]:
        """Read the parts that were not read yet; yields after each."""
        while len(self._batches) < len(self._cells):
            cell, tile = self._cells[len(self._batches)]
            channels = self._cache.channels(tile.read)
            targets = torch.full((1, *channels.shape[2:]), IGNORE)
            places = cell.voxels - [part.start for part in tile.read]
            targets[0, *torch.from_numpy(places.T)] = torch.from_numpy(cell.classes)
            self._batches.append(Batch(channels, targets.to(channels.device)))
            yield

    def logits(self, ensemble: Ensemble) -> Generator[None, None, np.ndarray]:
        """What each member says, ``(member, n, class)``; yields after each part."""
        yield from self.prepare()
        answers = []
        for member in range(len(ensemble.members)):
            rows = []
            for batch in self._batches:
                rows.append(_answer(ensemble, member, batch))
                yield
            answers.append(np.concatenate(rows))
        return np.stack(answers)


def ask(
    answer: Callable[[torch.Tensor], torch.Tensor], batches: Sequence[Batch]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Ask a network about the held-out labels.

    Parameters
    ----------
    answer
        Maps channels ``(n, c, …)`` to logits ``(n, class, …)``.
    batches
        One or more, as from `ValidationSet.batches`.

    Returns
    -------
    probabilities, targets : Tensor
        ``(n, class)`` and ``(n,)``, in the order of `ValidationSet.truth`.
    """
    rows, targets = [], []
    for batch in batches:
        labeled = batch.targets != IGNORE
        logits = answer(batch.channels).movedim(1, -1)[labeled]
        rows.append(torch.softmax(logits.float(), 1))
        targets.append(batch.targets[labeled])
    return torch.cat(rows), torch.cat(targets)


def _answer(ensemble: Ensemble, member: int, batch: Batch) -> np.ndarray:
    channels = batch.channels.contiguous(memory_format=memory_format(ensemble.dims))
    with torch.inference_mode():
        logits = ensemble.logits(member, channels).float()
        return logits[:, batch.targets[0] != IGNORE].T.cpu().numpy()


def _numbered(labels: Scribbles) -> _Labels:
    """All held-out voxels, in C order."""
    classes = labels.values.astype(np.int64) - 1
    return _Labels(labels.voxels, classes, labels.stroke_numbers)


def _cells(labels: _Labels, edges: np.ndarray) -> list[_Labels]:
    """The labels cell by cell, each in C order."""
    _, cell = np.unique(labels.voxels // edges, axis=0, return_inverse=True)
    cell = cell.reshape(-1)
    order = np.argsort(cell, kind="stable")
    cuts = np.flatnonzero(np.diff(cell[order])) + 1
    return [labels[part] for part in np.split(order, cuts) if len(part)]


def _tiles(cells: Sequence[_Labels], ensemble: Ensemble, image: Any) -> list[Tile]:
    """What has to be seen to answer for the labels of each cell."""
    near = joined(ensemble.front.spacing or [1.0] * ensemble.dims)
    reach = np.subtract(ensemble.halo, ensemble.front.reach)
    margins = np.minimum(reach, MARGIN[int(near.sum())]).tolist()
    stride, tiles = ensemble.stride, []
    for cell in cells:
        low, high = cell.voxels.min(0).tolist(), (cell.voxels.max(0) + 1).tolist()
        box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        tile = with_halo(box, margins, frame_at(image, box), align=stride)
        # No network looks along an axis that is not joined, nor pools along it.
        read = (r if n else c for n, r, c in zip(near, tile.read, box, strict=True))
        tiles.append(Tile(box, tuple(read)))
    return tiles


def _choose(
    cells: Sequence[_Labels],
    tiles: Sequence[Tile],
    rng: np.random.Generator,
    most: int,
) -> list[int]:
    """A random choice of cells, and at least one with each class."""
    order = rng.permutation(len(cells)).tolist()
    if not order:
        return []
    kinds = [set(cell.classes.tolist()) for cell in cells]
    chosen: list[int] = []
    for kind in sorted(set().union(*kinds)):
        if not any(kind in kinds[index] for index in chosen):
            chosen.append(next(index for index in order if kind in kinds[index]))
    sizes = [int(np.prod([r.stop - r.start for r in tile.read])) for tile in tiles]
    room = most - sum(sizes[index] for index in chosen)
    for index in order:
        if index in chosen or sizes[index] > room or len(chosen) >= CELLS:
            continue
        chosen.append(index)
        room -= sizes[index]
    return sorted(chosen)


def _joined(parts: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate(parts) if parts else np.empty(0, np.int64)
