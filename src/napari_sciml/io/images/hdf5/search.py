"""Which data set of an HDF5 file is meant."""

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from napari_sciml.errors import InputError
from napari_sciml.io.images.text import listed, text_of

SMALLEST_IMAGE = 2
"""Axes that a data set must have to be taken for an image."""
SMALLEST_EDGE = 8
"""Along two axes, of what is rather an image than a table, where there are several."""
LISTED = 12
"""Images that an error names."""
IMARIS_FULL = "ResolutionLevel 0/"
"""In the names of the data sets that are no coarser copies."""


@dataclass(frozen=True)
class FoundDataSet:
    """A data set and the group that it was found in.

    Attributes
    ----------
    data
        The data set.
    name
        Path inside the file, by which it was found.
    parent
        Group that this path leads through; not that of the data where it is a link.
    cautions
        What a person should know of the choice.
    """

    data: Any
    name: str
    parent: Any
    cautions: tuple[str, ...] = ()


@dataclass
class _Contents:
    """Images below a group by their names, and links that lead nowhere, in words."""

    images: dict[str, Any] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)


def find_data_set(opened: Any, file: Path, inside: str) -> FoundDataSet:
    """Find a data set by its name, as the default of a group, or as the only image.

    Parameters
    ----------
    opened
        The file.
    file
        Its path, for messages.
    inside
        Name of a data set or a group; may be empty.

    Raises
    ------
    InputError
        When a link leads nowhere or it is not clear which data set is meant.
    """
    import h5py

    inside = posixpath.normpath(inside).strip("/") if inside else ""
    node = _follow(opened, file, inside) if inside else opened
    if isinstance(node, h5py.Dataset):
        return _found(opened, file, inside, node)
    if not isinstance(node, h5py.Group):
        raise InputError(f"{file}/{inside} is a type, not an image; give a data set.")
    signal = _signal(node)
    if signal is not None:
        name = posixpath.join(inside, signal)
        data = _follow(opened, file, name)
        if isinstance(data, h5py.Dataset) and _axes_of(data) >= SMALLEST_IMAGE:
            return _found(opened, file, name, data)
    contents = _contents(node, inside)
    name = _only_image(contents, file)
    cautions = tuple(
        f"{name} is the only image that is there in {file.name}, but {broken}."
        for broken in contents.broken
    )
    return _found(opened, file, name, contents.images[name], cautions)


def _found(
    opened: Any, file: Path, name: str, data: Any, cautions: tuple[str, ...] = ()
) -> FoundDataSet:
    if data.dtype.kind in "VOSUT":
        kind = "a table" if data.dtype.names else "text or references"
        raise InputError(f"{file}/{name} is {kind}, not an image; give numbers.")
    if _axes_of(data) < SMALLEST_IMAGE:
        raise InputError(
            f"{file}/{name} is no image: it has the shape {data.shape}; give a data "
            "set of two or more axes."
        )
    parent = posixpath.dirname(name)
    return FoundDataSet(data, name, opened[parent] if parent else opened, cautions)


def _follow(opened: Any, file: Path, inside: str) -> Any:
    """What a path leads to, over links of all kinds."""
    import h5py

    node, done = opened, ""
    for part in inside.split("/"):
        if not isinstance(node, h5py.Group):
            raise InputError(
                f"{file}/{done} is no group, so there is no {part} in it; give the "
                f"path {file}/{done}."
            )
        done = posixpath.join(done, part)
        link = node.get(part, getlink=True)
        if link is None:
            _refuse(_contents(opened, ""), file)
        try:
            node = node[part]
        except (KeyError, OSError, RuntimeError) as error:
            raise InputError(
                f"{file}/{inside} cannot be opened: {done} {_target(link)}; copy that, "
                "too."
            ) from error
    return node


def _target(link: Any) -> str:
    """Where a link that cannot be followed leads to."""
    import h5py

    if isinstance(link, h5py.ExternalLink):
        return f"leads to {link.path} in {link.filename}, which is not there"
    if isinstance(link, h5py.SoftLink):
        return f"leads to {link.path}, which is not there"
    return "is damaged"


