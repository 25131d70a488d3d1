import json
import subprocess
import sys

import numpy as np
import pytest
import zarr

from napari_sciml.errors import InputError
from napari_sciml.images.lazy import AxesView
from napari_sciml.io.images.reading import open_volume

SHAPE = (6, 7, 8)
GRAY = np.arange(np.prod(SHAPE), dtype=np.uint16).reshape(SHAPE)


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("dtype", ["uint16", ">u2"])
def test_zarr_array(tmp_path, zarr_format, dtype):
    path = tmp_path / "a.zarr"
    array = zarr.create_array(
        str(path), shape=(1, *SHAPE), dtype=dtype, zarr_format=zarr_format
    )
    array[:] = GRAY[None]
    volume = open_volume(path)
    assert (volume.axes, volume.shape) == (("z", "y", "x"), SHAPE)
    assert isinstance(volume.data, AxesView)
    assert volume.data.dtype.isnative
    np.testing.assert_array_equal(volume.data[2:4, -1], GRAY[2:4, -1])


def test_zarr_dimension_names(tmp_path, refused):
    for name in "ct":
        zarr.create_array(
            str(tmp_path / name),
            shape=SHAPE,
            dtype="u1",
            dimension_names=[name, "y", "x"],
        )
    volume = open_volume(tmp_path / "c")
    assert (volume.shape, volume.channels) == (SHAPE[1:], 6)
    refused(tmp_path / "t", match="6 time points")


@pytest.mark.parametrize("name", ["c", "stain"])
def test_ome_zarr_of_channels_is_read_lazily(tmp_path, name):
    values = np.stack([GRAY, GRAY + 1])
    axes = [{"name": name, "type": "channel"}]
    axes += [{"name": axis, "type": "space"} for axis in "zyx"]
    multiscale = {"axes": axes, "datasets": [{"path": "0"}]}
    attributes = {"ome": {"version": "0.5", "multiscales": [multiscale]}}
    group = zarr.create_group(str(tmp_path / "a.zarr"), attributes=attributes)
    group.create_array("0", data=values)
    volume = open_volume(tmp_path / "a.zarr")
    assert (volume.shape, volume.axes) == (SHAPE, ("z", "y", "x"))
    assert volume.channels == 2
    np.testing.assert_array_equal(volume.data[1:3], np.moveaxis(values, 0, -1)[1:3])


@pytest.mark.parametrize("name", [[0] * 4000, "y" * 200])
def test_an_axis_has_a_short_name(tmp_path, refused, name):
    multiscale = {"axes": [name, "y", "x"], "datasets": [{"path": "0"}]}
    attributes = {"ome": {"version": "0.5", "multiscales": [multiscale]}}
    group = zarr.create_group(str(tmp_path / "a.zarr"), attributes=attributes)
    group.create_array("0", data=GRAY)
    refused(tmp_path / "a.zarr", match="names an axis by more than a word")


def test_more_axes_than_an_image_has(tmp_path, refused):
    np.save(tmp_path / "a.npy", np.zeros((1,) * 20 + (4, 4), np.uint8))
    refused(tmp_path / "a.npy", match="claims to have 22 axes")


def test_zarr_group_with_one_array(tmp_path):
    zarr.create_group(str(tmp_path / "a.zarr")).create_array("it", data=GRAY)
    np.testing.assert_array_equal(open_volume(tmp_path / "a.zarr").data[:], GRAY)


def test_zarr_group_with_two_arrays(tmp_path, refused):
    group = zarr.create_group(str(tmp_path / "a.zarr"))
    group.create_array("one", data=GRAY)
    group.create_array("two", data=GRAY)
    refused(tmp_path / "a.zarr", match="holds one, two")
    assert open_volume(tmp_path / "a.zarr" / "two").shape == SHAPE


