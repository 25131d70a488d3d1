"""A first model in a moment: voxel by voxel, on the channels of the front end."""

from collections.abc import Generator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from napari_sciml.annotation.scribbles import Scribbles
from napari_sciml.images.tiles import Region, with_halo
from napari_sciml.networks.ensemble import Ensemble
from napari_sciml.networks.pixelwise import PixelNet

MEMBERS = 3
STEPS = 120
RATE = 0.02
DECAY = 0.01
ROWS = 3000
"""Labeled voxels of a class that are learned from at most."""
BOX = 128
"""Longest edge of a piece whose channels are computed in one go."""


class InstantModel:
    """Learns anew from all labels in a fraction of a second.

    The channels of a labeled voxel are computed once and kept.

    Parameters
    ----------
    image
        Array-like of raw gray values.
    ensemble
        Whose front end and gray scale are used; its networks are not touched.
    seed
        Of weights and of the choice among many labels.
    """

    def __init__(self, image: Any, ensemble: Ensemble, *, seed: int) -> None:
        self._image = image
        self._like = ensemble
        self._seed = seed
        self._known = np.empty(0, np.int64)
        self._rows = torch.empty((0, ensemble.front.channels), device=ensemble.device)

    def learn(self, labels: Scribbles) -> Generator[None, None, Ensemble]:
        """Fit to the labels; yields often.

        Parameters
        ----------
        labels
            Annotation of the shape of the image.

        Returns
        -------
        Ensemble
            Of `PixelNet` members, in evaluation mode.
        """
        yield from self._look_at(labels)
        rows, targets = self._chosen(labels)
        members = []
        for number in range(MEMBERS):
            member = self._untrained(number)
            _fit(member, rows, targets)
            members.append(member)
            yield
        return Ensemble(
            members,
            front=self._like.front,
            intensity=self._like.intensity,
            class_names=self._like.class_names,
        ).eval()

    def _untrained(self, number: int) -> PixelNet:
        member = PixelNet(
            in_channels=self._rows.shape[1],
            classes=len(self._like.class_names),
            dims=self._like.dims,
        )
        generator = torch.Generator().manual_seed(self._seed * MEMBERS + number)
        member.initialize(generator)
        return member.to(self._like.device)

    def _look_at(self, labels: Scribbles) -> Generator[None, None, None]:
        """Compute the channels of labeled voxels that are new."""
        for stroke in labels.strokes():
            index = np.ravel_multi_index(tuple(stroke.voxels.T), labels.shape)
            fresh = ~np.isin(index, self._known, assume_unique=True)
            if not fresh.any():
                continue
            for piece in _pieces(stroke.voxels[fresh]):
                self._remember(piece, labels.shape)
                yield
        kept = labels.values_at(self._known) > 0
        if not kept.all():
            self._known, self._rows = self._known[kept], self._rows[kept.tolist()]

    def _remember(self, voxels: np.ndarray, shape: Sequence[int]) -> None:
        low, high = voxels.min(0), voxels.max(0) + 1
        box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
        channels = self._channels(box, shape)
        rows = channels[0, :, *torch.from_numpy((voxels - low).T)].T
        index = np.ravel_multi_index(tuple(voxels.T), tuple(shape))
        self._known = np.concatenate([self._known, index])
        self._rows = torch.cat([self._rows, rows])

    def _channels(self, box: Region, shape: Sequence[int]) -> Tensor:
        tile = with_halo(box, self._like.front.reach, shape)
        gray = torch.from_numpy(self._like.intensity.apply(self._image[tile.read]))
        with torch.inference_mode():
            return self._like.channels(gray.to(self._like.device), tile.surround)

    def _chosen(self, labels: Scribbles) -> tuple[Tensor, Tensor]:
        """Rows and class indices, not too many of a class, in a fixed order."""
        values = labels.values_at(self._known)
        order = np.argsort(self._known)
        rng = np.random.default_rng(self._seed)
        parts = []
        for value in np.unique(values):
            own = order[values[order] == value]
            if len(own) > ROWS:
                own = np.sort(rng.choice(own, ROWS, replace=False))
            parts.append(own)
        chosen = np.concatenate(parts)
        targets = torch.from_numpy(values[chosen].astype(np.int64) - 1)
        return self._rows[chosen.tolist()].clone(), targets.to(self._rows.device)


def _pieces(voxels: np.ndarray) -> list[np.ndarray]:
    """Voxels in groups whose boxes are small, or as flat as the stroke is."""
    cell = voxels // BOX
    # Box by box and slice by slice: a tilted stroke fills little of its volume.
    if voxels.shape[1] == 3:
        cell = np.column_stack([voxels[:, :1], cell[:, 1:]])
    _, number = np.unique(cell, axis=0, return_inverse=True)
    order = np.argsort(number.reshape(-1), kind="stable")
    cuts = np.flatnonzero(np.diff(number.reshape(-1)[order])) + 1
    return [voxels[part] for part in np.split(order, cuts)]


def _fit(member: PixelNet, rows: Tensor, targets: Tensor) -> None:
    """All labels in every step, all classes alike."""
    counts = torch.bincount(targets, minlength=member.classes).float()
    weights = torch.where(counts > 0, 1 / counts.clamp_min(1), 0.0)
    optimizer = torch.optim.AdamW(member.parameters(), lr=RATE, weight_decay=DECAY)
    for step in range(STEPS):
        for group in optimizer.param_groups:
            group["lr"] = RATE * (1 - step / STEPS)
        optimizer.zero_grad()
        loss = functional.cross_entropy(member.rows(rows), targets, weights)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
