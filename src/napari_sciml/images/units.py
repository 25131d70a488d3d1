"""Units of length: one name for their many spellings, and how they are printed."""

import html
import re
import unicodedata
from collections.abc import Sequence

from napari_sciml.escape import plain

_KNOWN = {
    "femtometer": ("fm", 1e-15),
    "picometer": ("pm", 1e-12),
    "angstrom": ("Å", 1e-10),
    "nanometer": ("nm", 1e-9),
    "micrometer": ("µm", 1e-6),
    "millimeter": ("mm", 1e-3),
    "centimeter": ("cm", 1e-2),
    "decimeter": ("dm", 1e-1),
    "meter": ("m", 1.0),
    "kilometer": ("km", 1e3),
    "thou": ("thou", 2.54e-5),
    "inch": ("in", 0.0254),
    "foot": ("ft", 0.3048),
    "yard": ("yd", 0.9144),
    "mile": ("mi", 1609.344),
}

METERS = {name: meters for name, (_, meters) in _KNOWN.items()}
"""Length of the units that we know, by the names that OME-Zarr and pint use."""

SYMBOLS = {name: symbol for name, (symbol, _) in _KNOWN.items()}
"""The same units as OME-XML and people write them."""

NO_UNIT = "pixel"
"""Unit of an image whose file does not tell the size of its voxels."""

UNNAMED = "units"
"""What lengths are printed in where there is a voxel size without a unit."""

_SPELLINGS = {
    "": NO_UNIT,
    **dict.fromkeys(("pixels", "px", "voxel", "voxels", "vx", UNNAMED), NO_UNIT),
    **dict.fromkeys(("unit", "none", "null", "unknown", "a.u.", "au"), NO_UNIT),
    **{symbol.lower(): name for name, symbol in SYMBOLS.items()},
    **dict.fromkeys(("ang", "ångstrom", "ångström", "angström"), "angstrom"),
    **dict.fromkeys(("um", "micron", "microns", "mum", "µ", "mu"), "micrometer"),
    # Where a program could not write the micro sign, it left one of these.
    **dict.fromkeys(("?m", "\N{REPLACEMENT CHARACTER}m"), "micrometer"),
    **dict.fromkeys(("inches", "in.", '"', "''", "\N{PRIME}\N{PRIME}"), "inch"),
    **dict.fromkeys(("mil", "mils"), "thou"),
    "feet": "foot",
}
_OTHER_IN_LOWER_CASE = ("Mm", "Pm")
"""Mega- and petameters, which OME knows; in lower case they are mm and pm."""
_ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})")


def unit_name(spelling: str) -> str:
    """One name for the many spellings of a unit: "µm" is "micrometer".

    Signs that another program escaped, wrote in another alphabet or garbled are
    understood; a word that is no unit of length stays as it is.
    """
    text = _mended(str(spelling)).strip().strip("[]()").strip()
    if text == "A":  # in lower case it is none
        return "angstrom"
    if text in _OTHER_IN_LOWER_CASE:
        return text
    plain = text.lower().replace("metre", "meter").replace("μ", "µ")
    singular = plain.removesuffix("s")
    if singular in METERS:
        return singular
    return _SPELLINGS.get(plain, plain)


def conversion(unit: str, other: str) -> float | None:
    """How many of the other unit one of this is; None if they cannot be compared.

    Both as `unit_name` gives them.
    """
    if unit == other:
        return 1.0
    if not {unit, other} <= METERS.keys():
        return None
    return METERS[unit] / METERS[other]


def unit_symbol(unit: str) -> str:
    """How a unit is printed, "µm" for "micrometer"."""
    return SYMBOLS.get(unit_name(unit), unit)


def ascii_unit(unit: str) -> str:
    r"""A unit for ImageJ, whose headers are ASCII: "\u00B5" is its micro sign."""
    short = {"micrometer": "um", "nanometer": "nm", "millimeter": "mm"}
    words = plain(unit)
    words = short.get(unit_name(words), words)
    return "".join(sign if sign.isascii() else _escape(sign) for sign in words)


def readable(text: str) -> str:
    """What was typed, also where the encoding of the terminal was not told."""
    return plain(text)


def size_text(voxel_size: Sequence[float], unit: str) -> str:
    """A voxel size for a sentence, as the edges with the sign of their unit."""
    edges = " \N{MULTIPLICATION SIGN} ".join(f"{edge:.4g}" for edge in voxel_size)
    return edges if unit == NO_UNIT else f"{edges} {unit_symbol(unit)}"


def _mended(text: str) -> str:
    """Undo escapes, and bytes of UTF-8 that were read as those of another encoding."""
    text = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), html.unescape(text))
    # Escapes stand for halves of what lies beyond the first 65,536 signs.
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    for encoding in ("latin-1", "cp1252"):
        try:
            text = text.encode(encoding).decode("utf-8")
        except UnicodeError:
            continue
    # Makes one of the micro sign and the Greek letter, and of both signs of Å.
    return plain(unicodedata.normalize("NFKC", text))


def _escape(sign: str) -> str:
    units = sign.encode("utf-16-be", "surrogatepass").hex().upper()
    return "".join(f"\\u{units[i : i + 4]}" for i in range(0, len(units), 4))
