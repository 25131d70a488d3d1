"""What is missing of a data set of an HDF5 file, for which HDF5 gives zeros."""

import math
import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from napari_sciml.errors import InputError
from napari_sciml.io.images.text import listed, value_text


def check_stored(data: Any, file: Path, name: str) -> tuple[str, ...]:
    """Look for what was not copied or never written.

    Parameters
    ----------
    data
        The data set.
    file
        The file that was opened.
    name
        Of the data set, for messages.

    Returns
    -------
    tuple of str
        Cautions.

    Raises
    ------
    InputError
        When it cannot be read: its values lie in a file that is not there or too
        short, or are compressed in a way that is not installed.
    """
    _check_filters(data, name)
    if data.external:
        _check_raw_files(data, name)
        return ()
    if data.is_virtual:
        return tuple(_missing_sources(data, file, name))
    return tuple(_never_written(data, name))


def _check_filters(data: Any, name: str) -> None:
    import h5py

    stored = data.id.get_create_plist()
    for number in range(stored.get_nfilters()):
        code, _, _, title = stored.get_filter(number)
        if not h5py.h5z.filter_avail(code):
            words = title.decode("utf-8", "replace").split(";")[0] or "no name"
            raise InputError(
                f"{name} is compressed by the filter {code} ({words}), which is not "
                "installed; pip install hdf5plugin brings the usual ones."
            )


def _check_raw_files(data: Any, name: str) -> None:
    """Make sure of the files outside that hold the values."""
    unlimited = 2**63
    left = data.nbytes
    for raw, offset, size in data.external:
        path = Path(raw)
        if not path.is_file():
            raise InputError(
                f"{name} has its values in the file {raw}, which is not there; copy "
                "it, too, and start where it lies."
            )
        stored = max(0, path.stat().st_size - offset)
        if size < unlimited and stored < min(size, left):
            break
        left -= min(stored, size, left)
    if left > 0:
        raise InputError(
            f"{name} has its values in the file {data.external[-1][0]}, which is too "
            "short; copy it again."
        )


def _never_written(data: Any, name: str) -> Iterator[str]:
    import h5py

    if data.chunks is not None:
        edges = zip(data.shape, data.chunks, strict=True)
        total = math.prod(-(-n // edge) for n, edge in edges)
        missing = total - data.id.get_num_chunks()
        if missing > 0:
            yield (
                f"{missing} of {total} chunks of {name} are not stored and count as "
                f"{value_text(data.fillvalue)}, as HDF5 has it; look whether "
                "it was written to the end."
            )
    elif (
        data.size and data.id.get_space_status() == h5py.h5d.SPACE_STATUS_NOT_ALLOCATED
    ):
        yield (
            f"Nothing of {name} was ever written: all its values count as "
            f"{value_text(data.fillvalue)}, as HDF5 has it."
        )


def _missing_sources(data: Any, file: Path, name: str) -> Iterator[str]:
    """Look whether the parts of a virtual data set are there."""
    by_file: dict[str, list[Any]] = defaultdict(list)
    covered = 0
    for part in data.virtual_sources():
        by_file[part.file_name].append(part)
        covered += _selected(part.vspace, data)
    missing: list[str] = []
    for source, parts in by_file.items():
        missing += _missing_parts(source, parts, data, file, name)
    if missing:
        yield (
            f"{name} is put together of other data, of which {listed(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} missing and {_counts_as(data)}; "
            f"copy what is missing to where {file.name} lies."
        )
    if covered < data.size:
        share = math.ceil(100 * (1 - covered / data.size))
        yield (
            f"{share} % of {name} belong to no part that it is put together of and "
            f"{_counts_as(data)}."
        )


def _counts_as(data: Any) -> str:
    return f"count as {value_text(data.fillvalue)}, as HDF5 has it"


def _missing_parts(
    source: str, parts: list[Any], data: Any, file: Path, name: str
) -> Iterator[str]:
    """Names of what is not there of one source file."""
    import h5py

    # A file may be one of a series, of which the first is looked for.
    path = _source_file(source.replace("%b", "0"), data, file)
    if path is None:
        yield source
        return
    try:
        opened = data.file if source == "." else h5py.File(path, "r")
    except OSError:
        yield f"{source} (damaged)"
        return
    try:
        for part in parts:
            inside = part.dset_name.replace("%b", "0")
            found = opened.get(inside)
            if not isinstance(found, h5py.Dataset):
                yield f"{inside.strip('/')} in {source}"
                continue
            _check_length(found, part, data, f"{source}/{inside.strip('/')}", name)
            if found.is_virtual and found != data:
                for caution in _missing_sources(found, Path(path), source):
                    yield f"a part of {inside.strip('/')} ({caution.split(';')[0]})"
            elif not found.is_virtual:
                yield from (
                    f"a part of {inside.strip('/')} in {source}"
                    for _ in _never_written(found, inside)
                )
    finally:
        if source != ".":
            opened.close()


def _source_file(source: str, data: Any, file: Path) -> Path | None:
    """Where HDF5 looks for a source, in its order."""
    if source == ".":
        return file
    path = Path(source.replace("%%", "%"))
    folders = [Path(p) for p in os.environ.get("HDF5_VDS_PREFIX", "").split(":") if p]
    origin = Path(os.fsdecode(data.file.filename))
    folders += [origin.parent, origin.resolve().parent, Path()]
    known = [folder / path for folder in folders]
    known += [folder / path.name for folder in folders if path.is_absolute()]
    return next((one for one in known if one.is_file()), None)


def _check_length(found: Any, part: Any, data: Any, source: str, name: str) -> None:
    """HDF5 refuses to read what a source is too short for, but only when asked."""
    import h5py

    wanted = part.src_space
    whole = wanted.get_select_type() == h5py.h5s.SEL_ALL
    if whole:
        enough = found.size >= _selected(part.vspace, data)
    else:
        try:
            _, last = wanted.get_select_bounds()
        except (ValueError, RuntimeError):  # it is as long as it will become
            return
        enough = bool(np.all(np.less(last, found.shape)))
    if not enough:
        raise InputError(
            f"{name} is put together of other data, of which {source} is too short "
            f"(its shape is {found.shape}); copy it again."
        )


def _selected(space: Any, data: Any) -> int:
    """Values that a part fills; all of the data where that is not known yet."""
    try:
        return int(space.get_select_npoints())
    except (ValueError, RuntimeError):
        return int(data.size)
