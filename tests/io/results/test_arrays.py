import numpy as np
import pytest
import tifffile
import zarr

from napari_sciml.errors import InputError
from napari_sciml.io.images.reading import open_labels, open_volume
from napari_sciml.io.results.arrays import save_labels, save_mask

VOXEL_SIZE = (1.5, 0.65, 0.325)


def make_labels(dims, dtype, highest):
    labels = np.zeros((5, 6, 7)[3 - dims :], dtype)
    labels[..., 1:3] = 1
    labels[..., -1] = highest
    return labels


@pytest.mark.parametrize("suffix", [".tif", ".TIFF", ".zarr", ".ome.zarr"])
@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("unit", ["micrometer", "nanometer", "pixel", "inch"])
@pytest.mark.parametrize(
    ("dtype", "highest"),
    [("u1", 255), ("u4", 300), ("u4", 70_000), ("i8", 70_000)],
)
def test_labels_keep_voxel_size_and_unit(tmp_path, suffix, dims, unit, dtype, highest):
    path = tmp_path / f"labels{suffix}"
    labels = make_labels(dims, dtype, highest)
    save_labels(path, labels, VOXEL_SIZE[-dims:], unit)
    volume = open_volume(path)
    np.testing.assert_array_equal(volume.data[:], labels)
    assert volume.voxel_size == pytest.approx(VOXEL_SIZE[-dims:], rel=1e-6)
    assert volume.unit == unit


@pytest.mark.parametrize("size", [1e-4, 0.013, 1.0, 1234.5])
def test_voxel_size_of_any_magnitude(tmp_path, size):
    save_mask(tmp_path / "a.tif", np.ones((5, 6)), (size, size), "micrometer")
    volume = open_volume(tmp_path / "a.tif")
    assert volume.voxel_size == pytest.approx((size, size), rel=1e-4)


@pytest.mark.parametrize("suffix", [".tif", ".npy", ".zarr"])
@pytest.mark.parametrize("shape", [(6, 7), (5, 6, 7)])
def test_mask_round_trip(tmp_path, suffix, shape):
    mask = np.random.default_rng(0).random(shape) > 0.5
    path = tmp_path / f"mask{suffix}"
    save_mask(path, mask, (1.0,) * len(shape))
    labels = open_labels(path, shape).data
    np.testing.assert_array_equal(labels, mask)
    assert open_volume(path).data.dtype == np.uint8


def test_imagej_shows_a_mask_black_and_white(tmp_path):
    save_mask(tmp_path / "a.tif", np.eye(6, dtype=bool), (1.0, 1.0))
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert file.imagej_metadata["max"] == 1.0


def test_many_instances_go_to_ome_tiff(tmp_path):
    save_labels(tmp_path / "a.tif", make_labels(3, "u4", 70_000), (1.0,) * 3)
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert file.is_ome
        assert file.series[0].axes == "ZYX"
        assert file.series[0].dtype == np.uint32


def test_stack_of_three_or_four_slices_is_no_color_image(tmp_path):
    for depth in (3, 4):
        save_mask(tmp_path / "a.tif", np.ones((depth, 6, 7)), (1.0,) * 3)
        assert open_volume(tmp_path / "a.tif").shape == (depth, 6, 7)


def test_zarr_is_valid_ome_zarr(tmp_path):
    save_mask(tmp_path / "m.zarr", np.ones((5, 6, 7)), VOXEL_SIZE, "micrometer")
    ome = zarr.open_group(str(tmp_path / "m.zarr"), mode="r").attrs["ome"]
    assert ome["multiscales"][0]["datasets"][0]["path"] == "0"


@pytest.mark.parametrize("suffix", [".tif", ".npy", ".zarr"])
def test_older_result_is_replaced(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    for value in (1, 2):
        save_labels(path, np.full((6, 7), value, np.uint8), (1.0, 1.0))
    assert (open_labels(path, (6, 7)).data == 2).all()
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_interruption_leaves_no_file(tmp_path, monkeypatch):
    def interrupted(path, *args, **kwargs):
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(tifffile, "imwrite", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save_mask(tmp_path / "a.tif", np.ones((6, 7)), (1.0, 1.0))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a.csv", "a", "a.h5"])
def test_unknown_extension(tmp_path, name):
    with pytest.raises(InputError, match=r"use \.tif, \.npy or \.zarr"):
        save_mask(tmp_path / name, np.ones((6, 7)), (1.0, 1.0))
    assert list(tmp_path.iterdir()) == []
