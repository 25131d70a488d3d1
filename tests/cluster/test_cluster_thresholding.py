"""Masks whose parts are decided on by workers."""

import os
import shutil
import signal
from contextlib import nullcontext

import numpy as np
import pytest

from command import run_command
from napari_sciml.cluster.executor import Workers
from napari_sciml.errors import InputError
from napari_sciml.io.results.predictions import PredictionStore
from napari_sciml.uncertainty.calibration import calibrate
from napari_sciml.uncertainty.threshold import ThresholdConfig
from napari_sciml.workflows.thresholding.files import threshold_prediction

CONFIG = ThresholdConfig(k=0.7, t=0.4)
SHAPE = (270, 140, 40)


@pytest.fixture
def prediction(tmp_path):
    rng = np.random.default_rng(1)
    fiber = rng.random(SHAPE, np.float32)
    mean = np.stack((1 - fiber, fiber))
    mean[:, 0, 0, :3] = np.nan
    calibration = calibrate(rng.random((300, 2)), rng.integers(0, 2, 300))
    store = PredictionStore.create(
        tmp_path / "p.zarr",
        SHAPE,
        ("background", "fiber"),
        (2.0, 1.0, 0.5),
        "micrometer",
        "zyx",
        (32,) * 3,
        {"training": {"calibration_unit": "stroke"}},
        calibration.model_dump(mode="json"),
    )
    store.write(tuple(slice(0, n) for n in SHAPE), mean, 0.3 * rng.random((2, *SHAPE)))
    return tmp_path / "p.zarr"


def content(path):
    """Names and bytes of a file, or of all files in a folder."""
    files = [path] if path.is_file() else sorted(path.rglob("*"))
    return {p.relative_to(path): p.read_bytes() for p in files if p.is_file()}


@pytest.mark.parametrize("coverage", [None, 0.8])
@pytest.mark.parametrize("suffix", [".zarr", ".tif", ".npy"])
def test_workers_make_the_same_bytes(
    start, prediction, tmp_path, suffix, coverage
) -> None:
    found = []
    for place, where in (("here", {}), ("there", {"start": start})):
        (tmp_path / place).mkdir()
        out = tmp_path / place / f"mask{suffix}"
        summary = threshold_prediction(
            prediction, out, CONFIG, coverage=coverage, **where
        )
        found.append((content(out), summary | {"mask": ""}))
    assert found[0] == found[1]
    assert found[0][1]["cautions"]


def test_a_worker_that_is_lost_changes_nothing(
    client, start, prediction, tmp_path
) -> None:
    threshold_prediction(prediction, tmp_path / "here.tif", CONFIG)

    def lose_one(share, note):
        if not lost:
            (victim, *_) = client.run(os.getpid).values()
            os.kill(victim, signal.SIGKILL)
            lost.append(victim)

    lost = []
    threshold_prediction(
        prediction, tmp_path / "b.tif", CONFIG, start=start, report=lose_one
    )
    assert lost
    assert content(tmp_path / "b.tif") == content(tmp_path / "here.tif")
    client.wait_for_workers(2, timeout=60)


def test_damage_is_one_sentence_and_leaves_nothing(start, prediction, tmp_path) -> None:
    (prediction / "mean" / "0" / "c" / "1" / "1" / "1" / "0").unlink()
    with pytest.raises(InputError, match=r"lacks the chunk .*\(32 to 63, 32 to 63, 0"):
        threshold_prediction(
            prediction, tmp_path / "m.zarr", CONFIG, coverage=0.8, start=start
        )
    assert [p.name for p in tmp_path.iterdir()] == ["p.zarr"]


def test_members_that_agree_in_one_chunk_only(start, prediction, tmp_path) -> None:
    (prediction / "std" / "0" / "c" / "1" / "8" / "1" / "0").unlink()
    with pytest.raises(InputError, match=r"lacks the chunk .*\(256 to 269, 32 to 63"):
        threshold_prediction(prediction, tmp_path / "m.zarr", CONFIG, start=start)


def test_a_prediction_that_workers_do_not_see(client, prediction, tmp_path) -> None:
    def lost_on_the_way(*given, name):
        shutil.rmtree(prediction)
        return Workers(client)(*given, name=name)

    with pytest.raises(InputError, match=r"p\.zarr does not exist; check the path"):
        threshold_prediction(
            prediction,
            tmp_path / "m.zarr",
            CONFIG,
            start=lambda _: nullcontext(lost_on_the_way),
        )


def test_a_run_that_is_stopped_leaves_nothing(start, prediction, tmp_path) -> None:
    def stop(share, note):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        threshold_prediction(
            prediction, tmp_path / "m.tif", CONFIG, start=start, report=stop
        )
    assert [p.name for p in tmp_path.iterdir()] == ["p.zarr"]


def test_the_command_ends_with_2_and_the_sentence_of_a_worker(
    client, prediction, tmp_path, capsys
) -> None:
    (prediction / "mean" / "0" / "c" / "1" / "1" / "1" / "0").write_bytes(b"nonsense")
    ended = run_command(
        capsys,
        *("threshold", str(prediction), "--out", str(tmp_path / "m.tif"), "--k", "1"),
        *("--scheduler", client.scheduler.address),
    )
    assert ended.code == 2
    (sentence,) = ended.sentences
    assert "may be damaged there" in sentence
    assert [p.name for p in tmp_path.iterdir()] == ["p.zarr"]
