"""The command classify: a table of examples, and a table of images."""

import csv
import json

import numpy as np
import pytest
import tifffile

from command import run_command
from scattering import pattern


@pytest.fixture
def frames(tmp_path, monkeypatch):
    """Empty frames and frames with rings, six of each as examples, two more to sort."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "new").mkdir()
    lines = ["image,class"]
    for seed in range(8):
        empty = np.random.default_rng(seed).poisson(20, (80, 100)).astype(np.int32)
        rings, _ = pattern((80, 100), (36.5, 50.5), seed=seed)
        for name, frame in (("empty", empty), ("rings", rings)):
            path = f"{'new/' if seed > 5 else ''}{name}_{seed}.tif"
            tifffile.imwrite(tmp_path / path, frame)
            if seed <= 5:
                lines.append(f"{path},{name}")
    (tmp_path / "examples.csv").write_text("\n".join(lines))
    return tmp_path


def rows_of(path):
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_images_are_sorted(frames, capsys) -> None:
    line = "classify examples.csv new/*.tif --out sorted.csv --coverage 0.8 --json"
    ended = run_command(capsys, *line.split())
    assert ended.code == 0
    told = json.loads(ended.out)
    assert told["images"] == {"empty": 2, "rings": 2}
    assert told["held_out"]["accuracy"] == 1
    assert told["cautions"] == []
    for row in rows_of(frames / "sorted.csv"):
        assert row["class"] == row["possible"]
        assert row["class"] in row["image"]
        assert float(row["probability"]) > 0.7
        assert float(row[f"p {row['class']}"]) == float(row["probability"])
    assert run_command(capsys, *line.split()).code == 0  # its own may be replaced


def test_too_few_for_a_promise_is_told(frames, capsys) -> None:
    line = "classify examples.csv new/*.tif --out sorted.csv --coverage 0.99 --json"
    told = json.loads(run_command(capsys, *line.split()).out)
    assert "too few to promise 99%" in told["cautions"][0]
    assert {row["possible"] for row in rows_of(frames / "sorted.csv")} == {
        "empty|rings"
    }


@pytest.mark.parametrize(
    ("table", "words", "sentence"),
    [
        ("image,kind\na,b", "new/*.tif", "has no column 'class'"),
        ("image,class\nempty_0.tif,", "new/*.tif", "Line 2 of"),
        ("image,class", "new/*.tif", "names no image"),
        ("image,class\nempty_0.tif,a\nempty_1.tif,a", "new/*.tif", "all of one class"),
        ("image,class\nmissing.tif,a", "new/*.tif", "missing.tif"),
        (None, "nothing/*.tif", "nothing"),
        (None, "new/*.tif --out sorted.txt", ".csv"),
        (None, "new/*.tif --out empty_0.tif", ".csv"),
        (None, "new/*.tif --out examples.csv", "is the input"),
    ],
)
def test_mistakes_end_with_a_sentence(frames, capsys, table, words, sentence) -> None:
    if table is not None:
        (frames / "examples.csv").write_text(table)
    before = (frames / "examples.csv").read_bytes()
    out = [] if "--out" in words else ["--out", "sorted.csv"]
    ended = run_command(capsys, "classify", "examples.csv", *words.split(), *out)
    assert ended.code == 2
    assert len(ended.sentences) == 1
    assert sentence in ended.sentences[0]
    assert (frames / "examples.csv").read_bytes() == before


def test_series_of_other_people_are_told_apart(shared_data, tmp_path, capsys) -> None:
    """Each specimen is held out whole: six of two series, on one kind of detector."""
    folder = shared_data / "musclex_pilatus_saxs"
    if not folder.is_dir():
        pytest.skip(f"needs {folder}")
    lines = ["image,class,group"]
    for path in sorted(folder.glob("*.tif")):
        group = path.name.split("_")[0]
        lines.append(f"{path},{'Mn' if group.startswith('Mn') else 'P'},{group}")
    (tmp_path / "examples.csv").write_text("\n".join(lines))
    given = [str(tmp_path / "examples.csv"), str(folder / "Mn*.tif")]
    out = ["--out", str(tmp_path / "sorted.csv"), "--json"]
    ended = run_command(capsys, "classify", *given, *out)
    told = json.loads(ended.out)
    assert told["held_out_by"] == "group"
    assert told["held_out"]["accuracy"] > 0.8
    assert told["images"]["Mn"] == 6
