"""Walk through the annotated slices, fill between them, hide layers by key."""

from types import SimpleNamespace

import numpy as np
import pytest
from app_model.types import KeyBinding
from napari.components import ViewerModel
from napari.layers import Labels
from napari.utils.shortcuts import default_shortcuts

from napari_sciml.errors import InputError
from napari_sciml.plugin.annotate import keys
from napari_sciml.plugin.annotate.slices import AnnotatedSlices, shown_slice
from napari_sciml.plugin.state.labels.annotation import Annotation

pytestmark = pytest.mark.gui


def press(layer, key: str) -> None:
    layer.keymap[KeyBinding.from_str(key)](layer)


@pytest.fixture
def walk(viewer):
    """Annotate any array in a viewer, without an image."""
    annotation = Annotation()

    def follow(labels, **place):
        layer = viewer.add_labels(labels, **place)
        layer = getattr(layer, "__wrapped__", layer)
        annotation.follow(layer)
        return AnnotatedSlices(SimpleNamespace(viewer=viewer, annotation=annotation))

    follow.annotation = annotation
    yield follow
    annotation.follow(None)


def place(walker, viewer):
    layer = walker._workspace.annotation.layer
    return shown_slice(layer, viewer.dims).position


@pytest.mark.parametrize(
    "where",
    [
        {},
        {"scale": (3, 0.5, 0.5)},
        {"scale": (2, 1, 1), "translate": (50, -3, 7)},
        {"rotate": 30.0, "scale": (3, 1, 1)},
    ],
    ids=["plain", "anisotropic", "moved", "rotated"],
)
def test_annotated_slices_one_by_one(walk, viewer, where) -> None:
    labels = np.zeros((20, 16, 12), np.uint8)
    if "rotate" in where:  # in the plane of the slices, as napari draws them
        turn = np.eye(3)
        turn[1:, 1:] = [[0.866, 0.5], [-0.5, 0.866]]
        where = {**where, "rotate": turn}
    labels[[3, 4, 15]] = 1
    walker = walk(labels, **where)
    viewer.dims.set_point(0, viewer.layers[0].data_to_world((9, 8, 6))[0])
    assert place(walker, viewer) == 9
    seen = []
    for _ in range(2):
        walker.go_to_previous()
        seen.append(place(walker, viewer))
    with pytest.raises(InputError, match="no annotated slice below"):
        walker.go_to_previous()
    for _ in range(2):
        walker.go_to_next()
        seen.append(place(walker, viewer))
    with pytest.raises(InputError, match="no annotated slice above"):
        walker.go_to_next()
    assert seen == [4, 3, 4, 15]


def test_goes_along_the_axis_of_the_slider(walk, viewer) -> None:
    labels = np.zeros((10, 16, 12), np.uint8)
    labels[2, 5, 7] = labels[2, 11, 7] = 1
    walker = walk(labels)
    viewer.dims.order = (1, 0, 2)
    viewer.dims.set_point(1, 0)
    walker.go_to_next()
    assert viewer.dims.current_step[1] == 5
    walker.go_to_next()
    assert viewer.dims.current_step[1] == 11


def test_a_time_series_has_two_sliders(walk, viewer) -> None:
    labels = np.zeros((4, 9, 16, 12), np.uint8)
    labels[1, 2], labels[1, 6], labels[3, 4] = 1, 1, 1
    walker = walk(labels, scale=(60, 2, 1, 1))
    for axis, step in ((0, 1), (1, 0)):
        viewer.dims.set_current_step(axis, step)
    viewer.dims.last_used = 1
    walker.go_to_next()
    walker.go_to_next()
    assert viewer.dims.current_step[:2] == (1, 6)
    with pytest.raises(InputError, match="above"):
        walker.go_to_next()
    viewer.dims.set_current_step(1, 4)
    viewer.dims.last_used = 0
    walker.go_to_next()
    assert viewer.dims.current_step[:2] == (3, 4)


def test_an_image_has_no_slices(walk, viewer) -> None:
    walker = walk(np.ones((8, 8), np.uint8))
    with pytest.raises(InputError, match="no slices"):
        walker.go_to_next()


