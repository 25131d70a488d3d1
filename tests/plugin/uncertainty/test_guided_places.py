"""Where the window is after a jump, on layers that lie in any way."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from napari_sciml.plugin.session import ViewerSession
from napari_sciml.plugin.state.prediction_volume import PredictionVolume
from napari_sciml.plugin.uncertainty.guide import LOOK_HERE, SURROUNDINGS

pytestmark = pytest.mark.gui

SHAPES = {2: (96, 80), 3: (24, 96, 80)}
CENTERS = {2: (60, 30), 3: (9, 60, 30)}
PLACES = {
    "plain": {},
    "scaled": {"scale": (0.5, 0.5), "translate": (100, -40)},
    "rotated": {"rotate": 35, "translate": (7, 9), "units": ("um", "um")},
    "stretched": {"scale": (1, 3), "axis_labels": ("y", "x")},
    "flat voxels": {"scale": (4, 1, 1), "units": ("nm",) * 3},
    "affine": {
        "scale": (2, 1, 1),
        "affine": [[1, 0, 0, 5], [0, 0.8, -0.6, 0], [0, 0.6, 0.8, 0], [0, 0, 0, 1]],
    },
}


def predicted(viewer, ndim: int, place=None) -> ViewerSession:
    """A session with one disputed ball, of which the networks say nothing else."""
    shape, center = SHAPES[ndim], CENTERS[ndim]
    viewer.add_image(np.zeros(shape, np.float32), name="image", **(place or {}))
    session = ViewerSession.of(viewer)
    volume = PredictionVolume(shape, ("background", "fiber"))
    grid = np.indices(shape)
    near = sum((g - c) ** 2 for g, c in zip(grid, center, strict=True)) < 49
    volume.mutual_information[near], volume.known[...] = 0.8, True
    session.prediction.probabilities = volume
    return session


def camera(viewer):
    return getattr(viewer, "scene", viewer).camera


@pytest.mark.parametrize("name", PLACES)
def test_the_spot_is_in_the_middle_of_the_window(viewer, patience, name) -> None:
    place = PLACES[name]
    ndim = 3 if len(place.get("scale", ())) == 3 else 2
    session = predicted(viewer, ndim, place)
    viewer.window.resize(1000, 800)
    session.guide.show_next()
    patience(lambda: session.guide.spot is not None)
    spot, image = session.guide.spot, session.workspace.image
    assert np.all(np.abs(np.subtract(spot.center, CENTERS[ndim])) <= 8)
    world = [*viewer.dims.point[: ndim - 2], *camera(viewer).center[-2:]]
    middle = image.world_to_data(world)
    np.testing.assert_allclose(middle, spot.center, atol=0.51)
    corner = [part.start for part in spot.region]
    edges = []
    for axis in (-2, -1):
        end = [*corner]
        end[axis] = spot.region[axis].stop
        step = np.subtract(image.data_to_world(end), image.data_to_world(corner))
        edges.append(np.linalg.norm(step[-2:]))
    size = min(viewer.canvas.size)
    assert size / camera(viewer).zoom == pytest.approx(SURROUNDINGS * max(edges))
    mark = viewer.layers[LOOK_HERE]
    begin = np.array([part.start for part in spot.region]) - 0.5
    end = np.array([part.stop for part in spot.region]) - 0.5
    last = np.array(mark.data.shape) - 0.5
    for mine, its in ((-0.5 * np.ones(ndim), begin), (last, end)):
        np.testing.assert_allclose(mark.data_to_world(mine), image.data_to_world(its))
    for attribute in ("units", "axis_labels"):
        assert getattr(mark, attribute) == getattr(image, attribute)


def test_flat_voxels_make_flat_blocks(viewer, patience) -> None:
    session = predicted(viewer, 2, PLACES["stretched"])
    session.guide.show_next()
    patience(lambda: session.guide.spot is not None)
    y, x = session.guide.spot.region
    assert (y.stop - y.start, x.stop - x.start) == (16, 5)


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (2, 1, 0)])
def test_the_spot_is_a_slice_along_the_slider(viewer, patience, order) -> None:
    session = predicted(viewer, 3)
    viewer.dims.order = order
    session.guide.show_next()
    patience(lambda: session.guide.spot is not None)
    spot, slider = session.guide.spot, order[0]
    assert spot.region[slider].stop - spot.region[slider].start == 1
    assert viewer.dims.current_step[slider] == spot.center[slider]
    shown = [spot.center[axis] for axis in order[1:]]
    np.testing.assert_allclose(camera(viewer).center[-2:], shown, atol=0.51)


def test_from_3d_it_goes_to_a_slice(viewer, patience) -> None:
    session = predicted(viewer, 3)
    viewer.dims.ndisplay = 3
    session.guide.show_next()
    patience(lambda: session.guide.spot is not None)
    assert viewer.dims.ndisplay == 2
    assert viewer.dims.current_step[0] == session.guide.spot.center[0]


@pytest.mark.parametrize("chosen", [[], ["image"], ["image", "other"]])
def test_the_selection_stays(viewer, patience, chosen) -> None:
    session = predicted(viewer, 2)
    viewer.add_points(np.zeros((1, 2)), name="other")
    viewer.layers.selection.clear()
    viewer.layers.selection.update({viewer.layers[name] for name in chosen})
    active = viewer.layers.selection.active
    session.guide.show_next()
    patience(lambda: session.guide.spot is not None)
    assert {layer.name for layer in viewer.layers.selection} == set(chosen)
    assert viewer.layers.selection.active == active


def test_one_network_alone_is_asked_for_its_doubt(viewer, patience) -> None:
    session = predicted(viewer, 2)
    volume = session.prediction.probabilities
    volume.entropy[...], volume.mutual_information[...] = volume.mutual_information, 0
    ensemble = SimpleNamespace(members=["the only one"], forest=None)
    session.prediction.model = SimpleNamespace(ensemble=ensemble)
    session.guide.show_next()
    patience(lambda: session.guide.spot is not None)
    assert "the network is not sure here" in session.guide.sentence()


def test_the_mark_goes_with_its_image(viewer, patience) -> None:
    session = predicted(viewer, 2)
    first = session.workspace.image
    other = viewer.add_image(np.zeros((40, 40), np.float32), name="other")
    session.guide.show_next()
    patience(lambda: session.guide.spot is not None)
    session.workspace.choose_image(other)
    patience(lambda: LOOK_HERE not in viewer.layers)
    assert (session.guide.spot, session.guide.sentence()) == (None, "")
    session.workspace.choose_image(first)
    session.guide.show_next()
    assert "Nothing is predicted yet" in session.guide.sentence()


@pytest.mark.parametrize("what", ["image", LOOK_HERE, "all"])
def test_layers_may_be_deleted_at_any_time(viewer, patience, what) -> None:
    session = predicted(viewer, 2)
    session.guide.show_next()
    patience(lambda: session.guide.spot is not None)
    if what == "all":
        viewer.layers.clear()
    else:
        del viewer.layers[what]
    session.guide.dismiss()
    patience(lambda: not session.guide.searching)
    assert session.guide.sentence()
    assert math.isfinite(camera(viewer).zoom)


def test_an_image_that_is_deleted_ends_the_search(viewer, patience) -> None:
    session = predicted(viewer, 3)
    session.guide.show_next()
    viewer.layers.clear()
    patience(lambda: not session.guide.searching)
    assert session.guide.spot is None
