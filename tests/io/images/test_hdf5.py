"""What other programs put into HDF5 files: links, names of axes, sizes, gaps."""

import json

import h5py
import numpy as np
import pytest

from napari_sciml.errors import InputError
from napari_sciml.io.images.reading import open_volume

SHAPE = (10, 12, 14)
GRAY = np.arange(np.prod(SHAPE), dtype=np.uint16).reshape(SHAPE)


def tags(axes, sizes=None):
    sizes = sizes or [0] * len(axes)
    pairs = zip(axes, sizes, strict=True)
    return json.dumps({"axes": [{"key": a, "resolution": s} for a, s in pairs]})


@pytest.fixture
def scan(tmp_path):
    """A file with the detector's images, and one with links to them."""
    with h5py.File(tmp_path / "frames.h5", "w") as file:
        file["entry/detector/frames"] = GRAY
    with h5py.File(tmp_path / "scan.h5", "w") as file:
        file["entry/detector/frames"] = GRAY
        file["entry/dark"] = GRAY[:2]
        file["soft"] = h5py.SoftLink("/entry/detector/frames")
        file["hard"] = file["entry/detector/frames"]
        file["folder"] = h5py.SoftLink("/entry/detector")
        file["outside"] = h5py.ExternalLink("frames.h5", "/entry/detector/frames")
        file["lost"] = h5py.SoftLink("/nowhere")
        file["gone"] = h5py.ExternalLink("gone.h5", "/data")
        file["text"] = ["a", "b"]
        file["table"] = np.zeros((3, 3), [("a", "f4"), ("b", "i4")])
        file["nothing"] = h5py.Empty("f4")
        file["type"] = np.dtype("f8")
        file["angles"] = np.arange(10)
    return tmp_path / "scan.h5"


@pytest.mark.situation(
    "HDF5, zarr, npy",
    "links of all kinds",
    "read; dangling: refused, or told beside the only image",
)
@pytest.mark.parametrize(
    "inside",
    ["entry/detector/frames", "soft", "hard", "folder/frames", "folder", "outside"],
)
def test_links_are_followed(scan, inside):
    volume = open_volume(scan / inside)
    np.testing.assert_array_equal(volume.data[2:5, 3], GRAY[2:5, 3])
    assert volume.cautions == ()


@pytest.mark.situation(
    "HDF5, zarr, npy",
    "links of all kinds",
    "read; dangling: refused, or told beside the only image",
)
@pytest.mark.situation(
    "HDF5, zarr, npy",
    "several images",
    "the NeXus default, or the only large one; else refused with the path to give",
)
@pytest.mark.situation(
    "HDF5, zarr, npy",
    "complex values, tables, dates, text, empty, one axis only",
    "refused",
)
@pytest.mark.parametrize(
    ("inside", "match"),
    [
        ("", r"holds the images entry/dark, .*; give one of them, like"),
        ("lost", "lost leads to /nowhere, which is not there; copy"),
        ("gone", r"leads to /data in gone\.h5, which is not there"),
        ("lost/data", "lost leads to /nowhere"),
        ("missing", "holds the images entry/dark"),
        ("angles", r"is no image: it has the shape \(10,\)"),
        ("nothing", "is no image"),
        ("angles/x", "is no group, so there is no x in it"),
        ("table", "is a table, not an image"),
        ("text", "is text or references, not an image"),
        ("type", "is a type, not an image"),
    ],
)
def test_what_is_no_image_is_told(scan, inside, match):
    with pytest.raises(InputError, match=match) as caught:
        open_volume(scan / inside if inside else scan)
    assert "\n" not in str(caught.value)
    assert "scan.h5" in str(caught.value)


