"""The labels kept aside as a test, and what an ensemble says about them."""

from collections.abc import Generator, Sequence

import numpy as np
import torch

from napari_sciml.annotation.strokes import find_strokes
from napari_sciml.images.tiles import split_into_tiles, with_halo
from napari_sciml.networks.ensemble import Ensemble, memory_format
from napari_sciml.training.channels import ChannelCache
from napari_sciml.training.sampling import Batch
from napari_sciml.training.targets import IGNORE

MARGIN = 8
"""Voxels round held-out labels that the networks see as well."""


class HeldOut:
    """Image parts that hold held-out labels, each a batch of one.

    Each is the bounding box of the labels in a cell of a grid, and a margin: a
    stroke is flat, and most of a cube round it would be computed for nothing.

    Parameters
    ----------
    labels
        The held-out annotation; 0 = not held out.
    cache
        Where the channels come from.
    edge
        Edge of a cell in voxels.
    """

    def __init__(self, labels: np.ndarray, cache: ChannelCache, edge: int) -> None:
        self.batches: list[Batch] = []
        groups = _numbered_strokes(labels)
        numbers = []
        for cell in split_into_tiles(labels.shape, edge, 0):
            places = np.argwhere(labels[cell.core])
            if not len(places):
                continue
            origin = [part.start for part in cell.core]
            low, high = places.min(0) + origin, places.max(0) + origin + 1
            box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
            tile = with_halo(box, MARGIN, labels.shape)
            targets = np.zeros(labels[tile.read].shape, np.int64)
            targets[tile.inner] = labels[box]
            channels = cache.channels(tile.read)
            indices = torch.from_numpy(targets - 1)[None].to(channels.device)
            self.batches.append(Batch(channels, indices))
            numbers.append(groups[tile.read][targets > 0])
        self.strokes = np.concatenate(numbers) if numbers else np.empty(0, np.int64)

    def __len__(self) -> int:
        """Held-out voxels."""
        return len(self.strokes)

    @property
    def truth(self) -> np.ndarray:
        """Class index of each held-out voxel, ``(n,)``."""
        parts = [batch.targets[batch.targets != IGNORE] for batch in self.batches]
        return torch.cat(parts).cpu().numpy() if parts else np.empty(0, np.int64)

    def logits(self, ensemble: Ensemble) -> Generator[None, None, np.ndarray]:
        """What each member says, ``(member, n, class)``; yields between members."""
        answers = []
        for member in range(len(ensemble.members)):
            answers.append(_answers(ensemble, member, self.batches))
            yield
        return np.stack(answers)


def _answers(ensemble: Ensemble, member: int, batches: Sequence[Batch]) -> np.ndarray:
    rows = []
    for batch in batches:
        channels = batch.channels.contiguous(memory_format=memory_format(ensemble.dims))
        with torch.inference_mode():
            logits = ensemble.logits(member, channels).float()
        rows.append(logits[:, batch.targets[0] != IGNORE].T)
    return torch.cat(rows).cpu().numpy()


def _numbered_strokes(labels: np.ndarray) -> np.ndarray:
    """The number of the stroke at each voxel; voxels of one are not independent."""
    numbers = np.zeros(labels.shape, np.int64)
    for index, stroke in enumerate(find_strokes(labels)):
        numbers[tuple(stroke.voxels.T)] = index
    return numbers