def disk(center):
    grid = np.indices((40, 40))
    return (grid[0] - center[0]) ** 2 + (grid[1] - center[1]) ** 2 <= 16


def test_fills_between_and_can_be_undone(walk, viewer) -> None:
    labels = np.zeros((9, 40, 40), np.uint8)
    labels[2][disk((12, 12))] = labels[6][disk((12, 20))] = 2
    labels[4, 12, :] = 1
    before = labels.copy()
    walker = walk(labels, scale=(4, 1, 1))
    layer = walker._workspace.annotation.layer
    layer.selected_label = 2
    viewer.dims.set_current_step(0, 3)
    assert "between slices 2 and 6" in walker.fill()
    assert np.array_equal(layer.data[3] == 2, disk((12, 14)))
    assert np.array_equal(layer.data[4] == 1, before[4] == 1)
    assert np.array_equal(walk.annotation.store.dense(), layer.data)
    layer.undo()
    assert np.array_equal(layer.data, before)
    layer.selected_label = 1
    with pytest.raises(InputError, match="Paint 'background' in two slices"):
        walker.fill()
    layer.selected_label = 3
    with pytest.raises(InputError, match="Choose the class"):
        walker.fill()


def test_fills_in_a_time_point(walk, viewer) -> None:
    labels = np.zeros((2, 5, 40, 40), np.uint8)
    labels[1, 0][disk((12, 12))] = labels[1, 4][disk((12, 12))] = 1
    walker = walk(labels)
    viewer.dims.set_current_step(0, 1)
    viewer.dims.set_current_step(1, 2)
    viewer.dims.last_used = 1
    walker.fill()
    assert (labels[1] == disk((12, 12))).all()
    assert not labels[0].any()


def test_buttons_and_keys(session, open_dock, viewer) -> None:
    dock = open_dock("Annotate")
    layer = session.workspace.annotation.layer
    viewer.dims.set_current_step(0, 0)
    dock.next.click()
    assert viewer.dims.current_step[0] == 4
    press(layer, keys.NEXT)
    assert viewer.dims.current_step[0] == 6
    press(layer, keys.PREVIOUS)
    dock.previous.click()
    assert "no annotated slice below" in dock.error.text()
    press(layer, keys.PREVIOUS)
    assert "no annotated slice below" in viewer.status
    session.workspace.choose_class(2)
    viewer.dims.set_current_step(0, 5)
    dock.fill.click()
    assert "Filled 'fiber'" in dock.hint.text()
    assert (layer.data[5] == 2).sum() == 24


def test_keys_hide_and_show(trained) -> None:
    session = trained
    layer = session.workspace.annotation.layer
    shown = {
        keys.IMAGE: session.workspace.image,
        keys.ANNOTATION: layer,
        keys.PROBABILITY: session.workspace.layers.get("Probability fiber"),
    }
    for key, hidden in shown.items():
        press(layer, key)
        assert not hidden.visible
        press(layer, key)
        assert hidden.visible
    assert session.workspace.viewer.layers.selection.active is layer


def test_our_keys_are_free_in_napari() -> None:
    """napari lists the keys of the viewer and of Labels before those of Points."""
    names = list(default_shortcuts)
    names = names[: names.index("napari:activate_points_add_mode")]
    assert "napari:new_label" in names
    taken = {str(key) for name in names for key in default_shortcuts[name]}
    taken |= {str(key) for key in (*Labels.class_keymap, *ViewerModel.class_keymap)}
    ours = {keys.PREVIOUS, keys.NEXT, keys.IMAGE, keys.ANNOTATION, keys.PROBABILITY}
    assert len(ours) == 5
    assert not ours & taken


def test_two_dimensional_images_have_no_slice_buttons(viewer, open_dock) -> None:
    viewer.add_image(np.zeros((32, 32), np.float32))
    dock = open_dock("Annotate")
    dock.start.click()
    for control in (dock.previous, dock.next, dock.fill):
        assert not control.isEnabled()
    assert dock.eraser.isEnabled()