def ome_zarr(path, *, version, axes="tczyx", unit="micrometer", level="0"):
    scale = {"t": 1.0, "c": 1.0, "z": 1.0, "y": 0.25, "x": 0.125}
    steps = [{"type": "scale", "scale": [scale[a] for a in axes]}]
    whole = [{"type": "scale", "scale": [2.0] * len(axes)}]
    multiscale = {
        "axes": [
            {"name": a, "type": "space", "unit": unit} if a in "zyx" else {"name": a}
            for a in axes
        ],
        "datasets": [{"path": level, "coordinateTransformations": steps}],
        "coordinateTransformations": whole,
    }
    old = version == "0.4"
    content = {"multiscales": [multiscale], "version": version}
    group = zarr.create_group(
        str(path),
        zarr_format=2 if old else 3,
        attributes=content if old else {"ome": content},
    )
    shape = [dict(zip("zyx", SHAPE, strict=True)).get(a, 1) for a in axes]
    group.create_array("0", data=GRAY.reshape(shape))


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize("axes", ["tczyx", "czyx", "zyx"])
def test_ome_zarr(tmp_path, version, axes):
    ome_zarr(tmp_path / "a.ome.zarr", version=version, axes=axes)
    volume = open_volume(tmp_path / "a.ome.zarr")
    assert volume.axes == ("z", "y", "x")
    assert volume.voxel_size == (2, 0.5, 0.25)
    assert volume.unit == "micrometer"
    np.testing.assert_array_equal(volume.data[1:], GRAY[1:])


def test_ome_zarr_in_an_unusual_order(tmp_path, refused):
    ome_zarr(tmp_path / "a.zarr", version="0.5", axes="yxz")
    refused(tmp_path / "a.zarr", match=r"axes y, x, z.*save it with the axes")


def test_ome_zarr_does_not_lead_out_of_its_folder(tmp_path, refused):
    zarr.create_array(str(tmp_path / "secret"), data=GRAY)
    ome_zarr(tmp_path / "a.zarr", version="0.5", axes="zyx", level="../secret")
    refused(tmp_path / "a.zarr", match="cannot be read")


def pyramid(path, *, second=True, unit="micrometer"):
    """Channels in two resolutions, below a folder; the coarse one may lack a scale."""
    axes = [{"name": "c", "type": "channel"}]
    axes += [{"name": a, "type": "space", "unit": unit} for a in "zyx"]
    scales = [[1, 2, 0.5, 0.25], [1, 2, 1, 0.5]]
    levels = [
        {
            "path": f"s/{i}",
            "coordinateTransformations": [{"type": "scale", "scale": scale}],
        }
        for i, scale in enumerate(scales)
    ]
    if not second:
        del levels[1]["coordinateTransformations"]
    multiscale = {"axes": axes, "datasets": levels}
    content = {"ome": {"version": "0.5", "multiscales": [multiscale]}}
    group = zarr.create_group(str(path), attributes=content)
    group.create_array("s/0", data=np.ones((2, 4, 12, 16), "u1"))
    group.create_array("s/1", data=np.ones((2, 4, 6, 8), "u1"))
    group.create_array("s/2", data=np.ones((4, 6, 8), "u1"))


@pytest.mark.situation(
    "HDF5, zarr, npy",
    "a level of an OME-Zarr by its path",
    "read, with its own voxel size",
)
@pytest.mark.parametrize("second", [True, False])
@pytest.mark.parametrize(
    ("inside", "size"),
    [("", (2, 0.5, 0.25)), ("s/0", (2, 0.5, 0.25)), ("s/1", (2, 1, 0.5))],
)
def test_a_level_by_its_path_has_axes_and_size(tmp_path, inside, size, second):
    pyramid(tmp_path / "a.zarr", second=second)
    volume = open_volume(tmp_path / "a.zarr" / inside)
    assert (volume.voxel_size, volume.unit, volume.channels) == (size, "micrometer", 2)
    assert volume.cautions == ()


def test_an_array_that_is_no_level(tmp_path):
    pyramid(tmp_path / "a.zarr")
    volume = open_volume(tmp_path / "a.zarr/s/2")
    assert (volume.shape, volume.unit) == ((4, 6, 8), "pixel")


