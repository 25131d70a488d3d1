"""Files of several images for one training."""

import json

import numpy as np
import pytest

from command import exit_code
from napari_sciml.errors import InputError
from napari_sciml.images.mosaic import Mosaic
from napari_sciml.io.labels.export import save_annotation
from napari_sciml.io.models.folder import read_record
from napari_sciml.io.results.arrays import save_labels
from napari_sciml.training.config import TrainingConfig
from napari_sciml.workflows.training.scans import (
    Scan,
    TrainingFiles,
    in_pairs,
    labeled_by_image,
    read_table,
)

SHAPE = (48, 40)
QUICK = [
    "--members",
    "1",
    "--steps",
    "4",
    "--threads",
    "1",
    "--device",
    "cpu",
    "--json",
]


@pytest.fixture
def scans(tmp_path):
    """Two images of two sizes; background is labeled in one, fiber in the other."""
    found = []
    for number, (rows, label) in enumerate([(48, 1), (30, 2)]):
        rng = np.random.default_rng(number)
        image = rng.normal(100, 10, (rows, 40))
        image[9:13] += 80
        labels = np.zeros(image.shape, np.uint8)
        labels[10 : 12 if label == 2 else 11, 5:35] = 2 if label == 2 else 0
        labels[20:22, 5:35] = 1 if label == 1 else 0
        scan = Scan(tmp_path / f"scan{number}.npy", tmp_path / f"labels{number}.npy")
        np.save(scan.image, image.astype(np.uint8))
        np.save(scan.labels, labels)
        found.append(scan)
    return found


def with_a_note(scan, before):
    """The same scan, its labels in a file that tells of its strokes."""
    labels = np.load(scan.labels)
    noted = Scan(scan.image, scan.labels.with_suffix(".tif"))
    save_annotation(noted.labels, labels, (1, 1), before=before)
    return noted


@pytest.mark.parametrize(
    ("notes", "before"),
    [((None, None), None), ((0, None), 1), ((1, 0), 1), ((None, 9), None), ((0, 0), 0)],
)
def test_files_tell_how_many_strokes_came_before_a_prediction(scans, notes, before):
    # Each has one stroke; those of a file without a word were painted in advance.
    noted = [with_a_note(*pair) for pair in zip(scans, notes, strict=True)]
    files = TrainingFiles.read(noted)
    assert files.before == before
    config = TrainingConfig(steps=1)
    assert files.settings(config).before == before
    said = config.model_copy(update={"before": 7})
    assert files.settings(said).before == 7, "who says it himself knows better"


def test_a_number_does_not_hold_for_strokes_that_are_left_out(scans):
    noted = [with_a_note(scan, 0) for scan in scans]
    for given in ({"ignore": [7]}, {"mapping": {1: 1, 2: 2}}):
        files = TrainingFiles.read(noted, **given)
        assert files.before is None
        assert "unless train is told --before" in files.cautions[0]


def test_classes_may_be_spread_over_the_images(scans):
    files = TrainingFiles.read(scans)
    assert isinstance(files.image, Mosaic)
    assert files.counts == {1: 60, 2: 60}
    assert files.cautions == ()
    assert labeled_by_image(files) == [60, 60]


def test_one_class_in_all_images_is_too_few(scans):
    np.save(scans[1].labels, np.load(scans[1].labels) // 2)
    with pytest.raises(InputError, match=r"labels0.*labels1.*two classes"):
        TrainingFiles.read(scans)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"labels": np.full(SHAPE, 7, np.uint8)}, r"labels1.npy go up to 7"),
        ({"image": np.zeros((30, 40), np.uint8)}, "scan1.npy: Every voxel"),
        ({"image": np.zeros((30, 40, 30), np.float32)}, "labels1.npy"),
        ({"labels": np.zeros((30, 41), np.uint8)}, "labels1.npy"),
    ],
)
def test_the_file_that_does_not_fit_is_named(scans, change, words):
    if "image" in change:
        np.save(scans[1].image, change["image"])
    labels = change.get("labels")
    if labels is not None:
        np.save(scans[1].labels, labels[:30])
    with pytest.raises(InputError, match=words):
        TrainingFiles.read(scans)


