import numpy as np
import pytest
from skimage.io import imsave

from napari_sciml.errors import InputError
from napari_sciml.images.volume import Volume
from napari_sciml.io.images.reading import open_gray, open_labels, open_volume

SHAPE = (6, 7, 8)
GRAY = np.arange(np.prod(SHAPE), dtype=np.uint16).reshape(SHAPE)


@pytest.mark.parametrize(
    ("shape", "axes"),
    [
        ((7, 8), ("y", "x")),
        ((1, 7, 8), ("y", "x")),
        ((7, 8, 1), ("y", "x")),
        (SHAPE, ("z", "y", "x")),
        ((1, *SHAPE, 1), ("z", "y", "x")),
        ((6, 7, 1), ("y", "x")),
        ((3, 7, 8), ("z", "y", "x")),
    ],
)
def test_npy(tmp_path, shape, axes):
    values = np.arange(np.prod(shape), dtype=">f4").reshape(shape)
    np.save(tmp_path / "a.npy", values)
    volume = open_volume(tmp_path / "a.npy")
    assert volume.axes == axes
    np.testing.assert_array_equal(volume.data, values.squeeze())


def test_npy_is_memory_mapped(tmp_path):
    np.save(tmp_path / "a.npy", GRAY[None])
    assert isinstance(open_volume(tmp_path / "a.npy").data, np.memmap)


@pytest.mark.situation(
    "HDF5, zarr, npy",
    "complex values, tables, dates, text, empty, one axis only",
    "refused",
)
@pytest.mark.parametrize(
    ("values", "match"),
    [
        (np.zeros((2, *SHAPE)), r"not an image .*shape \(2, 6, 7, 8\)"),
        (np.zeros(5), "not an image"),
        (np.zeros((0, 5)), "is empty"),
        (np.array([["a"]]), "holds <U1 values"),
        (np.zeros((6, 7), "c8"), "holds complex64 values"),
        (np.zeros((6, 7), "M8[s]"), "values"),
    ],
    ids=["4d", "1d", "empty", "text", "complex", "dates"],
)
def test_npy_that_is_no_image(tmp_path, values, match, refused):
    np.save(tmp_path / "a.npy", values)
    refused(tmp_path / "a.npy", match=match)


def test_pickled_npy_is_refused(tmp_path, refused):
    np.save(tmp_path / "a.npy", np.array([{}], dtype=object), allow_pickle=True)
    refused(tmp_path / "a.npy", match="cannot be read")


def test_png(tmp_path):
    imsave(tmp_path / "gray.png", GRAY[0], check_contrast=False)
    np.testing.assert_array_equal(open_volume(tmp_path / "gray.png").data, GRAY[0])


@pytest.mark.parametrize(("samples", "used"), [(2, 1), (3, 3), (4, 3)])
def test_png_in_color_without_its_alpha(tmp_path, samples, used):
    values = np.random.default_rng(0).integers(0, 255, (9, 8, samples), np.uint8)
    imsave(tmp_path / "a.png", values, check_contrast=False)
    volume = open_volume(tmp_path / "a.png")
    assert (volume.shape, volume.axes, volume.channels) == ((9, 8), ("y", "x"), used)
    np.testing.assert_array_equal(volume.data[:], values[..., :used].squeeze())


@pytest.mark.parametrize("shape", [(9, 8, 3), (6, 9, 8, 4)])
def test_npy_whose_last_axis_is_color(tmp_path, shape):
    values = np.random.default_rng(0).normal(size=shape)
    np.save(tmp_path / "a.npy", values)
    volume = open_volume(tmp_path / "a.npy")
    assert (volume.shape, volume.channels) == (shape[:-1], shape[-1])
    np.testing.assert_array_equal(volume.data[...], values)


def test_labels_and_masks_have_no_channels(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((9, 8, 3), np.uint16))
    for read in (open_gray, lambda path: open_labels(path, (9, 8))):
        with pytest.raises(InputError, match="3 channels; give"):
            read(tmp_path / "a.npy")


