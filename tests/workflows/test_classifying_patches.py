"""Patches of an exploration into classes, and models that are kept and used again."""

import csv
import json

import numpy as np
import pandas as pd
import pytest
import tifffile

import napari_sciml as ns
from command import Ended, run_command
from napari_sciml.classification.learning import Classified
from napari_sciml.exploring.config import ExploreConfig
from napari_sciml.exploring.result import Explored
from napari_sciml.io.results.explored_files import read_exploration
from napari_sciml.workflows.classifying.patches import unsure

OPTIONS = ["--patch", "8", "--stride", "8", "--map", "pca", "--json"]
EDGE = 96


def stripes(seed: int, turned: bool = False) -> np.ndarray:
    """Noise, with stripes in the right half, or in the left one."""
    image = np.random.default_rng(seed).normal(100, 10, (10, EDGE, EDGE))
    half = slice(0, EDGE // 2) if turned else slice(EDGE // 2, EDGE)
    image[:, :, half] += 40 * (np.arange(EDGE // 2) % 4 < 2)
    return image.astype(np.float32)


@pytest.fixture
def run(capsys):
    def command(*arguments, code=0) -> Ended:
        ended = run_command(capsys, *map(str, arguments))
        assert ended.code == code, ended.err
        return ended

    return command


@pytest.fixture
def explored(run, tmp_path):
    """A folder of explore, and a table of a few of its patches."""
    tifffile.imwrite(tmp_path / "scan.tif", stripes(0))
    tifffile.imwrite(tmp_path / "next.tif", stripes(1, turned=True))
    run("explore", tmp_path / "scan.tif", "--out", tmp_path / "explored", *OPTIONS)
    table = pd.read_csv(tmp_path / "explored" / "patches.csv")
    some = np.random.default_rng(0).choice(len(table), 30, replace=False)
    names = np.where(table["x"][some] < EDGE / 2, "plain", "stripes")
    lines = [f"{patch},{name}" for patch, name in zip(some, names, strict=True)]
    (tmp_path / "examples.csv").write_text("\n".join(["patch,class", *lines]))
    return tmp_path


def right(table: pd.DataFrame, turned: bool = False) -> float:
    """Share of the patches that are what the stripes say."""
    striped = (table["x"] > EDGE / 2) != turned
    return float(((table["class"] == "stripes") == striped).mean())


def test_patches_of_a_folder_are_sorted(explored, run) -> None:
    folder = explored / "explored"
    given = explored / "examples.csv", folder, "--out", explored / "sorted.csv"
    told = json.loads(run("classify", *given, "--json").out)
    table = pd.read_csv(explored / "sorted.csv")
    known = pd.read_csv(folder / "patches.csv")
    assert right(table) == 1
    np.testing.assert_allclose(table[["z", "y", "x"]], known[["z", "y", "x"]])
    assert table["patch"].tolist() == known["patch"].tolist()
    assert set(table["image"]) == {"scan.tif"}
    assert told["held_out_by"] == "place"
    assert told["held_out"]["accuracy"] == 1
    low, high = told["accuracy_interval"]
    assert low < 0.9 < high  # thirty examples, but from a few places only
    assert "held-out examples are right" in told["in_words"]


def test_a_model_of_patches_sorts_another_volume(explored, run) -> None:
    model = explored / "model"
    given = explored / "examples.csv", explored / "explored"
    run("classify", *given, "--out", explored / "a.csv", "--model-out", model)
    scans = explored / "scan.tif", explored / "next.tif"
    told = run("classify", model, *scans, "--out", explored / "b.csv", "--json")
    assert json.loads(told.out)["held_out_by"] is None
    first, both = (pd.read_csv(explored / name) for name in ("a.csv", "b.csv"))
    here = both[both["image"].str.endswith("scan.tif")]
    # By its own patches, the model says the same as when it was learned.
    np.testing.assert_allclose(here["p stripes"], first["p stripes"], atol=1e-4)
    other = both[both["image"].str.endswith("next.tif")]
    assert len(other) == len(first)
    assert right(other, turned=True) > 0.95


def test_a_model_of_images_sorts_others(run, tmp_path) -> None:
    lines = ["image,class"]
    for number in range(16):
        plane = stripes(number)[0]
        part = plane[:, : EDGE // 2] if number % 2 else plane[:, EDGE // 2 :]
        tifffile.imwrite(tmp_path / f"{number}.tif", part)
        lines += [f"{number}.tif,{'plain' if number % 2 else 'stripes'}"] * (
            number < 12
        )
    (tmp_path / "examples.csv").write_text("\n".join(lines))
    news = [tmp_path / f"{n}.tif" for n in range(12, 16)]
    model, out = tmp_path / "model", tmp_path / "a.csv"
    learned = tmp_path / "examples.csv", *news, "--out", out, "--model-out", model
    run("classify", *learned)
    run("classify", model, *news, "--out", tmp_path / "b.csv")
    assert out.read_bytes() == (tmp_path / "b.csv").read_bytes()
    with out.open(encoding="utf-8") as file:
        found = [row["class"] for row in csv.DictReader(file)]
    assert found == ["stripes", "plain"] * 2
    tifffile.imwrite(tmp_path / "volume.tif", stripes(0))
    ended = run("classify", model, tmp_path / "volume.tif", "--out", out, code=2)
    assert "what the model was learned from" in ended.err
    assert len(ended.sentences) == 1


@pytest.mark.parametrize(
    ("lines", "more", "sentence"),
    [
        ("patch,class\n0,a\n9999,b", [], "numbered from 0 to"),
        ("patch,class\n0,a\nx,b", [], "Line 3"),
        ("patch,class\n0,a\n0,b", [], "a second class"),
        ("patch,class\n0,a\n1,a", [], "all of one class"),
        ("patch,class\n0,a\n1,a\n2,b", [], "'b' has one example"),
        ("patch,class", [], "names no patch"),
        (None, ["explored"], "one exploration"),
        (None, ["--model-out", "scan.tif"], "is a file"),
        (None, ["--model-out", "explored"], "the input"),
    ],
)
def test_mistakes_end_with_one_sentence(
    explored, run, monkeypatch, lines, more, sentence
) -> None:
    monkeypatch.chdir(explored)
    if lines is not None:
        (explored / "examples.csv").write_text(lines)
    line = ["classify", "examples.csv", "explored", *more, "--out", "new.csv"]
    ended = run(*line, code=2)
    assert len(ended.sentences) == 1
    assert sentence in ended.err
    assert not (explored / "new.csv").exists()


def test_what_an_autoencoder_describes_is_sorted_but_not_kept(run, tmp_path) -> None:
    tifffile.imwrite(tmp_path / "scan.tif", stripes(0))
    learn = ["--describe", "autoencoder", "--steps", "3", *OPTIONS]
    run("explore", tmp_path / "scan.tif", "--out", tmp_path / "explored", *learn)
    lines = [f"{n},{'ab'[n % 2]}" for n in range(40)]
    (tmp_path / "examples.csv").write_text("\n".join(["patch,class", *lines]))
    given = tmp_path / "examples.csv", tmp_path / "explored"
    out = "--out", tmp_path / "new.csv"
    run("classify", *given, *out)
    (tmp_path / "new.csv").unlink()
    ended = run("classify", *given, *out, "--model-out", tmp_path / "m", code=2)
    assert "described by fixed filters" in ended.err
    assert not (tmp_path / "new.csv").exists()


def test_in_python_as_by_the_command(explored, run) -> None:
    folder = explored / "explored"
    run("classify", explored / "examples.csv", folder, "--out", explored / "a.csv")
    table = pd.read_csv(explored / "examples.csv")
    examples = {name: own["patch"].to_numpy() for name, own in table.groupby("class")}
    found = ns.classify(read_exploration(folder), examples)
    wanted = pd.read_csv(explored / "a.csv")["p stripes"]
    index = found.model.names.index("stripes")
    np.testing.assert_allclose(found.found.mean[:, index], wanted, atol=6e-5)


def test_the_least_certain_are_suggested_and_no_examples() -> None:
    rng = np.random.default_rng(0)
    shares = rng.uniform(0.5, 1, 400)
    mean = np.stack([shares, 1 - shares], 1)
    found = Classified(mean, mean * 0, mean > 2)
    explored = Explored(
        config=ExploreConfig(),
        places=np.zeros((400, 2)),
        size=(8, 8),
        latent=rng.normal(size=(400, 3)).astype(np.float32),
        plane=np.zeros((400, 2), np.float32),
        clusters=np.zeros(400, np.intp),
        oddness=np.zeros(400, np.float32),
        map="pca",
    )
    examples = {"a": np.argsort(shares)[:20]}
    chosen = unsure(explored, found, examples)
    assert len(chosen) == 10
    assert not np.isin(chosen, examples["a"]).any()
    assert np.isin(chosen, np.argsort(shares)[20:60]).all()
    assert (np.diff(shares[chosen]) >= 0).all()
