"""The list of projects, on real folders in a real window."""

import numpy as np
import pytest
from test_project_keeper import SHAPE, seed_project

from napari_sciml.project.folder import Project
from napari_sciml.project.places import projects_root

pytestmark = pytest.mark.gui


@pytest.fixture
def projects(qtbot):
    """Two projects on the disk, of two images."""
    root = projects_root()
    found = {}
    for seed, (name, strokes) in enumerate({"Glass": 2, "Axons": 4}.items()):
        picture = np.random.default_rng(seed).random(SHAPE).astype(np.float32)
        folder = root / f"{name.lower()}-folder"
        autosave = seed_project(picture, folder, strokes, name)
        qtbot.waitUntil(lambda made=autosave: made.settled, timeout=60_000)
        assert autosave.close(20)
        found[name] = (Project.open(folder), picture)
    return found


@pytest.fixture
def window(viewer, open_dock, projects, patience):
    from napari_sciml.plugin.project.bar import ProjectBar

    bar = open_dock("Annotate").findChild(ProjectBar)
    bar.open.click()
    window = bar.window_of_projects
    patience(lambda: not window._runner.busy)
    yield window
    window.close()


def choose(window, image: str) -> None:
    numbers = [n for n, row in enumerate(window.rows) if row.image == image]
    window.table.selectRow(numbers[0])


def images(window) -> set[str]:
    return {row.image for row in window.rows}


def test_what_is_told(window) -> None:
    assert images(window) == {"Glass", "Axons"}
    assert window.status.text().startswith("2 projects, ")
    counts = {row.image: row.strokes for row in window.rows}
    assert counts == {"Glass": 2, "Axons": 4}
    folder = window.rows[0].project.folder
    on_disk = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert window.rows[0].size == on_disk


def test_open(window, viewer, projects, patience) -> None:
    viewer.add_image(projects["Glass"][1], name="Glass")
    choose(window, "Glass")
    window.open.click()
    assert not window.isVisible()
    patience(lambda: "Annotation" in viewer.layers)
    patience(lambda: bool(np.asarray(viewer.layers["Annotation"].data).any()))


def test_rename_and_delete(window, patience) -> None:
    choose(window, "Axons")
    window.rename_to("Axons of Tuesday")
    patience(lambda: not window._runner.busy)
    names = {row.project.folder.name.rpartition("-")[0] for row in window.rows}
    assert "axons-of-tuesday" in names
    choose(window, "Axons")
    folder = window.chosen.project.folder
    window.delete_chosen()
    patience(lambda: not window._runner.busy)
    assert images(window) == {"Glass"}
    assert not folder.exists()


def test_copy_is_listed_where_it_is_one_of_ours(window, patience) -> None:
    choose(window, "Glass")
    window.copy_to(str(projects_root() / "second"))
    patience(lambda: len(window.rows) == 3 and not window._runner.busy)


def test_what_cannot_be(window, patience) -> None:
    choose(window, "Glass")
    window.rename_to("   ")
    assert "needs a name" in window.error.text()
    patience(lambda: not window._runner.busy)
    choose(window, "Glass")
    project = window.chosen.project
    other = Project.open(project.folder)
    other.lock()
    window.delete_chosen()
    assert "open" in window.error.text()
    assert project.folder.exists()
    patience(lambda: not window._runner.busy)
    choose(window, "Glass")
    assert not window.delete.isEnabled()
    assert "close it there" in window.open.toolTip()
    other.unlock()
