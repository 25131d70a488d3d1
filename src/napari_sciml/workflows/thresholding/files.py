"""Keep what is sure of a prediction on disk, chunk by chunk."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from napari_sciml.errors import InputError, first_line
from napari_sciml.images.lazy import Key, LazyArray
from napari_sciml.images.tiles import Region, Tile, aligned_regions
from napari_sciml.io.results.arrays import check_array_suffix
from napari_sciml.io.results.block_arrays import save_by_blocks
from napari_sciml.io.results.outputs import check_output
from napari_sciml.io.results.predictions import PredictionStore
from napari_sciml.progress import Report
from napari_sciml.uncertainty.conformal import ConformalCalibration
from napari_sciml.uncertainty.threshold import (
    CoverageRule,
    LowerBoundRule,
    SureRule,
    ThresholdConfig,
    usual_k,
)

SAMPLED_CHUNKS = 64
"""Chunks of a prediction that the number of deviations is chosen by, at most."""

_UNDECIDED = (0.05, 0.95)
"""The members of an ensemble do not all say exactly the same between these."""


def threshold_prediction(
    result: Path,
    out: Path,
    config: ThresholdConfig,
    *,
    coverage: float | None = None,
    overwrite: bool = False,
    report: Report | None = None,
) -> dict[str, Any]:
    """Keep what is sure of a predicted class, as a mask file.

    With ``coverage`` the mask is where the conformal set of the model holds this
    class and no other, otherwise where mean - k std > t. The coverage holds within
    each class: over all voxels, a common background would hide a rare class.

    Prediction and mask may be larger than memory; the mask appears when it is whole.
    """
    check_output(out, "labels", inputs=[result], overwrite=overwrite)
    check_array_suffix(out)
    store = PredictionStore.open(result)
    index = config.class_index(store.class_names)
    if coverage is None and config.k is None:
        k = _usual_k(store, index, config.t, result)
        config = config.model_copy(update={"k": k})
    mask = SureMask(store, index, _rule(store, config, coverage), result)
    save_by_blocks(
        out,
        mask,
        store.voxel_size,
        store.unit,
        highest=1,
        chunks=store.mean.chunks[1:],
        report=report,
    )
    rule: dict[str, Any] = {"k": config.k, "t": config.t}
    if coverage is not None:
        training = store.provenance.get("training", {})
        rule = {"coverage": coverage, "calibrated_by": training.get("calibration_unit")}
    return {
        "mask": str(out),
        "class": store.class_names[index],
        **rule,
        "voxels": mask.kept,
        "share": mask.kept / max(mask.size, 1),
        "cautions": [*_cautions(store), *_caution_of_unknown(mask)],
    }


def _cautions(store: PredictionStore) -> list[str]:
    return list(store.provenance.get("plan", {}).get("cautions", []))


def _caution_of_unknown(mask: "SureMask") -> list[str]:
    if not mask.unknown:
        return []
    return [
        f"{mask.unknown} voxels of the prediction are NaN or infinite and are left out "
        "of the mask; look whether the prediction is whole, or predict again."
    ]


def _usual_k(store: PredictionStore, index: int, t: float, path: Path) -> float:
    """By the usual rule, from some of the chunks."""
    shape, chunks = store.mean.shape[1:], store.mean.chunks[1:]
    regions = list(aligned_regions(tuple(slice(0, n) for n in shape), chunks))
    step = max(1, len(regions) // SAMPLED_CHUNKS)
    means, deviations = [], []
    for region in regions[::step]:
        one = slice(index, index + 1)
        mean = _read_part(store.mean, one, region, path).astype(np.float32).ravel()
        std = _read_part(store.std, one, region, path).astype(np.float32).ravel()
        inside = mean > t
        means.append(mean[inside])
        deviations.append(std[inside])
    return usual_k(np.concatenate(means), np.concatenate(deviations), t=t)


def _rule(
    store: PredictionStore, config: ThresholdConfig, coverage: float | None
) -> SureRule:
    if coverage is None:
        return LowerBoundRule(config.k or 0.0, config.t)
    if not store.calibration:
        raise InputError(
            "The model has no conformal calibration, as no strokes could be held out: "
            "annotate more strokes and train again, or use --k and --t."
        )
    calibration = ConformalCalibration.model_validate(store.calibration)
    return CoverageRule(calibration, coverage)


class SureMask(LazyArray):
    """The mask of a class as uint8, 0 and 1, made when a part of it is read.

    Parameters
    ----------
    store
        The prediction.
    index
        Place of the class.
    rule
        What is sure.
    path
        Of the prediction, for messages.
    """

    def __init__(
        self, store: PredictionStore, index: int, rule: SureRule, path: Path
    ) -> None:
        super().__init__(store.shape, np.dtype(np.uint8))
        self._store, self._index, self._rule, self._path = store, index, rule, path
        self._lower_bound = isinstance(rule, LowerBoundRule)
        self._members_differ = False
        self._doubtful: Region | None = None
        self.kept = 0
        """Voxels that are sure, of all that was read."""
        self.unknown = 0
        """Voxels whose probability is no number, of all that was read."""

    def _read(self, key: Key) -> np.ndarray:
        region = tuple(
            slice(*p.indices(n)) if isinstance(p, slice) else slice(p, p + 1)
            for p, n in zip(key, self.shape, strict=True)
        )
        mask = np.zeros([s.stop - s.start for s in region], np.uint8)
        for part in aligned_regions(region, self._store.mean.chunks[1:]):
            mask[Tile(part, region).inner] = self._keep(part)
        self.kept += int(np.count_nonzero(mask))
        whole = tuple(slice(None) if isinstance(p, slice) else 0 for p in key)
        return mask[whole]

    def _keep(self, part: Region) -> np.ndarray:
        """Decide within one chunk."""
        if not self._lower_bound:
            mean = self._part(self._store.mean, slice(None), part)
            self._check_sum(mean, part)
            self._count_unknown(mean)
            return self._rule.keep(mean, mean, self._index)
        one = slice(self._index, self._index + 1)
        mean = self._part(self._store.mean, one, part)
        std = self._part(self._store.std, one, part)
        if not mean.any():
            every = self._part(self._store.mean, slice(None), part)
            self._check_sum(every, part)
        self._check_spread(mean, std, part)
        self._count_unknown(mean, std)
        return self._rule.keep(mean, std, 0)

    def _count_unknown(self, *answers: np.ndarray) -> None:
        lost = ~np.logical_and.reduce([np.isfinite(answer) for answer in answers])
        self.unknown += int(np.count_nonzero(lost.any(axis=0)))

    def _part(self, array: Any, classes: slice, part: Region) -> np.ndarray:
        return _read_part(array, classes, part, self._path)

    def _check_sum(self, mean: np.ndarray, part: Region) -> None:
        """Probabilities of a voxel add up to 1, unless a chunk is missing."""
        lost = ~mean.reshape(len(mean), -1).any(axis=1)
        total = mean.sum(axis=0, dtype=np.float32)
        if lost.any() and total.min() < 0.5:
            self._raise_missing(part)

    def _check_spread(self, mean: np.ndarray, std: np.ndarray, part: Region) -> None:
        """Only a missing chunk has members that agree exactly where others do not."""
        if std.any():
            self._members_differ = True
        else:
            low, high = _UNDECIDED
            if np.any((mean > low) & (mean < high)):
                self._doubtful = self._doubtful or part
        if self._members_differ and self._doubtful is not None:
            self._raise_missing(self._doubtful)

    def _raise_missing(self, part: Sequence[slice]) -> None:
        raise InputError(
            f"{self._path} lacks the chunk with the voxels {_where(part)}: the "
            "prediction did not end, or files were deleted; predict again."
        )


def _read_part(array: Any, classes: slice, part: Region, path: Path) -> np.ndarray:
    try:
        return np.asarray(array[(classes, *part)])
    except Exception as error:  # a codec raises whatever broken bytes lead it to
        raise InputError(
            f"{path} cannot be read at the voxels {_where(part)} and may be damaged "
            f"there ({first_line(error)}); predict again."
        ) from error


def _where(part: Sequence[slice]) -> str:
    return f"({', '.join(f'{s.start} to {s.stop - 1}' for s in part)})"
