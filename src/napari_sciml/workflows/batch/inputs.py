"""Which images somebody means by files, folders and patterns."""

import glob
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from napari_sciml.errors import InputError
from napari_sciml.io.images.hdf5.reading import split_hdf5
from napari_sciml.io.images.ngff.reading import is_zarr
from napari_sciml.io.images.reading import has_known_ending
from napari_sciml.io.images.stacks.order import natural
from napari_sciml.io.images.text import listed
from napari_sciml.io.results.batch_record import BATCH_FILE
from napari_sciml.progress import Say
from napari_sciml.workflows.batch.folders import (
    UNFINISHED,
    Guess,
    images_in,
    predictions_in,
)

Named = str | Path | Sequence[str | Path]
"""One or many files, folders and patterns."""

Look = Callable[[Path], Guess]
"""Tells what a folder is taken for."""


@dataclass(frozen=True)
class Inputs:
    """What was named.

    Attributes
    ----------
    paths
        Of the images, each once, in the order in which they were named.
    several
        Whether the results go into a folder: more than one thing was named, or a
        pattern, or a folder of images; that may be a single image all the same.
    told
        Sentences on what was guessed and left out.
    named
        What was named that exists: files, and the folders of images.
    """

    paths: tuple[Path, ...]
    several: bool
    told: tuple[str, ...] = ()
    named: tuple[Path, ...] = ()


def find_images(
    named: Named, *, dims: int | None = None, out: Path | None = None
) -> Inputs:
    """Find the images that are meant.

    Parameters
    ----------
    named
        Files, zarrs, folders, and patterns like ``scans/*.tif`` or ``**/*.nrrd``, as
        shells of Windows and quotes leave them. A folder of slices is one image, a
        folder of volumes as many as it holds; see `images_in`.
    dims
        Axes that the images must have; None = 2 or 3.
    out
        Where results go: left out where it is named among others, as a pattern does
        the second time.

    Raises
    ------
    InputError
        When a pattern matches nothing that could be an image, or nothing was named.
    """
    return _find(named, partial(images_in, dims=dims), out)


def find_predictions(named: Named, *, out: Path | None = None) -> Inputs:
    """Find the predictions that are meant; see `find_images`."""
    return _find(named, predictions_in, out)


def means_one(
    named: Sequence[Path], out: Path, find: Callable[[], Inputs], say: Say
) -> bool:
    """Whether a command works on a single image, as its result will not be a folder.

    Parameters
    ----------
    named
        Files, folders and patterns.
    out
        The result: a folder of many is gone on with as such.
    find
        Finds what is meant by them; called only where that is not clear.
    say
        Gets what a single folder is taken for.
    """
    if len(named) != 1 or os.path.isfile(out / BATCH_FILE):
        return False
    if _is_pattern(named[0]) or (named[0].is_dir() and not is_zarr(named[0])):
        found = find()
        if found.several:
            return False
        for sentence in found.told:
            say(sentence)
    return True


def _find(given: Named, look: Look, out: Path | None) -> Inputs:
    named = [given] if isinstance(given, str | Path) else list(given)
    if not named:
        raise InputError("No image is named: give files, folders or patterns.")
    paths: list[Path] = []
    told: list[str] = []
    several = len(named) > 1
    for one in map(Path, named):
        matched = _matches(one)
        several |= matched is not None
        for path in [one] if matched is None else _readable(one, matched, told):
            if several and _holds_results(path, out):
                continue
            guess = look(path) if path.is_dir() else Guess()
            several |= guess.images is not None
            told += [guess.told] if guess.told else []
            paths += [path] if guess.images is None else guess.images
    if not paths:
        raise InputError(f"There is no image in {listed(list(map(str, named)))}.")
    unique = tuple({os.path.abspath(path): path for path in paths}.values())
    if len(unique) < len(paths):
        twice = len(paths) - len(unique)
        told.append(
            f"{twice} of the {len(paths)} names are there twice and count once."
        )
    there = tuple(
        path
        for path in map(Path, named)
        if path.exists() and not (several and _holds_results(path, out))
    )
    return Inputs(unique, several, tuple(told), there)


def _matches(path: Path) -> list[Path] | None:
    """What a pattern matches, in natural order; None for what is no pattern."""
    if not _is_pattern(path):
        return None
    pattern = str(path)
    found = [Path(one) for one in glob.glob(pattern, recursive=True)]
    if not found:
        raise InputError(f"Nothing matches {pattern}; check the pattern.")
    return sorted(found, key=lambda one: ([natural(p) for p in one.parts], str(one)))


def _is_pattern(path: Path) -> bool:
    """Whether it is no name of something that exists, which may have brackets."""
    if not glob.has_magic(str(path)):
        return False
    try:
        return not path.exists() and split_hdf5(path) is None
    except OSError:
        return False


def _readable(pattern: Path, found: Iterable[Path], told: list[str]) -> list[Path]:
    """Of what a pattern matches, what could be an image; ``**`` enters zarrs, too."""
    kept: list[Path] = []
    left: list[Path] = []
    for path in found:
        if path.name == BATCH_FILE or path.name.endswith(UNFINISHED):
            continue
        if any(parent.suffix == ".zarr" and is_zarr(parent) for parent in path.parents):
            continue
        (kept if path.is_dir() or has_known_ending(path) else left).append(path)
    if not kept:
        raise InputError(
            f"Nothing that {pattern} matches is an image ({listed(_names(left))}); "
            "check the pattern."
        )
    if left:
        told.append(f"{listed(_names(left))} are no images and are left out.")
    return kept


def _holds_results(path: Path, out: Path | None) -> bool:
    """Whether it is the output, which holds results of an earlier run."""
    if out is None or os.path.abspath(path) != os.path.abspath(out):
        return False
    return os.path.isfile(out / BATCH_FILE)


def _names(paths: Iterable[Path]) -> list[str]:
    return [path.name for path in paths]
