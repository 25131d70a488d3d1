"""One page that compares the fibers of several images."""

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from napari_sciml.escape import for_html
from napari_sciml.fibers.report.comparison_plots import (
    directions_grid,
    intervals_plot,
    lengths_grid,
)
from napari_sciml.fibers.report.figures import unit_symbol
from napari_sciml.fibers.report.page import page_html, picture_html
from napari_sciml.fibers.statistics.samples import Sample

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST = 60
"""Images that have small pictures of their own; the table and the plot have all."""
_DPI = 150
_NOTES = (
    "Sorted by the mean length. Intervals are 95 % bootstrap intervals over the fibers "
    "of an image: they tell how far other fibers of the same sample would lie, not how "
    "far another sample would. Corrected lengths leave out what the border cuts "
    "(Miles, 1974; Lantuéjoul, 1978); where an image has too few whole fibers for it, "
    "all are compared as seen. Shares of direction are the diagonal of the orientation "
    "tensor weighted by length: 1/3 each (in 2D 1/2) without a main direction."
)


def comparison_html(
    title: str, samples: Sequence[Sample], cautions: Sequence[str] = ()
) -> str:
    """Make the page.

    Parameters
    ----------
    title
        What is compared.
    samples
        In any order.
    cautions
        Sentences on what to look into before they are compared.

    Returns
    -------
    str
        HTML that needs no other file.
    """
    corrected = all(np.isfinite(s.length(corrected=True).value) for s in samples)
    ordered = sorted(samples, key=lambda s: _place(s.length(corrected=corrected).value))
    groups: dict[tuple[str, int], list[Sample]] = {}
    for sample in ordered:
        groups.setdefault((sample.unit, sample.ndim), []).append(sample)
    parts = [_table(ordered, corrected=corrected)]
    for group in groups.values():
        parts += _pictures(group, corrected=corrected)
    total = sum(len(sample.lengths) for sample in samples)
    facts = f"{len(samples)} images · {total:,} fibers"
    return page_html(title, facts, "\n".join(parts), _NOTES, cautions)


def _place(value: float) -> float:
    return value if np.isfinite(value) else np.inf


def _pictures(group: Sequence[Sample], *, corrected: bool) -> list[str]:
    parts = [
        "<h2>Mean length and directions</h2>",
        _image("Means with intervals", intervals_plot(group, corrected=corrected)),
    ]
    shown = [sample for sample in group if len(sample.lengths)][:MOST]
    if not shown:
        return parts
    note = f"<p>The first {MOST} of {len(group)}.</p>" if len(group) > MOST else ""
    return [
        *parts,
        f"<h2>Lengths</h2>{note}",
        _image("Distributions of length", lengths_grid(shown)),
        f"<h2>Directions</h2>{note}",
        _image("Distributions of direction", directions_grid(shown)),
    ]


def _table(samples: Sequence[Sample], *, corrected: bool) -> str:
    kind = "corrected" if corrected else "as seen"
    names = ("Image", "Fibers", "Fraction", f"Mean length, {kind}", "zz, yy, xx")
    head = "".join(f"<th>{for_html(name)}</th>" for name in names)
    rows = "".join(_row(sample, corrected=corrected) for sample in samples)
    return f'<table class="samples">\n<tr>{head}</tr>\n{rows}</table>'


def _row(sample: Sample, *, corrected: bool) -> str:
    fraction = "area_fraction" if sample.ndim == 2 else "volume_fraction"
    share = sample.summary[fraction]
    length = sample.length(corrected=corrected).text()
    tensor = [sample.tensor(axis).value for axis in "zyx"]
    cells = (
        sample.name,
        f"{len(sample.lengths):,}",
        "unknown" if share is None else f"{100 * share:.3g} %",
        f"{length} {unit_symbol(sample.unit)}" if length != "unknown" else length,
        ", ".join(f"{n:.2f}" for n in tensor)
        if np.isfinite(tensor).all()
        else "unknown",
    )
    return "<tr>" + "".join(f"<td>{for_html(one)}</td>" for one in cells) + "</tr>\n"


def _image(name: str, figure: "Figure") -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_DPI)
    return picture_html(name, buffer.getvalue())
