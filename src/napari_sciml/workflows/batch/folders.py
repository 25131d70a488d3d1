"""Whether a folder is one image, a stack of slices, or holds an image a file."""

import os
from dataclasses import dataclass
from pathlib import Path

from napari_sciml.io.images.foreign import foreign_folder
from napari_sciml.io.images.ngff.reading import is_zarr
from napari_sciml.io.images.reading import has_known_ending
from napari_sciml.io.images.stacks.kinds import (
    VOLUME,
    is_one_ome_image,
    sampled,
    slice_shape,
)
from napari_sciml.io.images.stacks.order import natural
from napari_sciml.io.images.stacks.reading import PICTURE_SUFFIXES, files_in
from napari_sciml.io.images.text import listed
from napari_sciml.io.images.tiff.reading import TIFF_SUFFIXES
from napari_sciml.io.results.batch_record import BATCH_FILE, read_batch
from napari_sciml.io.results.outputs import kind_of
from napari_sciml.json_files import UnreadableError

UNFINISHED = ".unfinished"


@dataclass(frozen=True)
class Guess:
    """What a folder is taken for.

    Attributes
    ----------
    images
        An image each; None = the folder is one image, to be opened as it is.
    told
        That it is, and how to have it the other way; empty where nothing is guessed.
    """

    images: tuple[Path, ...] | None = None
    told: str = ""


@dataclass(frozen=True)
class _Content:
    slices: tuple[Path, ...]
    """TIFF files, or pictures where there are none, as they would be stacked."""
    others: tuple[Path, ...]
    """Files of other formats, and zarrs."""
    folders: tuple[Path, ...]


def images_in(folder: Path, *, dims: int | None = None) -> Guess:
    """Decide by what is in a folder.

    Parameters
    ----------
    folder
        That exists.
    dims
        Axes that an image must have: with 2 every picture is an image. None = either.
    """
    if is_zarr(folder) or (foreign_folder(folder) and not _tiffs(folder)):
        return Guess()
    results = _results(folder)
    if results is not None:
        return results
    content = _look(folder)
    if dims == 2:
        return _each(folder, (*content.slices, *content.others))
    shapes = {slice_shape(path) for path in sampled(content.slices)}
    if VOLUME in shapes and not is_one_ome_image(content.slices):
        stacks = tuple(sub for sub in content.folders if _is_stack(sub, pictures=False))
        return _each(folder, (*content.slices, *content.others, *stacks))
    if not content.slices or len(content.others) > len(content.slices) == 1:
        stacks = tuple(sub for sub in content.folders if _is_stack(sub, pictures=True))
        return _each(folder, (*content.slices, *content.others, *stacks))
    if dims is None and len(shapes - {None}) > 1:
        return _each(folder, (*content.slices, *content.others))
    return Guess(told=_one_stack(folder, content))


def predictions_in(folder: Path) -> Guess:
    """The predictions in a folder that is none itself."""
    if is_zarr(folder):
        return Guess()
    results = _results(folder)
    if results is not None:
        return results
    with os.scandir(folder) as entries:
        inner = [Path(entry.path) for entry in entries if entry.is_dir()]
    found = [path for path in inner if kind_of(path) == "prediction"]
    return _each(folder, tuple(found), what="predictions")


def _results(folder: Path) -> Guess | None:
    """What another command made of many files: never one stack."""
    try:
        record = read_batch(folder)
    except UnreadableError:
        return None
    if record is None:
        return None
    done = (folder / e.result for e in record.files if e.state == "done")
    images = tuple(path for path in done if path.exists())
    told = f"{folder} holds the results of {record.command}: {len(images)} of them."
    return Guess(images, told)


def _each(folder: Path, images: tuple[Path, ...], what: str = "images") -> Guess:
    if not images:
        return Guess()  # whoever opens it says what is missing
    ordered = tuple(sorted(images, key=lambda path: (natural(path.name), path.name)))
    if len(ordered) == 1:
        return Guess(ordered, f"{folder} holds one of the {what}, {ordered[0].name}.")
    return Guess(
        ordered,
        f"{folder} is taken for a folder of {len(ordered)} {what} "
        f"({listed([path.name for path in ordered])}), each by itself; slices of one "
        "image have to lie in a folder of their own.",
    )


def _one_stack(folder: Path, content: _Content) -> str:
    ending = content.slices[0].suffix
    told = f"{folder} is taken for one image, a stack of {len(content.slices)} slices"
    if content.others:
        told += f", without {listed([path.name for path in content.others])}"
    return f'{told}; for an image each, give "{folder / f"*{ending}"}".'


def _look(folder: Path) -> _Content:
    slices = _tiffs(folder) or files_in(folder, PICTURE_SUFFIXES)
    files: list[Path] = []
    folders: list[Path] = []
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda one: one.name):
            if not entry.name.startswith("."):
                (folders if entry.is_dir() else files).append(Path(entry.path))
    others = [
        path
        for path in files
        if has_known_ending(path)
        and path.suffix.lower() not in (*TIFF_SUFFIXES, *PICTURE_SUFFIXES, ".gif")
    ]
    zarrs = [path for path in folders if is_zarr(path)]
    inner = [path for path in folders if path not in zarrs and not _is_ours(path)]
    return _Content(tuple(slices), (*others, *zarrs), tuple(inner))


def _is_ours(folder: Path) -> bool:
    """Results that somebody put beside the images, and what is not finished."""
    known = (folder / BATCH_FILE).exists() or kind_of(folder) is not None
    return known or folder.name.endswith(UNFINISHED)


def _tiffs(folder: Path) -> list[Path]:
    return files_in(folder, TIFF_SUFFIXES)


def _is_stack(folder: Path, *, pictures: bool) -> bool:
    """Whether a folder in a folder is an image by itself."""
    if foreign_folder(folder):
        return True
    slices = _tiffs(folder) or (files_in(folder, PICTURE_SUFFIXES) if pictures else [])
    shapes = {slice_shape(path) for path in sampled(slices)}
    return bool(slices) and (VOLUME not in shapes or is_one_ome_image(slices))
