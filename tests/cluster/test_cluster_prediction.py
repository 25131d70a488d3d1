"""Blocks that are predicted on workers."""

import os
import signal

import numpy as np
import pytest
import zarr

from napari_sciml.cluster.prediction import device_of_workers, predict_on_workers
from napari_sciml.errors import InputError
from napari_sciml.images.intensity import IntensityScale
from napari_sciml.io.models.folder import save_model
from napari_sciml.networks.config import GraphLaw
from napari_sciml.networks.ensemble import Ensemble
from napari_sciml.networks.scale_space import ScaleSpace
from napari_sciml.networks.sparse.smsnet import SMSNetConfig, build_smsnet
from napari_sciml.workflows.prediction.blocks import predict_block
from napari_sciml.workflows.prediction.plan import plan_prediction
from napari_sciml.workflows.prediction.run import PredictionRun


@pytest.fixture
def files(tmp_path):
    front = ScaleSpace(3, ())
    config = SMSNetConfig(law=GraphLaw(nodes=3), width=8, parameters=None)
    networks = [
        build_smsnet(config, in_channels=front.channels, classes=2, dims=3, seed=seed)
        for seed in (0, 1)
    ]
    ensemble = Ensemble(
        networks,
        front=front,
        intensity=IntensityScale(offset=100.0, scale=20.0),
        class_names=("background", "fiber"),
    )
    save_model(ensemble, tmp_path / "model", record={})
    image = np.random.default_rng(0).normal(100, 20, (70, 60, 50)).astype(np.uint16)
    np.save(tmp_path / "image.npy", image)
    return tmp_path


def plan(files, name):
    return plan_prediction(
        files / "model", files / "image.npy", files / name, block=16, device="cpu"
    )


def arrays(path):
    group = zarr.open_group(str(path), mode="r")
    return {name: np.asarray(group[f"{name}/0"]) for name in ("mean", "std")}


def alone(files):
    with PredictionRun(plan(files, "alone.zarr")) as run:
        for index in run.left:
            predict_block(run.plan, index, threads=1)
            run.record(index)
        list(run.finish())
    return arrays(files / "alone.zarr")


def test_workers_write_what_one_process_writes_even_if_one_is_lost(
    client, files
) -> None:
    expected = alone(files)
    with PredictionRun(plan(files, "both.zarr")) as run:
        total, done = len(run.left), []
        for written in filter(None, predict_on_workers(client, run, threads=1)):
            done.append(written.index)
            if len(done) == 3:
                (victim, *_) = client.run(os.getpid).values()
                os.kill(victim, signal.SIGKILL)
        assert sorted(done) == list(range(total))
        list(run.finish())
    found = arrays(files / "both.zarr")
    assert all((found[name] == expected[name]).all() for name in expected)


def test_what_was_stopped_can_be_gone_on_with(client, files) -> None:
    expected = alone(files)
    with PredictionRun(plan(files, "both.zarr")) as run:
        blocks = predict_on_workers(client, run, threads=1)
        done = 0
        while done < 5:
            done += next(blocks) is not None
        blocks.close()
    with PredictionRun(plan(files, "both.zarr"), resume=True) as run:
        assert len(run.left) == len(run.plan.blocks) - 5
        assert (
            len(list(predict_on_workers(client, run, threads=1)))
            == len(run.plan.blocks) - 5
        )
        list(run.finish())
    found = arrays(files / "both.zarr")
    assert all((found[name] == expected[name]).all() for name in expected)


def test_an_image_that_is_gone_is_one_sentence(client, files) -> None:
    with PredictionRun(plan(files, "both.zarr")) as run:
        (files / "image.npy").unlink()
        with pytest.raises(InputError, match=r"image\.npy does not exist"):
            list(predict_on_workers(client, run))


def test_workers_tell_their_device(client) -> None:
    assert device_of_workers(client) in {"cpu", "cuda", "mps"}
