"""What is painted is soon on the disk, whatever the disk does."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from napari_sciml.annotation.changes import LabelChange
from napari_sciml.project import autosave as module
from napari_sciml.project.autosave import Autosave
from napari_sciml.project.file import ClassEntry
from napari_sciml.project.folder import Project
from napari_sciml.project.runs import RunTook

LONG = 60.0
PROMISED = 2.0


@pytest.fixture
def saving(make_project):
    """Make an autosave of a new project, closed at the end."""
    made = []

    def start(open_project=make_project, **options):
        made.append(Autosave(open_project, **options))
        return made[-1]

    yield start
    for autosave in made:
        assert autosave.close(LONG)


def wait_for(condition, seconds=LONG):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)


def revisions(folder: Path) -> list[int]:
    entries = Project.open(folder).strokes().entries
    return [entry.change.revision for entry in entries]


def test_everything_arrives(saving, stroke, make_kept, small_image) -> None:
    autosave = saving(image=small_image)
    autosave.labels(stroke(1), whole=True)
    autosave.classes([ClassEntry(name="a"), ClassEntry(name="b", color="#ff0000")])
    autosave.settings({"training": {"seed": 3}})
    autosave.run(RunTook(1, 0, 1))
    autosave.model(make_kept(1, thumbnail=None))
    autosave.model(lambda: make_kept(2))
    autosave.thumbnail(1, np.full((4, 4, 3), 9, np.uint8))
    autosave.labels(stroke(2))
    assert autosave.flush(LONG)
    assert not autosave.pending
    assert autosave.error == ""
    project = Project.open(autosave.folder)
    assert revisions(autosave.folder) == [1, 2]
    assert project.strokes().entries[0].whole
    assert project.class_names == ("a", "b")
    assert project.description.settings == {"training": {"seed": 3}}
    assert [kept.number for kept in project.models.entries()] == [1, 2]
    assert project.models.entries()[0].picture()[0, 0].tolist() == [9, 9, 9]
    # When all else is done, the image follows.
    wait_for((autosave.folder / "image.npy").exists)
    assert np.array_equal(project.open_image(), small_image)


def test_a_copy_of_the_image_that_is_given_up_leaves_nothing(make_project) -> None:
    image = np.zeros((64, 256, 256), np.float32)
    project = make_project(data=image)
    copying = project.complete(image)
    while not list(project.folder.glob(".image.npy.partial")):
        next(copying)
    copying.close()
    project.unlock()
    assert not list(project.folder.glob("*image.npy*"))


def test_a_stroke_is_on_the_disk_in_time(saving, stroke) -> None:
    autosave = saving()
    autosave.labels(stroke(1))
    assert autosave.flush(LONG)
    autosave.labels(stroke(2))
    started = time.monotonic()
    wait_for(lambda: 2 in revisions(autosave.folder))
    assert time.monotonic() - started < PROMISED


def test_handing_over_waits_for_nothing(saving, stroke, make_project) -> None:
    slow = []

    def open_slowly():
        wait_for(lambda: bool(slow))
        return make_project()

    autosave = saving(open_slowly)
    started = time.monotonic()
    for revision in range(1, 501):
        autosave.labels(stroke(revision))
    assert time.monotonic() - started < 1
    assert autosave.pending
    slow.append("go")
    assert autosave.flush(LONG)
    assert revisions(autosave.folder) == list(range(1, 501))


def test_errors_are_told_and_tried_again(saving, stroke, make_project, monkeypatch):
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.05)
    autosave = saving()
    autosave.labels(stroke(1))
    assert autosave.flush(LONG)
    away = autosave.folder.with_name("away")
    autosave.folder.rename(away)
    autosave.labels(stroke(2))
    wait_for(lambda: autosave.error)
    assert autosave.error.startswith("Not saved: something is missing in")
    assert "\n" not in autosave.error
    assert not autosave.flush(0.2)
    away.rename(autosave.folder)
    assert autosave.flush(LONG)
    wait_for(lambda: not autosave.error)
    assert revisions(autosave.folder) == [1, 2]


def test_a_full_disk(saving, stroke, make_project, monkeypatch) -> None:
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.05)
    autosave = saving()
    autosave.labels(stroke(1))
    assert autosave.flush(LONG)
    full = "napari_sciml.io.append_log._write_all"

    def write_half(file, content):
        file.write(content[: len(content) // 2])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(full, write_half)
        autosave.labels(stroke(2))
        wait_for(lambda: autosave.error)
        assert "free some space" in autosave.error
        assert revisions(autosave.folder) == [1]
    assert autosave.flush(LONG)
    assert revisions(autosave.folder) == [1, 2]


def test_what_can_never_be_written_holds_nothing_up(saving, stroke, make_kept) -> None:
    autosave = saving()

    def broken():
        raise ZeroDivisionError("a bug")

    autosave.model(broken)
    autosave.labels(LabelChange(1, np.arange(3), np.zeros(2, np.uint8)))
    wait_for(lambda: not autosave.pending)
    autosave.labels(stroke(2))
    autosave.model(make_kept(1))
    assert autosave.flush(LONG)
    assert revisions(autosave.folder) == [2]
    assert len(Project.open(autosave.folder).models.entries()) == 1


def test_no_project_can_be_made(saving, stroke, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.05)
    taken = tmp_path / "taken"
    taken.write_text("a file")

    def open_project():
        return Project.open(taken)

    autosave = saving(open_project)
    autosave.labels(stroke(1))
    wait_for(lambda: autosave.error)
    assert "is not a folder" in autosave.error
    assert autosave.pending


def test_closing_writes_what_is_left(saving, stroke) -> None:
    autosave = saving()
    for revision in (1, 2, 3):
        autosave.labels(stroke(revision))
    assert autosave.close(LONG)
    assert revisions(autosave.folder) == [1, 2, 3]
    assert not (autosave.folder / "lock.json").exists()
    autosave.labels(stroke(4))  # too late, and no harm
    assert autosave.close()


def test_closing_ends_soon_even_when_nothing_works(saving, stroke, make_project):
    autosave = saving()
    autosave.labels(stroke(1))
    assert autosave.flush(LONG)
    shutil.rmtree(autosave.folder)
    autosave.labels(stroke(2))
    started = time.monotonic()
    assert autosave.close(LONG)
    assert time.monotonic() - started < 5


PAINT = """
import sys, time
import numpy as np
from napari_sciml.annotation.changes import LabelChange
from napari_sciml.project.autosave import Autosave
from napari_sciml.project.image_identity import identify
from napari_sciml.project.folder import Project
from napari_sciml.project.file import ClassEntry

