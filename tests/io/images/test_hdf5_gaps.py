"""Values of HDF5 files that are not there, for which HDF5 gives zeros."""

import h5py
import numpy as np
import pytest

from napari_sciml.errors import InputError
from napari_sciml.io.images.reading import open_volume

SHAPE = (10, 12, 14)
GRAY = np.arange(1, 1 + np.prod(SHAPE), dtype=np.uint16).reshape(SHAPE)


@pytest.fixture
def master(tmp_path):
    """A virtual data set over two files."""
    layout = h5py.VirtualLayout(SHAPE, GRAY.dtype)
    for part in range(2):
        rows = slice(5 * part, 5 * part + 5)
        with h5py.File(tmp_path / f"part{part}.h5", "w") as file:
            file["data"] = GRAY[rows]
        source = h5py.VirtualSource(f"part{part}.h5", "data", (5, *SHAPE[1:]))
        layout[rows] = source
    with h5py.File(tmp_path / "master.h5", "w") as file:
        file.create_virtual_dataset("data", layout)
    return tmp_path / "master.h5"


def caution(path):
    (told,) = open_volume(path).cautions
    return told


def test_whole_virtual_data_set(master):
    volume = open_volume(master)
    assert volume.cautions == ()
    np.testing.assert_array_equal(volume.data[...], GRAY)


@pytest.mark.situation(
    "HDF5, zarr, npy",
    "virtual data with a source that is missing or incomplete",
    "told, sources named",
)
def test_missing_source(master):
    (master.parent / "part1.h5").unlink()
    told = caution(master)
    assert "part1.h5 is missing and count as 0" in told
    assert "part0.h5" not in told


def test_damaged_source(master):
    (master.parent / "part1.h5").write_bytes(b"nothing")
    assert "part1.h5 (damaged) is missing" in caution(master)


def test_source_without_its_data_set(master):
    with h5py.File(master.parent / "part1.h5", "w") as file:
        file["other"] = GRAY
    assert "data in part1.h5 is missing" in caution(master)


@pytest.mark.situation(
    "HDF5, zarr, npy",
    "virtual data with a source that is missing or incomplete",
    "told, sources named",
)
def test_source_that_was_not_written_to_the_end(master):
    with h5py.File(master.parent / "part1.h5", "w") as file:
        data = file.create_dataset("data", (5, *SHAPE[1:]), "u2", chunks=(1, 12, 14))
        data[:3] = 1
    assert "a part of data in part1.h5 is missing" in caution(master)


@pytest.mark.situation(
    "HDF5, zarr, npy",
    "virtual source too short, raw file missing, compression that is not installed",
    "refused",
)
def test_source_that_is_too_short(master, refused):
    with h5py.File(master.parent / "part1.h5", "w") as file:
        file["data"] = GRAY[:3]
    refused(master, match=r"part1\.h5/data is too short \(its shape is \(3, 12, 14\)")


def test_part_without_a_source(tmp_path):
    layout = h5py.VirtualLayout(SHAPE, "u2")
    with h5py.File(tmp_path / "part.h5", "w") as file:
        file["data"] = GRAY[:6]
    layout[:6] = h5py.VirtualSource("part.h5", "data", (6, *SHAPE[1:]))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_virtual_dataset("data", layout, fillvalue=7)
    told = caution(tmp_path / "a.h5")
    assert "40 % of" in told
    assert "count as 7" in told


@pytest.mark.situation(
    "HDF5, zarr, npy",
    "chunks that were never written or got lost",
    "told, with their number",
)
@pytest.mark.parametrize(("written", "missing"), [(10, 0), (6, 4), (0, 10)])
def test_chunks_that_were_never_written(tmp_path, written, missing):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        data = file.create_dataset("data", SHAPE, "u2", chunks=(1, 12, 14))
        if written:
            data[:written] = GRAY[:written]
    cautions = open_volume(tmp_path / "a.h5").cautions
    assert len(cautions) == bool(missing)
    assert not missing or cautions[0].startswith(f"{missing} of 10 chunks of")


def test_data_set_that_was_never_written(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("data", SHAPE, "u2")
    assert caution(tmp_path / "a.h5").startswith("Nothing of")


@pytest.mark.situation(
    "HDF5, zarr, npy",
    "virtual source too short, raw file missing, compression that is not installed",
    "refused",
)
@pytest.mark.parametrize("size", [None, 100])
def test_raw_file_that_is_missing_or_short(tmp_path, size, refused):
    raw = tmp_path / "raw.bin"
    with h5py.File(tmp_path / "a.h5", "w") as file:
        data = file.create_dataset("data", SHAPE, "u2", external=str(raw))
        data[...] = GRAY
    np.testing.assert_array_equal(open_volume(tmp_path / "a.h5").data[...], GRAY)
    raw.unlink()
    if size is not None:
        raw.write_bytes(b"\0" * size)
    refused(tmp_path / "a.h5", match="which is not there|which is too short")


@pytest.mark.situation(
    "HDF5, zarr, npy",
    "virtual source too short, raw file missing, compression that is not installed",
    "refused",
)
def test_unknown_compression(tmp_path, refused):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        stored = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        stored.set_chunk(SHAPE)
        stored.set_filter(61234, h5py.h5z.FLAG_OPTIONAL)
        space = h5py.h5s.create_simple(SHAPE)
        h5py.h5d.create(file.id, b"data", h5py.h5t.NATIVE_UINT16, space, stored)
    refused(tmp_path / "a.h5", match="by the filter 61234 .*hdf5plugin")


@pytest.mark.situation(
    "HDF5, zarr, npy",
    "chunks that were cut off or damaged",
    "refused, with the place, when they are read",
)
def test_broken_bytes(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        data = file.create_dataset("data", data=GRAY, chunks=SHAPE, compression="gzip")
        at = data.id.get_chunk_info(0)
    with path.open("r+b") as raw:
        raw.seek(at.byte_offset)
        raw.write(b"\xff" * min(64, at.size))
    with pytest.raises(InputError, match=r"a\.h5/data cannot be read in full"):
        open_volume(path).data[2:4]


def test_cut_off_file(tmp_path, refused):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["data"] = GRAY
    path.write_bytes(path.read_bytes()[:1500])
    refused(path, match="cannot be read and may be damaged")
