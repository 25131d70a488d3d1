"""napari-sciml validate: a model judged by labels, and strokes by other models."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import tifffile

import napari_sciml as ns
from command import run_command
from napari_sciml.annotation.scribbles import Scribbles
from napari_sciml.images.volume import Volume
from napari_sciml.io.labels.export import save_annotation
from napari_sciml.io.models.folder import load_model, read_record, save_model
from napari_sciml.workflows.validation.arrays import thinned
from napari_sciml.workflows.validation.inputs import (
    SAME_IMAGE,
    SAME_LABELS,
    ValidationFiles,
    are_own_labels,
)

NAMES = ("background", "fiber")
ROWS = tuple(range(3, 96, 8))
"""Of the strokes."""
WRONG = 4
"""Number of the stroke of fiber that is labeled as background, and wrong."""


def bar(seed):
    """An image with a bright bar, and strokes of bar and background."""
    rng = np.random.default_rng(seed)
    image = rng.normal(100, 10, (100, 48)).astype(np.float32)
    image[:, 20:28] += 60
    labels = np.zeros(image.shape, np.uint8)
    for row in ROWS:
        labels[row, 21:27], labels[row, 2:12] = 2, 1
    return image, labels


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A model, the files that it was trained on, and another image of the kind."""
    folder = tmp_path_factory.mktemp("trained")
    image, labels = bar(0)
    other, _ = bar(1)
    flipped = labels.copy()
    flipped[ROWS[WRONG], 21:27] = 1
    swapped = np.array([0, 2, 1], np.uint8)[labels]
    for name, data in (
        ("image", image),
        ("labels", labels),
        ("other", other),
        ("flipped", flipped),
        ("swapped", swapped),
        ("truth", (1 + (abs(np.arange(48) - 23.5) < 4) + 0 * labels).astype(np.uint8)),
        ("one", np.where(labels == 2, 2, 0).astype(np.uint8)),
        ("empty", 0 * labels),
        ("small", labels[:50]),
        ("three", np.where(labels == 2, 3, labels)),
    ):
        tifffile.imwrite(folder / f"{name}.tif", np.asarray(data))
    tifffile.imwrite(folder / "color.tif", np.stack([image] * 3, -1).astype(np.uint8))
    for path in (folder / "image.tif", folder / "labels.tif"):
        assert path.exists()
    from command import exit_code

    files = [str(folder / name) for name in ("image.tif", "labels.tif")]
    options = ["--out", str(folder / "model"), "--steps", "4", "--members", "2"]
    assert exit_code("train", *files, *options, "--threads", "1") == 0
    return folder


@pytest.fixture
def folder(trained, monkeypatch) -> Path:
    monkeypatch.chdir(trained)
    return trained


def validated(capsys, *arguments):
    ended = run_command(capsys, "validate", *arguments, "--json", "--threads", "1")
    assert ended.code == 0, ended.err
    return json.loads(ended.out)


