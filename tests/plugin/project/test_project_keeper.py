"""What is painted in a viewer is saved, and comes back when the user wants it."""

import shutil
import threading
import time

import numpy as np
import pytest
from qtpy.QtWidgets import QLabel, QPushButton

from napari_sciml.io.models.folder import read_record
from napari_sciml.plugin.project.bar import ProjectBar
from napari_sciml.plugin.session import ViewerSession
from napari_sciml.project.folder import Project
from napari_sciml.project.replay import replay_project
from napari_sciml.workflows.projects import strokes_before

pytestmark = pytest.mark.gui
SHAPE = (8, 24, 30)


@pytest.fixture
def picture():
    return np.random.default_rng(0).random(SHAPE).astype(np.float32)


@pytest.fixture
def annotating(viewer, open_dock, picture):
    """A viewer with an image, the Annotate dock, and an empty annotation."""
    viewer.add_image(picture, name="My image", scale=(3, 2, 2), units=("um",) * 3)
    dock = open_dock("Annotate")
    session = ViewerSession.of(viewer)
    session.workspace.start_annotating()
    return session, dock


def paint(session, z, label=2):
    """A stroke, as the mouse makes it."""
    layer = session.workspace.annotation.layer
    layer.selected_label = label
    with layer.block_history():
        for x in range(4, 12):
            layer.paint((z, 10, x), label)


def flushed(session, patience):
    autosave = session.project.autosave
    patience(lambda: not autosave.pending)
    assert autosave.error == ""
    return Project.open(autosave.folder)


def labels_of(session):
    return np.asarray(session.workspace.annotation.layer.data)


def ended():
    names = [thread.name for thread in threading.enumerate()]
    return "napari-sciml autosave" not in names


def seed_project(picture, folder, strokes=3, name="My image"):
    """A project as another session has left it, with a few strokes."""
    from napari_sciml.annotation.changes import LabelChange
    from napari_sciml.project.autosave import Autosave
    from napari_sciml.project.file import ClassEntry
    from napari_sciml.project.image_identity import identify

    classes = [ClassEntry(name=n, color=c) for n, c in NAMES.items()]
    place = {"scale": (3, 2, 2), "units": ("um",) * 3}

    def make():
        identity = identify(picture, name=name, place=place)
        return Project.create(folder, identity, classes=classes)

    autosave = Autosave(make, picture)
    for revision in range(1, strokes + 1):
        start = np.ravel_multi_index((2 * revision - 1, 5, 5), SHAPE)
        indices = np.arange(start, start + 9, dtype=np.int64)
        autosave.labels(LabelChange(revision, indices, np.full(9, 2, np.uint8)))
    return autosave


NAMES = {"matrix": "#112233", "fiber": "#445566", "void": "#778899"}


@pytest.fixture
def saved(picture, projects_folder):
    """A project of an earlier session."""
    from napari_sciml.project.image_identity import identify
    from napari_sciml.project.places import free_place

    folder = free_place(identify(picture, name="My image"))
    autosave = seed_project(picture, folder)
    while not autosave.settled:
        time.sleep(0.02)
    assert autosave.close(20)
    return Project.open(folder)


def offered(session, patience):
    patience(lambda: not session.project.recovery.searching)
    return session.project.recovery.offers


@pytest.mark.parametrize(
    ("told", "then", "known"),
    [((4,), 1, 4), ((4, None), 1, None), ((None,), 1, 1), ((), 1, 1), ((4, 0), 3, 0)],
)
def test_what_is_known_of_the_strokes_comes_back(
    annotating, patience, told, then, known
) -> None:
    """``then`` is what a training before that had said of them."""
    session, _ = annotating
    paint(session, 2)
    for z, number in enumerate(told, start=4):
        session.workspace.annotations.painted_before(session.workspace.image, number)
        paint(session, z)
    project = flushed(session, patience)
    assert strokes_before(project, then) == known
    session.workspace.annotations.painted_before(session.workspace.image, 5)
    session.project.close()
    assert strokes_before(Project.open(project.folder), then) == 5, "told at the end"


