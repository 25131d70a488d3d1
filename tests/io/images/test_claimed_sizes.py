"""Files that claim more than they hold, or than any memory holds."""

import gzip
import json
import struct

import h5py
import numpy as np
import pytest
import tifffile
import zarr

from napari_sciml.errors import InputError
from napari_sciml.io.images.reading import open_labels, open_volume

FAR = (10**6, 10**6)


def _tiff(path, width, height, **options):
    """One page whose header is changed to claim another size."""
    tifffile.imwrite(path, np.zeros((64, 64), np.uint8), metadata=None, **options)
    content = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as file:
        tags = file.pages[0].tags
        places = {code: tags[code].valueoffset - 8 for code in (256, 257, 278)}
    for code, value in ((256, width), (257, height), (278, height)):
        struct.pack_into("<HHII", content, places[code], code, 4, 1, value)
    path.write_bytes(content)


def _npy(path, shape, stored=100):
    with path.open("wb") as file:
        header = {"descr": "<u2", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        file.write(bytes(stored))


def _zarr(path, shape=(64, 64), chunks=(32, 32), write=True, claim=None, **options):
    array = zarr.create_array(
        str(path), shape=shape, chunks=chunks, dtype="u2", **options
    )
    if write:
        array[:] = 7
    if claim:
        metadata = json.loads((path / "zarr.json").read_text())
        claim(metadata)
        (path / "zarr.json").write_text(json.dumps(metadata))


def _shape(*shape):
    return lambda metadata: metadata.update(shape=list(shape))


def _chunk(*edges):
    def claim(metadata):
        metadata["chunk_grid"]["configuration"]["chunk_shape"] = list(edges)

    return claim


def _hdf5(path, **options):
    with h5py.File(path, "w") as file:
        file.create_dataset("a", dtype="u2", **options)


def _png(path):
    import zlib

    from PIL import Image

    Image.fromarray(np.zeros((8, 8), np.uint8)).save(path)
    content = path.read_bytes()
    chunk = b"IHDR" + struct.pack(">II", 10**5, 10**5) + content[24:29]
    crc = struct.pack(">I", zlib.crc32(chunk))
    path.write_bytes(content[:12] + chunk + crc + content[33:])


def _nrrd(path, sizes, encoding="raw"):
    pixels = gzip.compress(bytes(100)) if encoding == "gzip" else bytes(100)
    header = f"NRRD0004\ntype: uint16\ndimension: 2\nsizes: {sizes}\n"
    rest = f"encoding: {encoding}\nendian: little\n\n"
    path.write_bytes((header + rest).encode() + pixels)


REFUSED = [
    ("plain.tif", lambda p: _tiff(p, 256_000, 250_000), "claims .*64.0 GB.*copy it"),
    (
        "deflate.tif",
        lambda p: _tiff(p, 256_000, 250_000, compression="zlib"),
        "claims .*64.0 GB.*holds 2",
    ),
    (
        "fits-memory.tif",
        lambda p: _tiff(p, 3000, 3000, compression="zlib"),
        "claims 3000 x 3000",
    ),
    ("largest.tif", lambda p: _tiff(p, 2**32 - 1, 2**32 - 1), "million TB"),
    ("far.npy", lambda p: _npy(p, FAR), "2.0 TB.*holds 100 bytes"),
    ("huge.npy", lambda p: _npy(p, (10**20, 10**20)), "million TB"),
    ("negative.npy", lambda p: _npy(p, (-10, -10), 10_000), "negative number"),
    ("no.npy", lambda p: p.write_bytes(b"P6 8 8 255"), "it is no numpy file"),
    ("objects.npy", lambda p: np.save(p, np.array([{}]), allow_pickle=True), "objects"),
    ("negative.zarr", lambda p: _zarr(p, claim=_shape(-64, 64)), "non-negative"),
    ("words.zarr", lambda p: _zarr(p, claim=_shape("a", 64)), "integers"),
    ("huge.zarr", lambda p: _zarr(p, claim=_shape(10**30, 10**30)), "no file can hold"),
    ("grid.zarr", lambda p: _zarr(p, claim=_chunk(32, 25)), "cannot reshape"),
    (
        "plain-grid.zarr",
        lambda p: _zarr(p, claim=_chunk(32, 25), compressors=None),
        "cannot be read",
    ),
    ("no-grid.zarr", lambda p: _zarr(p, claim=_chunk(0, 32)), "cannot be read"),
    (
        "one-chunk.zarr",
        lambda p: _zarr(p, FAR, FAR, write=False),
        "A chunk of .*needs 2.0 TB.*smaller chunks",
    ),
    (
        "one-chunk-2.zarr",
        lambda p: _zarr(p, FAR, FAR, write=False, zarr_format=2),
        "A chunk of .*needs 2.0 TB",
    ),
    ("unwritten.h5", lambda p: _hdf5(p, shape=FAR), "needs 2.0 TB"),
    ("big.png", _png, "exceeds limit"),
    ("far.nrrd", lambda p: _nrrd(p, "1000000 1000000"), "cannot be read"),
    ("packed.nrrd", lambda p: _nrrd(p, "1000000 1000000", "gzip"), "cannot be read"),
    ("negative.nrrd", lambda p: _nrrd(p, "-10 64"), "cannot be read"),
]


@pytest.mark.parametrize(
    ("name", "write", "match"), REFUSED, ids=[row[0] for row in REFUSED]
)
@pytest.mark.situation(
    "Damaged and hostile files",
    "a file that claims more than it holds, or than fits into the memory",
    "refused before anything is allocated",
)
def test_what_claims_too_much_is_refused(tmp_path, name, write, match):
    path = tmp_path / name
    write(path)
    with pytest.raises(InputError, match=match) as caught:
        np.asarray(open_volume(path).data)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["a.zarr", "a.h5"])
