"""Write what a validation found: numbers, tables and the reliability diagram."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sciml.escape import for_csv, for_matplotlib
from napari_sciml.images.volume import SPATIAL_AXES
from napari_sciml.io.atomic import atomic_path
from napari_sciml.io.provenance import jsonable, provenance
from napari_sciml.workflows.validation.record import stroke_row

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from napari_sciml.training.evaluation.labels import Pieces

FOLD_COLUMNS = ("voxels", "dice", "precision", "recall", "iou", "expected_dice")


def write_validation(
    out: Path, record: Mapping[str, Any], pieces: "Pieces", names: Sequence[str]
) -> None:
    """Write a folder, whole or not at all.

    Parameters
    ----------
    out
        Folder to make; an older one of the kind is replaced.
    record
        All numbers; becomes ``validation.json``.
    pieces
        What is said about each stroke; becomes ``strokes.csv``, worst first.
    names
        Of the classes.

    Raises
    ------
    InputError
        When it cannot be written.
    """
    order = np.argsort(pieces.own, kind="stable")
    rows = [stroke_row(pieces, index, names) for index in order]
    axes = SPATIAL_AXES[pieces.places.shape[1]]
    text = json.dumps(jsonable({**provenance(), **record}), indent=2, allow_nan=False)
    with atomic_path(out) as folder:
        folder.mkdir()
        (folder / "validation.json").write_text(text + "\n", "utf-8")
        _write_strokes(folder / "strokes.csv", rows, axes)
        if "suspicious_strokes" in record:
            suspicious = record["suspicious_strokes"]
            _write_strokes(folder / "suspicious_strokes.csv", suspicious, axes)
            _write_table(folder / "folds.csv", _fold_rows(record["folds"]))
        figure = reliability_diagram(record["reliability"], record["ece"])
        figure.savefig(folder / "reliability.png")
        figure.savefig(folder / "reliability.svg")


def reliability_diagram(
    bins: Sequence[Mapping[str, Any]], error: float | None
) -> "Figure":
    """Draw how often a confidence is right; below the diagonal it promises too much.

    Parameters
    ----------
    bins
        With "voxels", mean "confidence" and share "right".
    error
        Expected calibration error, for the title.
    """
    from napari_sciml.fibers.report.figures import (
        LENGTH_COLOR,
        NUMBER_COLOR,
        new_figure,
        tidy,
    )

    figure = new_figure(4.2, 4.6)
    top, bottom = figure.subplots(2, height_ratios=(4, 1), sharex=True)
    sure, right, voxels = (
        [one[key] for one in bins] for key in ("confidence", "right", "voxels")
    )
    top.plot([0, 1], [0, 1], color="#999999", linewidth=1)
    top.plot(sure, right, "o-", color=NUMBER_COLOR)
    top.set(xlim=(0, 1), ylim=(0, 1.02), ylabel="share that is right")
    known = "" if error is None else f" (calibration error {error:.3f})"
    top.set_title(for_matplotlib(f"Reliability{known}"), size=10)
    bottom.bar(sure, voxels, width=0.04, color=LENGTH_COLOR)
    bottom.set(xlabel="confidence of the model", ylabel="voxels", yscale="log")
    for axes in (top, bottom):
        tidy(axes)
    return figure


def _write_strokes(
    path: Path, rows: Sequence[Mapping[str, Any]], axes: Sequence[str]
) -> None:
    """One row a stroke; its place has one column an axis."""
    columns = ("label", "voxels", "right", "probability", "says", "members_against")
    lines = [
        {**dict(zip(axes, row["place"], strict=True)), **{c: row[c] for c in columns}}
        for row in rows
    ]
    _write_table(path, lines, (*axes, *columns))


def _fold_rows(folds: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "fold": fold["fold"],
            "class": name,
            **{key: figures[key] for key in FOLD_COLUMNS},
        }
        for fold in folds
        for name, figures in fold["classes"].items()
    ]


def _write_table(
    path: Path,
    rows: Sequence[Mapping[str, Any]],
    columns: Sequence[str] = ("fold", "class", *FOLD_COLUMNS),
) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows([_cell(row[column]) for column in columns] for row in rows)


def _cell(value: Any) -> Any:
    if isinstance(value, float):
        return f"{value:.6g}"
    return for_csv(value) if isinstance(value, str) else value