def table(path: Path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_wrong_stroke_comes_first(folder, capsys, tmp_path) -> None:
    out = tmp_path / "found"
    record = validated(capsys, "model", "other.tif", "flipped.tif", "--out", str(out))
    first = record["wrong_strokes"][0]
    assert record["wrong_strokes_in_all"] == 1
    assert first["place"] in ([ROWS[WRONG], 23], [ROWS[WRONG], 24])
    assert (first["label"], first["says"], first["right"]) == (*NAMES, 0)
    assert first["members_against"] == 1
    assert record["classes"]["fiber"]["recall"] == 1
    assert record["classes"]["background"]["recall"] == pytest.approx(120 / 126)
    low, high = record["classes"]["background"]["recall_interval"]
    assert low < 120 / 126 < high
    assert record["confusion"] == [[120, 6], [0, 66]]
    assert record["cautions"] == []
    rows = table(out / "strokes.csv")
    assert len(rows) == 2 * len(ROWS)
    assert int(rows[0]["y"]) == ROWS[WRONG]
    assert {path.name for path in out.iterdir()} >= {
        *("validation.json", "strokes.csv", "reliability.png", "reliability.svg")
    }
    stored = json.loads((out / "validation.json").read_text("utf-8"))
    assert stored["classes"] == record["classes"]


def test_dense_labels_count_as_they_are(folder, capsys) -> None:
    record = validated(capsys, "model", "other.tif", "truth.tif")
    assert record["at_shares"] is None
    assert record["voxels"] == 4800
    assert record["classes"]["fiber"]["dice"] > 0.9
    assert "too few strokes" in record["no_intervals"]


def test_words_for_a_person(folder, capsys) -> None:
    ended = run_command(capsys, "validate", "model", "other.tif", "flipped.tif")
    assert ended.code == 0
    assert "strokes, 13 of background, 11 of fiber" in ended.out
    assert "recall 0.952 (0." in ended.out
    assert "labeled background: 120 background, 6 fiber" in ended.out
    assert f"at {ROWS[WRONG]}, 2" in ended.out


@pytest.mark.parametrize(
    ("image", "labels", "caution"),
    [
        ("image.tif", "labels.tif", SAME_LABELS),
        ("image.tif", "flipped.tif", SAME_IMAGE),
    ],
)
def test_strokes_that_trained_it_are_no_test(
    folder, capsys, image, labels, caution
) -> None:
    assert caution in validated(capsys, "model", image, labels)["cautions"]


def test_classes_are_matched_by_name(folder, capsys) -> None:
    names = ("--classes", "fiber,background")
    record = validated(capsys, "model", "other.tif", "swapped.tif", *names)
    assert record["accuracy"] > 0.99


def test_folds_find_the_wrong_stroke(folder, capsys, tmp_path) -> None:
    out, labels = tmp_path / "folds", tmp_path / "flipped.tif"
    flipped = tifffile.imread("flipped.tif")
    save_annotation(labels, flipped, (1, 1), before=20)
    record = validated(
        capsys, "model", "image.tif", str(labels), "--folds", "3", "--out", str(out)
    )
    assert len(record["folds"]) == 3
    (caution,) = record["cautions"]
    assert caution.startswith("4 of 24 strokes correct a prediction")
    assert record["suspicious_strokes"][0]["place"][0] == ROWS[WRONG]
    assert record["over_folds"]["fiber"]["dice"]["folds"] == 3
    (suspicious,) = table(out / "suspicious_strokes.csv")
    assert (int(suspicious["y"]), suspicious["says"]) == (ROWS[WRONG], "fiber")
    assert len(table(out / "folds.csv")) == 6


OWN = {
    "the same file": ({"labels": "l.tif", "image": "i.tif"}, True),
    "another file": ({"labels": "other.tif", "image": "i.tif"}, False),
    "of several": ({"scans": [{"labels": "l.tif", "image": "i.tif"}]}, False),
    "painted in a dock": ({"shape": [4, 5]}, True),
    "painted elsewhere": ({"shape": [5, 4]}, False),
    "trained by a script": ({}, True),
}


@pytest.mark.parametrize(("record", "own"), OWN.values(), ids=OWN)
def test_whether_a_model_knows_these_strokes(record, own) -> None:
    files = ValidationFiles(Path("m"), Path("i.tif"), Path("l.tif"))
    volume = Volume(np.zeros((4, 5)), ("y", "x"), (1.0, 1.0))
    assert are_own_labels(record, files, volume) == own


REFUSED = {
    "empty": (("other.tif", "empty.tif"), "Not annotated yet"),
    "one class": (("other.tif", "one.tif"), "paint at least two classes"),
    "wrong shape": (("other.tif", "small.tif"), "shape"),
    "a class too many": (("other.tif", "three.tif"), "say which value is which class"),
    "unknown class": (
        ("other.tif", "labels.tif", "--classes", "pore,fiber"),
        "has no class 'pore'",
    ),
    "other channels": (("color.tif", "labels.tif"), "this one has 3 channels"),
    "the image as labels": (("other.tif", "other.tif"), "as the image and as its"),
    "more folds than strokes": (
        ("other.tif", "labels.tif", "--folds", "90"),
        "24 strokes cannot be dealt into 90 folds",
    ),
    "seconds of nothing": (("other.tif", "labels.tif", "--seconds", "9"), "give both"),
}


@pytest.mark.parametrize(("arguments", "why"), REFUSED.values(), ids=REFUSED)
def test_refused_in_one_sentence(folder, capsys, arguments, why) -> None:
    ended = run_command(capsys, "validate", "model", *arguments)
    assert ended.code == 2
    assert len(ended.sentences) == 1
    assert why in ended.sentences[0]


def test_a_model_without_settings(folder, capsys, tmp_path) -> None:
    record = {key: v for key, v in read_record("model").items() if key != "config"}
    save_model(load_model("model"), tmp_path / "bare", record=record)
    bare = (str(tmp_path / "bare"), "other.tif", "labels.tif", "--folds", "3")
    ended = run_command(capsys, "validate", *bare)
    assert ended.code == 2
    assert "does not tell the settings" in ended.sentences[0]


def test_in_a_script(folder) -> None:
    image, labels = bar(1)
    found = ns.validate(load_model("model"), image, labels)
    assert found.class_names == NAMES
    assert found.report.accuracy == 1
    with pytest.raises(ns.InputError, match="3 axes"):
        ns.validate(load_model("model"), image[None], labels[None])


def test_of_very_many_labels_some_blocks_are_asked_about() -> None:
    labels = Scribbles.from_dense(np.ones((128, 96), np.uint8))
    few = thinned(labels, 3000)
    assert len(few) == 3 * 32**2
    assert thinned(labels, 10**6) is labels
