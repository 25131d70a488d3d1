"""What a command may write to: nothing of the user's, nor of another command."""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Literal

from napari_sciml.annotation.classes import CSV_COLUMNS
from napari_sciml.errors import InputError
from napari_sciml.io.atomic import check_target, names_written, resolved
from napari_sciml.io.images.hdf5.reading import split_hdf5
from napari_sciml.io.images.restored import RESTORED
from napari_sciml.io.results.arrays import PROBABILITIES, SOFTWARE
from napari_sciml.json_files import read_object
from napari_sciml.special_files import special_kind

Kind = Literal[
    "model",
    "prediction",
    "restored",
    "labels",
    "fibers",
    "focus rating",
    "focus model",
    "validation",
    "filling",
    "drawing",
    "movie",
    "exploration",
    "explanation",
    "classification",
    "demo",
    "classes",
]
"""What commands and docks write; masks are labels, too."""

IN_FOLDERS: dict[str, Kind] = {
    "model.json": "model",
    "fibers.csv": "fibers",
    "focus.csv": "focus rating",
    "focus.json": "focus model",
    "validation.json": "validation",
    "profile.csv": "filling",
    "networks.csv": "drawing",
    "patches.csv": "exploration",
    "why.json": "explanation",
}
"""A file that tells what a folder of ours is."""
SOFTWARE_KINDS: dict[str, Kind] = {
    SOFTWARE: "labels",
    PROBABILITIES: "prediction",
    RESTORED: "restored",
}

CLASSIFIED_HEADER = b"image,class,probability,std,possible,"
CLASSES_HEADER = ",".join(CSV_COLUMNS).encode()


class OursError(InputError):
    """What is there was written by this program, so a user may insist on replacing it.

    Attributes
    ----------
    out
        What would be replaced.
    """

    def __init__(self, out: Path, sentence: str) -> None:
        super().__init__(sentence)
        self.out = out


def check_output(
    out: str | Path,
    kind: Kind,
    *,
    inputs: Iterable[str | Path | None] = (),
    overwrite: bool = False,
    folder: bool | None = None,
) -> None:
    """Make sure, before a long computation, that its result replaces nothing else.

    A result of the same kind may be replaced, as a script that is run again expects.

    Parameters
    ----------
    out
        File or folder to write later.
    kind
        Of the result.
    inputs
        What the result is made of; may hold None.
    overwrite
        Whether the user insists on replacing what another program or command wrote.
        Inputs are never replaced, nor foreign files in a folder of ours.
    folder
        Whether it will be a folder; None where either may come.

    Raises
    ------
    InputError
        When the output is, holds or lies in an input, links resolved; when something
        else is there; and as `check_target`.
    """
    out = Path(out)
    check_apart(out, inputs)
    check_target(out, folder=folder)
    if overwrite or not out.exists():
        return
    objection = _objection(out, kind)
    if objection:
        sentence = (
            f"{out} {objection}: choose another name, or add --overwrite on the "
            "command line to replace it."
        )
        ours = kind_of(out) is not None
        raise OursError(out, sentence) if ours else InputError(sentence)


def check_apart(out: str | Path, inputs: Iterable[str | Path | None]) -> None:
    """Make sure that an output neither is, nor holds, nor lies in an input.

    Parameters
    ----------
    out, inputs
        As of `check_output`.

    Raises
    ------
    InputError
        Where it does, links resolved.
    """
    for source in inputs:
        if source is not None:
            _keep_apart(Path(out), Path(source))


def _objection(out: Path, kind: Kind) -> str:
    """Why what is there is not to be replaced; empty where it may be."""
    found = kind_of(out)
    if found != kind:
        what = f"holds a result of the kind '{found}'" if found else _foreign_words(out)
        return f"is there already and {what}"
    target = out.resolve()
    if target.name in names_written(target.parent):
        return f"belongs to the result {target.parent}"
    return ""


def kind_of(path: str | Path) -> Kind | None:
    """What we wrote there; None for nothing of ours. Never raises."""
    path = Path(path)
    if special_kind(path):
        return None
    with suppress(Exception):  # whatever a foreign file leads a library to
        if not path.is_dir():
            return _kind_of_file(path)
        if (path / "zarr.json").is_file():
            attributes = read_object(path / "zarr.json", nan=True)["attributes"]
            kind: Kind = attributes["napari_sciml"]["kind"]
            return kind
        names = names_written(path)
        return next((kind for name, kind in IN_FOLDERS.items() if name in names), None)
    return None


def _kind_of_file(path: Path) -> Kind | None:
    if path.suffix.lower() == ".json":
        return "demo" if "scores" in read_object(path) else None
    if path.suffix.lower() == ".csv":
        with path.open("rb") as table:
            first = table.readline(80)
        if first.startswith(CLASSIFIED_HEADER):
            return "classification"
        return "classes" if first.strip() == CLASSES_HEADER else None
    if path.suffix.lower() not in (".tif", ".tiff"):
        return None
    import tifffile

    with tifffile.TiffFile(path) as file:
        return SOFTWARE_KINDS.get(file.pages.first.software)


def _foreign_words(path: Path) -> str:
    if path.is_dir():
        return "is nothing that this command wrote"
    if path.suffix.lower() in (".tif", ".tiff"):
        return "was not written by this program"
    return "does not say who wrote it"


def _keep_apart(out: Path, source: Path) -> None:
    inside = split_hdf5(source)
    source = source if inside is None else inside[0]
    target, given = resolved(out), resolved(source)
    both = target.exists() and given.exists()
    if target == given or (both and os.path.samefile(target, given)):
        relation = "is"
    elif target in given.parents:
        relation = "holds"
    elif given in target.parents:
        relation = "lies in"
    else:
        return
    raise InputError(
        f"{out} {relation} the input {source}, which would be lost or mixed up: choose "
        "another place for the output."
    )