def test_two_links_to_one_image_count_once(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["frames"] = GRAY
        file["data"] = file["frames"]
        file["loop"] = h5py.SoftLink("/")
        file["positions"] = np.zeros((1000, 3))
    assert open_volume(tmp_path / "a.h5").shape == SHAPE


@pytest.mark.situation(
    "HDF5, zarr, npy",
    "links of all kinds",
    "read; dangling: refused, or told beside the only image",
)
def test_the_only_image_beside_a_link_to_nowhere(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["dark"] = GRAY
        file["data"] = h5py.ExternalLink("gone.h5", "/data")
    (caution,) = open_volume(tmp_path / "a.h5").cautions
    assert "dark is the only image" in caution
    assert "gone.h5" in caution


def nexus(file, *, default=True, old=False):
    """An entry with a plot of a volume, in micrometers, and another image."""
    entry = file.create_group("entry")
    plot = entry.create_group("plot")
    plot["data"], entry["dark"] = GRAY, GRAY[:3]
    for axis, length, step in zip("zyx", SHAPE, (2, 0.5, 0.25), strict=True):
        plot[axis] = np.arange(length) * step
        plot[axis].attrs["units"] = "um"
    entry.attrs["NX_class"], plot.attrs["NX_class"] = "NXentry", "NXdata"
    if default:
        file.attrs["default"], entry.attrs["default"] = "entry", np.bytes_("plot")
    if old:
        plot["data"].attrs.update(signal=1, axes="z:y:x")
    else:
        plot.attrs["signal"], plot.attrs["axes"] = "data", ["z", "y", "x"]


@pytest.mark.situation(
    "HDF5, zarr, npy",
    "several images",
    "the NeXus default, or the only large one; else refused with the path to give",
)
@pytest.mark.parametrize("default", [True, False])
@pytest.mark.parametrize("old", [True, False])
@pytest.mark.parametrize("inside", ["", "entry", "entry/plot", "entry/plot/data"])
def test_nexus_default_and_axes(tmp_path, inside, default, old):
    with h5py.File(tmp_path / "a.nxs", "w") as file:
        nexus(file, default=default, old=old)
    volume = open_volume(tmp_path / "a.nxs" / inside)
    assert volume.voxel_size == pytest.approx((2, 0.5, 0.25))
    assert (volume.shape, volume.unit, volume.cautions) == (SHAPE, "micrometer", ())


@pytest.mark.situation(
    "HDF5, zarr, npy",
    "several images",
    "the NeXus default, or the only large one; else refused with the path to give",
)
def test_the_only_large_image_is_meant(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["data"] = GRAY
        file["positions"] = np.zeros((1000, 3))
    volume = open_volume(tmp_path / "a.h5")
    assert (volume.shape, volume.cautions) == (SHAPE, ())


@pytest.mark.situation(
    "HDF5, zarr, npy",
    "unit without a usable scale; positions along an axis in no unit",
    "told",
)
@pytest.mark.parametrize("unit", [None, "sec"])
def test_positions_in_no_unit_are_told(tmp_path, unit):
    with h5py.File(tmp_path / "a.nxs", "w") as file:
        nexus(file)
        for axis in "zyx":
            attributes = file[f"entry/plot/{axis}"].attrs
            del attributes["units"]
            if unit:
                attributes["units"] = unit
    volume = open_volume(tmp_path / "a.nxs")
    assert volume.unit != "micrometer"
    assert "unit" in volume.cautions[0]


def test_uneven_positions_are_told(tmp_path):
    with h5py.File(tmp_path / "a.nxs", "w") as file:
        nexus(file)
        file["entry/plot/z"][-1] = 50
    (caution,) = open_volume(tmp_path / "a.nxs").cautions
    assert "not evenly spaced" in caution


@pytest.mark.situation(
    "HDF5, zarr, npy",
    "axes that the file names",
    "read, put in order; unknown names: told; time: refused",
)
@pytest.mark.parametrize(
    ("axes", "shape", "channels"),
    [
        ("zyx", SHAPE, 1),
        ("xyz", SHAPE[::-1], 1),
        ("yxc", SHAPE[1:], 10),
        ("cyx", SHAPE[1:], 10),
        ("xyc", (14, 12), 10),
        ("tzyxc", SHAPE, 2),
        ("czyx", SHAPE, 2),
        ("zyxc", SHAPE, 2),
        ("xyzc", SHAPE[::-1], 2),
    ],
)
@pytest.mark.parametrize("way", ["axistags", "axes", "list", "labels", "scales"])
def test_named_axes(tmp_path, axes, shape, channels, way):
    sizes = dict(zip("zyx"[-len(shape) :], shape, strict=True))
    stored = [sizes.get(axis, channels if axis == "c" else 1) for axis in axes]
    values = np.random.default_rng(0).integers(0, 99, stored)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        data = file.create_dataset("data", data=values)
        if way == "axistags":
            data.attrs["axistags"] = tags(axes)
        elif way == "axes":
            data.attrs["axes"] = axes
        elif way == "list":
            data.attrs["axis_names"] = list(axes)
        for number, axis in enumerate(axes):
            if way == "labels":
                data.dims[number].label = f"{axis}_pos" if axis in "xyz" else axis
            elif way == "scales":
                file[axis] = np.arange(stored[number])
                file[axis].make_scale()
                data.dims[number].attach_scale(file[axis])
    volume = open_volume(tmp_path / "a.h5/data")
    assert (volume.shape, volume.channels, volume.cautions) == (shape, channels, ())
    order = [axes.index(a) for a in "tzyxc" if a in axes]
    expected = values.transpose(order).reshape(*shape, channels).squeeze()
    np.testing.assert_array_equal(volume.data[...], expected)
    np.testing.assert_array_equal(volume.data[3, 2:5], expected[3, 2:5])


@pytest.mark.situation(
    "HDF5, zarr, npy",
    "axes that the file names",
    "read, put in order; unknown names: told; time: refused",
)
@pytest.mark.parametrize(
    ("axes", "match"),
    [("tyx", "10 time points"), ("czt", "time points"), ("zxc", "not an image")],
)
def test_named_axes_that_are_no_volume(tmp_path, axes, match, refused):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["data"] = GRAY
        file["data"].attrs["axistags"] = tags(axes)
    refused(tmp_path / "a.h5", match=match)


@pytest.mark.situation(
    "HDF5, zarr, npy",
    "axes that the file names",
    "read, put in order; unknown names: told; time: refused",
)
@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (["rotation_angle", "y", "x"], "'rotation_angle', which is taken for z"),
        (["", "y", "x"], None),
        (["dim_0", "dim_1", "dim_2"], None),
        (["z", "y"], "has 3 axes, but names 2"),
    ],
)
def test_axes_of_unknown_names(tmp_path, labels, said):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["data"] = GRAY
        file["data"].attrs["axes"] = labels
    volume = open_volume(tmp_path / "a.h5")
    assert volume.shape == SHAPE
    assert bool(volume.cautions) == (said is not None)
    assert said is None or said in volume.cautions[0]


@pytest.mark.parametrize(
    ("axes", "attributes", "size", "unit"),
    [
        ("zyx", {"element_size_um": (2, 0.5, 0.25)}, (2, 0.5, 0.25), "micrometer"),
        ("xyz", {"element_size_um": (0.25, 0.5, 2)}, (2, 0.5, 0.25), "micrometer"),
        ("yxc", {"element_size_um": (0.5, 0.25)}, (0.5, 0.25), "micrometer"),
        ("yxc", {"element_size_um": (0.5, 0.25, 1)}, (0.5, 0.25), "micrometer"),
        ("zyx", {"resolution": (40, 4, 4), "units": ["nm"] * 3}, (40, 4, 4), "nm"),
        ("zyx", {"voxel_size": 4.0, "unit": "nm"}, (4, 4, 4), "nm"),
        (
            "zyx",
            {"pixel_size_z": 3, "pixel_size_y": 1, "pixel_size_x": 1, "unit": "\xb5m"},
            (3, 1, 1),
            "micrometer",
        ),
    ],
)
def test_stated_sizes(tmp_path, axes, attributes, size, unit):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["data"] = GRAY
        file["data"].attrs.update(axistags=tags(axes), **attributes)
    volume = open_volume(tmp_path / "a.h5")
    assert volume.voxel_size == pytest.approx(size)
    assert volume.unit == {"nm": "nanometer"}.get(unit, unit)
    assert volume.cautions == ()


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ({"element_size_um": (1, 2, 3, 4, 5)}, "has 5 numbers for the axes z, y, x"),
        ({"resolution": (40, 4, 4)}, "(40, 4, 4) has no unit; give it by --unit"),
    ],
)
def test_doubtful_sizes_are_told(tmp_path, attributes, said):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["data"] = GRAY
        file["data"].attrs.update(attributes)
    volume = open_volume(tmp_path / "a.h5")
    assert volume.unit == "pixel"
    assert said in volume.cautions[0]


