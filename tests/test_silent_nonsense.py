"""What can be computed but means nothing is refused, or told."""

import json

import numpy as np
import pytest
import tifffile
import zarr

from command import run_command


@pytest.fixture
def folder(training_folder, monkeypatch):
    monkeypatch.chdir(training_folder)
    return training_folder


@pytest.mark.parametrize(
    ("image", "labels", "told"),
    [
        ("image", "two values", "say which value is which class"),
        ("blank", "labels", "the same gray value"),
    ],
)
def test_refused_to_train_on(folder, capsys, image, labels, told):
    given = tifffile.imread("labels.tif")
    arrays = {
        "image": tifffile.imread("image.tif"),
        "blank": np.full((48, 48), 7.0, np.float32),
        "labels": given,
        "two values": np.array([0, 1, 255], np.uint8)[given],
    }
    np.save("i.npy", arrays[image])
    np.save("l.npy", arrays[labels])
    ended = run_command(capsys, "train", "i.npy", "l.npy", "--out", "model")
    assert ended.code == 2
    assert told in ended.sentences[0]


def test_one_voxel_of_each_class(folder, capsys):
    labels = np.zeros((48, 48), np.uint8)
    labels[4, 4], labels[21, 24] = 1, 2
    np.save("l.npy", labels)
    few = ["--members", "1", "--steps", "2", "--threads", "1", "--json"]
    ended = run_command(capsys, "train", "image.tif", "l.npy", "--out", "m", *few)
    assert ended.code == 0
    assert "share that is estimated" in json.loads(ended.out)["cautions"][0]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
@pytest.mark.parametrize("part", [slice(0, 90), slice(None)])
def test_focus_of_values_that_are_none(folder, capsys, recwarn, value, part):
    image = np.random.default_rng(0).random((200, 200))
    image[part, part] = value
    np.save("i.npy", image)
    given = ["i.npy", "--out", "f", "--threads", "1", "--json"]
    ended = run_command(capsys, "focus", *given)
    assert ended.code == 0
    summary = json.loads(ended.out)
    assert summary["verdict"] != "in focus"
    assert summary["cautions"][0].startswith(f"{(image[part, part]).size} values")
    assert [w for w in recwarn if "napari_sciml" in w.filename] == []


@pytest.mark.parametrize("rule", [["--k", "1"], ["--coverage", "0.9"], []])
def test_a_prediction_with_nan(folder, capsys, rule):
    few = ["--members", "1", "--steps", "2", "--threads", "1"]
    for given in (
        ["train", "image.tif", "labels.tif", "--out", "m", *few],
        ["predict", "m", "image.tif", "--out", "p.zarr", "--threads", "1"],
    ):
        assert run_command(capsys, *given).code == 0
    mean = zarr.open_array("p.zarr/mean/0", mode="r+")
    mean[:, 5:9, 5:9] = np.nan
    given = ["threshold", "p.zarr", "--out", "m.tif", "--json", *rule]
    ended = run_command(capsys, *given)
    assert ended.code == 0
    assert json.loads(ended.out)["cautions"][-1].startswith("16 voxels")