def test_the_first_stroke_begins_a_project(annotating, patience, picture) -> None:
    session, _ = annotating
    assert session.project.autosave is None
    paint(session, 2)
    paint(session, 4, label=1)
    session.workspace.annotation.layer.undo()
    session.workspace.annotation.look_again()
    session.workspace.annotation.set_classes(
        session.workspace.annotation.classes.added("void")
    )
    project = flushed(session, patience)
    assert np.array_equal(project.labels(), labels_of(session))
    assert set(np.unique(project.labels(revision=2))) == {0, 1, 2}
    assert set(np.unique(project.labels(revision=3))) == {0, 2}
    assert project.strokes().revision == session.workspace.annotation.revision == 3
    assert project.class_names == ("background", "fiber", "void")
    image = project.description.image
    assert (image.name, image.voxel_size, image.unit) == (
        *("My image", (3, 2, 2)),
        "micrometer",
    )
    assert project.folder.name.startswith("my-image-")
    patience(lambda: session.project.autosave.settled)
    assert np.array_equal(project.open_image(), picture)


def test_looking_at_an_image_saves_nothing(session, projects_folder, patience) -> None:
    assert session.workspace.annotation.layer is not None  # with strokes from a file
    assert offered(session, patience) == ()
    assert session.project.autosave is None
    assert not projects_folder.exists()


def test_a_closed_viewer_has_written_everything(
    make_napari_viewer_proxy, picture, projects_folder
) -> None:
    viewer = make_napari_viewer_proxy()
    viewer.add_image(picture, name="My image")
    viewer.window.add_plugin_dock_widget("napari-sciml", "Annotate")
    session = ViewerSession.of(viewer)
    session.workspace.start_annotating()
    for z in range(6):
        paint(session, z)
    expected = labels_of(session).copy()
    started = time.monotonic()
    viewer.close()
    session.close()
    assert time.monotonic() - started < 10
    assert ended()
    (folder,) = projects_folder.iterdir()
    assert np.array_equal(Project.open(folder).labels(), expected)
    assert not (folder / "lock.json").exists()


def test_recovery_is_offered_and_changes_nothing(
    viewer, open_dock, saved, picture, patience
) -> None:
    viewer.add_image(picture, name="Another name")
    dock = open_dock("Annotate")
    session = ViewerSession.of(viewer)
    (offer,) = offered(session, patience)
    assert (offer.strokes, offer.models) == (3, 0)
    text = dock.findChild(QLabel, "project_status").text()
    assert text.startswith("Recover 3 strokes from ")
    assert session.workspace.annotation.layer is None
    assert not (saved.folder / "lock.json").exists()


def test_recover(viewer, open_dock, saved, picture, patience) -> None:
    viewer.add_image(picture, name="My image")
    dock = open_dock("Annotate")
    session = ViewerSession.of(viewer)
    offered(session, patience)
    dock.findChild(QPushButton, "recover_project").click()
    patience(lambda: session.project.autosave is not None)
    assert np.array_equal(labels_of(session), saved.labels())
    assert session.workspace.annotation.classes.names == tuple(NAMES)
    assert session.workspace.annotation.classes.colors == tuple(NAMES.values())
    assert session.workspace.annotation.revision == 4
    assert session.project.recovery.offers == ()
    paint(session, 6)
    project = flushed(session, patience)
    assert project.folder == saved.folder
    assert np.array_equal(project.labels(), labels_of(session))
    assert np.array_equal(project.labels(revision=3), saved.labels(revision=3))
    session.workspace.annotation.layer.undo()
    session.workspace.annotation.layer.undo()  # the recovery itself
    assert not labels_of(session).any()


