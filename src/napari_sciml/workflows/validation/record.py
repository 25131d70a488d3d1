"""What a validation found, as plain numbers and in words."""

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from napari_sciml.training.cross_validation import Checked
    from napari_sciml.training.evaluation.figures import Interval, Intervals
    from napari_sciml.training.evaluation.labels import Pieces
    from napari_sciml.training.evaluation.metrics import Report

LISTED = 20
"""Wrong strokes that a summary lists; the table has all of them."""
MOST_MEMBERS = 2 / 3
"""Share of the members that must be against a stroke for it to be suspicious."""
FOLD_WORDS = {"dice": "Dice", "expected_dice": "Dice expected in the image"}
SHOWN = 5
"""Of them in a terminal."""


def figures_record(
    names: Sequence[str], report: "Report", intervals: "Intervals", pieces: "Pieces"
) -> dict[str, Any]:
    """Scores with their intervals, JSON-able.

    Parameters
    ----------
    names
        Of the classes.
    report, intervals, pieces
        As in `napari_sciml.workflows.validation.arrays.Validation`.
    """
    from napari_sciml.training.evaluation.figures import OVERALL, PER_CLASS

    scores = report.as_dict(names)
    for index, name in enumerate(names):
        found = intervals.by_class
        scores["classes"][name] |= {
            f"{key}_interval": _pair(found[key][index]) for key in PER_CLASS
        }
    unit = "blocks" if pieces.dense else "strokes"
    prior = scores.pop("prior")
    return {
        "voxels": scores["voxels"],
        "unit": unit,
        unit: dict(zip(names, intervals.units, strict=True)),
        "at_shares": prior and dict(zip(names, prior, strict=True)),
        "classes": scores["classes"],
        **{key: scores[key] for key in OVERALL},
        **{f"{key}_interval": _pair(intervals.overall[key]) for key in OVERALL},
        "confusion": scores["confusion"],
        "reliability": _reliability(pieces),
        "no_intervals": why_no_intervals(names, intervals, unit),
        f"wrong_{unit}": [
            stroke_row(pieces, index, names) for index in pieces.wrong()[:LISTED]
        ],
        f"wrong_{unit}_in_all": len(pieces.wrong()),
    }


def why_no_intervals(
    names: Sequence[str], intervals: "Intervals", unit: str
) -> str | None:
    """Say which class has too few strokes for intervals; None where all have."""
    from napari_sciml.training.evaluation.figures import ENOUGH

    few = [
        f"{count} of {name}"
        for name, count in zip(names, intervals.units, strict=True)
        if 0 < count < ENOUGH
    ]
    if not few:
        return None
    return (
        f"There are too few {unit} ({', '.join(few)}) to tell how far chance has moved "
        f"these numbers: it takes {ENOUGH} of each class."
    )


def stroke_row(pieces: "Pieces", index: int, names: Sequence[str]) -> dict[str, Any]:
    """What is told of a stroke: place, label, and what the model says."""
    said = pieces.said[index] / pieces.voxels[index]
    return {
        "place": [int(n) for n in pieces.places[index]],
        "label": names[pieces.labels[index]],
        "voxels": int(pieces.voxels[index]),
        "right": round(float(pieces.right[index]), 4),
        "probability": round(float(pieces.own[index]), 4),
        "says": names[int(said.argmax())],
        "members_against": round(float(pieces.opposed[index]), 4),
    }


def fold_records(checked: "Sequence[Checked]", names: Sequence[str]) -> list[Any]:
    """Scores of each fold by class, at the shares that its model finds."""
    from napari_sciml.training.evaluation.figures import report_of

    records = []
    for one in checked:
        prior = None
        if one.shares is not None and not one.pieces.dense:
            prior = np.maximum(one.shares, 1e-6).tolist()
        scores = report_of(one.pieces, prior).as_dict(names)
        for index, name in enumerate(names):
            dice = one.expected_dice[index] if one.expected_dice else math.nan
            known = round(dice, 4) if math.isfinite(dice) else None
            scores["classes"][name]["expected_dice"] = known
        records.append({"fold": one.fold + 1, **scores})
    return records


def over_folds(folds: Sequence[dict[str, Any]], names: Sequence[str]) -> dict[str, Any]:
    """Mean and standard deviation over the folds that know a figure."""
    from napari_sciml.training.evaluation.figures import PER_CLASS

    return {
        name: {
            key: _spread([fold["classes"][name][key] for fold in folds])
            for key in (*PER_CLASS, "expected_dice")
        }
        for name in names
    }


