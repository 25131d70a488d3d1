"""The map of the Explore dock, with the real mouse in a window on the screen."""

import time
import weakref
from itertools import pairwise

import numpy as np
import pyqtgraph
import pytest
from matplotlib.path import Path
from qtpy.QtCore import QPoint, QPointF, Qt

from napari_sciml.exploring.config import ExploreConfig
from napari_sciml.exploring.patches import PatchGrid
from napari_sciml.exploring.result import Explored
from napari_sciml.plugin.exploring.layers import EXPLORED, MOST_OUTLINES
from napari_sciml.plugin.exploring.plot import MOST_POINTS
from napari_sciml.plugin.exploring.selection import Exploration

pytestmark = pytest.mark.gui

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def viewer(make_napari_viewer_proxy):
    """Hidden widgets hear nothing of a mouse that moves."""
    made = make_napari_viewer_proxy(show=True)
    made.window.resize(1400, 950)
    return made


@pytest.fixture
def drag(qtbot, monkeypatch):
    """Drag through places of the map with the real mouse, quicker than a hand does."""
    monkeypatch.setitem(pyqtgraph.CONFIG_OPTIONS, "mouseRateLimit", -1)

    def through(dock, corners, keys=Qt.KeyboardModifier.NoModifier):
        target = dock.plot.widget.viewport()
        pixels = [on_screen(dock, corner) for corner in corners]
        qtbot.mousePress(target, LEFT, keys, pixels[0])
        for start, end in pairwise(pixels):
            for share in (0.5, 1.0):
                qtbot.mouseMove(target, start + (end - start) * share)
        qtbot.mouseRelease(target, LEFT, keys, pixels[-1])

    return through


def on_screen(dock, place) -> QPoint:
    scene = dock.plot.box.mapViewToScene(QPointF(*map(float, place)))
    return dock.plot.widget.mapFromScene(scene)


def round_all(dock) -> list[tuple[float, float]]:
    (left, right), (bottom, top) = dock.plot.box.viewRange()
    x, y = 0.01 * (right - left), 0.01 * (top - bottom)
    low, high = (left + x, bottom + y), (right - x, top - y)
    return [low, (high[0], low[1]), high, (low[0], high[1]), low]


@pytest.mark.parametrize(
    "place",
    [
        {"scale": (3, 0.5, 0.5)},
        {"scale": (3, 2, 2), "translate": (10, -200, 50)},
        {"scale": (1, 2, 2), "rotate": [[1, 0, 0], [0, 0.8, -0.6], [0, 0.6, 0.8]]},
        {"affine": [[2, 0, 0, 5], [0, 1, 0.3, -9], [0, 0.1, 3, 4], [0, 0, 0, 1]]},
    ],
)
def test_a_click_sends_the_camera_to_the_patch(
    viewer, explored, qtbot, place, patience
) -> None:
    dock = explored(**place)
    run = dock.session.exploring
    away = np.linalg.norm(run.result.plane - np.median(run.result.plane, 0), axis=1)
    index = int(away.argmax())  # one that lies alone
    at = on_screen(dock, run.result.plane[index])
    qtbot.mouseClick(dock.plot.widget.viewport(), LEFT, pos=at)
    assert run.selection.at == index
    layer = viewer.layers["scan"]
    world = np.array(layer.data_to_world(run.result.places[index]))
    center = np.array(viewer.scene.camera.center)[1:]
    shown = np.array([viewer.dims.point[0], *center])
    inside = np.asarray(layer.world_to_data(shown))
    np.testing.assert_allclose(inside, run.result.places[index], atol=1)
    np.testing.assert_allclose(shown[1:], world[1:], atol=1e-6)
    run.selection.select(np.array([index]))
    patience(lambda: EXPLORED in viewer.layers)
    square = viewer.layers[EXPLORED]
    np.testing.assert_allclose(square.data_to_world(square.data[0]), world)


def test_a_click_in_the_image_marks_the_patch(viewer, explored, click_world) -> None:
    dock = explored(scale=(3, 2, 2))
    run = dock.session.exploring
    index = 40
    viewer.dims.set_point(0, 0)
    click_world(run.result.places[index][1:] * 2 + 0.4)
    assert run.selection.at == index


def test_a_click_beside_all_patches_marks_the_nearest(
    viewer, explored, click_world, patience
) -> None:
    dock = explored(np.random.default_rng(0).normal(size=(46, 75, 75)), scale=(3, 2, 2))
    run = dock.session.exploring
    dock.form.stride.setValue(15)
    run.explore(dock.config())
    patience(lambda: not run.doing)
    viewer.dims.set_point(0, 0)
    click_world(np.array([15.0, 14.0]) * 2)
    wanted = np.linalg.norm(run.result.places - [0, 15, 14], axis=1).argmin()
    assert run.selection.at == wanted
    np.testing.assert_array_equal(run.selection.marked, [wanted])
    click_world(np.array([-3.0, 14.0]))  # outside of the image: nothing is meant
    assert run.selection.at == wanted


