"""Of every kind of image, only what is asked for is read."""

import h5py
import numpy as np
import pytest
import tifffile
import zarr

from napari_sciml.errors import InputError
from napari_sciml.images.channels import ChannelImage
from napari_sciml.images.intensity import estimate_intensity
from napari_sciml.images.lazy import PlaneStack
from napari_sciml.io.images.hdf5.reading import StoredArray
from napari_sciml.io.images.reading import open_volume
from napari_sciml.io.images.stacks import reading as slices
from napari_sciml.io.images.tiff import reading as tiff
from napari_sciml.prediction.blockwise import BlockPredictor

SHAPE = (40, 48, 56)
GRAY = np.random.default_rng(0).integers(0, 999, SHAPE).astype(np.uint16)
PART = (slice(20, 27), slice(30, 40), slice(8, 16))


def spoil(folder, kept) -> int:
    """Overwrite all chunks of a zarr but some, so that reading them fails."""
    chunks = [p for p in folder.rglob("*") if p.is_file() and not is_metadata(p)]
    for path in chunks:
        if path not in kept:
            path.write_bytes(b"?")
    return len(chunks)


def is_metadata(path) -> bool:
    return path.name.startswith(".z") or path.name == "zarr.json"


@pytest.mark.parametrize("kind", ["zarr 2", "zarr 3", "ome 0.4", "ome 0.5"])
def test_zarr(tmp_path, kind) -> None:
    path, old = tmp_path / "a.zarr", kind in ("zarr 2", "ome 0.4")
    made = {"chunks": (10, 12, 8), "zarr_format": 2 if old else 3}
    if "ome" in kind:
        axes = [{"name": name, "type": "space"} for name in "zyx"]
        about = {"multiscales": [{"axes": axes, "datasets": [{"path": "0"}]}]}
        about = about if old else {"ome": {"version": "0.5", **about}}
        group = zarr.create_group(
            str(path), zarr_format=made.pop("zarr_format"), attributes=about
        )
        array, inside = group.create_array("0", data=GRAY, **made), path / "0"
    else:
        array, inside = zarr.create_array(str(path), data=GRAY, **made), path
    keys = [(z, y, 1) for z in (2,) for y in (2, 3)]
    kept = [inside / array.metadata.encode_chunk_key(key) for key in keys]
    assert all(key.exists() for key in kept)
    assert spoil(path, kept) == 4 * 4 * 7
    volume = open_volume(path)
    np.testing.assert_array_equal(volume.data[PART], GRAY[PART])
    with pytest.raises(Exception, match=r".+"):
        volume.data[0]


def test_levels_of_a_pyramid(tmp_path) -> None:
    axes = [{"name": name, "type": "space", "unit": "nanometer"} for name in "zyx"]
    levels = [
        {
            "path": str(n),
            "coordinateTransformations": [{"type": "scale", "scale": [2.0**n] * 3}],
        }
        for n in range(2)
    ]
    about = {"ome": {"version": "0.5", "multiscales": [{"axes": axes}]}}
    about["ome"]["multiscales"][0]["datasets"] = levels
    group = zarr.create_group(str(tmp_path / "a.zarr"), attributes=about)
    group.create_array("0", data=GRAY)
    group.create_array("1", data=GRAY[::2, ::2, ::2])
    volume = open_volume(tmp_path / "a.zarr", level=1)
    assert volume.shape == (20, 24, 28)
    assert (volume.voxel_size, volume.unit) == ((2, 2, 2), "nanometer")
    with pytest.raises(InputError, match="levels 0 to 1"):
        open_volume(tmp_path / "a.zarr", level=2)
    np.save(tmp_path / "a.npy", GRAY)
    with pytest.raises(InputError, match="one resolution only"):
        open_volume(tmp_path / "a.npy", level=1)


@pytest.mark.parametrize("kind", ["npy", "tif"])
def test_memory_maps(tmp_path, kind) -> None:
    path = tmp_path / f"a.{kind}"
    np.save(path, GRAY) if kind == "npy" else tifffile.imwrite(path, GRAY)
    data = open_volume(path).data
    assert isinstance(data, np.memmap)
    np.testing.assert_array_equal(data[PART], GRAY[PART])


