"""The command explain: a folder with numbers, maps and a picture."""

import json

import numpy as np
import pytest
import tifffile

from command import exit_code
from napari_sciml.io.models.folder import save_model


@pytest.fixture
def files(tmp_path, monkeypatch, fibers, make_ensemble):
    image, labels, _ = fibers(2)
    monkeypatch.chdir(tmp_path)
    tifffile.imwrite("image.tif", image)
    tifffile.imwrite("labels.tif", labels)
    save_model(make_ensemble(2), "model", record={})
    return tmp_path


def test_a_folder_is_written(files) -> None:
    line = "explain model image.tif --at 40,50 --labels labels.tif --out why"
    line += " --threads 1"
    assert exit_code(*line.split()) == 0
    names = {path.name for path in (files / "why").iterdir()}
    assert {"why.json", "why.png", "occlusion.tif", "saliency.tif"} <= names
    told = json.loads((files / "why" / "why.json").read_text())
    occlusion = tifffile.imread(files / "why" / "occlusion.tif")
    saliency = tifffile.imread(files / "why" / "saliency.tif")
    assert occlusion.shape == saliency.shape
    assert occlusion.dtype == np.float32
    first = told["occlusion_begins_at"]
    assert all(np.array(first) <= (40, 50))
    assert all(np.array(first) + occlusion.shape > (40, 50))
    assert len(told["members"]) == 3
    assert len(told["strokes"]) == 5
    assert "not prove" in told["no_proof"]
    assert exit_code(*line.split()) == 0  # its own result may be replaced


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("--at 40,500 --out why", "lies outside"),
        ("--at 40;50 --out why", "is not understood"),
        ("--at 40,50 --labels image.tif --out why", "as its labels"),
        ("--at 40,50 --class sand --out why", "has no class 'sand'"),
        ("--at 40,50 --out model", "choose another"),
    ],
)
def test_mistakes_end_with_a_sentence(files, capsys, words, sentence) -> None:
    assert exit_code("explain", "model", "image.tif", *words.split()) == 2
    assert sentence in capsys.readouterr().err
    assert not (files / "why").exists()
