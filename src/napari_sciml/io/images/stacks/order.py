"""Which files of a folder are slices of one stack, and in which order."""

import os
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from napari_sciml.errors import InputError
from napari_sciml.io.images.stacks.names import Numbered, gaps, in_order, numbered
from napari_sciml.io.images.text import SHOWN, listed


def slices_in_order(
    folder: Path, files: Sequence[Path]
) -> tuple[list[Path], tuple[str, ...]]:
    """Sort the files of a folder by the numbers in their names.

    Returns
    -------
    list of Path
        The slices of the one numbered stack.
    tuple of str
        Cautions: on slices that are missing, and on files that were left out.

    Raises
    ------
    InputError
        When there are several stacks, several files of a number, or names that count
        more than one thing.
    """
    stems = [_stem(file) for file in files]
    largest, *others = numbered(stems)
    if len(largest.names) == 1 and others:
        return sorted(files, key=lambda f: natural(f.name)), (
            f"The files in {folder.name} are not numbered as one stack; they are taken "
            "in the order of their names.",
        )
    _check_is_one_stack(folder, largest, others)
    names = set(largest.names)
    pairs = list(zip(files, stems, strict=True))
    members = [file for file, stem in pairs if stem in names]
    strangers = [file.name for file, stem in pairs if stem not in names]
    stack = largest
    if strangers:
        stack = numbered([stem for _, stem in pairs if stem in names])[0]
    _check_values(folder, stack, members)
    ordered = in_order(stack)
    if ordered is None:
        raise InputError(
            f"The names in {folder} count more than one thing (as "
            f"{members[0].name} and {members[-1].name}), so they are no single stack; "
            "keep one time point, channel or sample in the folder."
        )
    order, values = ordered
    slices = [members[i] for i in order]
    of_gaps = _of_gaps(folder, slices, gaps(values))
    return slices, (*of_gaps, *_of_strangers(folder, strangers))


def further_slices(
    folder: Path, slices: Sequence[Path], beside: Sequence[Path] = ()
) -> tuple[str, ...]:
    """Tell of folders and files that go on with the numbers of the slices.

    Parameters
    ----------
    beside
        Images of another kind in the folder.
    """
    stems = {_stem(file) for file in slices}
    suffixes = {file.suffix.lower() for file in slices}
    inner = [name for name in folders_in(folder) if name[:1] != "."]
    going_on = [
        name for name in inner if _more(stems, _named_so(folder / name, suffixes))
    ]
    more = _more(stems, beside)
    going_on += [file.name for file in beside if _stem(file) in more]
    if not going_on:
        return ()
    return (
        f"{folder.name} holds further slices in {listed(going_on)}, which are not "
        "read; put all slices of a stack in one folder, as files of one kind.",
    )


def folders_in(folder: Path) -> list[str]:
    """Names of the folders in a folder."""
    with os.scandir(folder) as entries:
        return sorted(entry.name for entry in entries if entry.is_dir())


def _named_so(folder: Path, suffixes: set[str]) -> list[Path]:
    """Files of some endings, in whatever order."""
    return [
        folder / name
        for name in os.listdir(folder)
        if os.path.splitext(name)[1].lower() in suffixes
    ]


def _more(stems: set[str], files: Sequence[Path]) -> set[str]:
    """Names of files that are named like the slices, with other numbers."""
    others = {_stem(file) for file in files if file.name[:1] != "."} - stems
    if not others:
        return set()
    stacks = [set(stack.names) for stack in numbered(sorted(stems | others))]
    return next(names for names in stacks if names & stems) - stems


def _check_is_one_stack(
    folder: Path, largest: Numbered, others: Sequence[Numbered]
) -> None:
    stacks = [s for s in others if len(s.names) > 1 and s.values[0]]
    count = sum(len(stack.names) for stack in others)
    if stacks or count >= len(largest.names):
        named = [stack.names[0] for stack in (largest, *(stacks or others))]
        raise InputError(
            f"{folder} holds the slices of several stacks, or other images among "
            f"slices ({listed(named)}); keep one stack in the folder."
        )


def _check_values(folder: Path, stack: Numbered, members: Sequence[Path]) -> None:
    value, count = Counter(stack.values).most_common(1)[0]
    if count > 1:
        same = [
            f.name for f, v in zip(members, stack.values, strict=True) if v == value
        ]
        raise InputError(
            f"{folder} holds several slices of one number ({listed(same)}); keep one "
            "of them."
        )


def _of_gaps(
    folder: Path, slices: Sequence[Path], missing: list[tuple[int, int]] | None
) -> tuple[str, ...]:
    if missing is None:
        return (
            f"The numbers of the slices in {folder.name} do not rise by equal steps; "
            "all slices are taken for equally far apart.",
        )
    if not missing:
        return ()
    count = sum(n for _, n in missing)
    places = [f"{slices[i].name} and {slices[i + 1].name}" for i, _ in missing]
    return (
        f"{folder.name} lacks {count} slice{'s' if count > 1 else ''}: the numbers "
        f"leave out {count} between {'; '.join(places[:SHOWN])}"
        f"{'; …' if places[SHOWN:] else ''}. The slices on both sides are taken for "
        "neighbors.",
    )


def _of_strangers(folder: Path, names: Sequence[str]) -> tuple[str, ...]:
    if not names:
        return ()
    return (
        f"{folder.name} also holds {listed(names)}, not named like the slices; left "
        "out.",
    )


def _stem(file: Path) -> str:
    """The name without endings such as ``.ome.tif``."""
    stem = os.path.splitext(file.name)[0]
    return stem[:-4] if stem[-4:].lower() == ".ome" else stem


def natural(name: str) -> list[tuple[int, int | str]]:
    """Key to sort names by, in which 10 comes after 9."""
    parts = re.split(r"(\d+)", name.lower())
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in parts]
