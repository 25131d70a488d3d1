"""Our layers of a rating lie on the image, wherever that lies."""

import numpy as np
import pytest
from napari.layers import Image

from napari_sciml.focus.rating.result import FocusResult
from napari_sciml.plugin.focus.layers import FocusLayers, place_of_cells
from napari_sciml.plugin.layers.layers import LayerGroup

pytestmark = pytest.mark.gui
UNITS = ("um",) * 3
SHEAR = np.array([[1, 0, 0], [0, 1, 0.3], [0, 0, 1]])
PLACES = {
    "plain": {},
    "anisotropic": {"scale": (5, 0.2, 0.3), "translate": (7, -3, 11), "units": UNITS},
    "turned in the plane": {"rotate": (30, 0, 0), "scale": (2, 3, 3)},
    "turned out of the plane": {"rotate": (20, 30, 10), "scale": (2, 1, 1.5)},
    "sheared": {"shear": SHEAR, "scale": (2, 1, 1)},
    "affine": {"affine": np.diag([2.0, 3, 4, 1]), "axis_labels": ("t", "y", "x")},
}
HEIGHT, WIDTH, TILE = 200, 170, 84


def rating(planes: int = 4) -> FocusResult:
    rng = np.random.default_rng(0)
    ys, xs = np.array([0, 84, HEIGHT - TILE]), np.array([0, 84, WIDTH - TILE])
    p = rng.dirichlet(np.full(11, 0.05), (planes, 3, 3)).astype(np.float32)
    return FocusResult(p, ys, xs, TILE, (HEIGHT, WIDTH), np.zeros(p.shape[:-1], bool))


@pytest.fixture(params=PLACES.values(), ids=PLACES)
def shown(request, viewer):
    """A rating on an image that lies anywhere."""
    image = viewer.add_image(np.zeros((4, HEIGHT, WIDTH), np.uint8), **request.param)
    made = FocusLayers(LayerGroup(lambda: viewer), rating(), image)
    for _ in made.show(viewer):
        pass
    return made


def test_cells_cover_the_pixels_of_their_tile(shown, viewer) -> None:
    layer, result = viewer.layers["Focus certainty"], shown.result
    for plane, y, x in [(0, 0, 0), (2, 40, 130), (3, HEIGHT - 1, WIDTH - 1)]:
        world = shown.on.data_to_world((plane, y, x))
        cell = np.rint(layer.world_to_data(world)).astype(int)
        row = np.abs(result.ys + 41.5 - y).argmin()
        column = np.abs(result.xs + 41.5 - x).argmin()
        found = layer.data[tuple(cell)]
        assert found == pytest.approx(result.certainty[plane, row, column])


def test_cells_end_where_the_image_ends(shown, viewer) -> None:
    layer = viewer.layers["Out of focus"]
    for corner in (np.zeros(3), np.array(shown.on.data.shape)):
        image = shown.on.data_to_world(corner - 0.5)
        share = corner / np.array(shown.on.data.shape)
        cells = layer.data_to_world(share * layer.data.shape - 0.5)
        np.testing.assert_allclose(cells, image, atol=1e-6)


def test_units_and_labels_are_those_of_the_image(shown, viewer) -> None:
    for name in ("Focus certainty", "Focus level", "Out of focus"):
        assert viewer.layers[name].units == shown.on.units
        assert viewer.layers[name].axis_labels == shown.on.axis_labels


def test_borders_lie_on_their_tiles(shown, viewer) -> None:
    layer = viewer.layers["Focus"]
    if isinstance(layer, Image):  # turned out of the plane: areas in every plane
        assert not shown.bordered
        assert layer.data.shape[0] == 4
        return
    corner = layer.data[4].min(axis=0) - layer.edge_width[4] / 2
    np.testing.assert_allclose(corner, [83.5, 83.5], atol=1e-4)
    world = shown.on.data_to_world((0, 83.5, 83.5))[1:]
    np.testing.assert_allclose(layer.data_to_world(corner), world, atol=1e-3)
    assert layer.units == shown.on.units[1:]


def test_the_center_of_a_tile(shown) -> None:
    world = shown.center((3, 1, 2))
    expected = shown.on.data_to_world((3, 84 + 41.5, WIDTH - TILE + 41.5))
    np.testing.assert_allclose(world, expected)


def test_planes_are_found_again(shown, viewer) -> None:
    for plane in (3, 0):
        world = shown.in_plane(plane, viewer.dims.point)
        viewer.dims.set_point(range(3), world)
        if shown.bordered:  # else the slider moves along no axis of the image
            assert shown.shown_plane(viewer) == (plane,)


def test_an_axis_of_channels_is_left_out(viewer) -> None:
    data = np.zeros((2, 4, HEIGHT, WIDTH), np.uint8)
    image = viewer.add_image(
        data, axis_labels=("c", "z", "y", "x"), scale=(1, 5, 2, 2), units=("um",) * 4
    )
    made = FocusLayers(LayerGroup(lambda: viewer), rating(), image)
    place = place_of_cells(image, made.grid)
    assert len(place["scale"]) == len(place["units"]) == 3
    for _ in made.show(viewer):
        pass
    viewer.dims.set_point(range(4), made.in_plane(2, viewer.dims.point))
    assert made.shown_plane(viewer) == (2,)
