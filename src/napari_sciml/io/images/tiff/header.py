"""What the header of a TIFF file promises, against what is there."""

import math
from pathlib import Path
from typing import Any

import tifffile

from napari_sciml.errors import InputError
from napari_sciml.io.images.tiff.series import Found
from napari_sciml.io.images.tiff.size import ome_pixels
from napari_sciml.io.images.tiff.storage import refuse_missing

WORDS = {"z": "slices", "c": "channels", "t": "time points"}


def header_promises(file: tifffile.TiffFile) -> dict[str, int] | None:
    """Slices (z), channels (c) and time points (t) of the first image by its header."""
    if file.is_ome:
        pixels = ome_pixels(file.ome_metadata or "")
        sizes = (
            {a: pixels[0].get(f"Size{a.upper()}", "") for a in "zct"} if pixels else {}
        )
        if not sizes or not all(size.isdecimal() for size in sizes.values()):
            return None
        return {axis: int(size) for axis, size in sizes.items()}
    if file.is_imagej:
        about = file.imagej_metadata or {}
        names = {"z": "slices", "c": "channels", "t": "frames"}
        counts = {axis: about.get(name, 1) for axis, name in names.items()}
        if not all(isinstance(n, int) and n > 0 for n in counts.values()):
            return None
        if set(counts.values()) == {1} and isinstance(about.get("images"), int):
            counts["z"] = max(1, about["images"])
        return counts
    return None


def caution_of_header(
    file: tifffile.TiffFile, found: Found, path: Path
) -> tuple[str, ...]:
    """Compare the pages with the header, where tifffile did without it or cut it.

    Raises
    ------
    InputError
        When the header tells of channels or time points that cannot be told apart.
    """
    series, chained = found.series, len(file.pages)
    size = int(series.size)
    read = len(found.joined) or size // max(1, series.keyframe.size)
    told = series.kind in ("ome", "imagej", "shaped", "mmstack")
    if told and len(file.series) == 1 and not series.is_multifile and read < chained:
        return (
            f"{path.name} holds {chained} pages but its header tells of {read}; the "
            f"{chained - read} others are left out.",
        )
    return _of_promises(file, series, read, path)


def _of_promises(
    file: tifffile.TiffFile, series: Any, read: int, path: Path
) -> tuple[str, ...]:
    promised = header_promises(file)
    samples = series.keyframe.samplesperpixel
    total = math.prod(promised.values()) if promised else 1
    if promised is None or series.kind == "ome" or total in (1, read, read * samples):
        return ()
    if len(file.pages) == 1 and series.keyframe.is_final:
        refuse_missing(total, path)
    mixed = [
        f"{n} {WORDS[a]}" for a, n in promised.items() if a != "z" and n > 1 < read
    ]
    if mixed and promised["c"] * promised["t"] != samples:
        raise InputError(
            f"{path} holds {read} pages, which do not fit its header "
            f"({promised['z']} slices, {', '.join(mixed)}); save it again, whole."
        )
    if promised["z"] == read:
        return ()
    return (
        f"{path.name} holds {read} page{'s' if read > 1 else ''} but its header "
        f"promises {promised['z']} slices; what is there is read.",
    )


def follows_header(file: tifffile.TiffFile, found: Found) -> bool:
    """Whether pages that were joined are the slices that the header tells of."""
    promised = header_promises(file)
    slices = {"z": len(found.joined), "c": 1, "t": 1}
    return bool(found.joined) and promised == slices
