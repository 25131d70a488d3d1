"""Names of the results of many files: one each, and never the same for two."""

import unicodedata
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from napari_sciml.io.images.hdf5.reading import split_hdf5

_PACKED = (".gz", ".bz2")
_OME = ".ome"


def base_name(path: Path) -> str:
    """Name of an input without its folder and its endings; ``a.ome.tif`` is ``a``.

    Of a data set in an HDF5 file, that of the file and the path in it.
    """
    inside = split_hdf5(path)
    if inside is not None:
        file, data_set = inside
        return "-".join([file.stem, *(part for part in data_set.split("/") if part)])
    name = path.name if path.name not in ("", "..") else path.resolve().name
    if path.is_dir() and not name.lower().endswith(".zarr"):
        return name or "image"
    stem = Path(name).stem
    if name.lower().endswith(_PACKED):
        stem = Path(stem).stem
    if stem.lower().endswith(_OME) and len(stem) > len(_OME):
        stem = stem[: -len(_OME)]
    return stem


def unique_names(
    paths: Sequence[Path],
    *,
    given: Mapping[Path, str] | None = None,
    taken: Collection[str] = (),
) -> list[str]:
    """Name each input for its result.

    Where two would have one name, the name of the folder that they are in goes before
    it, and where that is not enough a number behind it, in the order of the inputs.

    Parameters
    ----------
    paths
        Absolute.
    given
        Names that some have already, from an earlier run; they stay.
    taken
        Names that nothing may have.

    Returns
    -------
    list of str
        In the order of the inputs. Names that differ in case or in how their accents
        are written count as one, as they are one file on some disks.
    """
    given = given or {}
    used = {_key(name) for name in (*given.values(), *taken)}
    bases = {path: base_name(path) for path in paths if path not in given}
    count = Counter(_key(name) for name in bases.values())
    names = []
    for path in paths:
        if path in given:
            names.append(given[path])
            continue
        name = bases[path]
        if count[_key(name)] > 1 or _key(name) in used:
            name = _with_folder(path, name)
        name = _numbered(name, used)
        used.add(_key(name))
        names.append(name)
    return names


def _with_folder(path: Path, name: str) -> str:
    inside = split_hdf5(path)
    folder = (path if inside is None else inside[0]).parent.name
    return f"{folder}-{name}" if folder else name


def _numbered(name: str, used: Collection[str]) -> str:
    number, fresh = 1, name
    while _key(fresh) in used:
        number += 1
        fresh = f"{name}-{number}"
    return fresh


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
