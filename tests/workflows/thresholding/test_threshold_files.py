"""The mask of a prediction that is read chunk by chunk is that of all at once."""

import errno
import json
import os

import numpy as np
import pytest

from napari_sciml.errors import InputError
from napari_sciml.io.images.reading import open_volume
from napari_sciml.io.results.block_arrays import check_chunks
from napari_sciml.io.results.predictions import PredictionStore
from napari_sciml.uncertainty.calibration import calibrate
from napari_sciml.uncertainty.conformal import confident_by_coverage
from napari_sciml.uncertainty.threshold import ThresholdConfig, confident
from napari_sciml.workflows.thresholding.files import threshold_prediction

CONFIG = ThresholdConfig(k=0.7, t=0.4)
SHAPE = (21, 30, 26)


def predict(path, shape=SHAPE, chunk=8, members_differ=True):
    """A prediction with some structure, as float16."""
    rng = np.random.default_rng(1)
    fiber = rng.random(shape, np.float32)
    fiber[..., :10] = 0.0
    mean = np.stack((1 - fiber, fiber)).astype(np.float16)
    std = (0.3 * rng.random((2, *shape)) * members_differ).astype(np.float16)
    truth = rng.integers(0, 2, 300)
    calibration = calibrate(rng.random((300, 2)), truth)
    store = PredictionStore.create(
        path,
        shape,
        ("background", "fiber"),
        (2.0, 1.0, 0.5)[-len(shape) :],
        "micrometer",
        "zyx"[-len(shape) :],
        (chunk,) * len(shape),
        {"training": {"calibration_unit": "stroke"}},
        calibration.model_dump(mode="json"),
    )
    store.write(tuple(slice(0, n) for n in shape), mean, std)
    return mean, std, calibration


@pytest.mark.parametrize("chunk", [4, 8, 13, 64])
@pytest.mark.parametrize("suffix", [".zarr", ".tif", ".npy"])
@pytest.mark.parametrize("shape", [SHAPE, SHAPE[1:]])
def test_same_mask_as_in_one_piece(tmp_path, chunk, suffix, shape):
    mean, std, _ = predict(tmp_path / "p.zarr", shape, chunk)
    out = tmp_path / f"mask{suffix}"
    summary = threshold_prediction(tmp_path / "p.zarr", out, CONFIG)
    expected = confident(mean[1], std[1], k=CONFIG.k, t=CONFIG.t)
    found = open_volume(out)
    np.testing.assert_array_equal(found.data[:], expected)
    assert found.data.dtype == np.uint8
    if suffix != ".npy":
        assert found.voxel_size == pytest.approx((2.0, 1.0, 0.5)[-len(shape) :])
        assert found.unit == "micrometer"
    assert summary["voxels"] == expected.sum()
    assert summary["share"] == pytest.approx(expected.mean())


@pytest.mark.parametrize("chunk", [5, 16])
def test_coverage_is_that_of_one_piece(tmp_path, chunk):
    mean, _, calibration = predict(tmp_path / "p.zarr", chunk=chunk)
    out = tmp_path / "mask.zarr"
    summary = threshold_prediction(tmp_path / "p.zarr", out, CONFIG, coverage=0.8)
    expected = confident_by_coverage(mean, 1, calibration, 0.8, per_class=True)
    np.testing.assert_array_equal(open_volume(out).data[:], expected)
    assert summary["calibrated_by"] == "stroke"


def test_one_member_has_no_spread(tmp_path):
    mean, std, _ = predict(tmp_path / "p.zarr", members_differ=False)
    summary = threshold_prediction(tmp_path / "p.zarr", tmp_path / "m.npy", CONFIG)
    assert summary["voxels"] == confident(mean[1], std[1], k=0, t=CONFIG.t).sum()


@pytest.mark.parametrize("name", ["mean", "std"])
@pytest.mark.parametrize("chunk", ["1/0/0/2", "1/2/3/3"])
@pytest.mark.parametrize("damage", ["missing", "corrupt"])
def test_damage_is_one_sentence_and_the_old_mask_stays(tmp_path, name, chunk, damage):
    predict(tmp_path / "p.zarr")
    out = tmp_path / "mask.tif"
    threshold_prediction(tmp_path / "p.zarr", out, CONFIG)
    before = out.read_bytes()
    file = tmp_path / "p.zarr" / name / "0" / "c" / chunk
    if damage == "missing":
        file.unlink()
    else:
        file.write_bytes(b"\x00nonsense")
    with pytest.raises(InputError, match=r"lacks the chunk|may be damaged") as told:
        threshold_prediction(tmp_path / "p.zarr", out, CONFIG)
    assert str(told.value).count("\n") == 0
    assert out.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mask.tif", "p.zarr"]


