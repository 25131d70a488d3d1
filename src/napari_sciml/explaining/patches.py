"""What the members see of single voxels, all of one size, to compare and exchange."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from napari_sciml.explaining.panel import Panel
from napari_sciml.images.tiles import Region, with_halo
from napari_sciml.networks.ensemble import memory_format, network_reach


@dataclass(frozen=True)
class Patches:
    """What the members see of voxels.

    Attributes
    ----------
    channels
        ``(n, channel, …)`` of the front end, the voxel in the middle, as far as the
        network that looks furthest; 0 outside of the image. None where no network
        counts.
    rows
        ``(n, point, channel)`` of the trees; None where they do not count.
    """

    channels: Tensor | None
    rows: np.ndarray | None

    @classmethod
    def of_all(cls, parts: Sequence["Patches"]) -> "Patches":
        """Give several as one."""
        channels = [part.channels for part in parts if part.channels is not None]
        rows = [part.rows for part in parts if part.rows is not None]
        return cls(
            torch.cat(channels) if channels else None,
            np.concatenate(rows) if rows else None,
        )

    def __len__(self) -> int:
        held = self.channels if self.rows is None else self.rows
        assert held is not None
        return len(held)

    def __getitem__(self, chosen: slice) -> "Patches":
        return Patches(
            None if self.channels is None else self.channels[chosen],
            None if self.rows is None else self.rows[chosen],
        )

    def exchanged(
        self, order: np.ndarray, channels: Sequence[int], columns: Sequence[int]
    ) -> "Patches":
        """Give the same where some channels are those of other voxels.

        Parameters
        ----------
        order
            ``(n,)``: whose.
        channels, columns
            Which, of networks and of trees.
        """
        image, rows = self.channels, self.rows
        if image is not None and len(channels):
            which = list(channels)
            image = image.clone()
            image[:, which] = image[torch.from_numpy(order)][:, which]
        if rows is not None and len(columns):
            rows = rows.copy()
            rows[:, :, columns] = rows[order][:, :, columns]
        return Patches(image, rows)


def voxel(place: Sequence[int] | np.ndarray) -> Region:
    """Give a place as a region."""
    return tuple(slice(int(x), int(x) + 1) for x in place)


def patch_size(panel: Panel) -> int:
    """Voxels of the channels of a patch."""
    return int(np.prod([2 * reach + 1 for reach in panel.ensemble.reach]))


def take_patch(panel: Panel, place: np.ndarray) -> Generator[None, None, Patches]:
    """See what the members see of a voxel; yields in between."""
    tile, reach = panel.tile(voxel(place)), panel.ensemble.reach
    gray = panel.read(tile)
    channels = rows = None
    if panel.networks:
        near = with_halo(tile.core, reach, panel.shape)
        found = panel.front(gray[None], tile, near.read)
        lacks = [
            (r - low, r - high)
            for r, (low, high) in zip(reach, near.surround, strict=True)
        ]
        channels = functional.pad(found, [n for pair in lacks[::-1] for n in pair])
        yield
    if panel.trees:
        rows = panel.rows(gray, tile)
        yield
    return Patches(channels, rows)


def ask_patches(panel: Panel, patches: Patches) -> Generator[None, None, np.ndarray]:
    """Ask all members; logarithms of probabilities ``(member, n, class)``."""
    found: list[np.ndarray] = []
    if patches.rows is not None:
        found += ask_trees(panel, patches)
        yield
    for number in panel.networks:
        found.append((yield from ask_network(panel, number, patches)))
    return np.stack(found)


def ask_trees(panel: Panel, patches: Patches) -> list[np.ndarray]:
    """Ask the groups of trees; as `ask_patches`."""
    assert patches.rows is not None
    return list(panel.ask_trees(patches.rows[:, None]))


def ask_network(
    panel: Panel, number: int, patches: Patches
) -> Generator[None, None, np.ndarray]:
    """Ask a network; ``(n, class)``."""
    found, step = [], panel.at_once(patch_size(panel))
    reach = network_reach(panel.ensemble.members[number])
    middle: tuple[Any, ...] = (slice(None), slice(None), 0, *reach[1:])
    for start in range(0, len(patches), step):
        channels = seen_by(panel, number, patches[start : start + step])
        with torch.inference_mode():
            answer = panel.ensemble.log_probabilities(number, channels, inside=True)
        found.append(answer[middle].double().cpu().numpy())
        yield
    return np.concatenate(found)


def seen_by(panel: Panel, number: int, patches: Patches) -> Tensor:
    """Channels ``(n, c, …)`` as far as a network looks."""
    assert patches.channels is not None
    reach = network_reach(panel.ensemble.members[number])
    cut = tuple(
        slice(most - own, most + own + 1)
        for most, own in zip(panel.ensemble.reach, reach, strict=True)
    )
    part = patches.channels[:, :, *cut]
    return part.contiguous(memory_format=memory_format(panel.ensemble.dims))
