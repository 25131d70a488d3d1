"""One page that says what was found: an HTML file with everything in it."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from napari_sciml.escape import for_html
from napari_sciml.fibers.report.figures import unit_symbol
from napari_sciml.fibers.statistics.bootstrap import Interval

Row = tuple[str, str]

_STYLE = """
@page { size: A4; margin: 12mm; }
body { font-family: Helvetica, Arial, sans-serif; font-size: 9.5pt; color: #222;
       max-width: 186mm; margin: 6mm auto; line-height: 1.35; }
h1 { font-size: 16pt; margin: 0 0 1mm 0; }
h2 { font-size: 11pt; margin: 4mm 0 1mm 0; }
p { margin: 1mm 0; }
.facts, .notes { color: #666; font-size: 8.5pt; }
.caution { border-left: 1mm solid #d55e00; padding-left: 2mm; }
table.numbers { border-collapse: collapse; width: 100%; table-layout: fixed; }
table.numbers td { padding: 0.6mm 2mm 0.6mm 0; border-bottom: 1px solid #e4e4e4;
                   vertical-align: top; width: 31%; }
table.numbers td.name { color: #666; width: 19%; }
img { max-width: 100%; max-height: 50mm; }
table.samples { border-collapse: collapse; width: 100%; }
table.samples th { text-align: left; color: #666; font-weight: normal; }
table.samples td, table.samples th { padding: 0.4mm 2mm 0.4mm 0;
                                     border-bottom: 1px solid #e4e4e4; }
table.samples ~ img { max-height: none; }
table.pictures { width: 100%; table-layout: fixed; }
table.pictures td { padding: 1mm; text-align: center; vertical-align: middle; }
"""
_NOTES = (
    "Numbers in brackets are 95 % bootstrap intervals over the fibers. Corrected "
    "lengths leave out what the border cuts and weigh each whole fiber by the inverse "
    "of its probability to lie wholly inside (Miles, 1974; Lantuéjoul, 1978); "
    "Kaplan-Meier takes the cut ones as longer than what is seen (Laslett, 1982). "
    "Orientation tensors after Advani & Tucker (1987), weighted by length. Lengths "
    "are from end to end."
)


def report_html(
    title: str,
    facts: str,
    numbers: Sequence[Row],
    pictures: Mapping[str, bytes],
    cautions: Sequence[str] = (),
) -> str:
    """Make the page.

    Parameters
    ----------
    title
        What was measured.
    facts
        One line: from which files, with which settings.
    numbers
        Names and values, as from `key_numbers`.
    pictures
        PNG files by what they show. The first ones are as wide as the page, the last
        two stand side by side where there are three or more.
    cautions
        Sentences on what to look into before the numbers are trusted.

    Returns
    -------
    str
        HTML that needs no other file, and fits on a sheet of A4.
    """
    body = f'<table class="numbers">\n{_rows(numbers)}</table>\n{_gallery(pictures)}'
    return page_html(title, facts, body, _NOTES, cautions)


def page_html(
    title: str, facts: str, body: str, notes: str, cautions: Sequence[str] = ()
) -> str:
    """Put a page round a body that is HTML already; all else is text."""
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{for_html(title)}</title><style>{_STYLE}</style></head><body>\n"
        f"<h1>{for_html(title)}</h1>\n"
        f'<p class="facts">{for_html(facts)}</p>\n'
        f"{_warnings(cautions)}{body}\n"
        f'<p class="notes">{for_html(notes)}</p>\n</body></html>\n'
    )


def _warnings(cautions: Sequence[str]) -> str:
    lines = [f'<p class="caution">{for_html(one)}</p>\n' for one in cautions]
    return "".join(lines)


def key_numbers(
    summary: Mapping[str, Any], found: Mapping[str, Any]
) -> tuple[Row, ...]:
    """Choose what is on the page.

    Parameters
    ----------
    summary, found
        From `summarize` and `describe_distributions`.
    """
    symbol = unit_symbol(summary["unit"])
    flat = summary["dimensions"] == 2
    name = "area" if flat else "volume"
    corrected = found["length_corrected"] or {}
    cut = summary["touching_border"]
    return (
        ("Fibers", f"{summary['fibers']:,} ({cut:,} cut by the border)"),
        (f"{name.capitalize()} fraction", _text(found[f"{name}_fraction"], "%")),
        ("Mean length, as seen", _text(found["length"]["mean"], symbol)),
        ("Mean length, corrected", _text(corrected.get("mean"), symbol)),
        ("Median, corrected", _text(corrected.get("median"), symbol)),
        (
            "Mean by length, corrected",
            _text(corrected.get("length_weighted_mean"), symbol),
        ),
        (
            "Median, Kaplan-Meier",
            _text((found["length_kaplan_meier"] or {}).get("median"), symbol),
        ),
        ("Distribution of length", _fit(corrected.get("fit"), symbol)),
        ("Diameter", _text(found["diameter"], symbol)),
        ("Tortuosity", _text(found["tortuosity"], digits=4)),
        ("Curvature", _text(found["curvature"], f"1/{symbol}")),
        ("Distance of neighbors", _text(found["spacing"], symbol)),
        ("Contacts of a fiber", _text(found["contacts"])),
        ("Main direction", _direction(found["orientation"], flat)),
        ("Orientation tensor", _diagonal(found["orientation"], flat)),
    )


def _text(number: Mapping[str, Any] | None, unit: str = "", digits: int = 3) -> str:
    if number is None or number["value"] is None:
        return "unknown"
    scale = 100 if unit == "%" else 1
    low, value, high = (
        np.nan if number[key] is None else scale * float(number[key])
        for key in ("low", "value", "high")
    )
    return f"{Interval(value, low, high).text(digits)} {unit}".strip()


def _fit(fit: Mapping[str, Any] | None, symbol: str) -> str:
    if fit is None:
        return "not fitted"
    if fit["family"] == "weibull":
        return f"Weibull, shape {fit['shape']:.3g}, scale {fit['scale']:.3g} {symbol}"
    return f"log-normal, median {fit['scale']:.3g} {symbol}, sigma {fit['shape']:.3g}"


def _direction(orientation: Mapping[str, Any], flat: bool) -> str:
    found = orientation["length_weighted"].get("principal_direction")
    if found is None:
        return "unknown"
    z, y, x = found["zyx"]
    phi = np.degrees(np.arctan2(y, x))
    angles = f"φ {phi:.1f}°"
    if not flat:
        angles = f"θ {np.degrees(np.arccos(min(z, 1.0))):.1f}°, {angles}"
    cone = found["cone_deg"]
    return angles if cone is None else f"{angles} (within {cone:.1f}°)"


def _diagonal(orientation: Mapping[str, Any], flat: bool) -> str:
    tensor = orientation["length_weighted"]["a2"]
    if tensor is None:
        return "unknown"
    parts = [f"{axis}{axis} {tensor[i][i]:.3f}" for i, axis in enumerate("zyx")]
    return ", ".join(parts[int(flat) :])


def _rows(numbers: Sequence[Row]) -> str:
    """Two names and values a row."""
    cells = [
        f'<td class="name">{for_html(name)}</td><td>{for_html(value)}</td>'
        for name, value in numbers
    ]
    cells += ["<td></td><td></td>"] * (len(cells) % 2)
    half = len(cells) // 2
    pairs = zip(cells[:half], cells[half:], strict=True)
    return "".join(f"<tr>{left}{right}</tr>\n" for left, right in pairs)


def _gallery(pictures: Mapping[str, bytes]) -> str:
    images = [picture_html(name, data) for name, data in pictures.items()]
    beside = 2 if len(images) >= 3 else 0
    wide = images[: len(images) - beside]
    rows = [f'<tr><td colspan="2">{image}</td></tr>' for image in wide]
    if beside:
        rows.append(f"<tr><td>{images[-2]}</td><td>{images[-1]}</td></tr>")
    return f'<table class="pictures">{"".join(rows)}</table>'


def picture_html(name: str, data: bytes) -> str:
    """A PNG file within the page."""
    code = b64encode(data).decode("ascii")
    return f'<img alt="{for_html(name)}" src="data:image/png;base64,{code}">'
