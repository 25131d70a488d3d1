"""What a model says about a fair sample of an image."""

from collections.abc import Generator, Sequence
from typing import Any

import numpy as np
import torch

from napari_sciml.images.mosaic import frame_at, frames_of
from napari_sciml.images.tiles import Region, Tile, with_halo
from napari_sciml.networks.ensemble import Ensemble
from napari_sciml.networks.trees.kept_rows import KeptRows

BLOCKS = {2: 9, 3: 12}
EDGE = {2: 48, 3: 14}
"""Of a block: about 20,000 pixels, 30,000 voxels."""
LEAST = 3
"""Blocks of an image beside others."""
GLANCE = 3
"""A glance looks at every third block."""


class ImageSample:
    """Some blocks from all over an image.

    Parameters
    ----------
    image
        Array-like of raw gray values; of a mosaic, all images have their share.
    seed
        Of the places: along each axis, every part of the image has its block (a
        Latin hypercube).
    blocks, edge
        Their number and longest edge in voxels; `BLOCKS` and `EDGE` by default.
    """

    def __init__(
        self,
        image: Any,
        *,
        seed: int,
        blocks: int | None = None,
        edge: int | None = None,
    ) -> None:
        self._image, self._kept = image, KeptRows()
        dims = len(image.shape)
        self._regions = spread_over(
            image,
            blocks or BLOCKS[dims],
            edge or EDGE[dims],
            np.random.default_rng([seed, 1]),
        )

    def members(
        self, ensemble: Ensemble, *, trees: bool = False, glance: bool = False
    ) -> Generator[None, None, tuple[np.ndarray, np.ndarray]]:
        """Ask all members, or the trees alone; yields often.

        A glance looks at some of the blocks, always the same.

        Returns
        -------
        probabilities, weights : ndarray
            ``(member, n, class)`` as `Ensemble` corrects them, and ``(member,)``.
        """
        parts = []
        for region in self._regions[:: GLANCE if glance else 1]:
            asked = ask_members(
                ensemble, self._image, region, trees=trees, kept=self._kept
            )
            parts.append((yield from asked))
        weights = member_weights(ensemble, trees=trees)
        return np.concatenate(parts, axis=1), weights


def ask_members(
    ensemble: Ensemble,
    image: Any,
    core: Region,
    *,
    trees: bool = False,
    kept: KeptRows | None = None,
) -> Generator[None, None, np.ndarray]:
    """Ask all members about a block of an image, or the trees alone; yields often.

    Parameters
    ----------
    ensemble, image, core
        The block is so small that it fits into memory at once, with its halo.
    trees
        Whether the networks are left out.
    kept
        As in `napari_sciml.prediction.blockwise.BlockPredictor`.

    Returns
    -------
    ndarray
        ``(member, n, class)`` as `Ensemble` corrects them, voxels in C order, in the
        order of `member_weights`.
    """
    rows, frame = [], frame_at(image, core)
    forest = ensemble.forest
    if forest is not None:
        tile = with_halo(core, forest.halo, frame)
        gray = _read(ensemble, image, tile)
        for found in forest.probabilities(gray, tile, frame, kept):
            yield
            if found is not None:
                shares = torch.from_numpy(found).to(ensemble.device)
                rows += [_rows(ensemble.corrected(member)) for member in shares]
    if trees or ensemble.network_weight == 0:
        return np.stack(rows)
    seen = with_halo(core, ensemble.reach, frame, align=ensemble.stride)
    front = with_halo(seen.read, ensemble.front.reach, frame)
    gray = _read(ensemble, image, front)
    with torch.inference_mode():
        channels = ensemble.channels(gray, front.surround)
    for number in range(len(ensemble.members)):
        with torch.inference_mode():
            answer = ensemble.probabilities(number, channels)[:, *seen.inner]
        rows.append(_rows(answer))
        yield
    return np.stack(rows)


def member_weights(ensemble: Ensemble, *, trees: bool = False) -> np.ndarray:
    """How much each member counts that `ask_members` asks, ``(member,)``."""
    weights = [ensemble.forest_weight or 1.0] * _groups(ensemble)
    if not trees and ensemble.network_weight > 0:
        weights += [ensemble.network_weight] * len(ensemble.members)
    return np.asarray(weights)


def _read(ensemble: Ensemble, image: Any, tile: Tile) -> torch.Tensor:
    gray = ensemble.intensity.apply(np.asarray(image[tile.read]))
    return torch.from_numpy(gray).to(ensemble.device)


def _groups(ensemble: Ensemble) -> int:
    return 0 if ensemble.forest is None else ensemble.forest.members


def _rows(found: torch.Tensor) -> np.ndarray:
    return found.flatten(1).T.cpu().numpy()


def spread_over(
    image: Any, blocks: int, edge: int, rng: np.random.Generator
) -> list[Region]:
    """Blocks from all over an image, or from each image of a mosaic."""
    frames = frames_of(image)
    share = max(LEAST, -(-blocks // len(frames))) if len(frames) > 1 else blocks
    found = []
    for frame in frames:
        shape = [part.stop - part.start for part in frame]
        starts = [part.start for part in frame]
        found += [
            tuple(
                slice(r.start + at, r.stop + at)
                for r, at in zip(region, starts, strict=True)
            )
            for region in spread_blocks(shape, share, edge, rng)
        ]
    return found


def spread_blocks(
    shape: Sequence[int], blocks: int, edge: int, rng: np.random.Generator
) -> list[Region]:
    """Blocks from all over an image: a Latin hypercube.

    Along each axis every part of the image has its block. There are fewer than
    ``blocks`` where the image has no room for them.
    """
    edges = np.minimum(shape, edge)
    room = np.asarray(shape) - edges
    count = min(blocks, int(np.prod(-(-np.asarray(shape) // edges))))
    places = [(rng.permutation(count) + rng.random(count)) / count for _ in edges]
    corners = (np.stack(places, 1) * (room + 1)).astype(int)
    return [
        tuple(slice(int(a), int(a + e)) for a, e in zip(corner, edges, strict=True))
        for corner in corners
    ]
