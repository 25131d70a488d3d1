"""napari-sciml check: one line on whether a model may be used on an image."""

import json

import numpy as np
import pytest
import tifffile

from command import run_command
from napari_sciml.io.models.folder import save_model
from napari_sciml.training.evaluation.familiarity import learn_range


@pytest.fixture
def noise():
    return np.random.default_rng(0).normal(100, 25, (64, 64)).astype(np.float32)


@pytest.fixture
def folder(tmp_path, monkeypatch, make_ensemble, noise):
    """Models, one of which does not know its features, and images."""
    ensemble = make_ensemble(2, members=1)
    ensemble.intensity = type(ensemble.intensity)(offset=100.0, scale=1 / 50)
    record = {"voxel_size": [1, 1], "unit": "um", "dtype": "float32"}
    save_model(ensemble, tmp_path / "old", record=record)
    learn_range(ensemble, noise, seed=0)
    save_model(ensemble, tmp_path / "model", record=record)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path, data, size=1.0):
    options = {"resolution": (1 / size, 1 / size), "metadata": {"unit": "um"}}
    tifffile.imwrite(path, data, imagej=True, **options)


IMAGES = {
    "same": (1.0, 1.0, 0, "gray values and features as in training (0.", []),
    "coarse": (2.0, 1.0, 0, "unlike training: voxel size", ["voxels of 2 "]),
    "noisy": (1.0, 1.9, 0, "of the voxels outside", ["Unlike training: "]),
    "bright": (1.0, 1.0, 900, "gray values, 100% of the voxels", ["gray", "100%"]),
}


@pytest.mark.parametrize(
    ("size", "spread", "offset", "verdict", "said"), IMAGES.values(), ids=IMAGES
)
def test_verdicts(folder, capsys, noise, size, spread, offset, verdict, said) -> None:
    write("image.tif", (noise.T - 100) * spread + 100 + offset, size)
    ended = run_command(capsys, "check", "model", "image.tif", "--json")
    assert ended.code == 0
    found = json.loads(ended.out)
    assert verdict in found["verdict"]
    assert len(found["cautions"]) == len(said)
    assert all(a in b for a, b in zip(said, found["cautions"], strict=True))


def test_a_model_that_does_not_know(folder, capsys, noise) -> None:
    write("image.tif", noise)
    ended = run_command(capsys, "check", "old", "image.tif")
    assert ended.code == 0
    assert "saved too early, to tell more" in ended.out


@pytest.mark.parametrize(
    ("model", "image", "why"),
    [
        ("image.tif", "image.tif", "is not a model folder"),
        ("model", "nowhere.tif", "nowhere.tif"),
        ("model", "volume.tif", "trained on 2D images, but this one has 3 axes"),
        ("model", "color.tif", "but this one has 3 channels"),
    ],
)
def test_refused_in_one_sentence(folder, capsys, noise, model, image, why) -> None:
    write("image.tif", noise)
    stack = np.stack([noise] * 7)
    tifffile.imwrite("volume.tif", stack, imagej=True, metadata={"axes": "ZYX"})
    tifffile.imwrite("color.tif", np.zeros((64, 64, 3), np.uint8), photometric="rgb")
    ended = run_command(capsys, "check", model, image)
    assert ended.code == 2
    assert len(ended.sentences) == 1
    assert why in ended.sentences[0]
