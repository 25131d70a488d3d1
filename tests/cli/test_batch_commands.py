"""predict, threshold and fibers on many files, as typed."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import tifffile

from command import Ended, run_command
from napari_sciml.io.models.folder import save_model
from napari_sciml.io.results import fiber_files

SHAPE = (10, 20, 32)


@pytest.fixture
def scans(tmp_path, monkeypatch, make_ensemble) -> Path:
    """Two images and a damaged one, and a model for them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(fiber_files, "_figures", lambda result: ({}, None))
    (tmp_path / "scans").mkdir()
    image = np.full(SHAPE, 90, np.uint8)
    image[3:7, 5:9, 2:30] = 160
    tifffile.imwrite("scans/a.tif", image, photometric="minisblack")
    np.save("scans/b.npy", image)
    (tmp_path / "scans/c.tif").write_bytes(b"II*\0 no picture")
    save_model(make_ensemble(3, members=2), tmp_path / "model", record={})
    return tmp_path / "scans"


def run(capsys: pytest.CaptureFixture[str], words: str) -> Ended:
    """Run a command as it is typed."""
    return run_command(capsys, *words.split())


def test_from_images_to_a_table_of_all(scans, capsys):
    ended = run(capsys, "predict model scans --out pred --threads 1")
    assert ended.code == 3
    lines = ended.err.splitlines()
    for start in (
        "1 of 3  a.tif: 10 ",
        "2 of 3  b.npy: ",
        "3 of 3  c.tif: not ",
    ):
        assert sum(line.startswith(start) for line in lines) == 1, ended.err
    *_, last = ended.out.splitlines()
    assert last.startswith("error: c: ")
    assert "done: 2 of 3" in ended.out
    assert sorted(os.listdir("pred")) == ["a.ome.zarr", "b.ome.zarr", "batch.json"]

    given = "threshold pred --out masks --k 0 --t 0.2"
    ended = run(capsys, f"{given} --json")
    assert ended.code == 0, ended.err
    found = json.loads(ended.out)
    assert [one["name"] for one in found["files"]] == ["a", "b"]
    assert found["files"][0]["mask"] == str(Path("masks/a.tif"))
    assert run(capsys, given).code == 2
    again = json.loads(run(capsys, f"{given} --json --resume").out)
    assert {one["state"] for one in again["files"]} == {"kept"}
    assert again["files"][0]["share"] == found["files"][0]["share"]

    given = "fibers masks --probability pred --image scans/[ab]* --dust 0"
    ended = run(capsys, f"{given} --slenderness 0 --out fibers")
    assert ended.code == 0, ended.err
    names = {"fibers.csv", "samples.csv", "report.html", "batch.json", "a", "b"}
    assert set(os.listdir("fibers")) == names
    assert "tables: fibers.csv, samples.csv, report.html" in ended.out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("predict model *.xyz --out pred", "check the pattern"),
        ("predict nothing scans --out pred", "nothing"),
        ("predict model scans --out scans/pred", "lies in the input"),
        ("predict model scans/a.tif scans/b.npy --out scans/a.tif", "is the input"),
        ("predict model scans --out p.zarr", "without such an ending"),
        ("threshold scans/a.tif scans/b.npy --out scans", "holds the input"),
        ("fibers scans/a.tif scans/b.npy --sweep --out f", "--probability"),
    ],
)
def test_a_wrong_call_does_nothing_and_ends_with_2(scans, capsys, arguments, told):
    before = sorted(path for path in Path().rglob("*"))
    ended = run(capsys, arguments)
    assert ended.code == 2
    assert told in ended.sentences[0]
    assert len(ended.sentences) == 1
    assert sorted(path for path in Path().rglob("*")) == before


def test_all_failed_is_3_too(scans, capsys):
    given = "predict model scans/c.tif scans/gone.tif --out pred --json"
    ended = run(capsys, given)
    assert ended.code == 3
    found = json.loads(ended.out)
    assert (found["done"], found["failed"]) == (0, 2)
    assert "does not exist" in found["files"][1]["error"]
    assert os.listdir("pred") == ["batch.json"]


def test_one_image_is_as_ever(scans, capsys):
    ended = run(capsys, "predict model scans/a.tif --out p.zarr --json")
    assert ended.code == 0
    assert set(json.loads(ended.out)) == {
        *("prediction", "shape", "classes", "blocks", "block", "device", "seconds"),
        *("resumed_at_block", "gray_values", "cautions"),
    }
    assert not Path("p.zarr/batch.json").exists()
    assert run(capsys, "predict model scans/c.tif --out q.zarr").code == 2


def test_a_folder_of_many_is_gone_on_with_by_one(scans, capsys):
    given = "predict model {} --out pred --threads 1 --resume --json"
    assert run(capsys, given.format("scans/a.* scans/b.npy")).code == 0
    ended = run(capsys, given.format("scans/b.npy"))
    assert [one["state"] for one in json.loads(ended.out)["files"]] == ["kept"]
    record = json.loads(Path("pred/batch.json").read_text())
    assert {one["name"] for one in record["files"]} == {"a", "b"}


def test_a_folder_of_slices_is_one_image(scans, capsys):
    Path("slices").mkdir()
    for z, plane in enumerate(np.load("scans/b.npy")):
        tifffile.imwrite(f"slices/z{z:02}.tif", plane)
    ended = run(capsys, "predict model slices --out p.zarr --json")
    assert ended.code == 0
    assert json.loads(ended.out)["shape"] == list(SHAPE)
    assert "a stack of 10 slices" in ended.err
