"""The image of a project: a copy in its folder, or the file that it is from."""

import math
from collections.abc import Callable, Generator, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from napari_sciml.errors import InputError
from napari_sciml.io.images.reading import open_volume
from napari_sciml.json_files import check_regular
from napari_sciml.project.image_identity import ImageIdentity, hash_blocks, pieces

IMAGE_FILE = "image.npy"
COPIED_BYTES = 2**28
"""Images without a file of their own are copied up to this size."""


def copy_image(
    folder: Path, image: ImageIdentity, data: Any
) -> Generator[None, None, None]:
    """Copy an image into its project, if it is small and has no file of its own.

    Gives way every few milliseconds; may be dropped at any time.

    Raises
    ------
    OSError
        When it cannot be written.
    """
    final = folder / IMAGE_FILE
    size = math.prod(image.shape) * np.dtype(image.dtype).itemsize
    has_file = image.source is not None and Path(image.source).exists()
    if has_file or size > COPIED_BYTES or final.exists():
        return
    fresh = folder / f".{IMAGE_FILE}.partial"
    try:
        copied = np.lib.format.open_memmap(
            fresh, "w+", np.dtype(image.dtype).newbyteorder("<"), image.shape
        )
        for piece in pieces(data):
            copied[piece] = np.asarray(data[piece])
            yield
        copied.flush()
        del copied  # Windows renames no file that is open
        fresh.replace(final)
    finally:
        fresh.unlink(missing_ok=True)


def open_image(folder: Path, image: ImageIdentity) -> Any:
    """Open the image of a project.

    Parameters
    ----------
    folder
        Of the project. A file is looked for where it was, then in the folder and
        beside it.
    image
        What the project knows of it.

    Returns
    -------
    array-like
        Memory-mapped or lazy where possible.

    Raises
    ------
    InputError
        When it is neither here nor there, or another one lies there.
    """
    openers: dict[Path, Callable[[Path], Any]] = {folder / IMAGE_FILE: _open_copy}
    if image.source is not None:
        source = Path(image.source)
        for place in (source, folder / source.name, folder.parent / source.name):
            openers.setdefault(place, _open_file)
    for path, opener in openers.items():
        if path.exists():
            return _checked(opener(path), image, path)
    where = image.source or "it had no file"
    raise InputError(
        f"The project {folder} belongs to the image '{image.name}' of shape "
        f"{image.shape}, which is not here ({where}): open this image first, then the "
        "project."
    )


def open_image_at(path: Path, image: ImageIdentity) -> Any:
    """Open the image of a project from a file that somebody has named.

    Raises
    ------
    InputError
        When it cannot be read or is another image.
    """
    opener = _open_copy if path.suffix == ".npy" else _open_file
    return _checked(opener(path), image, path)


def _checked(data: Any, image: ImageIdentity, path: Path) -> Any:
    if _without_ones(data.shape) == _without_ones(image.shape):
        if tuple(data.shape) != image.shape:
            data = np.asarray(data).reshape(image.shape)
        if np.dtype(data.dtype).name == image.dtype and (
            hash_blocks(data) == image.blocks_sha256
        ):
            return data
    raise InputError(
        f"{path} is not the image that the project was painted on; open the right "
        f"'{image.name}' first, then the project."
    )


def _open_copy(path: Path) -> Any:
    try:
        check_regular(path)
        # Not numpy.load, which also opens archives, of any size.
        return np.lib.format.open_memmap(path, mode="r")
    except Exception as error:  # a header is parsed as Python, and fails as that does
        raise InputError(f"{path} is damaged; take it from a copy.") from error


def _open_file(path: Path) -> Any:
    return open_volume(path).data


def _without_ones(shape: Iterable[int]) -> tuple[int, ...]:
    return tuple(int(n) for n in shape if n != 1)