def test_strokes_painted_meanwhile_stay(
    viewer, open_dock, saved, picture, patience
) -> None:
    viewer.add_image(picture, name="My image")
    open_dock("Annotate")
    session = ViewerSession.of(viewer)
    session.workspace.start_annotating()
    offered(session, patience)
    voxel = (np.array([1]), np.array([5]), np.array([6]))
    session.workspace.annotation.layer.data_setitem(voxel, 1)
    fresh = flushed(session, patience)
    assert fresh.folder.name == f"{saved.folder.name}-2"
    session.project.recovery.recover()
    patience(lambda: session.project.folder == saved.folder)
    expected = saved.labels()
    expected[1, 5, 6] = 1
    assert np.array_equal(labels_of(session), expected)
    assert np.array_equal(flushed(session, patience).labels(), expected)


def test_start_fresh_deletes_nothing(
    viewer, open_dock, saved, picture, projects_folder, patience
) -> None:
    viewer.add_image(picture, name="My image")
    dock = open_dock("Annotate")
    session = ViewerSession.of(viewer)
    offered(session, patience)
    dock.findChild(QPushButton, "start_fresh").click()
    assert session.project.recovery.offers == ()
    (older,) = (projects_folder / "older").iterdir()
    assert np.count_nonzero(Project.open(older).labels()) == 27
    session.workspace.start_annotating()
    paint(session, 1)
    assert flushed(session, patience).folder == saved.folder


def test_a_project_of_another_machine(viewer, open_dock, saved, patience, tmp_path):
    folder = shutil.copytree(saved.folder, tmp_path / "from a stick")
    shutil.rmtree(saved.folder)
    open_dock("Annotate")
    session = ViewerSession.of(viewer)
    session.project.recovery.open(folder)
    patience(lambda: session.project.autosave is not None)
    layer = session.workspace.image
    assert (layer.name, layer.scale.tolist()) == ("My image", [3, 2, 2])
    assert [str(unit) for unit in layer.units] == ["micrometer"] * 3
    assert np.array_equal(labels_of(session), Project.open(folder).labels())
    paint(session, 7)
    assert flushed(session, patience).folder == folder


def test_opening_takes_the_layer_that_fits(
    viewer, open_dock, saved, picture, patience
) -> None:
    viewer.add_image(picture * 2, name="same shape")
    fits = viewer.add_image(picture, name="renamed")
    open_dock("Annotate")
    session = ViewerSession.of(viewer)
    assert session.workspace.image.name == "same shape"
    session.project.recovery.open(saved.folder)
    patience(lambda: session.project.autosave is not None)
    assert session.workspace.image.name == fits.name
    assert len(session.workspace.images) == 2


def test_what_cannot_be_opened(viewer, open_dock, saved, patience, tmp_path) -> None:
    dock = open_dock("Annotate")
    session = ViewerSession.of(viewer)
    (saved.folder / "image.npy").unlink()
    for folder, match in (
        (tmp_path, "is not a project"),
        (saved.folder, "open this image first"),
    ):
        session.project.recovery.open(folder)
        patience(lambda: not session.project.recovery.busy)
        text = dock.findChild(QLabel, "project_status").text()
        assert match in text
    assert session.workspace.annotation.layer is None


def test_a_copy(annotating, patience, tmp_path, picture) -> None:
    session, dock = annotating
    paint(session, 3)
    flushed(session, patience)
    bar = dock.findChild(ProjectBar)
    bar.redraw()
    assert bar.copy.isEnabled()
    session.project.recovery.save_copy(tmp_path / "copy")
    patience(lambda: not session.project.recovery.busy)
    copied = Project.open(tmp_path / "copy")
    assert np.array_equal(copied.labels(), labels_of(session))
    assert np.array_equal(copied.open_image(), picture)
    session.project.recovery.save_copy(tmp_path / "copy")
    patience(lambda: not session.project.recovery.busy)
    assert "is there already" in bar.status.text()


def test_images_and_docks_come_and_go(annotating, viewer, patience, picture) -> None:
    session, dock = annotating
    first = session.workspace.image
    paint(session, 1)
    folder = flushed(session, patience).folder
    second = viewer.add_image(picture[:4] + 1, name="second")
    session.workspace.choose_image(second)
    assert session.project.autosave is None
    session.workspace.start_annotating()
    paint(session, 2)
    assert flushed(session, patience).folder != folder
    session.workspace.choose_image(first)
    paint(session, 5)
    project = flushed(session, patience)
    assert project.folder == folder
    assert np.array_equal(project.labels(), labels_of(session))
    session.close()
    patience(ended)
    session.attach(dock)
    paint(session, 6)
    project = flushed(session, patience)
    assert project.folder == folder
    assert np.array_equal(project.labels(), labels_of(session))


