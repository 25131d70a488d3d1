import json

import numpy as np
import pytest
import zarr

from napari_sciml.errors import InputError
from napari_sciml.images.tiles import split_into_tiles
from napari_sciml.io.atomic import atomic_path
from napari_sciml.io.images.reading import open_volume
from napari_sciml.io.results.predictions import PredictionStore

SETTINGS = {
    3: {"shape": (9, 10, 11), "axes": "zyx", "voxel_size": (2.0, 0.5, 0.25)},
    2: {"shape": (10, 11), "axes": "yx", "voxel_size": (0.5, 0.25)},
}


def create(path, dims=3, **changes):
    settings = {
        **SETTINGS[dims],
        "class_names": ("background", "fiber"),
        "unit": "micrometer",
        "chunks": (4,) * dims,
        "record": {"seed": np.int64(3)},
    }
    return PredictionStore.create(path, **(settings | changes))


@pytest.mark.parametrize("dims", [2, 3])
def test_round_trip_of_blocks(tmp_path, dims):
    shape = SETTINGS[dims]["shape"]
    rng = np.random.default_rng(0)
    mean, std = rng.random((2, 2, *shape), dtype=np.float32)
    with atomic_path(tmp_path / "a.zarr") as temporary:
        store = create(temporary, dims, calibration={"quantile": 0.25})
        for tile in split_into_tiles(shape, 5, 2):
            store.write(tile.core, mean[:, *tile.core], std[:, *tile.core])
    store = PredictionStore.open(tmp_path / "a.zarr")
    np.testing.assert_array_equal(store.mean[:], mean.astype(np.float16))
    np.testing.assert_array_equal(store.std[:], std.astype(np.float16))
    assert store.shape == shape
    assert store.class_names == ("background", "fiber")
    assert store.axes == tuple(SETTINGS[dims]["axes"])
    assert store.voxel_size == SETTINGS[dims]["voxel_size"]
    assert store.unit == "micrometer"
    assert store.provenance == {"seed": 3}
    assert store.calibration == {"quantile": 0.25}


def test_layout_on_disk(tmp_path):
    create(tmp_path / "a.zarr")
    for name in ("mean", "std"):
        array = zarr.open_array(str(tmp_path / "a.zarr" / name / "0"), mode="r")
        assert array.metadata.zarr_format == 3
        assert array.dtype == np.float16
        assert array.shape == (2, 9, 10, 11)
        assert array.chunks == (1, 4, 4, 4)
        assert array.metadata.dimension_names == ("c", "z", "y", "x")
        group = zarr.open_group(str(tmp_path / "a.zarr" / name), mode="r")
        ome = group.attrs["ome"]
        assert ome["version"] == "0.5"
        (image,) = ome["multiscales"]
        assert [axis["name"] for axis in image["axes"]] == ["c", "z", "y", "x"]
        assert image["axes"][1] == {
            "name": "z",
            "type": "space",
            "unit": "micrometer",
        }
        (step,) = image["datasets"][0]["coordinateTransformations"]
        assert step == {"type": "scale", "scale": [1.0, 2.0, 0.5, 0.25]}


def test_our_reader_opens_a_single_class(tmp_path):
    create(tmp_path / "a.zarr", class_names=("fiber",))
    volume = open_volume(tmp_path / "a.zarr" / "std")
    assert volume.axes == ("z", "y", "x")
    assert (volume.voxel_size, volume.unit) == ((2.0, 0.5, 0.25), "micrometer")


@pytest.mark.parametrize("inside", ["", "mean", "std"])
@pytest.mark.parametrize("levels", [1, 2])
@pytest.mark.parametrize("dims", [2, 3])
def test_a_validator_of_ome_zarr_takes_it(tmp_path, dims, levels, inside):
    yaozarrs = pytest.importorskip("yaozarrs", reason="install the extra test")
    steps = [(1,) * dims, (1, 2, 2)[-dims:]][:levels]
    create(tmp_path / "a.ome.zarr", dims, levels=steps)
    # Looks at the arrays, too: they are there and have as many axes as it says.
    group = yaozarrs.validate_zarr_store(str(tmp_path / "a.ome.zarr" / inside))
    about = group.ome_metadata()
    (image,) = about.multiscales
    assert about.version == "0.5"
    assert "".join(axis.name for axis in image.axes) == "c" + "zyx"[-dims:]
    assert [getattr(axis, "unit", None) for axis in image.axes[1:]] == [
        "micrometer"
    ] * dims
    assert len(image.datasets) == levels
    assert [one.label for one in about.omero.channels] == ["background", "fiber"]