def test_compressed_tiff_of_many_pages(tmp_path, monkeypatch) -> None:
    path = tmp_path / "a.tif"
    options = {"photometric": "minisblack", "metadata": {"axes": "ZYX"}}
    tifffile.imwrite(path, GRAY, compression="zlib", **options)
    with tifffile.TiffFile(path) as file:
        pages = [(p.dataoffsets[0], p.databytecounts[0]) for p in file.pages]
    content = bytearray(path.read_bytes())
    for z, (start, length) in enumerate(pages):
        if z not in range(20, 27):
            content[start : start + length] = b"?" * length
    path.write_bytes(content)
    monkeypatch.setattr(tiff, "READ_AT_ONCE", 1)
    data = open_volume(path).data
    assert isinstance(data, PlaneStack)
    np.testing.assert_array_equal(data[PART], GRAY[PART])
    with pytest.raises(Exception, match=r".+"):
        data[0]


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_folder_of_slices(tmp_path, compression) -> None:
    for z, plane in enumerate(GRAY):
        tifffile.imwrite(tmp_path / f"s{z}.tif", plane, compression=compression)
    data = open_volume(tmp_path).data
    for z in (0, 19, 27, 39):
        (tmp_path / f"s{z}.tif").unlink()
    np.testing.assert_array_equal(data[PART], GRAY[PART])
    with pytest.raises(FileNotFoundError):
        data[19]
    assert isinstance(slices._tiff(tmp_path / "s5.tif"), np.memmap) == (not compression)


class Counting:
    """An array that remembers what was asked of it."""

    def __init__(self, values: np.ndarray) -> None:
        self.values, self.shape, self.dtype = values, values.shape, values.dtype
        self.ndim = values.ndim
        self.asked: list[tuple] = []

    def __getitem__(self, key):
        self.asked.append(key)
        return self.values[key]

    @property
    def voxels(self) -> int:
        return sum(self.values[key].size for key in self.asked)


@pytest.mark.parametrize("channels", [1, 3])
def test_dask_arrays_are_read_by_blocks(make_ensemble, channels) -> None:
    """As napari gives them, with one level or several, or with channels."""
    import dask.array as da

    values = GRAY if channels == 1 else np.stack([GRAY] * 3)
    counting = Counting(values)
    chunks = (10, 12, 8) if channels == 1 else (1, 10, 12, 8)
    lazy = da.from_array(counting, chunks=chunks, asarray=False, meta=GRAY[:0])
    image = lazy if channels == 1 else ChannelImage(lazy, 0)
    np.testing.assert_array_equal(np.asarray(image[PART]).shape[:3], (7, 10, 8))
    assert counting.voxels <= channels * 2 * (10 * 12 * 8)
    if channels == 1:
        counting.asked.clear()
        ensemble = make_ensemble(3, members=1)
        predictor = BlockPredictor(ensemble, image, device="cpu")
        for _ in predictor.predict(PART):
            pass
        assert counting.voxels < GRAY.size / 2


def test_the_gray_scale_is_estimated_from_samples() -> None:
    shape = (300, 300, 300)
    corner = np.broadcast_to(np.arange(300, dtype=np.uint16), shape)
    counting = Counting(corner)
    first = estimate_intensity(counting)
    assert counting.voxels == 64 * 32**3
    assert max(len(range(*k.indices(300))) for key in counting.asked for k in key) == 32
    assert estimate_intensity(Counting(corner)) == first
    assert abs(first.offset - 150) < 10


def test_hdf5(tmp_path) -> None:
    path = tmp_path / "scan.h5"
    with h5py.File(path, "w") as file:
        data = file.create_dataset("entry/data", data=GRAY, chunks=(10, 12, 8))
        data.attrs["element_size_um"] = (2.0, 0.5, 0.5)
        file["angles"] = np.arange(9)
    for given in (path, path / "entry" / "data"):
        volume = open_volume(given)
        assert isinstance(volume.data, StoredArray)
        assert isinstance(volume.data.source, h5py.Dataset)
        assert (volume.voxel_size, volume.unit) == ((2.0, 0.5, 0.5), "micrometer")
        np.testing.assert_array_equal(volume.data[PART], GRAY[PART])


def test_hdf5_of_two_images(tmp_path) -> None:
    path = tmp_path / "scan.h5"
    with h5py.File(path, "w") as file:
        file["entry/data"] = file["other"] = GRAY
    with pytest.raises(InputError, match=r"entry/data, other; give one of them"):
        open_volume(path)
    np.testing.assert_array_equal(open_volume(path / "other").data[PART], GRAY[PART])


def test_hdf5_that_is_none(tmp_path) -> None:
    path = tmp_path / "scan.h5"
    path.write_bytes(b"\x89HDF\r\n\x1a\n")
    for given in (path, path / "entry" / "data"):
        with pytest.raises(InputError, match=r"scan\.h5.* cannot be read and may"):
            open_volume(given)
