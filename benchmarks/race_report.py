"""Scores, tables and a picture of what `race.py` has run."""

import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from race_cases import TUNED_ON, Case
from race_methods import Answer
from scipy import stats

Row = dict[str, Any]
THRESHOLDS = tuple(np.round(np.arange(0.05, 1, 0.05), 2))
MEAN_OF = (10, 20, 30, 40)
SAMPLE = 200_000


def scores(case: Case, answer: Answer) -> Row:
    """All that is asked of an answer, where the truth is known."""
    truth, mean = case.truth[case.known], answer.mean[case.known]
    found = {float(t): overlap(truth, mean > t)["dice"] for t in THRESHOLDS}
    at = max(found, key=lambda t: found[t])
    own = mean > answer.cut
    row: Row = {"kind": answer.kind, "cut": answer.cut}
    row |= {"dice": overlap(truth, own)["dice"], "best": found[at], "best_at": at}
    masks = {"half": mean > 0.5, "sure": answer.sure[case.known]}
    for name, mask in masks.items():
        row |= {f"{name}_{k}": v for k, v in overlap(truth, mask).items()}
    if answer.deviation is not None:
        row["auroc"] = auroc(own != truth, answer.deviation[case.known])
    return {k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()}


def overlap(truth: np.ndarray, found: np.ndarray) -> dict[str, float]:
    """Dice, precision and recall; an empty mask has a precision of 1."""
    both, had, has = (int(m.sum()) for m in (truth & found, found, truth))
    return {
        "dice": 2 * both / max(had + has, 1),
        "precision": both / had if had else 1.0,
        "recall": both / has if has else 1.0,
    }


def auroc(wrong: np.ndarray, deviation: np.ndarray) -> float | None:
    """How often an error deviates more than what is right; None where all is right."""
    if len(wrong) > SAMPLE:
        chosen = np.random.default_rng(0).choice(len(wrong), SAMPLE, replace=False)
        wrong, deviation = wrong[chosen], deviation[chosen]
    count = int(wrong.sum())
    if not 0 < count < len(wrong):
        return None
    ranks = stats.rankdata(deviation)[wrong].sum()
    return float((ranks - count * (count + 1) / 2) / (count * (len(wrong) - count)))


def read(file: Path) -> list[Row]:
    """Rows of the runs so far; a line that was cut off in the middle is left."""
    rows = []
    for line in file.read_text().splitlines() if file.exists() else ():
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return rows


def grouped(rows: Iterable[Row], *keys: str) -> dict[tuple[Any, ...], list[Row]]:
    """Rows with the same values, in the order in which they came."""
    found = defaultdict(list)
    for row in rows:
        found[tuple(row[key] for key in keys)].append(row)
    return dict(found)


def mean_of(rows: list[Row], key: str, strokes: Iterable[int] | None = None) -> str:
    """Mean over seeds (and some numbers of strokes) as text; a dash without any."""
    wanted = None if strokes is None else set(strokes)
    values = [
        row[key]
        for row in rows
        if row.get(key) is not None and (wanted is None or row["strokes"] in wanted)
    ]
    return f"{np.mean(values):.3f}" if values else "-"


def table(rows: list[Row]) -> str:
    """One Markdown table a case."""
    parts = []
    for (case,), own in grouped(rows, "case").items():
        told = "tuned on" if case in TUNED_ON else "reported"
        parts += [f"## {case} ({told})", "", _case_table(own), ""]
    return "\n".join(parts)


def _case_table(rows: list[Row]) -> str:
    titles = [
        "annotator",
        "method",
        "seeds",
        "Dice, mean of 10/20/30/40",
        "at 5",
        "at the end",
        "at the best threshold",
        "sure: Dice (precision / recall)",
        "> 0.5: precision / recall",
        "deviation tells errors (AUROC)",
        "CPU s (set-up)",
    ]
    lines = ["| " + " | ".join(titles) + " |", "| --- " * len(titles) + "|"]
    for (annotator, method), own in grouped(rows, "annotator", "method").items():
        last = [runs[-1] for runs in grouped(own, "seed").values()]
        corrected = len(own) > len(last)
        cells = [
            annotator,
            method,
            str(len(last)),
            mean_of(own, "dice", MEAN_OF) if corrected else "-",
            mean_of(own, "dice", (5,)),
            mean_of(last, "dice"),
            f"{mean_of(last, 'best')} ({mean_of(last, 'best_at')})",
            f"{mean_of(last, 'sure_dice')} ({mean_of(last, 'sure_precision')} / "
            f"{mean_of(last, 'sure_recall')})",
            f"{mean_of(last, 'half_precision')} / {mean_of(last, 'half_recall')}",
            mean_of(last, "auroc"),
            f"{np.mean([r['cpu'] for r in last]):.0f} "
            f"({np.mean([r['setup_cpu'] for r in last]):.0f})",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def draw(rows: list[Row], annotator: str) -> Figure:
    """Dice against strokes, and against CPU seconds, a case a row."""
    named = grouped([r for r in rows if r["annotator"] == annotator], "case")
    figure = Figure(figsize=(9, 2.8 * max(len(named), 1)), layout="constrained")
    panels = figure.subplots(max(len(named), 1), 2, squeeze=False, sharey="row")
    colors = {name: f"C{i}" for i, (name,) in enumerate(grouped(rows, "method"))}
    for pair, ((case,), own) in zip(panels, named.items(), strict=False):
        for (method,), runs in grouped(own, "method").items():
            _curves(pair, runs, colors[method], method)
        told = "tuned on" if case in TUNED_ON else "reported"
        pair[0].set(title=f"{case} ({told})", ylabel="Dice of fibers", ylim=(0, 1))
        pair[0].set_xlabel("strokes")
        pair[1].set(xlabel="CPU seconds, set-up included", xscale="log")
        for panel in pair:
            panel.grid(alpha=0.3)
    panels[0][0].legend(fontsize=8)
    return figure


def _curves(pair: Any, runs: list[Row], color: str, name: str) -> None:
    """Mean over seeds, and thinner the single ones."""
    for own in grouped(runs, "seed").values():
        for panel, key in zip(pair, ("strokes", "cpu"), strict=True):
            x, y = [r[key] for r in own], [r["dice"] for r in own]
            panel.plot(x, y, color=color, alpha=0.3, lw=0.8)
    steps = grouped(runs, "strokes").values()
    y = [np.mean([r["dice"] for r in at]) for at in steps]
    for panel, key in zip(pair, ("strokes", "cpu"), strict=True):
        x = [np.mean([r[key] for r in at]) for at in steps]
        panel.plot(x, y, "o-", color=color, ms=3, label=name)
