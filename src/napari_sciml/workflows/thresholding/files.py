"""Keep what is sure of a prediction on disk, chunk by chunk."""

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from napari_sciml.errors import InputError
from napari_sciml.executor import Executor, Start, in_order, in_this_process
from napari_sciml.images.tiles import Region, aligned_regions
from napari_sciml.io.results.arrays import check_array_suffix
from napari_sciml.io.results.block_arrays import save_by_blocks
from napari_sciml.io.results.outputs import check_output
from napari_sciml.io.results.predictions import PredictionStore
from napari_sciml.progress import Report
from napari_sciml.uncertainty.conformal import ConformalCalibration
from napari_sciml.uncertainty.threshold import (
    ConfidenceRule,
    CoverageRule,
    LowerBoundRule,
    ThresholdConfig,
    usual_k,
)
from napari_sciml.workflows.thresholding.parts import (
    Decider,
    SurePart,
    decide_part,
    missing_chunk,
    read_part,
)

SAMPLED_CHUNKS = 64
"""Chunks of a prediction that the number of deviations is chosen by, at most."""


def threshold_prediction(
    result: Path,
    out: Path,
    config: ThresholdConfig,
    *,
    coverage: float | None = None,
    overwrite: bool = False,
    report: Report | None = None,
    start: Start | None = None,
) -> dict[str, Any]:
    """Keep what is sure of a predicted class, as a mask file.

    With ``coverage`` the mask is where the conformal set of the model holds this
    class and no other, otherwise where mean - k std > t. The coverage holds within
    each class: over all voxels, a common background would hide a rare class.

    Prediction and mask may be larger than memory; the mask appears when it is whole.
    ``start`` gives what decides on the parts; this process puts them into the file.
    """
    check_output(out, "labels", inputs=[result], overwrite=overwrite)
    check_array_suffix(out)
    store = PredictionStore.open(result)
    index = config.class_index(store.class_names)
    if coverage is None and config.k is None:
        k = _usual_k(store, index, config.t, result)
        config = config.model_copy(update={"k": k})
    rule = _rule(store, config, coverage)
    with (start or in_this_process)(None) as run:
        mask = ConfidentMask(Decider.of(store, index, rule, result), run)
        save_by_blocks(
            out,
            mask,
            store.voxel_size,
            store.unit,
            highest=1,
            chunks=store.mean.chunks[1:],
            report=report,
        )
    return {
        "mask": str(out),
        "class": store.class_names[index],
        **_settings(store, config, coverage),
        "voxels": mask.kept,
        "share": mask.kept / max(math.prod(mask.shape), 1),
        "cautions": [*_cautions(store), *_caution_of_unknown(mask)],
    }


def _settings(
    store: PredictionStore, config: ThresholdConfig, coverage: float | None
) -> dict[str, Any]:
    if coverage is None:
        return {"k": config.k, "t": config.t}
    unit = store.provenance.get("training", {}).get("calibration_unit")
    return {"coverage": coverage, "calibrated_by": unit}


def _cautions(store: PredictionStore) -> list[str]:
    return list(store.provenance.get("plan", {}).get("cautions", []))


def _caution_of_unknown(mask: "ConfidentMask") -> list[str]:
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
        mean = read_part(store.mean, one, region, path).astype(np.float32).ravel()
        std = read_part(store.std, one, region, path).astype(np.float32).ravel()
        inside = mean > t
        means.append(mean[inside])
        deviations.append(std[inside])
    return usual_k(np.concatenate(means), np.concatenate(deviations), t=t)


def _rule(
    store: PredictionStore, config: ThresholdConfig, coverage: float | None
) -> ConfidenceRule:
    if coverage is None:
        return LowerBoundRule(config.k or 0.0, config.t)
    if not store.calibration:
        raise InputError(
            "The model has no conformal calibration, as no strokes could be held out: "
            "annotate more strokes and train again, or use --k and --t."
        )
    calibration = ConformalCalibration.model_validate(store.calibration)
    return CoverageRule(calibration, coverage)


class ConfidentMask:
    """The mask of a class as uint8, 0 and 1, made when a part of it is asked for.

    Parameters
    ----------
    decider
        What is sure.
    run
        Where the parts are decided on.
    """

    def __init__(self, decider: Decider, run: Executor) -> None:
        self.shape, self.dtype = decider.mean.shape[1:], np.dtype(np.uint8)
        self._decider, self._run = decider, run
        self._members_differ = False
        self._doubtful: Region | None = None
        self.kept = 0
        """Voxels that are sure, of all that was asked for."""
        self.unknown = 0
        """Voxels whose probability is no number, of all that was asked for."""

    def parts(self, keys: Iterable[Region], /) -> Iterator[np.ndarray]:
        """Decide on parts, and give them in the order in which they are asked for.

        Raises
        ------
        InputError
            When something cannot be read or is missing.
        """
        regions = list(keys)
        arguments = [(region,) for region in regions]
        ended = self._run(decide_part, (self._decider,), arguments, name="part")
        for one in in_order(ended):
            if not isinstance(one, float):
                number, found = one
                self._count(found)
                yield found.mask(regions[number])

    def _count(self, found: SurePart) -> None:
        self.kept += found.kept
        self.unknown += found.unknown
        self._members_differ |= found.members_differ
        self._doubtful = self._doubtful or found.doubtful
        # Only a missing chunk has members that agree exactly where others do not.
        if self._members_differ and self._doubtful is not None:
            raise missing_chunk(self._decider.path, self._doubtful)
