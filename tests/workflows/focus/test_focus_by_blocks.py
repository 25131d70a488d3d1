"""Focus of images that are larger than memory, or claim to be."""

import numpy as np
import pandas as pd
import pytest
import tifffile
import zarr

from napari_sciml.errors import InputError
from napari_sciml.focus import overlay as pictures
from napari_sciml.focus.rating import result, tiling
from napari_sciml.focus.rating.measures import measure_tiles
from napari_sciml.focus.rating.tiling import count_tiles, starts
from napari_sciml.focus.training.textures import texture
from napari_sciml.workflows.focus.files import rate_file


def _sparse(path, shape):
    zarr.create_array(
        str(path), shape=shape, chunks=(1,) * (len(shape) - 2) + (512,) * 2, dtype="u2"
    )
    return path


FAR = [(10**6, 10**6), (10**4, 10**4, 10**4), (100, 10**12)]


@pytest.mark.parametrize("shape", FAR, ids=str)
@pytest.mark.situation(
    "Focus", "larger than memory", "rated by parts; refused where its tiles do not fit"
)
def test_more_tiles_than_fit_are_refused_before_the_work(tmp_path, shape):
    path = _sparse(tmp_path / "far.zarr", shape)
    with pytest.raises(InputError, match=r"needs? .*of memory"):
        rate_file(path, tmp_path / "out", stride=20, device="cpu", report=_quiet)
    assert not (tmp_path / "out").exists()


def _quiet(share, note):
    pass


def test_few_tiles_of_a_sparse_volume_are_rated_and_shown_small(tmp_path):
    path = _sparse(tmp_path / "far.zarr", (40_000, 40_000))
    told = []
    rate_file(
        path, tmp_path / "out", stride=30_000, device="cpu",
        report=lambda share, note: told.append((share, note)),
    )  # fmt: skip
    height, width, _ = _picture(tmp_path / "out").shape
    assert height * width <= pictures.PICTURE_PIXELS
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert {note for _, note in told} == {"rating", "writing"}


def _picture(folder):
    from skimage.io import imread

    return imread(folder / "overlay.png")


@pytest.fixture
def stack(tmp_path):
    image = texture(np.random.default_rng(1), 400)
    counts = np.random.default_rng(2).poisson(image / image.max() * 900 + 50)
    noise = np.random.default_rng(0).poisson(100, counts.shape)
    path = tmp_path / "stack.tif"
    planes = np.stack([noise, counts, counts[::-1]]).astype(np.uint16)
    tifffile.imwrite(path, planes, metadata={"axes": "ZYX"}, compression="zlib")
    return path


def test_results_do_not_depend_on_the_parts(stack, tmp_path, monkeypatch):
    options = {"stride": 31, "measures": True, "device": "cpu", "report": _quiet}
    whole = rate_file(stack, tmp_path / "whole", **options)
    monkeypatch.setattr(result, "AT_ONCE", 17)
    monkeypatch.setattr("napari_sciml.focus.rating.measures.BATCH", 7)
    parts = rate_file(stack, tmp_path / "parts", **options)
    assert whole | {"out": ""} == parts | {"out": ""}
    for name in ("focus.csv", "summary.json", "overlay.png"):
        one, other = (tmp_path / out / name for out in ("whole", "parts"))
        assert one.read_bytes() == other.read_bytes(), name


def test_the_table_by_parts_is_the_table(monkeypatch):
    p = np.random.default_rng(0).dirichlet(np.ones(11), (3, 4, 5)).astype(np.float32)
    rated = result.FocusResult(
        p,
        np.arange(4) * 84,
        np.arange(5) * 84,
        84,
        (336, 420),
        np.zeros(p.shape[:-1], bool),
    )
    monkeypatch.setattr(result, "AT_ONCE", 7)
    parts = list(rated.tables())
    assert len(parts) == 9
    pd.testing.assert_frame_equal(pd.concat(parts), rated.to_dataframe())


def test_measures_by_bands_are_those_of_the_plane(monkeypatch):
    image = np.random.default_rng(0).poisson(80, (300, 260)).astype(np.uint16)
    whole = measure_tiles(image, stride=50)
    monkeypatch.setattr(tiling, "BAND_PIXELS", 260 * 90)
    pd.testing.assert_frame_equal(measure_tiles(image, stride=50), whole)


def test_tenengrad_of_a_tile_does_not_depend_on_its_neighbors():
    image = np.random.default_rng(0).poisson(80, (84, 168)).astype(np.float64)
    both = measure_tiles(image)["tenengrad"]
    image[:, 84:] *= 5
    assert measure_tiles(image)["tenengrad"][0] == both[0]


@pytest.mark.parametrize("length", [84, 85, 168, 200, 1000])
@pytest.mark.parametrize("stride", [1, 13, 84, 200])
def test_tiles_are_counted_without_a_list(length, stride):
    expected = len(starts(length, 84, stride)) * len(starts(300, 84, stride))
    assert count_tiles((length, 300), 84, stride) == expected


def test_a_large_plane_is_shown_thinned(monkeypatch):
    monkeypatch.setattr(pictures, "PICTURE_PIXELS", 84 * 84)
    plane = np.random.default_rng(0).poisson(80, (252, 252)).astype(np.uint16)
    p = np.full((3, 3, 11), 1 / 11, np.float32)
    places = np.arange(3) * 84
    rated = result.FocusResult(
        p, places, places, 84, (252, 252), np.zeros((3, 3), bool)
    )
    assert pictures.overlay(plane, rated).shape == (84, 84, 3)
    np.testing.assert_array_equal(pictures.thinned(plane, 3), plane[::3, ::3])
    monkeypatch.setattr(pictures, "BAND_PIXELS", 252 * 10)
    np.testing.assert_array_equal(pictures.thinned(plane, 3), plane[::3, ::3])
