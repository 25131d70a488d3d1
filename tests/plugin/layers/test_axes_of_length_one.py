"""Axes of length 1, as readers give them: left out of the image, and ours lie on it."""

import dask.array as da
import numpy as np
import pytest
from gui_helpers import bright_bar, is_settled
from napari.layers import Image, Labels

from napari_sciml.images.channels import ChannelImage
from napari_sciml.plugin.layers.axes import LayerAxes, Lifted
from napari_sciml.plugin.layers.images import (
    dims_for,
    layer_transform,
    pixels,
    voxel_size,
)
from napari_sciml.plugin.session import ViewerSession

CASES = {
    "time": ((1, 5, 6, 7), None, (1, 2, 3), (1, 2, 3)),
    "time and channel": ((1, 1, 5, 6, 7), None, (2, 3, 4), (2, 3, 4)),
    "inner channel": ((5, 1, 6, 7), None, (0, 2, 3), (0, 1, 2, 3)),
    "both": ((1, 5, 1, 6, 7), None, (1, 3, 4), (1, 2, 3, 4)),
    "one plane": ((1, 6, 7), None, (1, 2), (1, 2)),
    "named time": ((1, 5, 6, 7), "tzyx", (1, 2, 3), (1, 2, 3)),
    "named channel": ((1, 6, 7), "cyx", (1, 2), (1, 2)),
    "frames of a plane": ((5, 1, 6, 7), "tzyx", (0, 2, 3), (0, 1, 2, 3)),
    "channels after time": ((1, 2, 5, 6, 7), "tczyx", (2, 3, 4), (2, 3, 4)),
    "channels of a plane": ((2, 1, 6, 7), "czyx", (2, 3), (2, 3)),
    "a row": ((5, 1, 7), None, (0, 1, 2), (0, 1, 2)),
}


@pytest.mark.parametrize("kind", ["array", "dask", "pyramid"])
@pytest.mark.parametrize("case", CASES)
def test_which_axes_an_image_and_our_layers_have(case, kind) -> None:
    shape, names, space, own = CASES[case]
    data = np.random.default_rng(0).integers(0, 255, shape, np.uint8)
    given = {"array": data, "dask": da.from_array(data), "pyramid": [data, data]}[kind]
    scale = np.arange(2, 2 + len(shape))
    labels = {"axis_labels": tuple(names)} if names else {}
    layer = Image(given, scale=scale, multiscale=kind == "pyramid", **labels)
    axes = LayerAxes.of(layer)
    assert (axes.space, axes.own) == (space, own)
    image = pixels(layer)
    found, wanted = image[...], data.squeeze() if case != "a row" else data
    if isinstance(image, ChannelImage):
        found = np.moveaxis(found, -1, 0)
    np.testing.assert_array_equal(found, wanted)
    assert dims_for(layer) == (2 if case == "frames of a plane" else None)
    assert voxel_size(layer)[0] == tuple(scale[list(space)])

    ours = Labels(axes.lift(np.zeros(image.shape, np.uint8)), **layer_transform(layer))
    point = np.arange(len(space)) + 1.0
    world = np.asarray(layer.data_to_world(axes.point(point)))[list(own)]
    there = ours.data_to_world(LayerAxes.of(ours).point(point))
    np.testing.assert_allclose(there, world)


def test_a_color_picture_of_a_single_plane_is_a_picture() -> None:
    layer = Image(np.zeros((1, 6, 7, 4), np.uint8), rgb=True)
    image = pixels(layer)
    assert (image.shape, image.channels) == ((6, 7), 3)
    assert image[:2].shape == (2, 7, 3)


@pytest.mark.parametrize(
    "key", [..., 2, (slice(1, 4), 0, -1), (3, 0), (slice(None), slice(0, 0))]
)
def test_lifted_arrays_are_sliced_as_numpy_would(key) -> None:
    data = np.arange(5 * 6 * 7).reshape(5, 6, 7)
    lifted, expected = Lifted(data, [1]), data[:, None]
    assert lifted.shape == expected.shape
    np.testing.assert_array_equal(lifted[key], expected[key])


