"""What is sure in a part of a prediction on disk, chunk by chunk.

A part depends on the prediction and the rule alone, so that any process on any machine
that sees the files can decide on it, in any order, once or twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from napari_sciml.errors import InputError, first_line
from napari_sciml.images.lazy import Reopened
from napari_sciml.images.tiles import Region, Tile, aligned_regions
from napari_sciml.io.results.predictions import PredictionStore
from napari_sciml.uncertainty.threshold import ConfidenceRule, LowerBoundRule

_UNDECIDED = (0.05, 0.95)
"""The members of an ensemble do not all say exactly the same between these."""


@dataclass(frozen=True)
class SurePart:
    """What was found in a part.

    Attributes
    ----------
    bits
        uint8: the mask of the part in C order, eight voxels a byte, as it may have to
        travel.
    kept
        Voxels that are sure.
    unknown
        Voxels whose probability is no number.
    members_differ
        Whether the members of the ensemble differ anywhere.
    doubtful
        The first chunk in which they agree where they do not elsewhere; None = none.
    """

    bits: np.ndarray
    kept: int
    unknown: int
    members_differ: bool
    doubtful: Region | None

    def mask(self, region: Region) -> np.ndarray:
        """Give the mask, uint8, 0 and 1, of the region that was asked for."""
        shape = [s.stop - s.start for s in region]
        return np.unpackbits(self.bits, count=int(np.prod(shape))).reshape(shape)


@dataclass(frozen=True)
class Decider:
    """Decides on parts; pickled, it says where the prediction is.

    Attributes
    ----------
    mean, std
        ``(class, …)``.
    chunks
        Of these along the axes of the image.
    index
        Place of the class.
    rule
        What is sure.
    path
        Of the prediction, for messages.
    """

    mean: Reopened
    std: Reopened
    chunks: tuple[int, ...]
    index: int
    rule: ConfidenceRule
    path: Path

    @classmethod
    def of(
        cls, store: PredictionStore, index: int, rule: ConfidenceRule, path: Path
    ) -> "Decider":
        """Make one for a class of a prediction that is open."""
        mean, std = (
            Reopened(getattr(store, name), open_answers, path.absolute(), name)
            for name in ("mean", "std")
        )
        return cls(mean, std, tuple(store.mean.chunks[1:]), index, rule, path)

    def decide(self, region: Region) -> SurePart:
        """Decide on a part, one chunk after the other.

        Raises
        ------
        InputError
            When a chunk cannot be read or is missing: tells which.
        """
        mask = np.zeros([s.stop - s.start for s in region], np.uint8)
        unknown, differ, doubtful = 0, False, None
        for part in aligned_regions(region, self.chunks):
            mean, std = self._answers(part)
            mask[Tile(part, region).inner] = self._keep(mean, std)
            unknown += _count_unknown(mean, std)
            if std is not None and std.any():
                differ = True
            elif std is not None and _is_undecided(mean):
                doubtful = doubtful or part
        kept = int(np.count_nonzero(mask))
        return SurePart(np.packbits(mask), kept, unknown, differ, doubtful)

    def _answers(self, part: Region) -> tuple[np.ndarray, np.ndarray | None]:
        """Mean and deviation of the class; of all classes and none for a coverage."""
        if not isinstance(self.rule, LowerBoundRule):
            mean = read_part(self.mean, slice(None), part, self.path)
            self._check_sum(mean, part)
            return mean, None
        one = slice(self.index, self.index + 1)
        mean = read_part(self.mean, one, part, self.path)
        std = read_part(self.std, one, part, self.path)
        if not mean.any():
            every = read_part(self.mean, slice(None), part, self.path)
            self._check_sum(every, part)
        return mean, std

    def _keep(self, mean: np.ndarray, std: np.ndarray | None) -> np.ndarray:
        if std is None:
            return self.rule.keep(mean, mean, self.index)
        return self.rule.keep(mean, std, 0)

    def _check_sum(self, mean: np.ndarray, part: Region) -> None:
        """Probabilities of a voxel add up to 1, unless a chunk is missing."""
        lost = ~mean.reshape(len(mean), -1).any(axis=1)
        total = mean.sum(axis=0, dtype=np.float32)
        if lost.any() and total.min() < 0.5:
            raise missing_chunk(self.path, part)


def decide_part(decider: Decider, region: Region) -> SurePart:
    """See `Decider.decide`: the function that an executor calls."""
    return decider.decide(region)


def open_answers(path: Path, name: str) -> Any:
    """Open ``mean`` or ``std`` of a prediction."""
    return getattr(PredictionStore.open(path), name)


def read_part(array: Any, classes: slice, part: Region, path: Path) -> np.ndarray:
    """Read a part of ``(class, …)``.

    Raises
    ------
    InputError
        When it cannot be read: tells where.
    """
    try:
        return np.asarray(array[(classes, *part)])
    except Exception as error:  # a codec raises whatever broken bytes lead it to
        raise InputError(
            f"{path} cannot be read at the voxels {_where(part)} and may be damaged "
            f"there ({first_line(error)}); predict again."
        ) from error


def missing_chunk(path: Path, part: Region) -> InputError:
    """Say that a chunk is missing."""
    return InputError(
        f"{path} lacks the chunk with the voxels {_where(part)}: the prediction did "
        "not end, or files were deleted; predict again."
    )


def _count_unknown(mean: np.ndarray, std: np.ndarray | None) -> int:
    known = np.isfinite(mean) if std is None else np.isfinite(mean) & np.isfinite(std)
    return int(np.count_nonzero(~known.all(axis=0)))


def _is_undecided(mean: np.ndarray) -> bool:
    low, high = _UNDECIDED
    return bool(np.any((mean > low) & (mean < high)))


def _where(part: Sequence[slice]) -> str:
    return f"({', '.join(f'{s.start} to {s.stop - 1}' for s in part)})"