@pytest.mark.situation(
    "HDF5, zarr, npy",
    "unit without a usable scale; positions along an axis in no unit",
    "told",
)
@pytest.mark.parametrize(
    "steps", [None, [{"type": "scale", "scale": [1, 1]}], [{"type": "scale"}]]
)
def test_ome_zarr_with_a_unit_but_no_usable_size(tmp_path, steps):
    axes = [{"name": a, "type": "space", "unit": "micrometer"} for a in "zyx"]
    level = {"path": "0"} | ({"coordinateTransformations": steps} if steps else {})
    multiscale = {"axes": axes, "datasets": [level]}
    content = {"ome": {"version": "0.5", "multiscales": [multiscale]}}
    group = zarr.create_group(str(tmp_path / "a.zarr"), attributes=content)
    group.create_array("0", data=GRAY)
    volume = open_volume(tmp_path / "a.zarr")
    assert (volume.voxel_size, volume.unit) == ((1, 1, 1), "pixel")
    assert "names the unit micrometer, but no voxel size" in volume.cautions[0]


@pytest.mark.situation(
    "Units and voxel sizes",
    "a unit for some axes only",
    "taken for the others, told",
)
@pytest.mark.parametrize("units", [("", "nm", "nm"), ("nm", "", "nm")])
def test_an_axis_without_a_unit_has_that_of_the_others(tmp_path, units):
    axes = [
        {"name": a, "type": "space"} | ({"unit": unit} if unit else {})
        for a, unit in zip("zyx", units, strict=True)
    ]
    steps = [{"type": "scale", "scale": [3, 2, 1]}]
    level = {"path": "0", "coordinateTransformations": steps}
    content = {"version": "0.5", "multiscales": [{"axes": axes, "datasets": [level]}]}
    group = zarr.create_group(str(tmp_path / "a.zarr"), attributes={"ome": content})
    group.create_array("0", data=GRAY)
    volume = open_volume(tmp_path / "a.zarr")
    assert (volume.voxel_size, volume.unit) == ((3, 2, 1), "nanometer")
    assert "without a unit, taken for nanometer" in volume.cautions[0]


@pytest.mark.situation(
    "HDF5, zarr, npy",
    "chunks that were cut off or damaged",
    "refused, with the place, when they are read",
)
def test_chunk_that_was_cut_off_is_refused(tmp_path):
    path = tmp_path / "a.zarr"
    zarr.create_array(str(path), data=GRAY, chunks=SHAPE, zarr_format=3)
    chunk = path / "c/0/0/0"
    chunk.write_bytes(chunk.read_bytes()[:-9])
    with pytest.raises(InputError, match=r"a\.zarr"):
        _ = open_volume(path).data[...]


@pytest.mark.situation(
    "HDF5, zarr, npy",
    "chunks that were never written or got lost",
    "told, with their number",
)
@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("shards", [None, (2, 8, 8)])
@pytest.mark.parametrize("lost", [0, 1])
def test_chunks_that_are_not_stored_are_told(tmp_path, zarr_format, shards, lost):
    if zarr_format == 2 and shards:
        return
    array = zarr.create_array(
        str(tmp_path / "a.zarr"),
        shape=(1, *SHAPE),
        chunks=(1, 2, 4, 4),
        shards=shards and (1, *shards),
        dtype="u2",
        zarr_format=zarr_format,
        fill_value=3,
    )
    array[:, lost and 2 :] = GRAY[None, lost and 2 :] + 5
    cautions = open_volume(tmp_path / "a.zarr").cautions
    assert len(cautions) == lost
    assert not lost or "chunks of a.zarr are not stored and count as 3" in cautions[0]


def test_a_fill_value_too_large_for_the_type_is_infinite_and_no_warning(tmp_path):
    path = tmp_path / "a.zarr"
    array = zarr.create_array(
        str(path), shape=SHAPE, chunks=SHAPE, dtype="f4", zarr_format=2
    )
    array[:] = GRAY
    header = json.loads((path / ".zarray").read_text())
    (path / ".zarray").write_text(json.dumps({**header, "fill_value": -1e300}))
    code = (
        "import sys; from napari_sciml.io.images.reading import open_volume; "
        "print(open_volume(sys.argv[1]).data[...].max())"
    )
    command = [sys.executable, "-c", code, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "overflow" not in done.stderr
    assert float(done.stdout) == GRAY.max()
