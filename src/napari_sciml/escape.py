"""Text that someone typed, made fit for each place that it is put into.

Names of classes and files and units of length may hold any sign: line ends, bytes of
no encoding (which Python keeps as surrogates), signs that begin a formula or a markup.
Each destination has one function here, and nothing else escapes for it.
"""

import csv
import html
import io
import unicodedata
from functools import cache

MAX_NAME = 60
"""Signs of a name of a class or a unit; more fit on no legend."""

_FORMULA = ("=", "+", "-", "@")
"""What begins a formula in a spreadsheet."""


def plain(text: str) -> str:
    """Give a text on one line that every file can hold.

    Bytes of no encoding become the replacement character, control signs and line ends
    spaces; spaces in a row become one.
    """
    readable = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    signs = (" " if _is_control(sign) else sign for sign in readable)
    return " ".join("".join(signs).split())


def for_terminal(text: str) -> str:
    """Give a text of one line that cannot steer a terminal.

    Signs that the encoding lacks are the stream's to replace; see
    `napari_sciml.cli.terminal.accept_any_text`.
    """
    return "".join(_spelled(sign) if _is_control(sign) else sign for sign in text)


def for_matplotlib(text: str) -> str:
    """Give a text that matplotlib draws as it is: no formulas, no missing signs."""
    known = _drawable()
    drawn = (s if ord(s) in known else "\N{WHITE SQUARE}" for s in plain(text))
    return "".join(drawn).replace("$", r"\$")


def for_html(text: str) -> str:
    """Give a text for the body or a quoted attribute of a page, also of Qt's labels."""
    return html.escape(plain(text))


def for_csv(text: str) -> str:
    """Give a cell that no spreadsheet takes for a formula; see `from_cell`.

    Commas and quotes are the writer's.
    """
    cell = plain(text)
    return f"'{cell}" if cell.lstrip("'").startswith(_FORMULA) else cell


def from_cell(cell: str) -> str:
    """Undo `for_csv`."""
    shielded = cell.startswith("'") and cell.lstrip("'").startswith(_FORMULA)
    return cell[1:] if shielded else cell


def csv_rows(text: str) -> tuple[list[str], "csv.DictReader[str]"]:
    """Read a table as programs write it: commas or semicolons, names in the first line.

    Returns
    -------
    names, rows
        Names of the columns, in small letters; and the lines after them, in which a
        cell that is missing is empty.
    """
    text = text.removeprefix("\ufeff")
    delimiter = ";" if ";" in text.split("\n", 1)[0] else ","
    rows = csv.DictReader(io.StringIO(text), delimiter=delimiter, restval="")
    names = [name.strip().lower() for name in rows.fieldnames or ()]
    rows.fieldnames = names
    return names, rows


def for_xml(text: str) -> str:
    """Give a text for a header in XML, whose writer escapes its brackets."""
    return "".join(sign for sign in plain(text) if ord(sign) not in (0xFFFE, 0xFFFF))


def _is_control(sign: str) -> bool:
    """Controls, line and paragraph ends, and marks that turn the writing around."""
    return unicodedata.category(sign) in ("Cc", "Zl", "Zp") or (
        "\u202a" <= sign <= "\u202e" or "\u2066" <= sign <= "\u2069"
    )


def _spelled(sign: str) -> str:
    return sign.encode("unicode_escape").decode("ascii")


@cache
def _drawable() -> frozenset[int]:
    """Signs of the font that pictures are written in."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    return frozenset(get_font(findfont(FontProperties())).get_charmap())
