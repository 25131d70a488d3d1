"""In-focus images to train the focus weights on, by the instrument that took them.

``focus_training.json`` lists the files with checksum, instrument, source and
license. They stay out of the repository: the folder of the shared data, and one
folder with what the packages named in the list hold (unpack their wheels there).
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from skimage import io
from skimage.transform import rescale

Array = np.ndarray[Any, np.dtype[Any]]
PHOTOS = "photographs"
"""No instrument and in no fold: shown to every model, to look at other textures."""
MANIFEST = Path(__file__).with_name("focus_training.json")


@dataclass(frozen=True)
class Photograph:
    """One in-focus image and where it comes from.

    ``ship`` says whether its license allows weights that saw it to be shipped.
    """

    name: str
    instrument: str
    fold: int | None
    ship: bool
    image: Array


def photographs(folders: list[Path], manifest: Path = MANIFEST) -> list[Photograph]:
    """Read all images of the list from wherever in the folders they lie."""
    found = []
    for entry in json.loads(manifest.read_text(encoding="utf-8")):
        path = _find(entry["file"], entry["sha256"], folders)
        whole = io.imread(path)
        for index in entry.get("take", [None]):
            image = whole if index is None else _taken(whole, index)
            if "shrink" in entry:  # a photograph may be soft at full size
                image = rescale(image, entry["shrink"], anti_aliasing=True)
            name = path.name if index is None else f"{path.name}#{index}"
            found.append(
                Photograph(
                    name, entry["instrument"], entry["fold"], entry["ship"], image
                )
            )
    return found


def _find(name: str, digest: str, folders: list[Path]) -> Path:
    for folder in folders:
        for path in folder.rglob(Path(name).name):
            if hashlib.sha256(path.read_bytes()).hexdigest() == digest:
                return path
    raise SystemExit(f"No file {name} with checksum {digest[:12]}… in the folders.")


def _taken(image: Array, index: Any) -> Array:
    """A plane (a number), a channel ("c1") or the projection ("max") of a file."""
    if index == "max":
        return image.max(axis=0)
    if isinstance(index, str):
        return image[..., int(index[1:])]
    return image[index]
