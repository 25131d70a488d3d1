"""Crops in which trees have told the class of every voxel, for networks to learn.

Strokes say nothing about what was never painted, and there networks extrapolate with
great confidence. Trees do not; what they know there is handed on as shares of the
classes (Hinton, Vinyals and Dean, "Distilling the knowledge in a neural network",
2015).
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor
from torch.nn import functional

from napari_sciml.annotation.scribbles import Scribbles
from napari_sciml.images.mosaic import frame_at, frames_of
from napari_sciml.images.tiles import Region, with_halo
from napari_sciml.networks.trees.two_stage import TwoStageForest
from napari_sciml.training.data.augmentation import shuffled_axes
from napari_sciml.training.data.augmentation_config import AugmentationConfig
from napari_sciml.training.data.channels import ChannelCache
from napari_sciml.training.data.sampling import Batch, crop_edges, seen_enough
from napari_sciml.training.data.targets import IGNORE

EVERY = 5
"""Rounds from one lesson to the next: making one costs about as much as a round."""
MOST = 32
"""Lessons at a time; then each new one takes the place of the oldest."""
SHARE = 0.5
"""Of the batches."""

Draw = Callable[[int, np.random.Generator], Batch]


@dataclass(frozen=True)
class Lesson:
    """A crop: channels ``(1, c, …)``, shares ``(class, …)``, and where they count."""

    channels: Tensor
    shares: Tensor
    known: Tensor


class Lessons:
    """A changing stock of crops with the trees' answers.

    Which crop comes next depends on the seed, the number of crops before it and the
    labels, on nothing else.

    Parameters
    ----------
    cache
        Where channels come from.
    edges
        Of a crop, one for each axis.
    augmentation, spacing
        As in `napari_sciml.training.data.sampling.CropSampler`; gray values are not
        varied.
    gap
        Voxels round held-out labels from which nothing is learned.
    seed
        Of the places.
    """

    def __init__(
        self,
        cache: ChannelCache,
        *,
        edges: Sequence[int],
        augmentation: AugmentationConfig,
        spacing: Sequence[float] | None,
        gap: int,
        seed: int,
    ) -> None:
        self._cache, self._seed, self._gap = cache, seed, gap
        self._dims, self._longest = cache.image.ndim, tuple(edges)
        self._edges = crop_edges(cache.image, edges)
        self._augmentation = augmentation
        self._spacing = tuple(spacing or [1.0] * self._dims)
        self._trees: TwoStageForest | None = None
        self._trained = self._held_out = Scribbles.empty(cache.image.shape)
        self._stock: dict[int, Lesson] = {}
        self._made = 0

    def __len__(self) -> int:
        return len(self._stock)

    def assign(self, trained: Scribbles, held_out: Scribbles) -> None:
        """Say what was painted: it is known better than by trees."""
        self._trained, self._held_out = trained, held_out
        edges = crop_edges(self._cache.image, self._longest)
        if edges != self._edges:  # an image that came is smaller than those crops
            self._edges, self._stock = edges, {}

    def forget(self) -> None:
        """Keep no crop: the front end is another one now."""
        self._stock = {}

    def use(self, trees: TwoStageForest) -> None:
        """Let other trees tell from the next lesson on."""
        self._trees = trees

    def prepare(self, round_: int) -> Generator[None, None, None]:
        """Make a lesson if one is due in a round; yields often."""
        if self._trees is None or round_ % EVERY:
            return
        number, self._made = self._made, self._made + 1
        self._stock[number % MOST] = yield from self._make(number, self._trees)

    def catch_up(self, rounds: int) -> Generator[None, None, None]:
        """Make all that would be there after so many rounds with the same trees."""
        self._made = max(0, -(-rounds // EVERY) - MOST)
        for round_ in range(self._made * EVERY, rounds, EVERY):
            yield from self.prepare(round_)

    def taught(self, strokes: Draw) -> Draw:
        """Draw from the lessons every other time, on the average."""

        def draw(size: int, rng: np.random.Generator) -> Batch:
            if rng.random() < SHARE and self._stock:
                return self.draw(size, rng)
            return strokes(size, rng)

        return draw

    def draw(self, size: int, rng: np.random.Generator) -> Batch:
        """Draw a batch, each crop flipped and turned in its own way."""
        drawn = [
            self._turned(self._stock[int(rng.integers(len(self._stock)))], rng)
            for _ in range(size)
        ]
        channels, shares, known = zip(*drawn, strict=True)
        targets = torch.full_like(torch.stack(known), IGNORE, dtype=torch.int64)
        return Batch(
            torch.cat(channels), targets, torch.stack(shares), torch.stack(known)
        )

    def _turned(
        self, lesson: Lesson, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        dims = self._dims
        parts = [lesson.channels[0], lesson.shares, lesson.known[None]]
        if self._augmentation.flips:
            flips = [axis + 1 for axis in range(dims) if rng.random() < 0.5]
            parts = [part.flip(flips) for part in parts]
        if self._augmentation.turns:
            order = shuffled_axes(lesson.known.shape, self._spacing, rng)
            parts = [part.permute(0, *[a + 1 for a in order]) for part in parts]
        return parts[0][None], parts[1], parts[2][0]

    def _make(
        self, number: int, trees: TwoStageForest
    ) -> Generator[None, None, Lesson]:
        region = self._place(number)
        frame = frame_at(self._cache.image, region)
        tile = with_halo(region, trees.halo, frame)
        device = self._cache.ensemble.device
        gray = torch.from_numpy(self._cache.gray(tile.read)).to(device)
        members = None
        for found in trees.probabilities(gray, tile, frame):
            members = found
            yield
        assert members is not None
        shares = members.mean(0)
        painted = self._trained.values_in(region)
        labeled = painted > 0
        shares[:, labeled] = np.eye(len(shares))[painted[labeled].astype(int) - 1].T
        return Lesson(
            self._cache.channels(region),
            torch.from_numpy(shares).to(device),
            torch.from_numpy(self._known(region, frame)).to(device),
        )

    def _place(self, number: int) -> Region:
        """By turns round a label, and anywhere."""
        rng = np.random.default_rng([self._seed, 11, number])
        if number % 2 == 0 and len(self._trained):
            voxel = self._trained.voxels[rng.integers(len(self._trained))]
            low = voxel - [rng.integers(edge) for edge in self._edges]
            frame = frame_at(self._cache.image, voxel)
        else:
            frames = frames_of(self._cache.image)
            frame = frames[rng.integers(len(frames)) if len(frames) > 1 else 0]
            low = np.array([rng.integers(part.start, part.stop) for part in frame])
        limits = np.subtract([part.stop for part in frame], self._edges)
        starts = np.clip(low, [part.start for part in frame], limits).tolist()
        return tuple(slice(a, a + e) for a, e in zip(starts, self._edges, strict=True))

    def _known(self, region: Region, frame: Region) -> np.ndarray:
        """Neither at a cut edge, where networks see too little, nor held out."""
        known = seen_enough(region, frame)
        if len(self._held_out):
            wide = with_halo(region, self._gap, frame)
            tested = self._held_out.values_in(wide.read) > 0
            tested = ndimage.maximum_filter(tested, 2 * self._gap + 1, mode="constant")
            known &= ~tested[wide.inner]
        return known


def taught_loss(logits: Tensor, shares: Tensor, known: Tensor) -> Tensor:
    """Cross entropy with shares of the classes, mean over known voxels.

    Parameters
    ----------
    logits, shares
        ``(n, class, …)``.
    known
        ``(n, …)`` bool.
    """
    surprise = -(shares * functional.log_softmax(logits.float(), dim=1)).sum(1)
    return (surprise * known).sum() / known.sum().clamp_min(1)
