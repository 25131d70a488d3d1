"""Whether a file is a slice, or a volume by itself, as its header tells."""

from collections.abc import Sequence
from pathlib import Path

from napari_sciml.io.images.stacks.reading import files_of_set
from napari_sciml.io.images.tiff.file import parsed
from napari_sciml.io.images.tiff.reading import TIFF_SUFFIXES, axis_names
from napari_sciml.io.images.tiff.series import only_image

MOST = 32
"""Files whose headers are looked at, spread over a folder."""

VOLUME = ()
"""Instead of the shape of a slice."""


def slice_shape(path: Path) -> tuple[int, ...] | None:
    """Rows and columns of a TIFF or picture that is a slice.

    Returns
    -------
    tuple of int or None
        `VOLUME` for what has more than one slice; None for what cannot be read.
    """
    try:
        if path.suffix.lower() not in TIFF_SUFFIXES:
            return _picture_shape(path)
        return _tiff_shape(path)
    except Exception:  # whatever a damaged file leads a library to
        return None


def sampled(files: Sequence[Path]) -> list[Path]:
    """Some files, spread over all, as a folder may hold 100,000 of them."""
    step = max(1, -(-len(files) // MOST))
    return list(files[::step])


def is_one_ome_image(files: Sequence[Path]) -> bool:
    """Whether one image, by its header, is in several of these files."""
    if len(files) < 2 or files[0].suffix.lower() not in TIFF_SUFFIXES:
        return False
    # The first file may be a stranger.
    return any(map(_is_of_set, (files[0], files[len(files) // 2], files[-1])))


def _is_of_set(path: Path) -> bool:
    try:
        return bool(files_of_set(path))
    except Exception:  # whatever a damaged file leads a library to
        return False


def _picture_shape(path: Path) -> tuple[int, ...]:
    from PIL import Image

    with Image.open(path) as picture:
        return picture.height, picture.width


def _tiff_shape(path: Path) -> tuple[int, ...]:
    with parsed(path) as (file, _):
        found = only_image(file, path)
        page, series = file.pages.first, found.series
        names = axis_names(series.axes, series.shape)
        long = {a for a, n in zip(names, series.shape, strict=True) if n > 1}
        # The header of one of several files may tell of the whole stack.
        is_part = file.is_ome and len(file.pages) == 1 and page.axes == "YX"
        if found.joined or not (long <= set("yxsc") or is_part):
            return VOLUME
        return int(page.imagelength), int(page.imagewidth)
