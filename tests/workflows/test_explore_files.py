"""The folder that explore writes, through the command, and reading it again."""

import json

import numpy as np
import pandas as pd
import pytest
import tifffile
from PIL import Image

from command import Ended, run_command
from napari_sciml.errors import InputError
from napari_sciml.exploring.patches import PatchGrid
from napari_sciml.io.results.explored_files import image_shape, read_exploration

OPTIONS = ["--patch", "8", "--stride", "8", "--map", "pca"]


@pytest.fixture
def explore(capsys):
    """Run the command, and look at how it ends."""

    def command(*arguments, code=0) -> Ended:
        ended = run_command(capsys, "explore", *map(str, arguments))
        assert ended.code == code, ended.err
        return ended

    return command


@pytest.fixture
def scan(tmp_path):
    image = np.random.default_rng(0).normal(100, 10, (10, 40, 48)).astype(np.float32)
    path = tmp_path / "scan.tif"
    meta = {"axes": "ZYX", "spacing": 3, "unit": "um"}
    tifffile.imwrite(path, image, imagej=True, resolution=(2, 2), metadata=meta)
    return path


def test_it_writes_table_descriptions_and_pictures(explore, scan, tmp_path) -> None:
    out = tmp_path / "out"
    told = explore(scan, "--out", out, *OPTIONS, "--json")
    summary = json.loads(told.out)
    grid = PatchGrid.of(np.zeros((10, 40, 48)), patch=8, stride=8, dims=2)
    assert summary["patches"] == len(grid)
    table = pd.read_csv(out / "patches.csv")
    np.testing.assert_allclose(table[["z", "y", "x"]], grid.places())
    world = grid.places() * [3, 0.5, 0.5]
    np.testing.assert_allclose(table[["world_z", "world_y", "world_x"]], world)
    assert np.load(out / "latent.npy").shape == (len(grid), 48)
    for name in ("map.png", "grid.png"):
        with Image.open(out / name) as picture:
            assert min(picture.size) > 100
    found = read_exploration(out)
    assert len(found) == len(grid)
    assert image_shape(out) == (10, 40, 48)
    assert found.clusters.max() == 5


def test_an_encoder_is_written_and_used_again(explore, scan, tmp_path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    learn = ["--describe", "autoencoder", "--steps", "3", *OPTIONS]
    explore(scan, "--out", first, *learn)
    explore(scan, "--out", second, "--model", first / "model", *OPTIONS)
    one, other = (np.load(folder / "latent.npy") for folder in (first, second))
    np.testing.assert_allclose(one, other, atol=1e-4)
    assert (first / "patches.csv").read_bytes() == (second / "patches.csv").read_bytes()
    assert not (second / "out").exists()


def test_many_images_are_points(explore, tmp_path) -> None:
    rng = np.random.default_rng(0)
    paths = [tmp_path / f"frame{n}.npy" for n in range(20)]
    for number, path in enumerate(paths):
        np.save(path, rng.normal(number % 2, 1, (32, 32)))
    out = tmp_path / "out"
    explore(*paths, "--out", out, "--map", "pca")
    table = pd.read_csv(out / "patches.csv")
    assert table["image"].tolist() == [path.name for path in paths]
    assert read_exploration(out).several
    assert image_shape(out) == ()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--patch", "64"], "larger than the image"),
        (["--clusters", "kmeans:x"], "kmeans:6 or hdbscan:50"),
        (["--describe", "model", *OPTIONS], "trained on strokes"),
        (["--model", "."], "not a model"),
    ],
)
def test_bad_input_ends_with_one_line(explore, scan, tmp_path, options, words) -> None:
    told = explore(scan, "--out", tmp_path / "out", *options, code=2)
    assert words in told.err
    assert told.err.strip().splitlines()[-1].startswith("error: ")
    assert not (tmp_path / "out").exists()


def test_what_others_wrote_is_kept(explore, scan, tmp_path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    told = explore(scan, "--out", out, *OPTIONS, code=2)
    assert "did not write there" in told.err
    assert (out / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("broken", ["latent.npy", "patches.csv", "summary.json"])
def test_a_damaged_folder_is_told(explore, scan, tmp_path, broken) -> None:
    out = tmp_path / "out"
    explore(scan, "--out", out, *OPTIONS)
    (out / broken).write_text("x")
    with pytest.raises(InputError):
        read_exploration(out)
