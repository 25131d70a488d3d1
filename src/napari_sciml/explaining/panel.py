"""Ask all members of a model about one place, in many versions of the image there."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from napari_sciml.errors import InputError
from napari_sciml.images.tiles import Region, Tile, region_size, with_halo
from napari_sciml.networks.ensemble import (
    FLOOR,
    Ensemble,
    memory_format,
    network_reach,
)
from napari_sciml.networks.trees.forest_block import GROUPS
from napari_sciml.networks.trees.pointwise import (
    ask_about,
    rows_around,
    rows_of_pictures,
)

PIECE = 2**18
"""Voxels of channels that are looked at together."""
MOST_VERSIONS = 64


@dataclass(frozen=True)
class Member:
    """Who answers.

    Attributes
    ----------
    name
        In words: "network 2", "trees, first look, group 1".
    weight
        In the mean; all weights add up to 1.
    network
        Its number, where it is one.
    """

    name: str
    weight: float
    network: int | None = None


@dataclass(frozen=True)
class Seen:
    """What the members see of a place in some versions of the image.

    Attributes
    ----------
    channels
        ``(n, channel, …)`` of the front end, as far as networks look; None where no
        network counts.
    rows
        ``(n, voxel, point, channel)`` of the trees; None where they do not count.
    """

    channels: Tensor | None
    rows: np.ndarray | None


class Panel:
    """The members of a model before an image.

    Parameters
    ----------
    ensemble
        Trained networks and trees; nothing of it is changed.
    image
        Array-like of raw gray values; only what lies round a place is read.

    Attributes
    ----------
    members
        Those that count, trees first.

    Raises
    ------
    InputError
        When the image has other axes or channels than the model is for.
    """

    def __init__(self, ensemble: Ensemble, image: Any) -> None:
        if image.ndim != ensemble.dims:
            raise InputError(
                f"The model is for {ensemble.dims}D images, but this one has "
                f"{image.ndim} axes: choose another image or model."
            )
        ensemble.check_channels(image)
        self.ensemble, self.image = ensemble.for_image(image), image
        self.shape = tuple(int(n) for n in image.shape)
        self.members = tuple(_members(ensemble))

    @property
    def weights(self) -> np.ndarray:
        """Of the members."""
        return np.array([member.weight for member in self.members])

    @property
    def networks(self) -> list[int]:
        """Numbers of the networks that count."""
        found = [member.network for member in self.members]
        return [number for number in found if number is not None]

    @property
    def trees(self) -> bool:
        """Whether trees count."""
        return any(member.network is None for member in self.members)

    def tile(self, core: Region) -> Tile:
        """A place, and what is read for it."""
        ensemble = self.ensemble
        return with_halo(core, ensemble.halo, self.shape, align=ensemble.stride)

    def read(self, tile: Tile) -> Tensor:
        """Gray values ``(inputs, …)`` of what is read, on the model's device."""
        gray = self.ensemble.intensity.apply(self.image[tile.read])
        values = torch.from_numpy(gray).to(self.ensemble.device)
        return values[None] if values.ndim == self.image.ndim else values.movedim(-1, 0)

    def together(self, core: Region) -> int:
        """Versions of a place that are looked at together."""
        return self.at_once(region_size(self.near(core)))

    def at_once(self, size: int) -> int:
        """Versions with so many voxels of channels that are looked at together."""
        return max(1, min(MOST_VERSIONS, PIECE // size))

    def look(self, versions: Tensor, tile: Tile) -> Generator[None, None, Seen]:
        """See what the members see of some versions; yields often.

        Parameters
        ----------
        versions
            ``(n, inputs, …)`` of ``tile.read``.
        tile
            Place, and what is read for it.
        """
        channels = rows = None
        if self.networks:
            channels = self.front(versions, tile, self.near(tile.core))
            yield
        if self.trees:
            rows = yield from self._rows_of_all(versions, tile)
        return Seen(channels, rows)

    def answer(self, seen: Seen, core: Region) -> Generator[None, None, np.ndarray]:
        """Ask the members about what they see; yields often.

        Returns
        -------
        ndarray
            Logarithms of probabilities ``(member, n, class)``, float64; those of a
            region are of the mean probability of its voxels.
        """
        found: list[np.ndarray] = []
        if seen.rows is not None:
            found += self.ask_trees(seen.rows)
            yield
        for number in self.networks:
            assert seen.channels is not None
            found.append(self._ask_network(number, seen.channels, core))
            yield
        return np.stack(found)

    def front(self, versions: Tensor, tile: Tile, near: Region) -> Tensor:
        """Channels ``(n, c, …)`` of a part of what is read.

        Parameters
        ----------
        versions, tile
            As in `look`.
        near
            The part; the front end looks further, where there is more of the image.
        """
        with torch.inference_mode():
            found: Tensor = self.ensemble.front(
                versions, Tile(near, tile.read).surround
            )
        return found

    def rows(self, version: Tensor, tile: Tile) -> np.ndarray:
        """What the trees see of a version; see `rows_around`."""
        forest = self.ensemble.forest
        assert forest is not None
        return rows_around(forest, version, tile.core, tile.read, self.shape)

    def ask_trees(self, rows: np.ndarray) -> Iterator[np.ndarray]:
        """Ask each group about rows ``(n, voxel, point, channel)``; as `answer`."""
        forest = self.ensemble.forest
        assert forest is not None
        versions, voxels = rows.shape[:2]
        answers = ask_about(forest, rows.reshape(-1, *rows.shape[2:]))
        for member in answers:
            shares = self.ensemble.corrected(_as_image(member, self.ensemble))
            found = shares.flatten(1).T.reshape(versions, voxels, -1).mean(1)
            kept = found.double().clamp_min(FLOOR)
            yield (kept / kept.sum(1, keepdim=True)).log().cpu().numpy()

    def part_seen(self, number: int, core: Region) -> tuple[Region, Region]:
        """What a network needs of the channels, and where the place lies in that."""
        everything = self.near(core)
        network = self.ensemble.members[number]
        own = with_halo(core, network_reach(network), self.shape, align=network.stride)
        return Tile(own.read, everything).inner, own.inner

    def channels_for(self, number: int, channels: Tensor, core: Region) -> Tensor:
        """Channels ``(n, c, …)`` as far as a network looks."""
        part = channels[:, :, *self.part_seen(number, core)[0]]
        return part.contiguous(memory_format=memory_format(self.ensemble.dims))

    def near(self, core: Region) -> Region:
        """Part of the image whose channels the networks look at."""
        ensemble = self.ensemble
        stride = ensemble.stride
        return with_halo(core, ensemble.reach, self.shape, align=stride).read

    def _rows_of_all(
        self, versions: Tensor, tile: Tile
    ) -> Generator[None, None, np.ndarray]:
        if self.ensemble.dims == 2:
            forest = self.ensemble.forest
            assert forest is not None
            given = tile.core, tile.read, self.shape
            rows = rows_of_pictures(forest, versions, *given)
            yield
            return rows
        found = []
        for one in versions:
            found.append(self.rows(one, tile))
            yield
        return np.stack(found)

    def _ask_network(self, number: int, channels: Tensor, core: Region) -> np.ndarray:
        _, (first, *others) = self.part_seen(number, core)
        part = self.channels_for(number, channels, core)
        reach = network_reach(self.ensemble.members[number])[0]
        inside = reach == first.start == part.shape[2] - first.stop
        with torch.inference_mode():
            found = self.ensemble.log_probabilities(number, part, inside=inside)
            cut = slice(None) if inside else first
            voxels = found[:, :, cut, *others].flatten(2).double()
            mean = torch.logsumexp(voxels, 2) - np.log(voxels.shape[2])
        return mean.cpu().numpy()


def log_odds(answers: np.ndarray, weights: np.ndarray, index: int) -> np.ndarray:
    """Log-odds ``(n,)`` of a class by the mean probability of the members.

    In logarithms throughout: networks are more certain than 1 - p can hold.

    Parameters
    ----------
    answers
        As from `Panel.answer`.
    weights
        Of the members.
    index
        Of the class.
    """
    others = np.delete(answers, index, axis=2)
    against = np.logaddexp.reduce(others, axis=2)
    share = np.log(weights)[:, None]
    both = (np.logaddexp.reduce(share + x) for x in (answers[..., index], against))
    for_it, against_it = both
    return np.asarray(for_it - against_it)


def _members(ensemble: Ensemble) -> Iterator[Member]:
    if ensemble.forest_weight > 0:
        for look in ("first", "second"):
            for group in range(1, GROUPS + 1):
                name = f"trees, {look} look, group {group}"
                yield Member(name, ensemble.forest_weight)
    if ensemble.network_weight > 0:
        for number in range(len(ensemble.members)):
            name = f"network {number + 1}"
            yield Member(name, ensemble.network_weight, number)


def _as_image(member: np.ndarray, ensemble: Ensemble) -> Tensor:
    """Answers ``(n, class)`` as an image ``(class, n, 1 …)`` of the model's axes."""
    columns = torch.from_numpy(np.ascontiguousarray(member.T)).to(ensemble.device)
    return columns.view(*columns.shape, *[1] * (ensemble.dims - 1))
