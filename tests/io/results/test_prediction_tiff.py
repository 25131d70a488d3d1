"""Probabilities as TIFF: what other programs read, and names that are refused."""

import tracemalloc
from typing import Any

import numpy as np
import pytest
import tifffile

from napari_sciml.errors import InputError
from napari_sciml.io.images.reading import open_volume
from napari_sciml.io.models.folder import save_model
from napari_sciml.io.results import prediction_tiff
from napari_sciml.io.results.prediction_tiff import (
    check_zarr_name,
    output_places,
    save_probabilities,
)
from napari_sciml.io.results.predictions import PredictionStore
from napari_sciml.workflows.prediction.files import predict_image

NAMES = ("background", "fiber", "v\u00f3id")


def predicted(path, shape=(9, 10, 11), names=NAMES, chunk=4, unit="micrometer"):
    """A prediction with arbitrary values."""
    dims = len(shape)
    size, axes = (2.0, 0.5, 0.25)[-dims:], "zyx"[-dims:]
    given = (path, shape, names, size, unit, axes, (chunk,) * dims, {})
    store = PredictionStore.create(*given)
    store.mean[:] = np.random.default_rng(0).random(store.mean.shape)
    return store


def limits(monkeypatch, **given):
    for name, value in given.items():
        monkeypatch.setattr(prediction_tiff, name, value)


@pytest.mark.situation(
    "Names of results",
    "`p.tif`, `p.tiff`",
    "a TIFF for ImageJ (OME-TIFF above 4 GB), beside `p.ome.zarr`",
)
@pytest.mark.parametrize("names", [NAMES, NAMES[:2]])
@pytest.mark.parametrize("shape", [(9, 10, 11), (10, 11), (1, 10, 11)])
@pytest.mark.parametrize("slab", [2**29, 1])
def test_imagej_reads_it(tmp_path, monkeypatch, shape, names, slab) -> None:
    limits(monkeypatch, SLAB_BYTES=slab)
    store = predicted(tmp_path / "p.zarr", shape, names)
    path = tmp_path / "p.tif"
    save_probabilities(store, path)
    deep = len(shape) == 3 and shape[0] > 1
    with tifffile.TiffFile(path) as tiff:
        (series,) = tiff.series
        assert tiff.is_imagej
        assert not tiff.is_bigtiff
        assert series.axes == ("ZCYX" if deep else "CYX")
        assert series.dtype == np.float32
        assert tiff.pages[0].resolution == (4.0, 2.0)
        about = tiff.imagej_metadata
        values = tiff.asarray().reshape(-1, len(names), *shape[-2:])
    np.testing.assert_array_equal(
        values, np.moveaxis(store.mean[:], 0, -3).reshape(values.shape)
    )
    assert (about["unit"], about["channels"]) == ("um", len(names))
    assert about.get("spacing") == (2.0 if len(shape) == 3 else None)
    assert about["Labels"][: len(names)] == list(names)
    assert len(about["Labels"]) == len(names) * (shape[0] if deep else 1)


@pytest.mark.situation(
    "Names of results",
    "`p.tif`, `p.tiff`",
    "a TIFF for ImageJ (OME-TIFF above 4 GB), beside `p.ome.zarr`",
)
@pytest.mark.parametrize("shape", [(9, 10, 11), (10, 11)])
def test_larger_than_imagej_can_hold_is_an_ome_tiff(
    tmp_path, monkeypatch, shape
) -> None:
    limits(monkeypatch, CLASSIC_TIFF_BYTES=100)
    store = predicted(tmp_path / "p.zarr", shape)
    path = tmp_path / "p.tif"
    save_probabilities(store, path)
    with tifffile.TiffFile(path) as tiff:
        assert tiff.is_ome
        assert tiff.is_bigtiff
        assert tiff.series[0].axes == "ZCYX"[-1 - len(shape) :]
        about = tifffile.xml2dict(tiff.ome_metadata)["OME"]["Image"]["Pixels"]
        np.testing.assert_array_equal(tiff.asarray(), np.moveaxis(store.mean[:], 0, -3))
    assert [channel["Name"] for channel in about["Channel"]] == list(NAMES)
    for axis, size in zip(store.axes, store.voxel_size, strict=True):
        assert about[f"PhysicalSize{axis.upper()}"] == size
        assert about[f"PhysicalSize{axis.upper()}Unit"] == "\u00b5m"


@pytest.mark.parametrize("limit", [2**32, 100])
@pytest.mark.parametrize("unit", ["micrometer", "pixel"])
def test_our_reader_reads_it(tmp_path, monkeypatch, unit, limit) -> None:
    limits(monkeypatch, CLASSIC_TIFF_BYTES=limit)
    store = predicted(tmp_path / "p.zarr", unit=unit)
    save_probabilities(store, tmp_path / "p.tif")
    volume = open_volume(tmp_path / "p.tif")
    assert (volume.axes, volume.unit) == (("z", "y", "x"), unit)
    assert volume.voxel_size == pytest.approx((2.0, 0.5, 0.25))
    np.testing.assert_array_equal(volume.data[:], np.moveaxis(store.mean[:], 0, -1))


