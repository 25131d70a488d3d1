"""Files opened by our reader: compared with what was written, told or refused."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import tifffile
import yaml
import zarr
from gui_helpers import bright_bar, is_settled
from napari.components import ViewerModel
from napari.layers import Image
from napari.layers._layer_actions import _duplicate_layer, _split_stack
from npe2 import PluginManager

from napari_sciml.images.volume import Volume
from napari_sciml.io.images.hdf5.reading import HDF5_SUFFIXES
from napari_sciml.io.images.tiff.reading import TIFF_SUFFIXES
from napari_sciml.io.results.ngff_metadata import create_level, multiscales
from napari_sciml.plugin.reader import FILES, get_reader
from napari_sciml.plugin.session import ViewerSession

PLUGIN = "napari-sciml"
ROOT = Path(__file__).parents[2]
SIZE = (3.0, 0.5, 0.25)


def numbers(*shape: int, dtype: Any = np.uint16) -> np.ndarray:
    """Values that tell every voxel from its neighbors."""
    return np.arange(np.prod(shape)).reshape(shape).astype(dtype)


def imagej(path: Path, data: np.ndarray, axes: str) -> None:
    metadata = {"axes": axes, "spacing": 3.0, "unit": "um"}
    resolution = (1 / 0.25, 1 / 0.5)
    tifffile.imwrite(path, data, imagej=True, resolution=resolution, metadata=metadata)


def ome(path: Path, data: np.ndarray, axes: str) -> None:
    sizes = zip("ZYX", SIZE, strict=True)
    metadata = {f"PhysicalSize{axis}": size for axis, size in sizes}
    tifffile.imwrite(path, data, ome=True, metadata={"axes": axes, **metadata})


def ome_zarr(path: Path, data: np.ndarray, axes: str, levels: int = 1) -> None:
    steps = [(2**level,) * 3 for level in range(levels)]
    about = multiscales("it", tuple(axes), SIZE, "micrometer", steps)
    group = zarr.create_group(str(path), zarr_format=3, attributes=about)
    for level in range(levels):
        part = data[..., :: 2**level, :: 2**level, :: 2**level]
        array = create_level(
            group,
            shape=part.shape,
            chunks=part.shape,
            dtype=part.dtype,
            axes=tuple(axes),
            name=str(level),
            every_chunk=True,
        )
        array[...] = part


def hdf5(path: Path, data: np.ndarray, axes: str) -> None:
    with h5py.File(path, "w") as file:
        stored = file.create_dataset("data", data=data, chunks=True)
        stored.attrs["element_size_um"] = SIZE
        for axis, name in enumerate(axes):
            stored.dims[axis].label = name


def slices(path: Path, data: np.ndarray, axes: str) -> None:
    path.mkdir()
    for number, plane in enumerate(data):
        tifffile.imwrite(path / f"slice_{number:03}.tif", plane)


WRITTEN = {
    "imagej": (imagej, "a.tif", "ZYX", "zyx"),
    "imagej channels": (imagej, "a.tif", "ZCYX", "czyx"),
    "imagej time": (imagej, "a.tif", "TZYX", "tzyx"),
    "imagej both": (imagej, "a.TIF", "TZCYX", "ctzyx"),
    "ome": (ome, "a.ome.tif", "ZYX", "zyx"),
    "ome channels": (ome, "a.ome.tif", "CZYX", "czyx"),
    "zarr": (ome_zarr, "a.ome.zarr", "zyx", "zyx"),
    "zarr channels": (ome_zarr, "a.zarr", "czyx", "czyx"),
    "hdf5": (hdf5, "a.h5", "zyx", "zyx"),
    "nexus": (hdf5, "a.nxs", "zyx", "zyx"),
}
LENGTHS = {"t": 2, "c": 4, "z": 5, "y": 6, "x": 7}


@pytest.mark.situation(
    "In the viewer",
    "TIFF, HDF5, zarr, OME-Zarr (as a pyramid), folders of slices",
    "an image with scale, units and axis labels; lazily where it is large",
)
@pytest.mark.situation(
    "In the viewer",
    "channels, time",
    'axes "c" and "t", in front of the axes of space, as the docks take them',
)
@pytest.mark.parametrize("case", WRITTEN)
def test_a_layer_is_what_was_written(case, open_file, told, tmp_path) -> None:
    write, name, stored, shown = WRITTEN[case]
    data = numbers(*(LENGTHS[axis] for axis in stored.lower()))
    write(tmp_path / name, data, stored)
    (layer,) = open_file(tmp_path / name)
    assert isinstance(layer, Image)
    order = [stored.lower().index(axis) for axis in shown]
    np.testing.assert_array_equal(layer.data[...], data.transpose(order))
    assert layer.data.dtype == data.dtype
    assert (layer.name, layer.axis_labels) == ("a", tuple(shown))
    sizes = dict(zip("zyx", SIZE, strict=True))
    np.testing.assert_allclose(layer.scale, [sizes.get(a, 1) for a in shown])
    units = ["micrometer" if axis in sizes else "pixel" for axis in shown]
    assert list(map(str, layer.units)) == units
    assert told == []
    volume = layer.metadata.get("volume")
    assert isinstance(volume, Volume) == ("t" not in shown)


@pytest.mark.gui
def test_all_of_them_are_drawn(viewer, tmp_path) -> None:
    viewer.window.show()
    for case in ("imagej both", "zarr channels", "hdf5"):
        write, name, stored, _ = WRITTEN[case]
        folder = tmp_path / case
        folder.mkdir()
        data = numbers(*(LENGTHS[axis] for axis in stored.lower()))
        write(folder / name, data, stored)
        viewer.open(str(folder / name), plugin=PLUGIN)
        viewer.fit_to_view()
        seen = viewer.screenshot(flash=False)[..., :3].astype(int)
        viewer.layers[-1].visible = False
        hidden = viewer.screenshot(flash=False)[..., :3]
        assert np.ptp(seen - hidden) > 5


@pytest.mark.situation(
    "In the viewer",
    "TIFF, HDF5, zarr, OME-Zarr (as a pyramid), folders of slices",
    "an image with scale, units and axis labels; lazily where it is large",
)
def test_a_pyramid_is_one(open_file, tmp_path) -> None:
    data = numbers(8, 8, 8)
    ome_zarr(tmp_path / "a.zarr", data, "zyx", levels=3)
    (layer,) = open_file(tmp_path / "a.zarr")
    assert layer.multiscale
    assert [level.shape for level in layer.data] == [(8,) * 3, (4,) * 3, (2,) * 3]
    np.testing.assert_allclose(layer.scale, SIZE)


def test_colors_stay_colors(open_file, tmp_path) -> None:
    data = numbers(6, 7, 3, dtype=np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", data, photometric="rgb")
    (layer,) = open_file(tmp_path / "a.tif")
    assert (layer.rgb, layer.ndim) == (True, 2)
    np.testing.assert_array_equal(layer.data, data)


@pytest.mark.situation(
    "In the viewer",
    "axes that the file does not name",
    "they keep napari's numbers: choose at *Axes* in the Annotate dock what they "
    "are; *as they are* takes it back",
)
def test_axes_without_a_name_keep_the_numbers_of_napari(open_file, tmp_path) -> None:
    array = zarr.create_array(str(tmp_path / "a.zarr"), data=numbers(2, 5, 6, 7))
    (layer,) = open_file(tmp_path / "a.zarr")
    assert layer.axis_labels == ("-4", "-3", "-2", "-1")
    np.testing.assert_array_equal(layer.data[...], array[...])


@pytest.mark.parametrize("case", ["imagej both", "zarr channels", "hdf5", "slices"])
def test_layers_can_be_duplicated_and_split(case, tmp_path) -> None:
    write, name, stored, _ = WRITTEN.get(case, (slices, "a", "zyx", None))
    data = numbers(*(LENGTHS[axis] for axis in stored.lower()))
    write(tmp_path / name, data, stored)
    PluginManager.instance().discover()
    viewer = ViewerModel()
    (layer,) = viewer.open(str(tmp_path / name), plugin=PLUGIN)
    _duplicate_layer(viewer.layers)
    np.testing.assert_array_equal(viewer.layers[-1].data[...], layer.data[...])
    viewer.layers.selection.active = layer
    _split_stack(viewer.layers)
    split = [one for one in viewer.layers if one.ndim == data.ndim - 1]
    parts = [np.asarray(one.data[...]) for one in split]
    parts.sort(key=lambda part: part.flat[0])
    np.testing.assert_array_equal(parts, layer.data[...])


@pytest.mark.situation(
    "In the viewer",
    "TIFF, HDF5, zarr, OME-Zarr (as a pyramid), folders of slices",
    "an image with scale, units and axis labels; lazily where it is large",
)
def test_a_large_file_is_not_read(open_file, tmp_path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        stored = (40_000, 1024, 1024)  # 78 GiB, none of which is on the disk
        file.create_dataset("data", stored, np.uint16, chunks=(1, 256, 256))
    (layer,) = open_file(tmp_path / "a.h5")
    assert layer.data.shape == stored
    assert layer.data[39_999, :2, :2].tolist() == [[0, 0], [0, 0]]


@pytest.mark.situation(
    "In the viewer",
    "TIFF, HDF5, zarr, OME-Zarr (as a pyramid), folders of slices",
    "an image with scale, units and axis labels; lazily where it is large",
)
@pytest.mark.situation(
    "In the viewer",
    "caution",
    'a warning, and `layer.metadata["cautions"]`',
)
def test_a_folder_with_a_gap_is_told(open_file, told, tmp_path) -> None:
    data = numbers(6, 8, 9)
    slices(tmp_path / "scan.v2", data, "zyx")
    (tmp_path / "scan.v2" / "slice_002.tif").unlink()
    (layer,) = open_file(tmp_path / "scan.v2")
    np.testing.assert_array_equal(layer.data[...], np.delete(data, 2, axis=0))
    assert (layer.name, layer.axis_labels) == ("scan.v2", ("z", "y", "x"))
    ((severity, text),) = told
    assert severity == "warning"
    assert layer.metadata["cautions"] == (text,)
    assert "lacks 1 slice" in text


@pytest.mark.situation(
    "In the viewer",
    "several images in one HDF5 file",
    "a layer each, up to eight",
)
def test_each_image_of_an_hdf5_is_a_layer(open_file, tmp_path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["entry/raw"] = numbers(9, 10, 11)
        file["entry/flat"] = numbers(10, 11)
        file["entry/table"] = numbers(3, 2)
    flat, raw = open_file(tmp_path / "a.h5")
    assert (flat.name, raw.name) == ("a entry-flat", "a entry-raw")
    assert raw.data.shape == (9, 10, 11)


@pytest.mark.situation(
    "In the viewer",
    "several images in one HDF5 file",
    "a layer each, up to eight",
)
def test_more_than_eight_images_are_not_opened_at_once(
    open_file, told, tmp_path
) -> None:
    for count in (8, 9):
        with h5py.File(tmp_path / f"{count}.h5", "w") as file:
            for number in range(count):
                file[f"image {number}"] = numbers(10, 11)
    assert len(open_file(tmp_path / "8.h5")) == 8
    assert told == []
    assert open_file(tmp_path / "9.h5") == []
    ((severity, text),) = told
    assert severity == "error"
    assert "give one of them" in text


def cut_off(path: Path) -> None:
    tifffile.imwrite(path, numbers(4, 64, 64))
    path.write_bytes(path.read_bytes()[:-9000])


def complex_values(path: Path) -> None:
    tifffile.imwrite(path, numbers(6, 7, dtype=np.complex64))


def several_stacks(path: Path) -> None:
    path.mkdir()
    for name in ("a_1.tif", "a_2.tif", "b_1.tif", "b_2.tif"):
        tifffile.imwrite(path / name, numbers(6, 7))


REFUSED = {
    "cut off": (cut_off, "a.tif"),
    "complex": (complex_values, "a.tif"),
    "no tiff": (lambda path: path.write_bytes(b"II*\0nonsense"), "a.tif"),
    "no hdf5": (lambda path: path.write_bytes(b"nonsense"), "a.h5"),
    "no image": (lambda path: h5py.File(path, "w").close(), "a.h5"),
    "empty group": (lambda path: zarr.create_group(str(path)), "a.zarr"),
    "no zarr": (lambda path: path.mkdir(), "a.zarr"),
    "several stacks": (several_stacks, "folder"),
}


@pytest.mark.situation("In the viewer", "refusal", "one sentence, and no layer")
@pytest.mark.parametrize("case", REFUSED)
def test_a_refusal_is_one_sentence(case, open_file, told, tmp_path) -> None:
    make, name = REFUSED[case]
    make(tmp_path / name)
    assert open_file(tmp_path / name) == []
    ((severity, text),) = told
    assert severity == "error"
    assert name in text
    assert "Traceback" not in text
    assert "\n" not in text
    assert text.endswith(".")


@pytest.mark.gui
@pytest.mark.timeout(240)
def test_strokes_on_channels_from_a_file(open_dock, viewer, patience, tmp_path) -> None:
    image, labels = bright_bar()
    both = np.stack([image, -image], axis=1).astype(np.float32)
    imagej(tmp_path / "a.tif", both, "ZCYX")
    viewer.open(str(tmp_path / "a.tif"), plugin=PLUGIN)
    session = ViewerSession.of(viewer)
    annotate, train = open_dock("Annotate"), open_dock("Train")
    annotate.start.click()
    assert annotate.error.text() == ""
    np.testing.assert_allclose(session.workspace.annotation.layer.scale, SIZE)
    where = np.nonzero(labels)
    flat = np.ravel_multi_index(where, labels.shape)
    session.workspace.annotation.write(flat, labels[where])
    train.members.setValue(1)
    train.seconds.setValue(1)
    train.start.click()
    patience(lambda: is_settled(session) or bool(train.error.text()))
    assert train.error.text() == ""
    assert session.prediction.probabilities.shape == image.shape
    assert session.prediction.model.trained_on["voxel_size"] == list(SIZE)
    session.training.stop()
    patience(lambda: not session.workspace.runner.busy)


def test_other_paths_are_left_to_others(tmp_path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("")
    for path in ("a.png", "a.npy", "a.nii.gz", tmp_path / "notes", tmp_path / "none"):
        assert get_reader(str(path)) is None
    assert get_reader(["a.tif", "b.tif"]) is None
    assert get_reader(["a.tif"]) is not None


def test_the_manifest_names_what_can_be_read() -> None:
    contributed = yaml.safe_load((ROOT / "napari.yaml").read_text())["contributions"]
    (reader,) = contributed["readers"]
    assert set(FILES) == {*TIFF_SUFFIXES, *HDF5_SUFFIXES, ".zarr"}
    assert reader["filename_patterns"] == [f"*{ending}" for ending in FILES]


def test_asking_imports_nothing_heavy() -> None:
    code = (
        "import sys; from napari_sciml.plugin.reader import get_reader\n"
        "assert get_reader('a.tif')\n"
        "print({'torch', 'qtpy', 'napari', 'numpy', 'tifffile'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"