@pytest.mark.gui
@pytest.mark.timeout(240)
@pytest.mark.parametrize("at", [(0,), (1,), (0, 2)])
def test_from_strokes_to_fibers(at, viewer, open_dock, patience) -> None:
    image, labels = bright_bar()
    data = np.expand_dims(image, at)
    scale = np.full(data.ndim, 7.0)
    space = [axis for axis in range(data.ndim) if axis not in at]
    scale[space] = (3, 2, 1)
    layer = viewer.add_image(data, name="image", scale=scale)
    session = ViewerSession.of(viewer)
    annotate, train = open_dock("Annotate"), open_dock("Train")
    annotate.start.click()
    assert annotate.error.text() == ""
    strokes = np.nonzero(labels)
    flat = np.ravel_multi_index(strokes, labels.shape)
    session.workspace.annotation.write(flat, labels[strokes])
    patience(lambda: len(session.workspace.annotation.counts.voxels) == 2)
    np.testing.assert_array_equal(session.workspace.annotation.snapshot(), labels)
    viewer.dims.set_point(space[0], 3 * 4)
    annotate.next.click()
    assert annotate.error.text() == ""
    assert viewer.dims.point[space[0]] == 3 * 6

    train.members.setValue(2)
    train.seconds.setValue(3)
    train.start.click()
    patience(lambda: is_settled(session) or bool(train.error.text()))
    assert train.error.text() == ""
    assert session.workspace.target.view.region[0] == slice(6, 7)
    session.training.stop()
    patience(lambda: not session.workspace.runner.busy)
    session.sure.keep()
    session.sure.settle()

    fibers = open_dock("Fibers")
    fibers.measure.click()
    patience(lambda: not session.workspace.measuring.busy)
    assert fibers.error.text() == ""
    assert fibers.form.size.text().startswith("3 x 2 x 1")
    session.fibers.choose(int(session.fibers.result.table["label"].iloc[0]))

    world = layer.data_to_world(LayerAxes.of(layer).point([8, 15, 16]))
    for ours in viewer.layers:
        inside = np.rint(ours.world_to_data(world)).astype(int)[-ours.ndim :]
        found = ours.data[tuple(inside)]
        if ours.name in ("Fibers", session.sure.layer_name):
            assert found > 0


@pytest.mark.gui
@pytest.mark.parametrize("at", [0, 1])
def test_a_stroke_of_the_brush_reaches_the_store(at, viewer, open_dock) -> None:
    viewer.add_image(np.expand_dims(np.zeros((4, 20, 20)), at))
    annotate = open_dock("Annotate")
    annotate.start.click()
    layer = annotate.session.workspace.annotation.layer
    place = [2, 5, 6] if at == 0 else [2, 0, 5, 6]
    layer.brush_size = 1
    layer.paint(place, 2)
    store = annotate.session.workspace.annotation.store
    assert store.indices.tolist() == [np.ravel_multi_index((2, 5, 6), (4, 20, 20))]


@pytest.mark.gui
@pytest.mark.parametrize("at", [(), (0,), (1,), (0, 1)])
@pytest.mark.parametrize("pyramid", [False, True])
def test_masks_can_be_measured(at, pyramid, viewer, open_dock, patience) -> None:
    mask = np.zeros((12, 20, 40), np.uint8)
    mask[2:5, 3:6, 2:38] = 1
    mask = np.expand_dims(mask, at)
    scale = [9 if axis in at else 2 for axis in range(mask.ndim)]
    data = [mask, mask[..., ::2, ::2]] if pyramid else mask
    layer = viewer.add_labels(data, name="mask", scale=scale, multiscale=pyramid)
    dock = open_dock("Fibers")
    dock.measure.click()
    patience(lambda: not dock.session.workspace.measuring.busy)
    assert dock.error.text() == ""
    lengths = dock.session.fibers.result.table["length"].tolist()
    assert lengths == [pytest.approx(72, rel=0.05)]
    ours = viewer.layers["Fibers"]
    world = layer.data_to_world(LayerAxes.of(layer).point([3, 4, 10]))
    inside = np.rint(ours.world_to_data(world)).astype(int)[-ours.ndim :]
    assert ours.data[tuple(inside)] == 1


@pytest.mark.gui
@pytest.mark.parametrize("at", [0, 1])
def test_the_focus_lies_on_its_image(at, viewer, open_dock, patience) -> None:
    from napari_sciml.focus.training.textures import texture

    plane = texture(np.random.default_rng(3), 168)
    stack = np.stack([(plane - plane.min()) * 900] * 3).astype(np.uint16)
    scale = [9, 9, 3, 2]
    scale[1 - at] = 5
    layer = viewer.add_image(np.expand_dims(stack, at), scale=scale)
    dock = open_dock("Focus")
    dock.rate.click()
    patience(lambda: not dock.session.focus.busy)
    assert dock.error.text() == ""
    axes, certainty = LayerAxes.of(layer), viewer.layers["Focus certainty"]
    cells = LayerAxes.of(certainty)
    shape = np.array(certainty.data.shape)[list(cells.space)]
    for share in (np.zeros(3), np.ones(3)):
        world = layer.data_to_world(axes.point(share * stack.shape - 0.5))
        found = certainty.data_to_world(cells.point(share * shape - 0.5))
        np.testing.assert_allclose(found[-3:], np.asarray(world)[-3:], atol=10)
        own = [axis for axis in range(4) if axis != at][1:]
        np.testing.assert_allclose(
            np.asarray(found)[-2:], np.asarray(world)[own], atol=1e-6
        )
    dock.session.focus.choose((1, 0, 0))
    assert viewer.dims.point[1 - at] == 5
    dock.session.focus.go_to_plane(2)
    assert viewer.dims.point[1 - at] == 10
    assert dock.session.focus.shown.shown_plane(viewer) == (2,)