def test_a_deleted_annotation_can_be_brought_back(annotating, viewer, patience) -> None:
    session, _ = annotating
    paint(session, 1)
    folder = flushed(session, patience).folder
    before = labels_of(session).copy()
    viewer.layers.remove(session.workspace.annotation.layer)
    assert np.array_equal(Project.open(folder).labels(), before)
    session.workspace.start_annotating()
    assert session.project.autosave is None
    (offer,) = offered(session, patience)
    assert offer.project.folder == folder
    session.project.recovery.recover()
    patience(lambda: session.project.folder == folder)
    assert np.array_equal(labels_of(session), before)


def test_an_error_is_shown_until_it_is_gone(annotating, patience, monkeypatch):
    monkeypatch.setattr("napari_sciml.project.autosave.RETRY_SECONDS", 0.1)
    session, dock = annotating
    paint(session, 1)
    folder = flushed(session, patience).folder
    status = dock.findChild(QLabel, "project_status")
    folder.rename(folder.with_name("away"))
    paint(session, 2)
    patience(lambda: status.text().startswith("Not saved: something is missing"))
    folder.with_name("away").rename(folder)
    patience(lambda: "Saved in" in status.text())
    assert np.array_equal(flushed(session, patience).labels(), labels_of(session))


def test_models_and_trainings_are_kept(session, viewer, patience) -> None:
    train_until_settled(session, patience)
    project = flushed(session, patience)
    stored = project.models.entries()
    models = session.history.models
    assert [kept.number for kept in stored] == [kept.number for kept in models]
    assert stored[-1].score == models[-1].score
    assert {kept.run for kept in stored} == {1}
    assert "packages" in read_record(stored[-1].folder)
    run = project.runs()[1]
    assert run.taken == ((0, session.workspace.annotation.revision),)
    assert run.started.settings["members"] == 2
    assert run.started.threads >= 1
    session.close()
    patience(ended)
    # All that a replay needs is there.
    summary = replay_project(project.folder, report=lambda *_: None)
    assert summary["model"] == stored[-1].number
    assert summary["same_weights"], summary
    come_back_the_next_day(viewer, project, stored, patience)


def train_until_settled(session, patience):
    from napari_sciml.plugin.train.status import Phase
    from napari_sciml.training.config import TrainingConfig

    training = session.training
    training.start(TrainingConfig(members=2, seconds=1))
    patience(lambda: training.phase is Phase.WAITING and training.settled)
    training.stop()
    patience(lambda: not session.workspace.runner.busy)


def come_back_the_next_day(viewer, project, stored, patience):
    session = ViewerSession(getattr(viewer, "__wrapped__", viewer))
    (offer,) = offered(session, patience)
    assert offer.models == len(stored)
    session.project.recovery.recover()
    patience(lambda: session.project.folder == project.folder)
    recovered = map(session.history.model, session.history.models)
    assert list(recovered) == [None] * len(stored)
    session.training.go_back(0)
    assert session.prediction.model.revision == stored[0].revision
    patience(lambda: not session.workspace.runner.busy)
    session.workspace.annotation.layer.paint((1, 1, 1), 2)
    train_until_settled(session, patience)
    models = session.history.models
    assert models[len(stored)].number == stored[-1].number + 1
    again = flushed(session, patience)
    assert max(again.runs()) == 2
    # A stroke of the next day corrects the picture of the day before.
    assert again.runs()[2].started.before == again.runs()[1].started.before
    assert len(again.models.entries()) == len(models)
    session.close()
    patience(ended)


def test_a_viewer_without_docks_ends_its_thread(session, patience) -> None:
    paint(session, 3)
    assert session.project.autosave.running  # the fixture waits for its end
