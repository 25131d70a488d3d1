import re

import numpy as np
import pytest
import tifffile

from napari_sciml.images.lazy import PlaneStack
from napari_sciml.io.images.reading import open_volume

SHAPE = (6, 7, 8)
GRAY = np.arange(np.prod(SHAPE), dtype=np.uint16).reshape(SHAPE)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"compression": "zlib"},
        {"compression": "lzw"},
        {"compression": "lzw", "predictor": True},
        {"compression": "zstd"},
        {"compression": "packbits"},
        {"byteorder": ">"},
        {"bigtiff": True},
    ],
    ids=str,
)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "float32"])
def test_tiff_volume(tmp_path, options, dtype):
    tifffile.imwrite(tmp_path / "a.tif", GRAY.astype(dtype), **options)
    volume = open_volume(tmp_path / "a.tif")
    assert (volume.axes, volume.voxel_size, volume.unit) == (
        ("z", "y", "x"),
        (1, 1, 1),
        "pixel",
    )
    assert volume.data.dtype == dtype
    assert volume.data.dtype.isnative
    np.testing.assert_array_equal(volume.data[1:3, 2, ::2], GRAY[1:3, 2, ::2])


def test_uncompressed_tiff_is_memory_mapped(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", GRAY)
    assert isinstance(open_volume(tmp_path / "a.tif").data, np.memmap)


def test_large_compressed_tiff_stays_on_disk(tmp_path, monkeypatch):
    monkeypatch.setattr("napari_sciml.io.images.tiff.reading.READ_AT_ONCE", 10)
    tifffile.imwrite(tmp_path / "a.tif", GRAY, compression="lzw")
    volume = open_volume(tmp_path / "a.tif")
    assert isinstance(volume.data, PlaneStack)
    np.testing.assert_array_equal(volume.data[2:4, :3], GRAY[2:4, :3])


@pytest.mark.parametrize("unit", ["um", "micron", "\\u00B5m"])
def test_imagej_voxel_size(tmp_path, unit):
    metadata = {"spacing": 1.5, "unit": unit, "axes": "ZYX"}
    tifffile.imwrite(
        tmp_path / "a.tif",
        GRAY,
        imagej=True,
        resolution=(1 / 0.325, 1 / 0.65),
        metadata=metadata,
    )
    volume = open_volume(tmp_path / "a.tif")
    assert volume.voxel_size == pytest.approx((1.5, 0.65, 0.325))
    assert volume.unit == "micrometer"


def test_resolution_for_printing_is_no_voxel_size(tmp_path):
    tifffile.imwrite(
        tmp_path / "a.tif", GRAY, resolution=(72, 72), resolutionunit="INCH"
    )
    assert open_volume(tmp_path / "a.tif").voxel_size == (1, 1, 1)


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ({"X": (0.3, "µm"), "Y": (0.4, "µm"), "Z": (900, "nm")}, (0.9, 0.4, 0.3)),
        ({"X": (0.3, "µm"), "Y": (0.4, "µm")}, (0.4, 0.4, 0.3)),
    ],
    ids=["mixed units", "no z: cubes"],
)
def test_ome_tiff_voxel_size(tmp_path, sizes, expected):
    metadata = {"axes": "ZYX"}
    for axis, (size, unit) in sizes.items():
        metadata |= {f"PhysicalSize{axis}": size, f"PhysicalSize{axis}Unit": unit}
    tifffile.imwrite(tmp_path / "a.ome.tif", GRAY, metadata=metadata)
    volume = open_volume(tmp_path / "a.ome.tif")
    assert volume.voxel_size == pytest.approx(expected)
    assert volume.unit == "micrometer"


def test_axes_of_length_one_are_dropped(tmp_path):
    tifffile.imwrite(
        tmp_path / "a.ome.tif", GRAY[None, :, None], metadata={"axes": "TZCYX"}
    )
    volume = open_volume(tmp_path / "a.ome.tif")
    assert volume.axes == ("z", "y", "x")
    np.testing.assert_array_equal(volume.data, GRAY)


@pytest.mark.parametrize(
    ("values", "options", "match"),
    [
        (
            np.zeros((5, 7, 8), "u1"),
            {"imagej": True, "metadata": {"axes": "TYX"}},
            "5 time points",
        ),
        (
            np.zeros((5, 2, 7, 8), "u1"),
            {"imagej": True, "metadata": {"axes": "TCYX"}},
            "5 time points",
        ),
        (
            np.zeros((2, 7, 8, 3), "u1"),
            {"ome": True, "photometric": "rgb", "metadata": {"axes": "CYXS"}},
            "samples and channels",
        ),
        (np.zeros((7, 8), "c8"), {}, "complex64 values"),
    ],
    ids=["time", "time and channels", "channels of color", "complex"],
)
def test_tiff_that_is_not_gray(tmp_path, values, options, match, refused):
    tifffile.imwrite(tmp_path / "a.tif", values, **options)
    refused(tmp_path / "a.tif", match=match)