def test_squares_and_map_are_linked_both_ways(viewer, explored, patience) -> None:
    dock = explored(scale=(3, 2, 2))
    run = dock.session.exploring
    rows = np.array([4, 40, 120, 200])
    run.selection.select(rows)
    patience(lambda: EXPLORED in viewer.layers)
    layer = viewer.layers[EXPLORED]
    layer.selected_data = {1, 3}
    np.testing.assert_array_equal(run.selection.marked, [40, 200])
    shown = np.stack(dock.plot._mark.getData(), axis=1)
    np.testing.assert_allclose(shown, run.result.plane[[40, 200]])
    run.selection.go_to(120)  # as a click in the map does
    assert set(layer.selected_data) == {2}
    layer.selected_data = {0}
    layer.remove_selected()
    np.testing.assert_array_equal(run.selection.selected, rows[1:])
    patience(lambda: not run.selection._showing.isActive())
    assert len(layer.data) == 3
    inside = run.result.places[77] + [0, 1, 1]
    layer.add(layer.world_to_data(viewer.layers["scan"].data_to_world(inside)))
    assert 77 in run.selection.selected
    patience(lambda: len(layer.data) == 4 and not run.selection._showing.isActive())
    world = [layer.data_to_world(point) for point in layer.data]
    places = run.result.places[run.selection.selected]
    wanted = [viewer.layers["scan"].data_to_world(place) for place in places]
    np.testing.assert_allclose(world, wanted)
    viewer.layers.remove(layer)
    run.selection.select(rows[:2])
    patience(lambda: EXPLORED in viewer.layers)
    viewer.layers[EXPLORED].selected_data = {0}
    assert rows[0] in run.selection.marked


def test_hovering_shows_the_patch(explored, qtbot) -> None:
    dock = explored()
    plane = dock.session.exploring.result.plane
    at = on_screen(dock, plane[7])
    target = dock.plot.widget.viewport()
    qtbot.mouseMove(target, at + QPoint(3, 3))
    qtbot.mouseMove(target, at)
    qtbot.waitUntil(lambda: dock.plot.hovered >= 0)
    assert not dock.plot.hover.pixmap().isNull()
    dock.lasso.click()
    qtbot.mouseMove(target, at + QPoint(1, 1))
    qtbot.waitUntil(lambda: dock.plot.hovered < 0)


def test_lassos_select_add_and_take_away(viewer, explored, drag, patience) -> None:
    dock = explored()
    run = dock.session.exploring
    dock.lasso.click()
    everything = round_all(dock)
    drag(dock, everything)
    assert len(run.selection.selected) == len(run.result)
    middle = np.mean(everything[:4], axis=0)
    half = [(min(corner[0], middle[0]), corner[1]) for corner in everything]
    drag(dock, half, Qt.KeyboardModifier.ControlModifier)
    kept = np.flatnonzero(run.result.plane[:, 0] > middle[0])
    assert abs(len(run.selection.selected) - len(kept)) <= 2
    drag(dock, half, Qt.KeyboardModifier.ShiftModifier)
    assert len(run.selection.selected) == len(run.result)
    patience(lambda: EXPLORED in viewer.layers)
    layer = viewer.layers[EXPLORED]
    assert len(layer.data) == len(run.result)
    assert (layer.size == 8).all()
    assert dock.strip.count() > 10


def test_a_hundred_thousand_points_stay_quick(opened) -> None:
    rng = np.random.default_rng(0)
    image = rng.normal(size=(10, 108, 108)).astype(np.float32)
    dock = opened(image)
    run = dock.session.exploring
    grid = PatchGrid.of(image, patch=8, stride=1, dims=2)
    count = len(grid)
    assert count > 100_000 > MOST_POINTS
    many = Explored(
        config=ExploreConfig(),
        places=grid.places(),
        size=grid.size,
        latent=rng.normal(size=(count, 4)).astype(np.float32),
        plane=rng.normal(size=(count, 2)).astype(np.float32),
        clusters=rng.integers(6, size=count),
        oddness=np.ones(count, np.float32),
        map="tsne",
    )
    layer = weakref.ref(dock.session.workspace.image)
    run.selection.use(Exploration(many, grid, (layer,)))
    run.changed.emit()
    assert dock.plot._density.isVisible()
    corners = np.array([[np.cos(a), np.sin(a)] for a in np.linspace(0, 6.28, 80)])
    best = np.inf
    for _ in range(3):
        start = time.perf_counter()
        dock.plot.lassoed.emit(dock.plot._inside.polygon(corners), "set")
        best = min(best, time.perf_counter() - start)
    wanted = np.flatnonzero(Path(corners).contains_points(many.plane))
    np.testing.assert_array_equal(run.selection.selected, wanted)
    assert best < 0.1
    run.selection.show_selected()
    squares = dock.session.workspace.layers.get(EXPLORED)
    assert len(squares.data) <= MOST_OUTLINES