@pytest.mark.parametrize("name", ["mean", "std"])
def test_the_usual_k_is_not_sought_in_damaged_chunks(tmp_path, name):
    predict(tmp_path / "p.zarr")
    for file in (tmp_path / "p.zarr" / name / "0" / "c").rglob("*"):
        if file.is_file():
            file.write_bytes(b"\x00nonsense")
    config = CONFIG.model_copy(update={"k": None})
    with pytest.raises(InputError, match="may be damaged"):
        threshold_prediction(tmp_path / "p.zarr", tmp_path / "m.zarr", config)


def test_coverage_sees_a_missing_chunk(tmp_path):
    predict(tmp_path / "p.zarr")
    (tmp_path / "p.zarr" / "mean" / "0" / "c" / "0/1/1/1").unlink()
    with pytest.raises(InputError, match=r"lacks the chunk .*\(8 to 15, 8 to 15"):
        threshold_prediction(
            tmp_path / "p.zarr", tmp_path / "m.zarr", CONFIG, coverage=0.8
        )


def test_a_mask_tells_when_a_chunk_of_it_is_lost(tmp_path):
    predict(tmp_path / "p.zarr", shape=(200, 40, 40), chunk=32)
    out = tmp_path / "mask.zarr"
    threshold_prediction(tmp_path / "p.zarr", out, CONFIG)
    check_chunks(out)
    (out / "0" / "c" / "1" / "0" / "0").unlink()
    with pytest.raises(InputError, match="lacks 1 of its 2 chunks"):
        check_chunks(out)


def test_axes_that_are_no_image(tmp_path):
    predict(tmp_path / "p.zarr")
    metadata = tmp_path / "p.zarr" / "zarr.json"
    written = json.loads(metadata.read_text())
    del written["attributes"]["class_names"]
    metadata.write_text(json.dumps(written))
    with pytest.raises(InputError, match="is not a prediction"):
        threshold_prediction(tmp_path / "p.zarr", tmp_path / "m.zarr", CONFIG)


@pytest.mark.parametrize("suffix", [".zarr", ".tif", ".npy"])
def test_a_full_disk_leaves_what_was_there(tmp_path, monkeypatch, suffix):
    predict(tmp_path / "p.zarr")
    out = tmp_path / f"mask{suffix}"
    threshold_prediction(tmp_path / "p.zarr", out, CONFIG)
    before = open_volume(out).data[:]
    read = PredictionStore.open(tmp_path / "p.zarr")

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(
        "napari_sciml.workflows.thresholding.files.decide_part", lambda *_: full()
    )
    with pytest.raises(InputError, match=r"no space left on device.*free some space"):
        threshold_prediction(tmp_path / "p.zarr", out, CONFIG, overwrite=True)
    np.testing.assert_array_equal(open_volume(out).data[:], before)
    assert read.shape == SHAPE
    assert not [p for p in tmp_path.iterdir() if "partial" in p.name]


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 48 kB, where mounting is allowed."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.system(f"mount -t tmpfs -o size=48k tmpfs {folder} 2>/dev/null"):
        pytest.skip("mounting is not allowed here")
    yield folder
    os.system(f"umount {folder}")


@pytest.mark.parametrize("suffix", [".zarr", ".tif", ".npy"])
def test_a_disk_that_runs_full(tmp_path, small_disk, suffix):
    predict(tmp_path / "p.zarr", shape=(100, 100, 100), chunk=32)
    with pytest.raises(InputError, match=r"no space left on device.*free some space"):
        threshold_prediction(tmp_path / "p.zarr", small_disk / f"m{suffix}", CONFIG)
    assert list(small_disk.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_target(tmp_path):
    predict(tmp_path / "p.zarr")
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(InputError, match="read-only"):
            threshold_prediction(tmp_path / "p.zarr", tmp_path / "m.zarr", CONFIG)
    finally:
        tmp_path.chmod(0o700)