image = np.zeros((64, 256, 256), np.uint8)
classes = (ClassEntry(name="background"), ClassEntry(name="fiber"))
make = lambda: Project.create(sys.argv[1], identify(image, name="i"), classes=classes)
autosave = Autosave(make, image=image)
last = int(sys.argv[2])
for revision in range(1, last + 1):
    start = revision * 50
    indices = np.arange(start, start + 40, dtype=np.int64)
    autosave.labels(LabelChange(revision, indices, np.full(40, 2, np.uint8)))
    print(revision, flush=True)
    time.sleep(0.02)
"""


def painter(folder: Path, last: int) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", PAINT, str(folder), str(last)],
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGKILL")
def test_kill_9_loses_five_seconds_at_most(tmp_path) -> None:
    folder = tmp_path / "project"
    handed: dict[int, float] = {}
    with painter(folder, 10**6) as child:
        moment = random.uniform(5.5, 7.5)
        for line in child.stdout:
            handed[int(line)] = time.monotonic()
            if handed[int(line)] - handed[1] > moment:
                break
        os.kill(child.pid, signal.SIGKILL)
        killed = time.monotonic()
    project = Project.open(folder)
    reading = project.strokes()
    assert reading.lost <= 1
    expected = [r for r, when in handed.items() if killed - when > 5]
    assert expected
    assert revisions(folder) == list(range(1, reading.revision + 1))
    assert reading.revision >= expected[-1]
    assert np.count_nonzero(project.labels()) == 40 * reading.revision
    project.lock()  # the dead process does not hold it
    project.unlock()


def test_a_program_that_forgets_to_close_ends_all_the_same(tmp_path) -> None:
    with painter(tmp_path / "project", 20) as child:
        assert child.wait(LONG) == 0
    assert revisions(tmp_path / "project") == list(range(1, 21))