def test_what_is_held_is_a_slab_not_the_volume(tmp_path, monkeypatch) -> None:
    limits(monkeypatch, SLAB_BYTES=2**20)
    store = predicted(tmp_path / "p.zarr", (128, 128, 128), NAMES[:2], chunk=32)
    whole = store.mean.size * 4
    tracemalloc.start()
    save_probabilities(store, tmp_path / "p.tif")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < whole / 2


def test_a_plane_that_does_not_fit_is_refused_before_the_work(tmp_path) -> None:
    places = output_places(tmp_path / "p.tif", [tmp_path / "image.tif"])
    with pytest.raises(InputError, match=r"A plane of .*take a \.zarr"):
        places.costs((3, 10**8, 10**8), 2)
    (said,) = places.costs((30, 100, 100), 2)
    assert "p.tif" in said
    assert "2.4 MB" in said
    assert (
        output_places(tmp_path / "p", [tmp_path / "image.tif"]).costs((9, 9), 2) == []
    )


def test_a_damaged_prediction_leaves_no_tiff(tmp_path) -> None:
    store = predicted(tmp_path / "p.zarr")
    (tmp_path / "p.zarr/mean/0/c/0/2/0/0").write_bytes(b"?")
    with pytest.raises(InputError, match="may be damaged"):
        save_probabilities(store, tmp_path / "p.tif")
    assert [p.name for p in tmp_path.iterdir()] == ["p.zarr"]


@pytest.mark.situation(
    "Names of results",
    "`predict --out p.zarr`, or without an ending",
    "an OME-Zarr",
)
@pytest.mark.situation(
    "Names of results",
    "`p.tif`, `p.tiff`",
    "a TIFF for ImageJ (OME-TIFF above 4 GB), beside `p.ome.zarr`",
)
@pytest.mark.parametrize(
    ("given", "zarr", "tiff"),
    [
        ("p.zarr", "p.zarr", None),
        ("p.ome.zarr", "p.ome.zarr", None),
        ("p", "p", None),
        ("p.tif", "p.ome.zarr", "p.tif"),
        ("p.TIFF", "p.ome.zarr", "p.TIFF"),
        ("p.1.tif", "p.1.ome.zarr", "p.1.tif"),
        ("p.ome.tif", "p.ome.zarr", "p.ome.tif"),
    ],
)
def test_places(tmp_path, given, zarr, tiff) -> None:
    places = output_places(tmp_path / given, [tmp_path / "image.tif"])
    assert places.zarr == tmp_path / zarr
    assert places.tiff == (tiff and tmp_path / tiff)


@pytest.mark.situation(
    "Names of results",
    "another ending; a name that would replace the image",
    "refused, before the work",
)
@pytest.mark.parametrize("given", ["p.h5", "p.png", "p.npy", "p.hdf5", "p.nii.gz"])
def test_other_endings_are_refused(tmp_path, given) -> None:
    with pytest.raises(InputError, match=r"use \.zarr .* or \.tif"):
        output_places(tmp_path / given, [tmp_path / "image.tif"])
    with pytest.raises(InputError, match=r"end in \.zarr"):
        check_zarr_name(tmp_path / given)


@pytest.mark.situation(
    "Names of results",
    "another ending; a name that would replace the image",
    "refused, before the work",
)
@pytest.mark.parametrize(
    ("out", "image"),
    [
        ("scan.tif", "scan.tif"),
        ("scan.tif", "scan.ome.zarr"),
        ("scan.zarr", "scan.zarr"),
        ("scan.zarr", "scan.zarr/mean"),
    ],
)
def test_the_image_is_never_replaced(tmp_path, out, image) -> None:
    with pytest.raises(InputError, match=r"(is|holds) the input"):
        output_places(tmp_path / out, [tmp_path / image])


@pytest.mark.situation(
    "Names of results",
    "`p.tif`, `p.tiff`",
    "a TIFF for ImageJ (OME-TIFF above 4 GB), beside `p.ome.zarr`",
)
@pytest.mark.parametrize("resume", [True, False])
def test_a_prediction_is_written_as_both(tmp_path, make_ensemble, resume) -> None:
    save_model(make_ensemble(3, members=1), tmp_path / "model", record={})
    image = np.random.default_rng(0).integers(0, 255, (9, 20, 21), np.uint8)
    np.save(tmp_path / "image.npy", image)
    files = [tmp_path / name for name in ("model", "image.npy", "p.tif")]
    said: list[str] = []

    def predict(**given: Any) -> dict[str, Any]:
        return predict_image(*files, report=lambda *_: None, say=said.append, **given)

    found = predict()
    if resume:  # of a finished one: the file that was lost is written again
        (tmp_path / "p.tif").unlink()
        found = predict(resume=True)
        assert found["seconds"] == 0
    assert found["tiff"] == str(tmp_path / "p.tif")
    assert found["prediction"] == str(tmp_path / "p.ome.zarr")
    assert any("p.tif in the end" in sentence for sentence in said)
    store = PredictionStore.open(found["prediction"])
    expected = np.moveaxis(store.mean[:], 0, -3)
    np.testing.assert_array_equal(tifffile.imread(found["tiff"]), expected)
    left = {"model", "image.npy", "p.tif", "p.ome.zarr"}
    assert {p.name for p in tmp_path.iterdir()} == left