@pytest.mark.parametrize("level", [0, 1])
def test_the_root_is_the_mean(tmp_path, level):
    store = create(tmp_path / "a.zarr", levels=[(1, 1, 1), (1, 2, 2)])
    values = np.random.default_rng(0).random(store.mean.shape).astype(np.float16)
    store.mean[:] = values
    store.coarser[0][0][:] = values[:, :, ::2, ::2]
    volume = open_volume(tmp_path / "a.zarr", level=level)
    step = 1 + level
    expected = np.moveaxis(values[:, :, ::step, ::step], 0, -1)
    np.testing.assert_array_equal(volume.data[:], expected)
    assert volume.axes == ("z", "y", "x")
    assert volume.voxel_size == (2.0, 0.5 * step, 0.25 * step)
    assert volume.unit == "micrometer"


def test_the_record_is_not_in_the_way_of_who_looks_at_the_image(tmp_path):
    knots = np.random.default_rng(0).random(5000).tolist()
    create(tmp_path / "a.zarr", record={"training": knots}, calibration={"p": knots})
    sizes = {p: p.stat().st_size for p in tmp_path.rglob("zarr.json")}
    assert sizes.pop(tmp_path / "a.zarr" / "record" / "zarr.json") > 100_000
    assert max(sizes.values()) < 4_000
    store = PredictionStore.open(tmp_path / "a.zarr")
    assert store.provenance == {"training": knots}
    assert store.calibration == {"p": knots}


def test_a_prediction_of_an_older_version(tmp_path, as_version_1):
    path = tmp_path / "a.zarr"
    create(path, calibration={"quantile": 0.25}).mean[:] = 0.5
    new = PredictionStore.open(path)
    as_version_1(path)
    with pytest.raises(InputError, match="holds mean, std"):
        open_volume(path)
    for old in (PredictionStore.open(path), PredictionStore.open_unfinished(path)):
        for name in ("class_names", "axes", "voxel_size", "unit", "shape"):
            assert getattr(old, name) == getattr(new, name)
        assert (old.provenance, old.calibration) == ({"seed": 3}, {"quantile": 0.25})
        assert np.all(old.mean[:] == 0.5)


def test_finished_prediction_is_read_only(tmp_path):
    create(tmp_path / "a.zarr")
    store = PredictionStore.open(tmp_path / "a.zarr")
    with pytest.raises(ValueError, match="read-only"):
        store.mean[:] = 1


def test_older_prediction_is_replaced(tmp_path):
    for seed in (1, 2):
        with atomic_path(tmp_path / "a.zarr") as temporary:
            create(temporary, record={"seed": seed})
    assert PredictionStore.open(tmp_path / "a.zarr").provenance == {"seed": 2}


@pytest.mark.parametrize(
    ("given", "expected"), [("background", 0), ("fiber", 1), (1, 1), ("0", 0)]
)
def test_class_index(tmp_path, given, expected):
    assert create(tmp_path / "a.zarr").class_index(given) == expected


@pytest.mark.parametrize("given", ["void", 2, -1, "2", "-1", ""])
def test_unknown_class(tmp_path, given):
    store = create(tmp_path / "a.zarr")
    with pytest.raises(InputError, match=r"choose from background \(0\), fiber \(1\)"):
        store.class_index(given)


@pytest.mark.parametrize("kind", ["missing", "folder", "file", "zarr", "newer"])
def test_not_a_prediction(tmp_path, kind):
    path = tmp_path / "a.zarr"
    match = "is not a prediction"
    if kind == "missing":
        match = "does not exist"
    elif kind == "folder":
        path.mkdir()
    elif kind == "file":
        path.write_text("x")
    elif kind == "zarr":
        zarr.create_group(str(path))
    else:
        create(path)
        root = zarr.open_group(str(path), mode="r+")
        root.attrs["napari_sciml"] = {"kind": "prediction", "version": 99}
        match = "format 99"
    with pytest.raises(InputError, match=match):
        PredictionStore.open(path)


@pytest.mark.parametrize(
    "change",
    [
        {"class_names": ["fiber"]},
        {"class_names": [1, 2]},
        {"axes": ["z", "y"]},
        {"axes": ["x", "y", "z"]},
        {"voxel_size": [1.0, 1.0]},
        {"voxel_size": [1.0, 1.0, -1.0]},
        {"voxel_size": ["a", "b", "c"]},
        {"unit": 5},
        {"unit": "\ud800"},
        {"napari_sciml": {"kind": "prediction", "version": "2"}},
    ],
    ids=str,
)
def test_claims_that_do_not_fit_the_arrays_are_refused(tmp_path, change):
    create(tmp_path / "a.zarr")
    path = tmp_path / "a.zarr" / "zarr.json"
    written = json.loads(path.read_bytes())
    written["attributes"] |= change
    path.write_text(json.dumps(written))
    with pytest.raises(InputError, match="is not a prediction"):
        PredictionStore.open(tmp_path / "a.zarr")