@pytest.mark.parametrize(
    ("name", "content", "match"),
    [
        ("missing.tif", None, "does not exist"),
        ("a.tif", b"not a tiff", "cannot be read"),
        ("a.npy", b"\x93NUMPY", "cannot be read"),
        ("a.png", b"\x89PNG", "cannot be read"),
        ("a.docx", b"PK", "unknown kind"),
        ("a.dcm", b"DICM", "cannot be read"),
        ("empty.zarr", "folder", "cannot be read"),
        ("folder", "folder", "without TIFF files"),
    ],
)
def test_unreadable(tmp_path, name, content, match, refused):
    path = tmp_path / name
    if content == "folder":
        path.mkdir()
    elif content is not None:
        path.write_bytes(content)
    refused(path, match=match)


@pytest.mark.parametrize(
    ("axes", "voxel_size"),
    [
        (("y", "x"), (1.0, 1.0, 1.0)),
        (("x", "y", "z"), (1.0, 1.0, 1.0)),
        (("z", "y", "x"), (1.0, 1.0)),
        (("z", "y", "x"), (1.0, 0.0, 1.0)),
    ],
)
def test_volume_must_be_consistent(axes, voxel_size):
    with pytest.raises(InputError):
        Volume(GRAY, axes, voxel_size)


def save_labels(path, values):
    np.save(path, np.asarray(values))
    return path


@pytest.mark.situation(
    "Labels, and nothing to learn",
    "whole numbers of any type, palette PNG and GIF, gray saved as RGB",
    "read",
)
@pytest.mark.parametrize("dtype", ["u1", "i1", ">u2", "i8", "f4", "f8", "?"])
def test_labels_of_any_type(tmp_path, dtype):
    values = np.array([[0, 1, 2], [1, 0, 0]]).astype(dtype)
    labels = open_labels(save_labels(tmp_path / "a.npy", values), (2, 3)).data
    assert labels.dtype == np.uint8
    np.testing.assert_array_equal(labels, values)


def test_ignored_labels_are_not_annotated(tmp_path):
    path = save_labels(tmp_path / "a.npy", [[0, 1, 4], [2, -1, 300]])
    labels = open_labels(path, (2, 3), ignore=(4, -1, 300)).data
    np.testing.assert_array_equal(labels, [[0, 1, 0], [2, 0, 0]])


@pytest.mark.situation(
    "Labels, and nothing to learn",
    "probabilities, fractions, NaN, negative, above 255",
    "refused; read with a map",
)
@pytest.mark.parametrize(
    ("values", "match"),
    [
        ([[0, 256]], "from 0 to 256"),
        ([[-1, 2]], "from -1 to 2"),
        ([[0.5, 1.0]], "not whole numbers"),
        ([[np.nan, 1.0]], r"are not all numbers.*nan \(1\)"),
        ([[0, 1, 2]], r"shape \(1, 3\) but the image has shape \(1, 2\)"),
    ],
)
def test_bad_labels(tmp_path, values, match):
    with pytest.raises(InputError, match=match):
        open_labels(save_labels(tmp_path / "a.npy", values), (1, 2))


def test_trailmap(shared_data):
    folder = shared_data / "trailmap_axons"
    volume = open_volume(folder / "train_volume.tif")
    assert (volume.shape, volume.axes) == ((101, 120, 120), ("z", "y", "x"))
    assert volume.data.dtype == np.uint16
    labels = open_labels(
        folder / "train_labels_sparse.tif", volume.shape, ignore=(4,)
    ).data
    assert np.unique(labels).tolist() == [0, 1, 2]


def test_quanfima(shared_data):
    volume = open_volume(shared_data / "quanfima_polymer3d" / "polymer3d_128.tif")
    assert (volume.shape, volume.axes) == ((128, 128, 128), ("z", "y", "x"))
    assert volume.data[64].std() > 0


def test_insegt(shared_data):
    folder = shared_data / "insegt_fibre_scribbles"
    volume = open_volume(folder / "carbon.png")
    assert (volume.shape, volume.axes) == ((348, 347), ("y", "x"))
    labels = open_labels(folder / "carbon_labels.png", volume.shape)
    assert not labels.cautions
    assert np.bincount(labels.data.reshape(-1)).tolist() == [119714, 730, 312]