@pytest.mark.situation(
    "HDF5, zarr, npy",
    "Imaris",
    "read; several levels or channels: refused with the path to give",
)
@pytest.mark.parametrize(
    "other",
    [
        "ResolutionLevel 1/TimePoint 0/Channel 0",
        "ResolutionLevel 0/TimePoint 0/Channel 1",
    ],
)
def test_imaris_without_its_padding(tmp_path, other):
    def characters(value):
        return np.array([c.encode() for c in str(value)])

    inside = "DataSet/ResolutionLevel 0/TimePoint 0/Channel 0"
    with h5py.File(tmp_path / "a.ims", "w") as file:
        channel = file.create_group(inside)
        channel["Data"] = np.pad(GRAY, ((0, 6), (0, 4), (0, 2)))
        about = file.create_group("DataSetInfo/Image")
        about.attrs["Unit"] = characters("um")
        for number, (axis, length) in enumerate(zip("XYZ", SHAPE[::-1], strict=True)):
            channel.attrs[f"ImageSize{axis}"] = characters(length)
            about.attrs[f"ExtMin{number}"] = characters(10)
            about.attrs[f"ExtMax{number}"] = characters(10 + length * (number + 1) / 2)
        file["Thumbnail/Data"] = np.zeros((64, 256), np.uint8)
        file[f"DataSet/{other}/Data"] = GRAY[::2]
    with pytest.raises(InputError, match=f"like .*a.ims/{inside}/Data"):
        open_volume(tmp_path / "a.ims")
    volume = open_volume(tmp_path / "a.ims" / inside / "Data")
    assert (volume.shape, volume.unit) == (SHAPE, "micrometer")
    assert volume.voxel_size == pytest.approx((1.5, 1, 0.5))
    np.testing.assert_array_equal(volume.data[...], GRAY)
    np.testing.assert_array_equal(volume.data[-1, 2:, ::3], GRAY[-1, 2:, ::3])
