"""Two viewers on one image: each keeps its own work, and says so."""

import subprocess
import sys

import numpy as np
import pytest

from napari_sciml.plugin.project.bar import ProjectBar
from napari_sciml.plugin.session import ViewerSession
from napari_sciml.project.folder import Project
from napari_sciml.project.places import projects_root

pytestmark = pytest.mark.gui
SHAPE = (8, 24, 30)

HOLDER = """
import sys
import numpy as np
from napari_sciml.annotation.changes import LabelChange
from napari_sciml.project.image_identity import identify
from napari_sciml.project.journal import JournalEntry
from napari_sciml.project.folder import Project
from napari_sciml.project.file import ClassEntry
from napari_sciml.project.places import free_place
from datetime import UTC, datetime

image = identify(np.random.default_rng(0).random((8, 24, 30)).astype("f4"), name="a")
names = ("background", "fiber")
entries = [ClassEntry(name=name, color="#112233") for name in names]
project = Project.create(free_place(image), image, classes=entries)
change = LabelChange(1, np.arange(9), np.full(9, 2, np.uint8))
project.append_strokes([JournalEntry(change, datetime.now(UTC), True)])
print(project.folder, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def open_viewer(make_napari_viewer_proxy):
    """Another viewer on the same image, with the Annotate dock."""

    def open_one():
        viewer = make_napari_viewer_proxy()
        values = np.random.default_rng(0).random(SHAPE).astype("f4")
        viewer.add_image(values, name="a")
        dock = viewer.window.add_plugin_dock_widget("napari-sciml", "Annotate")[1]
        return ViewerSession.of(viewer), dock

    return open_one


def bar(dock) -> ProjectBar:
    return dock.findChild(ProjectBar)


def paint(session, z: int) -> None:
    layer = session.workspace.start_annotating()
    layer.selected_label = 2
    layer.paint((z, 10, 10), 2)


def saved(session, patience) -> np.ndarray:
    """What is on the disk, which has to be what is painted."""
    autosave = session.project.autosave
    patience(lambda: autosave.folder is not None and not autosave.pending)
    assert autosave.error == ""
    labels = Project.open(autosave.folder).labels()
    assert np.array_equal(labels, session.workspace.annotation.layer.data)
    return labels


def found(session, patience) -> None:
    patience(lambda: not session.project.recovery.searching)


def test_the_second_of_one_process_is_told(open_viewer, patience) -> None:
    first, _ = open_viewer()
    paint(first, 2)
    before = saved(first, patience)
    second, dock = open_viewer()
    found(second, patience)
    assert second.project.recovery.offers == ()
    bar(dock).redraw()
    assert "open in another viewer" in bar(dock).status.text()
    assert first.project.folder.name in bar(dock).status.text()
    paint(second, 5)
    assert saved(second, patience)[2].max() == 0
    assert np.array_equal(saved(first, patience), before)
    assert first.project.folder != second.project.folder


def test_the_second_of_two_processes_is_told(open_viewer, patience) -> None:
    command = [sys.executable, "-c", HOLDER]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as other:
        folder = other.stdout.readline().strip()
        before = Project.open(folder).labels()
        session, dock = open_viewer()
        found(session, patience)
        bar(dock).redraw()
        assert "open in another viewer" in bar(dock).status.text()
        paint(session, 5)
        saved(session, patience)
        assert str(session.project.folder) != folder
        assert np.array_equal(Project.open(folder).labels(), before)
        other.stdin.close()


def test_both_recover_the_same_project(open_viewer, patience) -> None:
    earlier, _ = open_viewer()
    paint(earlier, 2)
    saved(earlier, patience)
    earlier.close()
    first, _ = open_viewer()
    second, _ = open_viewer()
    for session in (first, second):
        found(session, patience)
        assert len(session.project.recovery.offers) == 1
    for session in (first, second):
        session.project.recovery.recover()
    for session in (first, second):
        patience(lambda session=session: not session.project.recovery.busy)
    sessions = [s for s in (first, second) if s.project.autosave is not None]
    assert sessions
    for z, session in enumerate(sessions, start=4):
        paint(session, z)
    for session in sessions:
        assert saved(session, patience)[2].max() == 2
    folders = {session.project.folder for session in sessions}
    assert len(folders) == len(sessions)
    assert len(list(projects_root().iterdir())) == len(sessions)
