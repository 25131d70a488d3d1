"""A project on the disk: what it holds, and what is said when it is no good."""

import json
import os
import shutil
from datetime import UTC, datetime

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from napari_sciml.errors import InputError
from napari_sciml.io.images.npy_header import check_npy
from napari_sciml.io.models.folder import read_record
from napari_sciml.io.process import this_process
from napari_sciml.json_files import UnreadableError
from napari_sciml.project.file import ClassEntry
from napari_sciml.project.folder import Project
from napari_sciml.project.image_identity import identify
from napari_sciml.project.journal import JournalEntry
from napari_sciml.project.models import KEPT_MODELS
from napari_sciml.project.places import (
    default_name,
    free_place,
    projects_of,
    projects_root,
    set_aside,
    slug,
)
from napari_sciml.project.runs import RunStarted, RunTook, run_of

NOW = datetime(2026, 11, 25, 10, 3, tzinfo=UTC)


def refused(action, *, match):
    with pytest.raises(InputError, match=match) as caught:
        action()
    assert "\n" not in str(caught.value)


def finish(project, data):
    for _ in project.complete(data):
        pass


def test_what_is_kept(make_project, small_image, stroke) -> None:
    project = make_project(
        place={"scale": np.array([3.0, 2, 2]), "units": ("um",) * 3},
        voxel_size=(3, 2, 2),
        unit="um",
    )
    entries = [JournalEntry(stroke(revision), NOW) for revision in (1, 2)]
    project.append_strokes(entries)
    project.describe(classes=(ClassEntry(name="void", color="#000000"),))
    finish(project, small_image)
    again = Project.open(project.folder)
    image = again.description.image
    assert (image.name, image.shape, image.dtype) == (
        "a small image",
        (6, 40, 50),
        "float32",
    )
    assert image.sha256_of == "all"
    assert image.sha256 != image.blocks_sha256
    assert (image.place["scale"], image.voxel_size) == ([3, 2, 2], (3, 2, 2))
    assert again.class_names == ("void",)
    assert np.count_nonzero(again.labels() == 2) == 20
    assert np.count_nonzero(again.labels(revision=1)) == 10
    assert np.array_equal(again.open_image(), small_image)
    assert again.description.provenance["packages"]["numpy"]


def test_runs_are_put_together(make_project) -> None:
    project = make_project()
    started = RunStarted(1, NOW, {"seed": 4}, ("a", "b"), 4, 1)
    project.append_runs([started, RunTook(1, 0, 3), RunTook(1, 17, 5)])
    assert run_of(project.runs(), 1).started == started
    assert run_of(project.runs(), 1).taken == ((0, 3), (17, 5))
    refused(lambda: run_of(project.runs(), 2), match="cannot be made again")


def test_models_come_back_lazily(make_project, make_kept) -> None:
    project = make_project()
    kept = make_kept(7)
    entry = project.models.add(kept)
    files = {path.name for path in (project.folder / "models" / "0007").iterdir()}
    assert files >= {"entry.json", "thumbnail.png", "model.json", "weights.safetensors"}
    (back,) = Project.open(project.folder).models.entries()
    assert back.ensemble is None
    for field in ("number", "time", "revision", "kind", "score", "seconds", "round"):
        assert getattr(back, field) == getattr(kept, field), field
    assert np.array_equal(back.picture(), kept.thumbnail)
    assert read_record(back.folder) == {"seed": 0}
    loaded = project.load_model(7).state_dict()
    for name, value in kept.ensemble.state_dict().items():
        assert torch.equal(loaded[name], value), name
    assert len(entry.weights_sha256) == 64
    refused(lambda: project.load_model(8), match="no model 8")


def bomb(path):
    """Write a picture of 40 MB of zeros in 50 kB."""
    Image.new("1", (30_000, 10_000)).save(path, "PNG")


@pytest.mark.parametrize(
    "spoil",
    [
        bomb,
        os.mkfifo,
        lambda path: path.symlink_to("/dev/zero"),
        lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n"),
        lambda path: path.mkdir(),
    ],
)
@pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")
def test_a_thumbnail_is_no_reason_to_fail(make_project, make_kept, spoil) -> None:
    entry = make_project().models.add(make_kept(1))
    (entry.folder / "thumbnail.png").unlink()
    spoil(entry.folder / "thumbnail.png")
    assert entry.picture() is None