def suspicious_rows(pieces: "Pieces", names: Sequence[str]) -> list[dict[str, Any]]:
    """Strokes that are mostly wrong, by most of the members, the surest first."""
    return [stroke_row(pieces, index, names) for index in suspicious(pieces)]


def suspicious(pieces: "Pieces") -> "np.ndarray":
    """Numbers of strokes that are mostly wrong, by most members, the surest first."""
    wrong = pieces.wrong()
    return wrong[pieces.opposed[wrong] > MOST_MEMBERS]


def _spread(values: Sequence[float | None]) -> dict[str, float] | None:
    known = [value for value in values if value is not None]
    if not known:
        return None
    sd = float(np.std(known, ddof=1)) if len(known) > 1 else 0.0
    return {"mean": float(np.mean(known)), "sd": sd, "folds": len(known)}


def words_of(record: dict[str, Any]) -> dict[str, Any]:
    """The same for a person: scores with intervals in a line a class."""
    unit, shares = record["unit"], record["at_shares"]
    kept = ("validation", "no_intervals", "cautions")
    return {
        "labels": _counted(record),
        "weighted": shares
        and "as in the image: "
        + ", ".join(f"{name} {share:.1%}" for name, share in shares.items()),
        **{name: _class_line(record, name) for name in record["classes"]},
        "accuracy": _with_interval(record, "accuracy"),
        "Brier score": _with_interval(record, "brier"),
        "calibration error": _with_interval(record, "ece"),
        "confusion": dict(_confusion_lines(record)),
        "over the folds": _fold_lines(record),
        f"wrong {unit}": _wrong_lines(record) or "none",
        **{key: record[key] for key in kept if record.get(key) is not None},
    }


def _counted(record: dict[str, Any]) -> str:
    unit = record["unit"]
    counts = (f"{n} of {name}" for name, n in record[unit].items())
    return f"{record['voxels']:,} voxels in {unit}, {', '.join(counts)}"


def _class_line(record: dict[str, Any], name: str) -> str:
    found = record["classes"][name]
    return ", ".join(
        f"{key.replace('dice', 'Dice')} {_with_interval(found, key)}"
        for key in ("precision", "recall", "dice")
    )


def _with_interval(found: dict[str, Any], key: str) -> str:
    if found[key] is None:
        return "not known"
    between = found[f"{key}_interval"]
    if between is None:
        return f"{found[key]:.3g}"
    return f"{found[key]:.3g} ({between[0]:.3g} to {between[1]:.3g})"


def _fold_lines(record: dict[str, Any]) -> dict[str, str] | None:
    if "over_folds" not in record:
        return None
    return {
        name: ", ".join(
            f"{FOLD_WORDS.get(key, key)} {found['mean']:.3g} ± {found['sd']:.2g}"
            for key, found in figures.items()
            if found is not None
        )
        for name, figures in record["over_folds"].items()
    }


def _confusion_lines(record: dict[str, Any]) -> Iterator[tuple[str, str]]:
    names = list(record["classes"])
    for name, row in zip(names, record["confusion"], strict=True):
        said = (f"{n:,} {other}" for other, n in zip(names, row, strict=True))
        yield f"labeled {name}", ", ".join(said)


def _wrong_lines(record: dict[str, Any]) -> dict[str, str]:
    unit = record["unit"]
    rows, total = record[f"wrong_{unit}"][:SHOWN], record[f"wrong_{unit}_in_all"]
    lines = {
        f"at {', '.join(map(str, row['place']))}": f"labeled {row['label']}, the model "
        f"says {row['says']} ({row['right']:.0%} right, probability "
        f"{row['probability']:.2f})"
        for row in rows
    }
    if total > len(rows):
        lines["and"] = f"{total - len(rows)} more"
    return lines


def _reliability(pieces: "Pieces") -> list[dict[str, Any]]:
    """How often a confidence is right, bin by bin; empty bins are left out."""
    voxels, sure, right = pieces.bins.sum(0)
    return [
        {
            "voxels": int(voxels[i]),
            "confidence": float(sure[i] / voxels[i]),
            "right": float(right[i] / voxels[i]),
        }
        for i in np.flatnonzero(voxels)
    ]


def _pair(interval: "Interval | None") -> list[float] | None:
    if interval is None or not all(map(math.isfinite, interval)):
        return None
    return list(interval)
