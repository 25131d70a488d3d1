"""The focus command on files."""

import json

import numpy as np
import pandas as pd
import pytest
import tifffile

from napari_sciml.errors import InputError
from napari_sciml.focus.config import FocusTrainingConfig
from napari_sciml.focus.training.textures import texture
from napari_sciml.workflows.focus.files import rate_file, read_planes, train_files


def _quiet(fraction, note):
    pass


@pytest.fixture
def field(tmp_path):
    image = texture(np.random.default_rng(1), 200)
    counts = np.random.default_rng(2).poisson(image / image.max() * 900 + 50)
    path = tmp_path / "field.tif"
    tifffile.imwrite(path, counts.astype(np.uint16))
    return path


def test_rating_writes_table_summary_and_picture(field, tmp_path):
    out = tmp_path / "focus"
    summary = rate_file(field, out, measures=True, device="cpu", report=_quiet)
    table = pd.read_csv(out / "focus.csv")
    assert len(table) == summary["tiles"] == 9
    assert {"y", "x", "level", "certainty", "p10", "tenengrad"} <= set(table)
    written = json.loads((out / "summary.json").read_text())
    assert written["verdict"] in {"in focus", "out of focus"}
    assert (out / "overlay.png").stat().st_size > 1000


def test_rating_a_stack_finds_a_plane(field, tmp_path):
    plane = tifffile.imread(field)
    path = tmp_path / "stack.tif"
    noise = np.random.default_rng(0).poisson(100, plane.shape).astype(np.uint16)
    tifffile.imwrite(path, np.stack([noise, plane, noise]), metadata={"axes": "ZYX"})
    summary = rate_file(path, tmp_path / "out", device="cpu", report=_quiet)
    assert summary["best_plane"] == 1
    assert summary["expected_level_of_planes"][0] is None


def test_blank_image_is_undetermined(tmp_path):
    path = tmp_path / "blank.tif"
    tifffile.imwrite(path, np.zeros((100, 100), np.uint8))
    summary = rate_file(path, tmp_path / "out", device="cpu", report=_quiet)
    assert summary["verdict"] == "undetermined"
    assert summary["level"] is None


def test_own_model_is_trained_and_used(field, tmp_path):
    config = FocusTrainingConfig(steps=2, batch=4, device="cpu", threads=1)
    summary = train_files([field, field], tmp_path / "model", config, report=_quiet)
    assert summary["images"] == 2
    rated = rate_file(
        field, tmp_path / "out", model=tmp_path / "model", device="cpu", report=_quiet
    )
    assert rated["model"] == "focusnet"


def test_model_and_original_exclude_each_other(field, tmp_path):
    with pytest.raises(InputError, match="not both"):
        rate_file(field, tmp_path / "out", model=field, original=field, report=_quiet)


@pytest.fixture
def plane(field):
    return tifffile.imread(field)


def _rated(path, tmp_path, **options):
    out = tmp_path / f"out-{path.stem}"
    return rate_file(path, out, device="cpu", report=_quiet, **options)


@pytest.mark.situation(
    "Focus",
    "color, several channels (`--channel`), time",
    "rated as in the dock",
)
def test_color_is_rated_by_its_mean(plane, tmp_path):
    color = np.stack([plane // 8, plane // 16, plane // 5], axis=-1).astype(np.uint8)
    tifffile.imwrite(tmp_path / "color.tif", color, photometric="rgb")
    mean = color.mean(axis=-1, dtype=np.float32)
    tifffile.imwrite(tmp_path / "mean.tif", mean)
    one, other = (_rated(tmp_path / f"{n}.tif", tmp_path) for n in ("color", "mean"))
    assert one["expected_level"] == pytest.approx(other["expected_level"])
    assert one["cautions"] == []


@pytest.mark.situation(
    "Focus",
    "color, several channels (`--channel`), time",
    "rated as in the dock",
)
def test_of_channels_the_first_is_rated_and_told_or_the_one_asked_for(plane, tmp_path):
    noise = np.random.default_rng(0).poisson(100, plane.shape).astype(np.uint16)
    path = tmp_path / "two.tif"
    stack = np.stack([[plane, noise]] * 2)
    tifffile.imwrite(path, stack, imagej=True, metadata={"axes": "ZCYX"})
    said = []
    first = _rated(path, tmp_path, say=said.append)
    assert first["best_plane"] is not None
    assert said == first["cautions"]
    assert "2 channels; channel 0 was used" in said[0]
    second = rate_file(
        path, tmp_path / "second", channel=1, device="cpu", report=_quiet
    )
    assert second["verdict"] == "undetermined"
    assert [text[:23] for text in second["cautions"]] == ["There is nothing to see"]
    with pytest.raises(InputError, match="no channel 2; give one from 0 to 1"):
        rate_file(path, tmp_path / "third", channel=2, report=_quiet)


@pytest.mark.situation(
    "Focus",
    "color, several channels (`--channel`), time",
    "rated as in the dock",
)
def test_every_time_point_is_rated(plane, tmp_path):
    path = tmp_path / "movie.tif"
    noise = np.random.default_rng(0).poisson(100, plane.shape).astype(np.uint16)
    stack = np.stack([noise, plane])
    tifffile.imwrite(path, stack, imagej=True, metadata={"axes": "TYX"})
    summary = _rated(path, tmp_path)
    assert summary["best_plane"] == 1
    assert summary["expected_level_of_planes"][0] is None


def test_time_points_of_volumes_are_refused(plane, tmp_path):
    path = tmp_path / "both.tif"
    stack = np.stack([[plane, plane]] * 3)
    tifffile.imwrite(path, stack, imagej=True, metadata={"axes": "TZYX"})
    with pytest.raises(InputError, match="3 time points"):
        _rated(path, tmp_path)


def test_planes_to_train_on_are_means_of_channels(plane, tmp_path):
    path = tmp_path / "color.tif"
    color = np.stack([plane // 8] * 3, axis=-1).astype(np.uint8)
    tifffile.imwrite(path, color, photometric="rgb")
    (read,) = read_planes(path)
    np.testing.assert_allclose(read, color[..., 0])
