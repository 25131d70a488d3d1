"""Real volumes, downloaded from their source once and checked by their hash."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pooch

from napari_sciml.errors import InputError
from napari_sciml.images.volume import Volume

TIMEOUT = 30
"""Seconds without an answer before a download is given up."""


@dataclass(frozen=True)
class RemoteVolume:
    """A raw volume on a server.

    Attributes
    ----------
    name
        What to call it in messages.
    url
        Address of the file.
    sha256
        Hash of its bytes, hexadecimal.
    shape, dtype
        How to read them, in C order, axes (z, y, x).
    citation
        Source, licence and paper.
    """

    name: str
    url: str
    sha256: str
    shape: tuple[int, int, int]
    dtype: str
    citation: str

    @property
    def file_name(self) -> str:
        """Last part of the address."""
        return self.url.rsplit("/", 1)[-1]


POLYMER = RemoteVolume(
    name="polymer scaffold",
    url=(
        "https://raw.githubusercontent.com/rshkarin/quanfima/"
        "da6b4109cb944a1a4861544a87b49d0f712fa8b9/"
        "data/polymer3d_8bit_128x128x128.raw"
    ),
    sha256="3806417b3e876e909f6f08d5b0b33248cd5e8ddb81596abc86b212ec186470c9",
    shape=(128, 128, 128),
    dtype="uint8",
    citation=(
        "R. Shkarin et al., quanfima: An open source Python package for automated "
        "fiber analysis of biomaterials, PLoS ONE 14 (2019) e0215137; MIT licence"
    ),
)
"""Synchrotron micro-CT of an electrospun polymer scaffold, without truth."""


def fetch(remote: RemoteVolume, folder: Path | None = None) -> Path:
    """Path of the file, downloaded where the cache has no sound copy.

    Parameters
    ----------
    remote
        What to get.
    folder
        Cache; by default the user's cache folder for napari-sciml.

    Raises
    ------
    InputError
        Where the server cannot be reached, or sends other bytes than it should.
    """
    folder = folder or Path(pooch.os_cache("napari-sciml"))
    try:
        path = pooch.retrieve(
            remote.url,
            known_hash=f"sha256:{remote.sha256}",
            fname=remote.file_name,
            path=folder,
            downloader=pooch.HTTPDownloader(timeout=TIMEOUT),
        )
    except OSError as error:  # requests' exceptions are OSErrors too
        raise InputError(
            f"The {remote.name} could not be downloaded from {remote.url}: "
            "check the network and try again."
        ) from error
    except ValueError as error:  # pooch's way to say that the hash differs
        raise InputError(
            f"The {remote.name} from {remote.url} is not the file it should be "
            "(its SHA256 differs): try again, or report it if it stays so."
        ) from error
    return Path(path)


def load(remote: RemoteVolume, folder: Path | None = None) -> Volume:
    """Download if need be, and read; the voxel size is not known.

    Raises
    ------
    InputError
        As `fetch`.
    """
    path = fetch(remote, folder)
    data = np.fromfile(path, remote.dtype).reshape(remote.shape)
    return Volume(data, ("z", "y", "x"), (1.0, 1.0, 1.0))
