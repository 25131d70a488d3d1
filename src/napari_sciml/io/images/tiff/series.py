"""Which of the images in a TIFF file is meant."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tifffile

from napari_sciml.errors import InputError

COLOR_AXES = ("YXS", "SYX")


@dataclass(frozen=True)
class Found:
    """The image of a file.

    Attributes
    ----------
    series
        What tifffile found; where pages were stored in different ways it finds a
        series for each way.
    joined
        Numbers of the pages that make up the image where several series are one
        stack, else empty.
    cautions
        On what was left out.
    """

    series: Any
    joined: tuple[int, ...] = ()
    cautions: tuple[str, ...] = ()


def only_image(file: tifffile.TiffFile, path: Path) -> Found:
    """Find the one image of a file; thumbnails and smaller levels are welcome beside.

    Raises
    ------
    InputError
        When there is none, or several of which none is clearly meant.
    """
    if not file.series:
        raise InputError(f"{path} holds no image; it may be damaged.")
    first, *others = sorted(file.series, key=_is_page_of_color)
    if len(file.series) > 1 and _is_page_of_color(file.series[0]):
        # A picture for people before the stack that it shows.
        alike = [s for s in file.series if _side(s) == _side(file.series[0])]
        if len(alike) < 2 or len(first) < 2:
            first, *others = file.series
    if not others:
        return Found(first)
    same = [s for s in others if _side(s) == _side(first) and not _is_page_of_color(s)]
    joined = _joined([first, *same]) if same else ()
    too_many = [s for s in others if s not in same and s.size >= first.size]
    if (same and not joined) or too_many:
        raise InputError(
            f"{path} holds {len(file.series)} images of different kinds "
            f"({'; '.join(_named(s) for s in file.series[:3])}"
            f"{'; …' if len(file.series) > 3 else ''}); save the one you mean in a "
            "file of its own."
        )
    left_out = [s for s in others if s not in same and not _is_small_copy(s, first)]
    cautions = tuple(
        f"{path.name} also holds {_named(s)}, left out beside {_named(first)}."
        for s in left_out
    )
    return Found(first, joined, cautions)


def _joined(series: list[Any]) -> tuple[int, ...]:
    """Numbers of all pages where series are parts of one stack, else none.

    Pages that were compressed, cut into strips or told of in different ways are
    parts of one stack; values of other types or another meaning are not.
    """
    keys = [s.keyframe for s in series]
    alike = {
        (k.shape, k.axes, k.dtype, k.bitspersample, k.photometric, k.extrasamples)
        for k in keys
    }
    told = [s for s in series if s.kind not in ("generic", "uniform")]
    # What is told to be several images with pages of their own is not one.
    if len(alike) > 1 or any(s.kind != "shaped" or len(s) > 1 for s in told):
        return ()
    pages = [page for s in series for page in s]
    if any(page is None or len(_number(page)) > 1 for page in pages):
        return ()
    return tuple(sorted(_number(page)[0] for page in pages))


def _number(page: Any) -> tuple[int, ...]:
    return page.index if isinstance(page.index, tuple) else (int(page.index),)


def _side(series: Any) -> tuple[int, int]:
    return (series.keyframe.imagelength, series.keyframe.imagewidth)


def _is_page_of_color(series: Any) -> bool:
    return len(series) == 1 and series.axes in COLOR_AXES


def _is_small_copy(series: Any, of: Any) -> bool:
    """Whether it is a thumbnail, a level of a pyramid or the label of a slide."""
    (height, width), (full_height, full_width) = _side(series), _side(of)
    small = 2 * height <= full_height and 2 * width <= full_width
    return bool(series.keyframe.is_reduced) or (small and len(series) in (1, len(of)))


def _named(series: Any) -> str:
    name = f'"{series.name}", ' if series.kind == "ome" and series.name else ""
    height, width = _side(series)
    count = series.size // max(1, series.keyframe.size)
    pages = "1 page" if count == 1 else f"{count} pages"
    color = " in color" if series.keyframe.axes in COLOR_AXES else ""
    return f"{name}{pages} of {height} x {width} {series.dtype}{color}"