def test_volumes_and_pictures_do_not_go_together(scans, tmp_path):
    volume = np.random.default_rng(0).integers(0, 99, (9, 9, 9)).astype(np.uint8)
    np.save(tmp_path / "v.npy", volume)
    np.save(tmp_path / "l.npy", (volume > 90).astype(np.uint8))
    with pytest.raises(InputError, match=r"v\.npy: All images .* number of axes"):
        TrainingFiles.read([*scans, Scan(tmp_path / "v.npy", tmp_path / "l.npy")])


def test_voxels_of_other_sizes_are_told(scans, tmp_path):
    for number, edge in enumerate((1.0, 2.0)):
        image = np.load(scans[number].image)
        save_labels(tmp_path / f"scan{number}.tif", image, (edge, edge), "µm")
    renamed = [Scan(s.image.with_suffix(".tif"), s.labels) for s in scans]
    (caution,) = TrainingFiles.read(renamed).cautions
    assert "scan1.tif" in caution
    assert "resample" in caution


def test_an_image_given_twice_is_refused(scans):
    with pytest.raises(InputError, match=r"scan0\.npy was given twice"):
        TrainingFiles.read([scans[0], Scan(scans[0].image, scans[1].labels)])


def test_each_image_has_its_labels_after_it(scans):
    files = [path for scan in scans for path in (scan.image, scan.labels)]
    assert in_pairs(files) == scans
    with pytest.raises(InputError, match=r"none after .*scan1\.npy"):
        in_pairs(files[:-1])


@pytest.mark.parametrize(
    "text",
    [
        "image,labels\nscan0.npy,labels0.npy\nscan1.npy,labels1.npy\n",
        "\ufeffLabels; note ;Image\r\nlabels0.npy;x;scan0.npy\r\n\r\n"
        "labels1.npy;;scan1.npy",
    ],
)
def test_a_table_lies_beside_its_files(scans, tmp_path, text):
    (tmp_path / "scans.csv").write_text(text, "utf-8")
    assert read_table(tmp_path / "scans.csv") == scans


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no column 'image'"),
        ("image,mask\na,b", "no column 'labels'"),
        ("image,labels\n", "names no scan"),
        ("image,labels\na.npy,\n", "Line 2"),
        ("image,labels\na.npy\n", "Line 2"),
        (b"\xff\xfe\x00", "cannot be read"),
    ],
)
def test_a_table_that_says_too_little_is_told(tmp_path, text, words):
    path = tmp_path / "scans.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError, match=words):
        read_table(path)


def test_a_model_of_two_files_knows_both(scans, tmp_path, capsys):
    (tmp_path / "scans.csv").write_text(
        "image,labels\n" + "".join(f"{s.image.name},{s.labels.name}\n" for s in scans)
    )
    out = tmp_path / "model"
    assert (
        exit_code(
            "train", "--table", str(tmp_path / "scans.csv"), "--out", str(out), *QUICK
        )
        == 0
    )
    summary = json.loads(capsys.readouterr().out)
    assert list(summary["images"]) == [str(s.image) for s in scans]
    record = read_record(out)
    assert [one["image"] for one in record["scans"]] == [str(s.image) for s in scans]


def test_a_model_learns_by_what_its_labels_tell(scans, tmp_path, capsys):
    files = [str(f) for s in scans for f in (s.image, with_a_note(s, 0).labels)]
    for out, said, before in (("a", (), 0), ("b", ("--before", "2"), 2)):
        told = ["train", *files, "--out", str(tmp_path / out), *QUICK, *said]
        assert exit_code(*told) == 0
        assert read_record(tmp_path / out)["config"]["before"] == before


@pytest.mark.parametrize(("first", "then"), [(None, 0), (0, None)])
def test_a_training_goes_on_by_what_its_labels_told(scans, tmp_path, first, then):
    files = [str(f) for s in scans for f in (s.image, with_a_note(s, first).labels)]
    train = ["train", *files, "--out", str(tmp_path / "model"), *QUICK]
    assert exit_code(*train) == 0
    for scan in scans:
        with_a_note(scan, then)
    assert exit_code(*train, "--resume") == 0
    assert read_record(tmp_path / "model")["config"]["before"] == first


@pytest.mark.parametrize(
    "arguments", [[], ["a.npy"], ["a.npy", "b.npy", "--table", "scans.csv"]]
)
def test_a_wrong_call_is_one_sentence(arguments, tmp_path, capsys):
    assert exit_code("train", *arguments, "--out", str(tmp_path / "m")) == 2
    assert "Give" in capsys.readouterr().err
