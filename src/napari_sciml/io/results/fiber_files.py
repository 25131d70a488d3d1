"""What is written of measured fibers: table, numbers, pictures, one page."""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from napari_sciml.fibers.config import FiberConfig
from napari_sciml.io.results.arrays import save_labels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DPI = 200


@dataclass(frozen=True)
class FiberResult:
    """All that there is to write.

    Attributes
    ----------
    labels
        ``(z, y, x)`` or ``(y, x)``, 0 = no fiber; array-like where they are on the
        disk already.
    table, summary
        From `measure_fibers` and `summarize`.
    voxel_size, unit
        Of the labels.
    title
        Heading of the report.
    settings
        What the report tells of where the fibers come from.
    image
        Gray image of the same shape for the overview picture; None = the labels.
    sweep
        From `sweep_thresholds`, where one was made.
    labels_file
        Name of the file of the labels, with an extension that `save_labels` knows.
    cautions
        What a person should know before he trusts the numbers.
    """

    labels: Any
    table: pd.DataFrame
    summary: Mapping[str, Any]
    voxel_size: Sequence[float]
    unit: str
    title: str = "Fibers"
    settings: Mapping[str, Any] = field(default_factory=dict)
    image: Any = None
    sweep: pd.DataFrame | None = None
    labels_file: str = "labels.tif"
    cautions: Sequence[str] = ()


def instance_settings(
    config: FiberConfig, unit: str, ndim: int, *, known: bool
) -> dict[str, Any]:
    """What a report tells of how the instances were made.

    ``known`` is whether the probability of the fibers was.
    """
    likely = known and config.extend
    return {
        "dropped": config.dropped_text(unit, ndim),
        "connectivity": config.connectivity,
        "touching fibers": "taken apart" if config.split else "counted as one",
        "rim": "where fibers likely end" if likely else "of the mask",
        "napari-sciml": version("napari-sciml"),
    }


def write_fibers(folder: Path, result: FiberResult) -> None:
    """Write all files into a folder that exists.

    Gives ``labels.tif`` (or as `labels_file` says), ``fibers.csv``, ``summary.json``,
    ``report.html``, and as PNG and SVG ``lengths``, ``directions`` and for volumes
    ``autocorrelation``; ``overview.png``; ``sweep.csv`` and its pictures where there
    is one.

    Raises
    ------
    InputError
        If something cannot be written.
    """
    from napari_sciml.fibers.report.page import key_numbers, report_html
    from napari_sciml.fibers.statistics.distributions import describe_distributions

    shape, size = result.labels.shape, result.voxel_size
    if isinstance(result.labels, np.ndarray):
        save_labels(folder / result.labels_file, result.labels, size, result.unit)
    result.table.to_csv(folder / "fibers.csv", index=False, float_format="%.6g")
    found = describe_distributions(result.table, shape, size)
    figures, autocorrelation = _figures(result)
    record = {
        **result.summary,
        "distributions": found,
        "autocorrelation": autocorrelation,
        "cautions": list(result.cautions),
    }
    text = json.dumps(record, indent=2, allow_nan=False)
    (folder / "summary.json").write_text(text + "\n", "utf-8")
    if result.sweep is not None:
        result.sweep.to_csv(folder / "sweep.csv", index=False, float_format="%.6g")
    pictures = {name: _save(folder, name, one) for name, one in figures.items()}
    page = report_html(
        result.title,
        _facts(result),
        key_numbers(result.summary, found),
        {name: pictures[name] for name in _order(pictures)},
        result.cautions,
    )
    # A title may hold a file name in no encoding at all.
    (folder / "report.html").write_text(page, "utf-8", "replace")


def _figures(
    result: FiberResult,
) -> tuple[dict[str, "Figure"], dict[str, Any] | None]:
    from napari_sciml.fibers.report.distribution_plots import (
        correlation_plot,
        length_distribution_plot,
        sweep_plot,
    )
    from napari_sciml.fibers.report.overview import overview_picture
    from napari_sciml.fibers.report.plots import hammer_plot, rose_plot

    table, labels, unit = result.table, result.labels, result.unit
    shape, size = labels.shape, result.voxel_size
    image = labels if result.image is None else result.image
    figures = {
        "overview": overview_picture(image, labels, voxel_size=size),
        "lengths": length_distribution_plot(table, shape, size, unit),
        "directions": (rose_plot if labels.ndim == 2 else hammer_plot)(table),
    }
    autocorrelation = None
    if labels.ndim == 3:
        from napari_sciml.fibers.statistics.autocorrelation import sphere_correlation

        found = sphere_correlation(labels, voxel_size=size)
        figures["autocorrelation"] = correlation_plot(found, unit)
        autocorrelation = found.as_dict()
    if result.sweep is not None:
        figures["sweep"] = sweep_plot(result.sweep, unit)
    return figures, autocorrelation


def _order(pictures: Mapping[str, bytes]) -> list[str]:
    """Wide pictures first: the last two stand side by side."""
    names = ["overview", "lengths", "sweep", "directions", "autocorrelation"]
    if "autocorrelation" not in pictures:
        names = ["lengths", "sweep", "overview", "directions"]
    return [name for name in names if name in pictures]


def _save(folder: Path, name: str, figure: "Figure") -> bytes:
    """Write a figure as PNG, and as SVG where it is not mostly an image."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_DPI)
    (folder / f"{name}.png").write_bytes(buffer.getvalue())
    if name != "overview":
        figure.savefig(folder / f"{name}.svg")
    return buffer.getvalue()


def _facts(result: FiberResult) -> str:
    from napari_sciml.fibers.report.figures import unit_symbol

    facts = [f"{_times(result.labels.shape)} voxels"]
    if result.unit != "pixel":
        facts[0] += f" of {_times(result.voxel_size)} {unit_symbol(result.unit)}"
    facts += [f"{name}: {value}" for name, value in result.settings.items()]
    return " · ".join(facts)


def _times(numbers: Sequence[float]) -> str:
    return " \N{MULTIPLICATION SIGN} ".join(f"{n:g}" for n in numbers)