@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: content.replace(b"}", b"("),  # numpy parses it as Python
        lambda content: content.replace(b"'<f4'", b"'|O8'"),
        lambda content: content.replace(b"(6, 40", b"(-6,40"),
        lambda content: content.replace(b"(6, 40", b"(6999999, 40"),
        lambda content: content[:100],
        lambda content: b"PK\3\4" + content,
    ],
)
def test_a_damaged_copy_of_the_image(make_project, small_image, spoil) -> None:
    project = make_project()
    for _ in project.complete(small_image):
        pass
    path = project.folder / "image.npy"
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(InputError, match="is damaged"):
        project.open_image()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes here")
def test_nobody_waits_for_a_pipe_in_the_place_of_the_image(make_project) -> None:
    project = make_project()
    os.mkfifo(project.folder / "image.npy")
    with pytest.raises(InputError, match="is damaged"):
        project.open_image()
    with pytest.raises(UnreadableError, match="a named pipe"):
        check_npy(project.folder / "image.npy")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"labels_shape": [-4, 50]}, "no image has this shape"),
        ({"labels_shape": [10**12, 10**12]}, "no image has this shape"),
        ({"labels_shape": []}, "no image has this shape"),
        ({"labels_shape": [10**30]}, "labels_shape"),
        ({"version": "x"}, "version"),
        ({"classes": [{"name": "\ud800"}]}, "characters that do not exist"),
        ({"classes": 10**50}, "number of 51 digits"),
    ],
    ids=str,
)
def test_claims_that_cannot_be(make_project, change, match) -> None:
    project = make_project()
    path = project.folder / "project.json"
    content = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps({**content, **change}), "utf-8")
    with pytest.raises(InputError, match=match):
        Project.open(project.folder)


def test_the_best_and_the_newest_models_stay(make_project, make_kept) -> None:
    models = make_project().models
    ensemble = make_kept(1).ensemble
    for number in range(1, KEPT_MODELS + 4):
        score = {2: 0.9, 3: None}.get(number, 0.5)
        models.add(make_kept(number, score, ensemble, thumbnail=None))
    numbers = [entry.number for entry in models.entries()]
    assert numbers == [2, *range(4, KEPT_MODELS + 4)]
    # A viewer that counts from 1 again replaces nothing.
    assert models.add(make_kept(1, 0.1, ensemble)).number == KEPT_MODELS + 4


def test_half_a_model_is_none(make_project, make_kept) -> None:
    project = make_project()
    project.models.add(make_kept(1))
    shutil.copytree(project.folder / "models/0001", project.folder / "models/0002")
    (project.folder / "models/0002/entry.json").write_text("{")
    assert [kept.number for kept in project.models.entries()] == [1]


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (None, "is not a project: it has no project.json"),
        ("{", "is damaged"),
        ("[" * 10**5, "is damaged"),
        ('{"format": "other"}', "is not a project that napari-sciml wrote"),
        ('{"format": "napari-sciml project", "version": 9}', "newer napari-sciml"),
        ('{"format": "napari-sciml project", "version": 1}', "is damaged .*image"),
    ],
)
def test_what_is_no_project(tmp_path, content, match) -> None:
    if content is not None:
        (tmp_path / "project.json").write_text(content)
    refused(lambda: Project.open(tmp_path), match=match)
    refused(lambda: Project.open(tmp_path / "nowhere"), match="is not a folder")


def test_the_image_is_found_where_it_lies(make_project, small_image, tmp_path) -> None:
    source = tmp_path / "elsewhere" / "image.tif"
    source.parent.mkdir()
    tifffile.imwrite(source, small_image)
    project = make_project(source=source)
    finish(project, small_image)
    assert not (project.folder / "image.npy").exists()
    assert np.array_equal(project.open_image(), small_image)
    # On another machine it may lie beside the project.
    moved = source.rename(tmp_path / "image.tif")
    assert np.array_equal(project.open_image(), small_image)
    moved.unlink()
    refused(project.open_image, match=r"'a small image'.*is not here.*image.tif")
    tifffile.imwrite(source, small_image[::-1])
    refused(project.open_image, match="is not the image")


def test_an_image_with_an_axis_of_length_1(make_project, small_image, tmp_path) -> None:
    tifffile.imwrite(tmp_path / "image.tif", small_image[0])
    project = make_project(data=small_image[:1], source=tmp_path / "image.tif")
    assert project.open_image().shape == (1, 40, 50)


def test_a_project_goes_to_another_machine(make_project, small_image, stroke) -> None:
    project = make_project()
    project.append_strokes([JournalEntry(stroke(1), NOW)])
    finish(project, small_image)
    copied = Project.open(project.copy_to(project.folder.parent / "copy"))
    assert np.array_equal(copied.labels(), project.labels())
    assert np.array_equal(copied.open_image(), small_image)
    copied.lock()  # the lock of the original has stayed there
    copied.unlock()
    refused(lambda: project.copy_to(copied.folder), match="is there already")


