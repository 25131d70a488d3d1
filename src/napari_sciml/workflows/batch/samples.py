"""Tables and a report that compare the fibers of many images."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from napari_sciml.escape import for_csv
from napari_sciml.fibers.report.comparison import comparison_html
from napari_sciml.fibers.report.figures import unit_symbol
from napari_sciml.fibers.statistics.samples import (
    Sample,
    converted,
    sample_of,
    sample_rows,
)
from napari_sciml.images.units import NO_UNIT, conversion, size_text, unit_name
from napari_sciml.io.atomic import atomic_path
from napari_sciml.io.images.text import listed
from napari_sciml.json_files import read_object


@dataclass(frozen=True)
class _Measured:
    """What a single run has written."""

    name: str
    table: pd.DataFrame
    """All cells as they are written."""
    summary: Mapping[str, Any]

    @property
    def unit(self) -> str:
        return unit_name(self.summary["unit"])


def compare_samples(
    folder: Path, results: Mapping[str, Path], failed: Mapping[str, str]
) -> tuple[str, ...]:
    """Write ``fibers.csv``, ``samples.csv`` and ``report.html`` into a folder.

    Parameters
    ----------
    folder
        Where they go.
    results
        Folder of each image, as `measure_mask` writes it, by its name.
    failed
        Why there is none of the others.

    Returns
    -------
    tuple of str
        What a person should know before he compares them.

    Raises
    ------
    InputError
        When a result cannot be read, or the files cannot be written.
    """
    measured = [_read(name, path) for name, path in results.items()]
    unit = _common_unit(measured)
    factors = [conversion(one.unit, unit) for one in measured]
    cautions = (
        *_of_units(measured, unit, factors),
        *_of_voxels(measured),
        *(f"{name} is missing: {error}" for name, error in failed.items()),
    )
    samples = [
        sample_of(one.name, one.table, one.summary, one.unit)
        if factor is None
        else sample_of(one.name, one.table, one.summary, unit, factor)
        for one, factor in zip(measured, factors, strict=True)
    ]
    _write_table(folder / "fibers.csv", _all_fibers(measured, samples, factors))
    rows = sample_rows(samples)
    rows["image"] = [for_csv(one.name) for one in samples]
    _write_table(folder / "samples.csv", rows)
    page = comparison_html(f"Fibers of {len(samples)} images", samples, cautions)
    with atomic_path(folder / "report.html") as fresh:
        # A name may be one of no encoding at all.
        fresh.write_text(page, "utf-8", "replace")
    return cautions


def _read(name: str, folder: Path) -> _Measured:
    # As text: the cells of all are those of each, sign by sign.
    table = pd.read_csv(folder / "fibers.csv", dtype=str, keep_default_na=False)
    return _Measured(name, table, read_object(folder / "summary.json"))


def _write_table(path: Path, table: pd.DataFrame) -> None:
    with atomic_path(path) as fresh:
        table.to_csv(fresh, index=False, float_format="%.6g", errors="replace")


def _all_fibers(
    measured: Sequence[_Measured],
    samples: Sequence[Sample],
    factors: Sequence[float | None],
) -> pd.DataFrame:
    """Their rows as they are; converted where units differ."""
    parts = []
    several = len({one.unit for one in samples}) > 1
    for one, sample, factor in zip(measured, samples, factors, strict=True):
        table = one.table
        if factor not in (None, 1.0):
            table = converted(table, factor, sample.ndim)
        table.insert(0, "image", for_csv(one.name))
        if several:
            table.insert(1, "unit", for_csv(sample.unit))
        parts.append(table)
    return pd.concat(parts, ignore_index=True)


def _common_unit(measured: Sequence[_Measured]) -> str:
    """The unit of most of them, of the first among equals."""
    return Counter(one.unit for one in measured).most_common(1)[0][0]


def _of_units(
    measured: Sequence[_Measured], unit: str, factors: Sequence[float | None]
) -> list[str]:
    pairs = list(zip(measured, factors, strict=True))
    changed = [one.name for one, factor in pairs if factor not in (None, 1.0)]
    alone = [one for one, factor in pairs if factor is None]
    told = []
    if changed:
        told.append(
            f"The lengths of {listed(changed)} are converted to {unit_symbol(unit)} "
            "in the tables of all."
        )
    for other in dict.fromkeys(one.unit for one in alone):
        names = listed([one.name for one in alone if one.unit == other])
        told.append(
            f"The lengths of {names} are in {unit_symbol(other)} and cannot be "
            f"compared with those in {unit_symbol(unit)}: give --voxel-size and --unit."
        )
    return told


def _of_voxels(measured: Sequence[_Measured]) -> list[str]:
    """Groups of images with voxels of another size than most."""
    groups: dict[str, list[str]] = {}
    for one in measured:
        size = size_text(one.summary["voxel_size"], one.unit)
        words = f"{size} voxels" if one.unit == NO_UNIT else size
        groups.setdefault(words, []).append(one.name)
    usual, *others = sorted(groups, key=lambda size: -len(groups[size]))
    return [
        f"The voxels of {listed(groups[size])} are {size}, those of most images "
        f"{usual}: thin fibers may be found in one and lost in the other."
        for size in others
    ]
