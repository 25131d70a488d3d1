"""The chain of pages of a TIFF file, each of which tells where the next one is."""

import struct

import tifffile

from napari_sciml.errors import InputError


def check_chain(file: tifffile.TiffFile) -> None:
    """Refuse a chain of pages that comes back to one of them.

    tifffile follows such a chain four thousand million times, unless it happens to
    count all pages before it reads one.

    Raises
    ------
    InputError
        Tells the page that comes back.
    """
    layout, handle = file.tiff, file.filehandle
    seen: dict[int, int] = {}
    place = int(file.pages.first.offset)
    while 0 < place < handle.size:
        if place in seen:
            raise InputError(
                f"{handle.path}: page {seen[place]} comes after page {len(seen)} "
                "again, so its end cannot be found; copy it again."
            )
        seen[place] = len(seen) + 1
        try:
            handle.seek(place)
            (tags,) = struct.unpack(layout.tagnoformat, handle.read(layout.tagnosize))
            handle.seek(place + layout.tagnosize + tags * layout.tagsize)
            (place,) = struct.unpack(
                layout.offsetformat, handle.read(layout.offsetsize)
            )
        except (struct.error, OSError, ValueError):
            return  # it breaks off, which tifffile tells