def test_what_is_large_and_sparse_is_read_by_parts(tmp_path, name):
    path = tmp_path / name
    if name.endswith("zarr"):
        _zarr(path, FAR, (1024, 1024), write=False)
    else:
        _hdf5(path, shape=FAR, chunks=(1024, 1024))
    volume = open_volume(path)
    assert volume.shape == FAR
    assert volume.data[-5:, -5:].shape == (5, 5)


@pytest.mark.parametrize("name", ["a.zarr", "a.h5"])
def test_what_is_asked_for_at_once_and_does_not_fit_is_told(tmp_path, name):
    path = tmp_path / name
    if name.endswith("zarr"):
        _zarr(path, FAR, (1024, 1024), write=False)
    else:
        _hdf5(path, shape=FAR, chunks=(1024, 1024))
    with pytest.raises(InputError, match=r"needs 2\.0 TB of memory at once"):
        np.asarray(open_volume(path).data)


def test_labels_that_do_not_fit_into_the_memory_are_refused(tmp_path):
    _zarr(tmp_path / "labels.zarr", FAR, (1024, 1024), write=False)
    with pytest.raises(InputError, match=r"needs 4\.0 TB of memory"):
        open_labels(tmp_path / "labels.zarr", FAR)


@pytest.mark.parametrize("bits", [1, 8, 16])
@pytest.mark.parametrize("compression", [None, "zlib", "packbits"])
def test_what_compresses_best_is_still_read(tmp_path, bits, compression):
    path = tmp_path / "blank.tif"
    options = {"bitspersample": 1, "photometric": "minisblack"} if bits == 1 else {}
    dtype = {1: bool, 8: np.uint8, 16: np.uint16}[bits]
    if bits == 1 and compression == "packbits":
        pytest.skip("needs imagecodecs")
    try:
        tifffile.imwrite(
            path, np.zeros((4000, 4000), dtype), compression=compression, **options
        )
    except (ValueError, ImportError, NotImplementedError) as error:
        pytest.skip(f"cannot be written here: {error}")
    assert open_volume(path).shape == (4000, 4000)