def _signal(group: Any, depth: int = 0) -> str | None:
    """Path of the data that NeXus calls the default of a group."""
    import h5py

    signal = text_of(group.attrs.get("signal")) or _marked(group)
    if signal and signal in group.keys():  # noqa: SIM118 - broken links count, too
        return signal
    parts = [text_of(group.attrs.get("default")), *_parts_of(group)]
    for part in [p for p in parts if p][:1] if depth < 4 else []:
        if group.get(part, getclass=True) is h5py.Group:
            below = _signal(group[part], depth + 1)
            return below and posixpath.join(part, below)
    return None


def _marked(group: Any) -> str | None:
    """The data set that has an attribute "signal", as older files have it."""
    if text_of(group.attrs.get("NX_class")) != "NXdata":
        return None
    for name, child in _children(group, _Contents(), ""):
        if text_of(child.attrs.get("signal")) == "1":
            return name
    return None


def _parts_of(group: Any) -> list[str]:
    """The only group of NeXus plots, or the only entry, of one that has no default."""
    for kind in ("NXdata", "NXentry"):
        found = [
            name
            for name, child in _children(group, _Contents(), "")
            if text_of(child.attrs.get("NX_class")) == kind
        ]
        if found:
            return found if len(found) == 1 else []
    return []


def _contents(group: Any, prefix: str) -> _Contents:
    """Look through all groups; what several links lead to counts once."""
    import h5py

    contents = _Contents()
    seen: set[tuple[int, int]] = set()
    waiting = [(prefix, group)]
    while waiting:
        where, parent = waiting.pop()
        for name, node in _children(parent, contents, where):
            about = h5py.h5o.get_info(node.id)
            if (about.fileno, about.addr) in seen:
                continue
            seen.add((about.fileno, about.addr))
            path = posixpath.join(where, name)
            if isinstance(node, h5py.Group):
                waiting.append((path, node))
            elif _axes_of(node) >= SMALLEST_IMAGE:
                contents.images[path] = node
    return contents


def _children(group: Any, contents: _Contents, where: str) -> Iterator[tuple[str, Any]]:
    for name in group:
        try:
            yield name, group[name]
        except (KeyError, OSError, RuntimeError):
            link = group.get(name, getlink=True)
            contents.broken.append(f"{posixpath.join(where, name)} {_target(link)}")


def _only_image(contents: _Contents, file: Path) -> str:
    """The only image, or the only one that is large enough beside some tables."""
    images = contents.images
    numbers = [name for name, data in images.items() if _is_numbers(data)]
    large = [name for name in numbers if _is_large(images[name])]
    for left in (list(images), numbers, large):
        if len(left) == 1:
            return left[0]
    _refuse(contents, file)


def _refuse(contents: _Contents, file: Path) -> NoReturn:
    names = sorted(contents.images)
    if not names:
        also = "".join(f", and {broken}" for broken in contents.broken[:LISTED])
        raise InputError(
            f"{file} holds no image{also}; give a file with a data set of two or more "
            "axes."
        )
    # A volume rather than the picture of it that is beside it.
    images = contents.images
    largest = max(names, key=lambda name: (images[name].ndim, images[name].size))
    raise InputError(
        f"{file} holds the images {listed(names, LISTED)}; give one of them, "
        f"like {file}/{largest}."
    )


def image_names(opened: Any) -> list[str]:
    """Names of all data sets that are large enough to be looked at, sorted.

    Of an Imaris file, those of the full resolution.
    """
    images = _contents(opened, "").images
    shown = (n for n, data in images.items() if _is_numbers(data) and _is_large(data))
    names = sorted(shown)
    return [name for name in names if IMARIS_FULL in name] or names


def _is_numbers(data: Any) -> bool:
    return str(data.dtype.kind) in "buif"


def _is_large(data: Any) -> bool:
    return bool(sorted(data.shape)[-2] >= SMALLEST_EDGE)


def _axes_of(node: Any) -> int:
    """Axes of a data set; a type has none, and neither has one without a space."""
    return len(getattr(node, "shape", None) or ())