def test_only_one_writes(make_project) -> None:
    project = make_project()
    other = Project.open(project.folder)
    refused(other.lock, match=r"is open in another viewer \(process \d+ on ")
    project.unlock()
    other.lock()
    other.unlock()


@pytest.mark.parametrize("holder", ["dead", "reused number", "nonsense"])
def test_a_stale_lock_is_taken_over(make_project, holder) -> None:
    import platform
    import subprocess
    import sys

    project = make_project()
    lock = project.folder / "lock.json"
    content = json.loads(lock.read_text())
    if holder == "dead":
        child = subprocess.Popen([sys.executable, "-c", ""])
        child.wait()
        content["pid"] = child.pid
    elif holder == "reused number":
        content["started"] -= 1000
    lock.write_text("{" if holder == "nonsense" else json.dumps(content))
    assert content["host"] == platform.node()
    other = Project.open(project.folder)
    other.lock()
    project.unlock()  # is not its own any more
    assert lock.exists()
    other.unlock()
    assert not lock.exists()


@pytest.mark.parametrize("holder", ["alive", "dead", "empty", "old and empty"])
def test_what_a_killed_viewer_left_of_its_lock_is_removed(make_project, holder) -> None:
    project = make_project()
    project.unlock()
    rest = project.folder / ".lock.json.partial-1"
    content = this_process() | ({"started": 0.0} if holder == "dead" else {})
    rest.write_text("" if "empty" in holder else json.dumps(content))
    if "old" in holder:
        os.utime(rest, (0, 0))
    project.lock()
    project.unlock()
    assert rest.exists() is (holder in ("alive", "empty"))


def test_a_lock_of_another_machine(make_project) -> None:

    project = make_project()
    lock = project.folder / "lock.json"
    lock.write_text(json.dumps({"pid": 1, "host": "elsewhere", "token": "x"}))
    refused(Project.open(project.folder).lock, match="process 1 on elsewhere")
    os.utime(lock, (0, 0))
    Project.open(project.folder).lock()


def test_what_a_crash_has_left_is_cleared_away(make_project) -> None:
    project = make_project()
    project.unlock()
    models = project.folder / "models"
    (models / ".0001.partial-x" / "0001").mkdir(parents=True)
    (project.folder / ".image.npy.partial").write_bytes(b"half")
    project.lock()
    assert not list(models.iterdir())
    assert not list(project.folder.glob(".image*"))


def test_projects_of_an_image(make_project, small_image, tmp_path) -> None:
    identity = identify(small_image, name="a small image")
    assert projects_of(identity, tmp_path) == []
    first, second = (
        Project.create(free_place(identity, tmp_path), identity, classes=())
        for _ in range(2)
    )
    assert first.folder.name == default_name(identity)
    assert second.folder.name == f"{default_name(identity)}-2"
    assert projects_of(identity, tmp_path) == []  # both are open
    first.unlock()
    renamed = identify(small_image, name="of another name")
    assert [p.folder for p in projects_of(renamed, tmp_path)] == [first.folder]
    assert projects_of(identify(small_image + 1, name="x"), tmp_path) == []
    gone = set_aside(first)
    assert gone.parent == tmp_path / "older"
    assert Project.open(gone).description == first.description
    assert projects_of(identity, tmp_path) == []
    refused(lambda: set_aside(second), match="is open in another viewer")


def test_where_projects_are_made(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("NAPARI_SCIML_PROJECTS", str(tmp_path))
    assert projects_root() == tmp_path
    monkeypatch.delenv("NAPARI_SCIML_PROJECTS")
    assert projects_root().parts[-2:] == ("napari-sciml", "projects")
    assert slug("Faser Größe/3 (µm).tif") == "faser-groe-3-m-tif"
    assert slug("图像") == "image"


def test_blocks_tell_images_apart(small_image) -> None:
    changed = small_image.copy()
    changed[0, 0, 0] += 1
    first, other, same, turned = (
        identify(data, name="x")
        for data in (small_image, changed, small_image.copy(), small_image.T)
    )
    assert first.is_same(same)
    assert not first.is_same(other)
    assert not first.is_same(turned)
    assert first.is_same(identify(np.asfortranarray(small_image), name="x"))
    assert first.is_same(identify(small_image.astype(">f4"), name="x"))
