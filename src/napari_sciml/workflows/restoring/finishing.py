"""The end of a restoring: its mean, the test of what was removed, and the files."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from napari_sciml.errors import InputError
from napari_sciml.images.tiles import Region
from napari_sciml.images.volume import Volume
from napari_sciml.io.models.restorer import save_restorer
from napari_sciml.io.provenance import provenance
from napari_sciml.io.results.restored_files import save_restored
from napari_sciml.progress import Report
from napari_sciml.restoration.removed import removed_report
from napari_sciml.workflows.restoring.arrays import about_removed, sample_of
from napari_sciml.workflows.restoring.run import RestoringRun

DType = Literal["float32", "same"]
RESTORING = 0.95
"""Share of the progress at which the blocks are done."""


@dataclass(frozen=True)
class Result:
    """Where a result goes, and what it is of.

    Attributes
    ----------
    image, volume
        What is restored.
    out, std_out
        The files to write.
    model_out
        Folder to keep the networks in; None = they are not kept.
    dtype
        As of `napari_sciml.workflows.restoring.files.restore_file`.
    """

    image: Path
    volume: Volume
    out: Path
    std_out: Path
    model_out: Path | None
    dtype: DType

    def write(self, run: RestoringRun, report: Report) -> dict[str, Any]:
        """Bring the mean back, test what was removed, and write the result."""
        assert run.plan is not None
        array, lines = run.array(), list(run.done().values())
        voxels = int(np.prod(self.volume.shape))
        raw, mean = (sum(x[key] for x in lines) / voxels for key in ("raw_sum", "sum"))
        low, high = min(x["low"] for x in lines), max(x["high"] for x in lines)
        shift = raw - mean
        dtype = self._output_dtype(low + shift, high + shift)
        facts = self._tested(run.plan["facts"], array)
        about = {**provenance(image=self.image, **facts), "fingerprint": run.settled}
        self._save(self.out, array, 0, shift, dtype, about, report)
        if array.shape[0] > 1:
            self._save(self.std_out, array, 1, 0.0, np.dtype(np.float32), about, report)
        if self.model_out is not None:
            save_restorer(run.restorer(), self.model_out, about)
        return {
            "restored": str(self.out),
            "std": str(self.std_out) if array.shape[0] > 1 else None,
            "model": None if self.model_out is None else str(self.model_out),
            "shape": list(self.volume.shape),
            "dtype": str(dtype),
            "mean_gray": raw,
            **facts,
        }

    def _tested(self, facts: dict[str, Any], array: Any) -> dict[str, Any]:
        """What is known, and what the test of what was removed says."""
        where = sample_of(self.volume.shape)
        removed = removed_report(
            np.asarray(self.volume.data[where]), np.asarray(array[0, *where])
        )
        return {
            **facts,
            "removed": removed.sentence,
            "removed_sd": removed.sd,
            "cautions": [*facts["cautions"], *about_removed(removed)],
        }

    def _output_dtype(self, low: float, high: float) -> np.dtype:
        own = np.dtype(self.volume.data.dtype)
        if self.dtype == "float32" or own.kind == "f":
            return np.dtype(np.float32)
        limits = np.iinfo(own)
        if round(low) < limits.min or round(high) > limits.max:
            raise InputError(
                f"The restored values go from {low:.4g} to {high:.4g}, which {own} "
                "cannot hold: take --dtype float32."
            )
        return own

    def _save(
        self,
        path: Path,
        array: Any,
        number: int,
        shift: float,
        dtype: np.dtype,
        about: Mapping[str, Any],
        report: Report,
    ) -> None:
        def read(region: Region) -> np.ndarray:
            values = np.asarray(array[number, *region]) + np.float32(shift)
            return (values if dtype.kind == "f" else np.rint(values)).astype(dtype)

        def told(share: float, words: str) -> None:
            report(RESTORING + (1 - RESTORING) * share, words)

        size, unit = self.volume.voxel_size, self.volume.unit
        shape = self.volume.shape
        save_restored(path, read, shape, dtype, size, unit, about, told)
