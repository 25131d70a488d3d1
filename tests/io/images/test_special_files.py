"""Pipes, sockets and devices in the place of files."""

import os
import socket
import sys

import numpy as np
import pytest
import zarr

from napari_sciml.errors import InputError
from napari_sciml.io.images.reading import open_labels, open_volume

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files"),
    pytest.mark.timeout(60),
]
SUFFIXES = [
    "tif",
    "npy",
    "png",
    "jpg",
    "h5",
    "mrc",
    "nii.gz",
    "nrrd",
    "dcm",
    "czi",
    "zip",
    "json",
    "safetensors",
]


def _refused(read):
    with pytest.raises(InputError, match=r"is a .*not a file") as caught:
        read()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.situation(
    "Damaged and hostile files",
    "a pipe, a socket or a device in the place of a file",
    "refused at once, instead of waiting for ever",
)
def test_a_pipe_is_refused_at_once(tmp_path, suffix):
    path = tmp_path / f"pipe.{suffix}"
    os.mkfifo(path)
    _refused(lambda: open_volume(path))
    _refused(lambda: open_labels(path, (8, 8)))


@pytest.mark.parametrize("target", ["/dev/zero", "/dev/random", "/dev/null"])
@pytest.mark.parametrize("suffix", ["tif", "npy"])
def test_a_link_to_a_device_is_refused_at_once(tmp_path, target, suffix):
    path = tmp_path / f"link.{suffix}"
    path.symlink_to(target)
    _refused(lambda: open_volume(path))


def test_a_socket_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the path of a socket may not be long
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind("socket.tif")
        _refused(lambda: open_volume("socket.tif"))


PLACES = ["c/0/0", "c/0/1", "zarr.json"]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("codec", ["plain", "blosc", "zstd"])
def test_a_pipe_within_a_zarr_is_refused(tmp_path, place, codec):
    codec = {"plain": None, "blosc": zarr.codecs.BloscCodec(), "zstd": "auto"}[codec]
    path = tmp_path / "image.zarr"
    array = zarr.create_array(
        str(path),
        shape=(64, 64),
        chunks=(32, 32),
        dtype="u2",
        compressors=codec,
    )
    array[:] = 7
    (path / place).unlink()
    os.mkfifo(path / place)
    _refused(lambda: np.asarray(open_volume(path).data))


def test_a_pipe_among_the_metadata_of_the_older_zarr_is_refused(tmp_path):
    path = tmp_path / "image.zarr"
    path.mkdir()
    os.mkfifo(path / ".zarray")
    _refused(lambda: open_volume(path))


def test_a_pipe_among_slices_is_no_slice(tmp_path):
    import tifffile

    for z in range(3):
        tifffile.imwrite(tmp_path / f"z{z}.tif", np.zeros((8, 8), np.uint8))
    os.mkfifo(tmp_path / "z3.tif")
    assert open_volume(tmp_path).shape == (3, 8, 8)


ARCHIVES = [
    "zip",
    "tar",
    "tar.gz",
    "tgz",
    "tar.bz2",
    "zarr.zip",
    "ome.zarr.zip",
    "tif.gz",
    "7z",
]


@pytest.mark.parametrize("suffix", ARCHIVES)
@pytest.mark.situation(
    "Damaged and hostile files", "an archive as an image", "refused: unpack it first"
)
def test_an_archive_is_to_be_unpacked(tmp_path, suffix):
    path = tmp_path / f"scan.{suffix}"
    path.write_bytes(b"PK\3\4")
    with pytest.raises(InputError, match="is an archive; unpack it"):
        open_volume(path)
