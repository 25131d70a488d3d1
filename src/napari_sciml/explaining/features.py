"""How alike two voxels are to the members of a model."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from napari_sciml.explaining.panel import Panel
from napari_sciml.explaining.patches import Patches, seen_by
from napari_sciml.networks.trees.pointwise import rows_of_second

LITTLE = 1e-6
"""Spread of a feature that says nothing."""


@dataclass(frozen=True)
class Features:
    """What the members make of voxels before they decide.

    Attributes
    ----------
    leaves
        ``(n, tree)`` in which leaf of each tree of both looks a voxel ends; None where
        trees do not count.
    networks
        Of each network ``(n, feature)``: what its last layer reads.
    """

    leaves: np.ndarray | None
    networks: tuple[np.ndarray, ...]

    @classmethod
    def of_all(cls, parts: Sequence["Features"]) -> "Features":
        """Give several as one."""
        leaves = [part.leaves for part in parts if part.leaves is not None]
        return cls(
            np.concatenate(leaves) if leaves else None,
            tuple(map(np.concatenate, zip(*(p.networks for p in parts), strict=True))),
        )


def similarity(known: Features, one: Features, weights: np.ndarray) -> np.ndarray:
    """How alike known voxels are to another one, to all members together.

    To trees: in how many of them both end in the same leaf. To a network: the cosine
    between what its last layer reads of both, every feature at zero mean and unit
    spread over the known voxels; 0 where it is negative.

    Parameters
    ----------
    known, one
        Features of n voxels and of a single one.
    weights
        Of all trees together and of each network, as far as they count.

    Returns
    -------
    ndarray
        ``(n,)``, 0 to 1.
    """
    parts = []
    if known.leaves is not None and one.leaves is not None:
        parts.append((known.leaves == one.leaves).mean(1))
    for theirs, own in zip(known.networks, one.networks, strict=True):
        center, spread = theirs.mean(0), theirs.std(0)
        told = spread > LITTLE
        a = ((theirs - center) / np.where(told, spread, 1))[:, told]
        b = ((own - center) / np.where(told, spread, 1))[0, told]
        lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b)
        parts.append(np.maximum(a @ b / np.maximum(lengths, LITTLE), 0))
    return np.average(np.stack(parts), axis=0, weights=weights)


def weights_of(panel: Panel) -> np.ndarray:
    """Weights of all trees together and of each network, as far as they count."""
    ensemble = panel.ensemble
    trees = [1 - ensemble.trust] if panel.trees else []
    return np.array([*trees, *(ensemble.network_weight for _ in panel.networks)])


def features_of(panel: Panel, patches: Patches) -> Generator[None, None, Features]:
    """Find the features of voxels; yields in between."""
    leaves, networks = None, []
    forest = panel.ensemble.forest
    if patches.rows is not None and forest is not None:
        first = forest.first.leaves(np.ascontiguousarray(patches.rows[:, 0]))
        second = forest.second.leaves(rows_of_second(forest, patches.rows))
        leaves = np.concatenate([first, second], axis=1)
        yield
    for number in panel.networks:
        network = panel.ensemble.members[number]
        with torch.inference_mode():
            found = before_last(network, seen_by(panel, number, patches))
        places = [int(length) // 2 for length in found.shape[2:]]
        middle: tuple[Any, ...] = (slice(None), slice(None), *places)
        networks.append(found[middle].float().cpu().numpy())
        yield
    return Features(leaves, tuple(networks))


def before_last(network: Any, channels: Tensor) -> Tensor:
    """What the last layer of a network reads of patches, ``(n, f, …)``.

    Of a network whose last layer is not known, or does not work voxel by voxel, it is
    the channels themselves.
    """
    own = getattr(network, "features", None)
    if own is not None:
        return torch.as_tensor(own(channels))
    heard: list[Tensor] = []

    def hear(_: nn.Module, given: tuple[Tensor, ...]) -> None:
        heard.append(torch.cat(given, 1) if len(given) > 1 else given[0])

    layers = [m for m in network.modules() if not list(m.children())]
    hooks = [
        layer.register_forward_pre_hook(hear)
        for layer in layers
        if layer is not network and any(True for _ in layer.parameters())
    ]
    try:
        network(channels)
    finally:
        for hook in hooks:
            hook.remove()
    fits = heard and heard[-1].shape[2:] == channels.shape[2:]
    return heard[-1] if fits else channels
