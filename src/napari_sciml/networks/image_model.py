"""Networks that map images to images, and everything needed to use them."""

import math
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

import numpy as np
import torch
from torch import Tensor, nn

from napari_sciml.errors import InputError
from napari_sciml.images.intensity import IntensityScale
from napari_sciml.images.tiles import Tile, split_into_tiles
from napari_sciml.networks.autoencoders.autoencoder import Autoencoder, Reconstruction
from napari_sciml.networks.build import network_from_description
from napari_sciml.networks.custom import OwnModules
from napari_sciml.networks.ensemble import network_reach
from napari_sciml.networks.heads import SMSNetClassifier

Task = Literal["fill", "restore", "embed", "classify"]
TASKS: tuple[str, ...] = get_args(Task)
BLOCK = {1: 65_536, 2: 512, 3: 96}
"""Longest edge of a block in voxels, by number of axes."""


@dataclass(frozen=True)
class Applied:
    """What the networks make of images, float32.

    Attributes
    ----------
    mean
        Mean over the networks: images ``(n, c', …)``, or of a model that classifies
        probabilities ``(n, classes)``.
    std
        Sample standard deviation over them, of the same shape; None where there is
        only one network, which cannot tell.
    """

    mean: np.ndarray
    std: np.ndarray | None


class ImageModel:
    """One or several networks from images ``(n, c, …)`` to images ``(n, c', …)``.

    Parameters
    ----------
    members
        Networks that answer the same question: see
        `napari_sciml.networks.protocol.Network`, whose ``classes`` are the channels
        that come out; for the tasks "embed" and "classify" autoencoders and
        classifiers, which take images of one size.
    task
        What they are for: "fill", "restore", "embed" or "classify".
    intensity
        Linear map of raw gray values that the networks were trained with, one for all
        channels, or one a channel. Images that come out are mapped back by the first
        channels' scales.
    record
        What is worth knowing about the training, JSON-able.

    Raises
    ------
    InputError
        When there is no network or no such task, or the networks do not fit together.
    """

    def __init__(
        self,
        members: Sequence[nn.Module],
        *,
        task: Task,
        intensity: IntensityScale,
        record: Mapping[str, Any] | None = None,
    ) -> None:
        if task not in TASKS:
            raise InputError(
                f"There is no task {task!r}; there are: {', '.join(TASKS)}."
            )
        self.networks = nn.ModuleList(members)
        self.task = task
        self.intensity = intensity
        self.record = dict(record or {})
        _check_members(self.members, intensity)

    @property
    def members(self) -> list[Any]:
        """The networks."""
        return list(self.networks)

    @property
    def dims(self) -> int:
        """Axes of space: 1, 2 or 3."""
        return _dims(self.members[0])

    @property
    def in_channels(self) -> int:
        """Of the images that go in."""
        return int(self.members[0].in_channels)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.networks.parameters()).device

    def to(self, device: torch.device) -> "ImageModel":
        """Move the weights."""
        self.networks.to(device)
        return self

    def eval(self) -> "ImageModel":
        """Get ready for use."""
        self.networks.eval()
        return self

    def state_dict(self) -> dict[str, Tensor]:
        """All weights by name."""
        return dict(self.networks.state_dict())

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take other weights; RuntimeError where they do not fit."""
        self.networks.load_state_dict(state)

    @property
    def halo(self) -> tuple[int, ...]:
        """Voxels an axis around a block that its answer depends on."""
        return tuple(map(max, zip(*map(network_reach, self.members), strict=True)))

    @property
    def stride(self) -> int:
        """Blocks that start at its multiples are answered like the whole image."""
        return math.lcm(*(m.stride for m in self.members))

    def apply(self, images: Any, *, block: int | None = None) -> Applied:
        """Ask all networks about images of any size.

        Parameters
        ----------
        images
            Array-like of raw gray values, ``(n, c, …)``.
        block
            Longest edge of a block that is computed at once, in voxels; the result
            does not depend on it.

        Raises
        ------
        InputError
            When the images do not fit the networks, or hold NaN or infinite values.
        """
        if not self._blockwise:
            return self._at_once(images)
        mean = std = np.empty(0, np.float32)
        for tile, found in self.blocks(images, block=block):
            if not mean.size:
                shape = (*found.mean.shape[:2], *images.shape[2:])
                mean, std = np.empty(shape, np.float32), np.empty(shape, np.float32)
            where = (slice(None), slice(None), *tile.core)
            mean[where] = found.mean
            if found.std is not None:
                std[where] = found.std
        return Applied(mean, std if len(self.networks) > 1 else None)

    def blocks(
        self, images: Any, *, block: int | None = None
    ) -> Generator[tuple[Tile, Applied], None, None]:
        """Ask block by block, to stop in between; see `apply`.

        Yields
        ------
        tuple of Tile and Applied
            Where a block lies in space, and what belongs to its ``core``.
        """
        self._check_images(images)
        shape, size = images.shape[2:], block or BLOCK[self.dims]
        for tile in split_into_tiles(shape, size, self.halo, align=self.stride):
            gray = self._scaled(np.asarray(images[:, :, *tile.read]))
            yield tile, self._statistics(gray, tile)

    @property
    def _blockwise(self) -> bool:
        return all(hasattr(m, "radius") and hasattr(m, "stride") for m in self.members)

    def _at_once(self, images: Any) -> Applied:
        self._check_images(images)
        return self._statistics(self._scaled(np.asarray(images)), None)

    def _statistics(self, gray: Tensor, tile: Tile | None) -> Applied:
        self.eval()
        with torch.inference_mode():
            answers = [_answer(member, gray) for member in self.members]
            if tile is not None:
                answers = [answer[:, :, *tile.inner] for answer in answers]
            every = torch.stack([self._raw(answer.float()) for answer in answers])
        several = len(every) > 1
        std = every.std(0, correction=1).cpu().numpy() if several else None
        return Applied(every.mean(0).cpu().numpy(), std)

    def _scaled(self, images: np.ndarray) -> Tensor:
        scaled = self.intensity.apply(np.moveaxis(images, 1, -1))
        gray = np.ascontiguousarray(np.moveaxis(scaled, -1, 1))
        return torch.from_numpy(gray).to(self.device)

    def _raw(self, answer: Tensor) -> Tensor:
        """Bring images back to the scale of those that went in."""
        if answer.ndim == 2:
            return answer
        like, count = [1, -1] + [1] * (answer.ndim - 2), answer.shape[1]
        scale, offset = (
            torch.as_tensor(np.resize(value, count), dtype=answer.dtype).view(like)
            for value in (self.intensity.scale, self.intensity.offset)
        )
        return answer / scale.to(answer.device) + offset.to(answer.device)

    def _check_images(self, images: Any) -> None:
        found = tuple(images.shape)
        if len(found) != self.dims + 2 or 0 in found or found[1] != self.in_channels:
            raise InputError(
                f"The model takes images (n, {self.in_channels}, …) with {self.dims} "
                f"axes of space, not an array of the shape {found}."
            )

    def description(self) -> dict[str, Any]:
        """Everything but weights and record, JSON-able."""
        scale, offset = self.intensity.scale, self.intensity.offset
        return {
            "intensity": {
                "offset": list(offset) if isinstance(offset, tuple) else offset,
                "scale": list(scale) if isinstance(scale, tuple) else scale,
            },
            "members": [member.description() for member in self.members],
        }

    @classmethod
    def from_description(
        cls,
        task: Task,
        description: Mapping[str, Any],
        record: Mapping[str, Any],
        own: OwnModules | None = None,
    ) -> "ImageModel":
        """Build a model with arbitrary weights, to load a state into.

        Raises
        ------
        InputError
            When a network cannot be built, or they do not fit together.
        """
        stored = description["intensity"]
        offset, scale = (
            tuple(map(float, value)) if isinstance(value, list) else float(value)
            for value in (stored["offset"], stored["scale"])
        )
        members = [_member(part, own) for part in description["members"]]
        intensity = IntensityScale(offset, scale)
        return cls(members, task=task, intensity=intensity, record=record)


def _member(description: Mapping[str, Any], own: OwnModules | None) -> nn.Module:
    kind = description["kind"]
    if kind == "autoencoder":
        return Autoencoder.from_description(dict(description))
    if kind == "smsnet_classifier":
        return SMSNetClassifier.from_description(dict(description))
    return cast("nn.Module", network_from_description(description, own))


def _answer(member: nn.Module, gray: Tensor) -> Tensor:
    answer = member(gray)
    if isinstance(answer, Reconstruction):
        return answer.image
    found: Tensor = answer
    return torch.softmax(found, 1) if found.ndim == 2 else found


def _dims(member: Any) -> int:
    return int(member.dims) if hasattr(member, "dims") else len(member.shape)


def _out_channels(member: Any) -> Any:
    # An autoencoder's classes are beside its images.
    return None if isinstance(member, Autoencoder) else member.classes


def _check_members(members: Sequence[Any], intensity: IntensityScale) -> None:
    if not members:
        raise InputError("A model needs at least one network: train one first.")
    found = {(_dims(m), m.in_channels, _out_channels(m)) for m in members}
    if len(found) > 1:
        raise InputError(
            "The networks of a model must have the same axes and channels, but have "
            f"{sorted(found, key=str)}."
        )
    channels = next(iter(found))[1]
    if isinstance(intensity.offset, tuple) and intensity.channels != channels:
        raise InputError(
            f"The networks take {channels} channels, but there are scales of gray "
            f"values for {intensity.channels}."
        )
