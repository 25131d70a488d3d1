import json

import numpy as np
import pandas as pd
import pytest
import tifffile

from command import run_command
from napari_sciml.io.models.image_model import read_task
from scattering import module_gaps, pattern, with_gaps


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "pattern.tif"
    tifffile.imwrite(path, with_gaps(pattern()[0], module_gaps()))
    return path


def run(capsys, *arguments):
    return run_command(capsys, "fill", *map(str, arguments))


def test_fill_writes_all_that_it_found(tmp_path, image, capsys):
    out = tmp_path / "out"
    ended = run(capsys, image, "--out", out, "--method", "symmetry", "--json")
    assert ended.code == 0, ended.err
    summary = json.loads(ended.out)
    assert summary["test"]["cc7"] > 0.9
    names = sorted(p.name for p in out.iterdir() if p.name[0] != ".")
    assert names == [
        *("filled.tif", "image.tif", "profile.csv", "profile.png"),
        *("std.tif", "summary.json"),
    ]
    filled, mask, std = (
        tifffile.imread(out / name) for name in ("image.tif", "filled.tif", "std.tif")
    )
    assert filled.dtype == std.dtype == np.float32
    assert np.array_equal(mask > 0, module_gaps())
    assert np.array_equal(filled[mask == 0], tifffile.imread(image)[mask == 0])
    assert ((std > 0) == (mask > 0)).all()
    written = json.loads((out / "summary.json").read_text())
    assert written["test"] == summary["test"]
    assert written["provenance"]["config"]["method"] == "symmetry"
    table = pd.read_csv(out / "profile.csv")
    assert table["pixels"].sum() + table["filled_pixels"].sum() == filled.size
    assert table["after"].corr(table["before"]) > 0.99


def test_networks_are_kept_and_used_again(tmp_path, image, capsys):
    first, second = tmp_path / "first", tmp_path / "second"
    quick = ("--method", "network", "--steps", 2, "--members", 1)
    assert run(capsys, image, "--out", first, *quick).code == 0
    assert read_task(first / "model") == "fill"
    again = ("--method", "network", "--model", first / "model")
    assert run(capsys, image, "--out", second, *again).code == 0
    images = [tifffile.imread(folder / "image.tif") for folder in (first, second)]
    assert np.array_equal(*images)


def test_several_images_are_filled_into_a_folder(tmp_path, image, capsys):
    other = tmp_path / "other.tif"
    tifffile.imwrite(other, pattern()[0])
    out = tmp_path / "out"
    ended = run(capsys, image, other, "--out", out, "--method", "symmetry", "--json")
    assert ended.code == 3
    found = json.loads(ended.out)
    assert (found["done"], found["failed"]) == (1, 1)
    assert (out / "pattern" / "image.tif").is_file()
    assert "no gap" in ended.out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--center", "here"), "center as y,x"),
        (("--center", "nan,1"), "center as y,x"),
        (("--mask", "missing.tif"), "does not exist"),
        (("--model", "missing"), "does not exist"),
        (("--beamstop", "missing.tif"), "does not exist"),
    ],
)
def test_bad_options_are_one_sentence(tmp_path, image, capsys, arguments, sentence):
    ended = run(
        capsys, image, "--out", tmp_path / "out", "--method", "symmetry", *arguments
    )
    assert ended.code == 2
    assert len(ended.sentences) == 1
    assert sentence in ended.err
    assert not (tmp_path / "out").exists()


def broken(tmp_path, kind):
    counts, gaps = pattern()[0], module_gaps()
    mask = gaps.astype(np.uint8)
    if kind == "color":
        counts = np.stack([counts.astype(np.uint8)] * 3, -1)
    if kind == "nan":
        counts = counts.astype(np.float32)
        counts[2, 3] = np.nan
    masks = {
        "shape": mask[:-1],
        "inverted": 1 - mask,
        "everything": mask * 0 + 1,
        "nothing": mask * 0,
        "wide": mask | (np.arange(160)[:, None] // 60 == 1),
    }
    photometric = "rgb" if kind == "color" else "minisblack"
    tifffile.imwrite(tmp_path / "i.tif", counts, photometric=photometric)
    tifffile.imwrite(tmp_path / "m.tif", masks.get(kind, mask))


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("color", "3 channels"),
        ("nan", "NaN"),
        ("shape", "same size"),
        ("inverted", "invert it"),
        ("everything", "whole image"),
        ("nothing", "no gap"),
        ("wide", "wider than a third"),
    ],
)
def test_bad_input_ends_with_one_sentence(tmp_path, capsys, kind, sentence):
    broken(tmp_path, kind)
    files = (tmp_path / "i.tif", "--mask", tmp_path / "m.tif")
    ended = run(capsys, *files, "--out", tmp_path / "out", "--method", "symmetry")
    assert ended.code == 2
    assert len(ended.sentences) == 1
    assert sentence in ended.err
    assert not (tmp_path / "out").exists()


def test_an_input_is_never_written_over(tmp_path, image, capsys):
    ended = run(capsys, image, "--out", tmp_path, "--method", "symmetry")
    assert ended.code == 2
    assert "holds the input" in ended.err
