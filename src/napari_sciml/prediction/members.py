"""Ask the members of an ensemble about a block, one after the other."""

from collections.abc import Generator, Sequence

import numpy as np
import torch
from torch import Tensor

from napari_sciml.images.tiles import Tile, with_halo
from napari_sciml.networks.device import autocast
from napari_sciml.networks.ensemble import Ensemble, memory_format, network_reach
from napari_sciml.networks.trees.kept_rows import KeptRows
from napari_sciml.uncertainty.statistics import RunningStatistics


def member_statistics(
    ensemble: Ensemble,
    values: Tensor,
    tile: Tile,
    shape: Sequence[int],
    *,
    half: bool,
    kept: KeptRows | None,
) -> Generator[None, None, RunningStatistics]:
    """Ask all members about a block; yields after each slab of trees and each network.

    Parameters
    ----------
    ensemble
        Trees and networks, whose weights are on the device of ``values``.
    values
        Gray values of ``tile.read``, after the ensemble's intensity.
    tile
        The block.
    shape
        Of the image.
    half, kept
        As in `napari_sciml.prediction.blockwise.predict_blocks`.

    Returns
    -------
    RunningStatistics
        Of ``tile.core``.
    """
    statistics = RunningStatistics(entropies=True)
    yield from _ask_trees(ensemble, values, tile, shape, kept, statistics)
    if ensemble.network_weight > 0:
        yield from _ask_networks(ensemble, values, tile, shape, half, statistics)
    return statistics


def _ask_trees(
    ensemble: Ensemble,
    values: Tensor,
    tile: Tile,
    shape: Sequence[int],
    kept: KeptRows | None,
    statistics: RunningStatistics,
) -> Generator[None, None, None]:
    forest, weight = ensemble.forest, ensemble.forest_weight
    if forest is None or weight == 0:
        return
    own = with_halo(tile.core, forest.halo, shape)
    gray = values[Tile(own.read, tile.read).inner]
    for found in forest.probabilities(gray, own, shape, kept):
        if found is None:
            yield
            continue
        add_groups(statistics, ensemble, found, values.device, weight)


def add_groups(
    statistics: RunningStatistics,
    ensemble: Ensemble,
    groups: np.ndarray,
    device: torch.device,
    weight: float = 1.0,
) -> None:
    """Add what groups of trees ``(group, class, …)`` answer."""
    for member in torch.from_numpy(groups):
        statistics.add(ensemble.corrected(member.to(device)), weight)


def _ask_networks(
    ensemble: Ensemble,
    values: Tensor,
    tile: Tile,
    shape: Sequence[int],
    half: bool,
    statistics: RunningStatistics,
) -> Generator[None, None, None]:
    seen = with_halo(tile.core, ensemble.reach, shape, align=ensemble.stride)
    # Gradient mode belongs to the thread: it must not stay off over a yield.
    with torch.inference_mode():
        channels = ensemble.channels(values, Tile(seen.read, tile.read).surround)
    for member, network in enumerate(ensemble.members):
        # Each member sees no more than it needs: most need less than the widest.
        reach, stride = network_reach(network), network.stride
        own = with_halo(tile.core, reach, shape, align=stride)
        part = channels[:, :, *Tile(own.read, seen.read).inner]
        part = part.contiguous(memory_format=memory_format(ensemble.dims))
        first, *others = own.inner
        inside = reach[0] == first.start == part.shape[2] - first.stop
        with torch.inference_mode(), autocast(values.device, half):
            found = ensemble.probabilities(member, part, inside=inside)
            cut = slice(None) if inside else first
            statistics.add(found[:, cut, *others], ensemble.network_weight)
        yield