COLOR = {"photometric": "rgb"}
KINDS = {
    "rgb": ((7, 8, 3), COLOR, -1, 3),
    "rgb and alpha": ((7, 8, 4), {**COLOR, "extrasamples": ["unassalpha"]}, -1, 3),
    "rgb and more": ((7, 8, 4), {**COLOR, "extrasamples": ["unspecified"]}, -1, 4),
    "rgb volume": ((6, 7, 8, 3), {**COLOR, "metadata": {"axes": "ZYXS"}}, -1, 3),
    "planar rgb": ((3, 7, 8), {**COLOR, "planarconfig": "separate"}, 0, 3),
    "imagej": ((6, 2, 7, 8), {"imagej": True, "metadata": {"axes": "ZCYX"}}, 1, 2),
    "ome": ((4, 6, 7, 8), {"ome": True, "metadata": {"axes": "CZYX"}}, 0, 4),
    "one channel": ((1, 7, 8), {"imagej": True, "metadata": {"axes": "CYX"}}, 0, 1),
}


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("kind", KINDS)
def test_channels_of_tiff(tmp_path, kind, compression):
    shape, options, axis, channels = KINDS[kind]
    values = np.random.default_rng(0).integers(0, 255, shape, np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", values, compression=compression, **options)
    volume = open_volume(tmp_path / "a.tif")
    space = np.delete(shape, axis)
    assert volume.shape == tuple(space)
    assert volume.channels == channels
    expected = np.moveaxis(values, axis, -1)[..., :channels]
    np.testing.assert_array_equal(
        volume.data[...], expected.reshape(*space, -1).squeeze()
    )


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("imagej", [False, True])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.9])
def test_truncated_tiff_never_opens(tmp_path, compression, imagej, share, refused):
    noise = np.random.default_rng(0).integers(0, 2**16, (20, 30, 30), np.uint16)
    whole, cut = tmp_path / "whole.tif", tmp_path / "cut.tif"
    tifffile.imwrite(whole, noise, imagej=imagej, compression=compression)
    content = whole.read_bytes()
    cut.write_bytes(content[: int(len(content) * share)])
    refused(cut, match=re.escape(str(cut)))


def test_tiff_with_several_different_images(tmp_path, refused):
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(GRAY[0])
        writer.write(np.zeros((30, 30), np.uint8))
    refused(tmp_path / "a.tif", match="2 images of different kinds")


def test_folder_is_stacked_in_natural_order(tmp_path):
    for z, plane in enumerate(GRAY, start=7):
        tifffile.imwrite(tmp_path / f"slice{z}.tif", plane)
    (tmp_path / "notes.txt").write_text("not an image")
    volume = open_volume(tmp_path)
    assert (volume.shape, volume.axes) == (SHAPE, ("z", "y", "x"))
    np.testing.assert_array_equal(volume.data, GRAY)
    np.testing.assert_array_equal(volume.data[-2, 1:3], GRAY[-2, 1:3])


def test_folder_takes_voxels_for_cubes(tmp_path):
    for z, plane in enumerate(GRAY):
        tifffile.imwrite(
            tmp_path / f"{z}.tif",
            plane,
            imagej=True,
            resolution=(4, 4),
            metadata={"unit": "um"},
        )
    volume = open_volume(tmp_path)
    assert volume.voxel_size == (0.25, 0.25, 0.25)
    assert volume.unit == "micrometer"


def test_folder_reads_only_the_planes_that_are_asked_for(tmp_path):
    for z, plane in enumerate(GRAY):
        tifffile.imwrite(tmp_path / f"{z}.tif", plane)
    data = open_volume(tmp_path).data
    (tmp_path / "5.tif").unlink()
    np.testing.assert_array_equal(data[:5], GRAY[:5])


@pytest.mark.situation(
    "Folders of slices",
    "slice damaged, or of another shape or type",
    "refused, file named",
)
@pytest.mark.parametrize(
    ("second", "match"),
    [
        (GRAY[0, :4], "differ: 1.tif"),
        (GRAY[0].astype(np.uint8), "differ: 1.tif"),
        (GRAY, "not a gray slice"),
        (np.zeros((*SHAPE[1:], 3), np.uint8), "not a gray slice"),
    ],
    ids=["shape", "dtype", "volume", "rgb"],
)
def test_folder_of_unlike_slices(tmp_path, second, match, refused):
    tifffile.imwrite(tmp_path / "1.tif", GRAY[0])
    rgb = second.shape[-1] == 3
    tifffile.imwrite(
        tmp_path / "2.tif", second, photometric="rgb" if rgb else "minisblack"
    )
    refused(tmp_path, match=match)
