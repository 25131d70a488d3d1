"""Train, predict and fibers say one sentence when they work on a restored image."""

import json

import numpy as np
import pytest

from command import exit_code
from napari_sciml.io.results.restored_files import save_restored


@pytest.fixture
def restored(training_folder, monkeypatch):
    import tifffile

    monkeypatch.chdir(training_folder)
    image = tifffile.imread("image.tif")
    save_restored(
        "r.tif", image.__getitem__, image.shape, image.dtype, (1, 1), "um", {}
    )
    return training_folder


def told(capsys) -> list[str]:
    cautions = json.loads(capsys.readouterr().out)["cautions"]
    return [said for said in cautions if "restored image" in said]


def test_train_and_predict_tell(restored, capsys):
    few = ["--members", "1", "--steps", "2", "--threads", "1", "--json"]
    assert exit_code("train", "r.tif", "labels.tif", "--out", "m", *few) == 0
    assert len(told(capsys)) == 1
    given = ["predict", "m", "r.tif", "--out", "p.zarr", "--threads", "1", "--json"]
    assert exit_code(*given) == 0
    assert len(told(capsys)) == 1


def test_fibers_tell(restored, capsys):
    import tifffile

    mask = np.zeros((48, 48), np.uint8)
    mask[10:14, 5:40] = 1
    tifffile.imwrite("mask.tif", mask)
    given = ["fibers", "mask.tif", "--image", "r.tif", "--out", "f", "--json"]
    assert exit_code(*given) == 0
    assert len(told(capsys)) == 1
