"""What is seen when napari shows the volume in space."""

import numpy as np
import pytest
from test_fibers import two_bars

from napari_sciml.plugin.session import ViewerSession

pytestmark = pytest.mark.gui
LOOKS = ("rendering", "opacity", "blending")


@pytest.fixture
def scene(viewer, open_dock, patience):
    image = viewer.add_image(
        two_bars().astype(np.float32), name="image", scale=(4, 2, 2), units=("um",) * 3
    )
    viewer.add_labels(two_bars(), name="mask", scale=(4, 2, 2), units=("um",) * 3)
    dock = open_dock("Fibers")
    dock.measure.click()
    patience(lambda: not dock.session.workspace.measuring.busy)
    return viewer, image, dock


def to_space(viewer, patience) -> None:
    viewer.dims.ndisplay = 3
    space = ViewerSession.of(viewer).space
    patience(lambda: not space._soon.isActive())


def to_slices(viewer, patience) -> None:
    viewer.dims.ndisplay = 2
    space = ViewerSession.of(viewer).space
    patience(lambda: not space._soon.isActive())


def test_tubes_take_the_place_of_voxels(scene, patience) -> None:
    viewer, image, _ = scene
    before = [getattr(image, look) for look in LOOKS]
    slices = viewer.dims.nsteps
    to_space(viewer, patience)
    assert viewer.layers["Fiber tubes"].visible
    assert not viewer.layers["Fibers"].visible
    assert image.rendering == "attenuated_mip"
    to_slices(viewer, patience)
    assert not viewer.layers["Fiber tubes"].visible
    assert viewer.layers["Fibers"].visible
    assert [getattr(image, look) for look in LOOKS] == before
    assert viewer.dims.nsteps == slices


def test_it_is_dark_behind_a_view_in_space(scene, patience) -> None:
    viewer, _, _ = scene
    viewer.theme = "light"
    canvas = getattr(viewer, "canvas", None)
    if canvas is None:  # napari before 0.9
        to_space(viewer, patience)
        return
    light = canvas.background_color.copy()
    assert light[:3].min() > 0.5
    to_space(viewer, patience)
    assert canvas.background_color[:3].max() == 0
    other = viewer.add_image(two_bars().astype(np.float32), name="other")
    ViewerSession.of(viewer).workspace.choose_image(other)
    assert canvas.background_color[:3].max() == 0  # of another image, too
    assert other.rendering == "attenuated_mip"
    to_slices(viewer, patience)
    np.testing.assert_array_equal(canvas.background_color, light)
    to_space(viewer, patience)
    canvas.background_color_override = "teal"
    to_slices(viewer, patience)
    teal = canvas.background_color
    assert 0 < teal[1] < 1
    to_space(viewer, patience)
    np.testing.assert_array_equal(canvas.background_color, teal)


def test_they_lie_where_the_fibers_do(scene, patience) -> None:
    viewer, _, _ = scene
    to_space(viewer, patience)
    tubes = viewer.layers["Fiber tubes"]
    np.testing.assert_allclose(tubes.scale, (4, 2, 2))
    bars = np.argwhere(two_bars())
    bars = bars[bars[:, 2] > 1]
    low, high = tubes.data[0].min(0), tubes.data[0].max(0)
    assert np.abs(low - bars.min(0)).max() < 1.5
    assert np.abs(high - bars.max(0)).max() < 1.5


def test_they_follow_filter_color_and_choice(scene, patience) -> None:
    from napari_sciml.fibers.report.filtering import FiberFilter

    viewer, _, dock = scene
    to_space(viewer, patience)
    tubes, view = viewer.layers["Fiber tubes"], dock.session.fibers.view
    both = len(tubes.data[0])
    view.choose((1,))
    white = (tubes.vertex_colors[:, :3] == 1).all(axis=1)
    assert white.sum() == both / 2
    view.color("direction")
    assert not (tubes.vertex_colors[:, :3] == 1).all(axis=1)[both // 2 :].any()
    view.keep(FiberFilter(length=(50.0, 1e9)))
    assert len(tubes.data[0]) == both / 2
    view.keep(FiberFilter(length=(1e3, 1e9)))
    assert not tubes.visible
    view.keep(FiberFilter())
    assert tubes.visible


def test_what_the_user_changes_in_space_stays(scene, patience) -> None:
    viewer, image, _ = scene
    to_space(viewer, patience)
    image.rendering = "average"
    del viewer.layers["Fibers"]
    to_slices(viewer, patience)
    assert image.rendering == "average"
    assert image.opacity == 1
    assert not viewer.layers["Fiber tubes"].visible


def test_without_fibers_only_the_image_steps_back(viewer, open_dock, patience) -> None:
    image = viewer.add_image(np.zeros((8, 16, 16), np.float32))
    open_dock("Fibers")
    to_space(viewer, patience)
    assert image.opacity < 1
    assert "Fiber tubes" not in viewer.layers
    to_slices(viewer, patience)
    assert image.opacity == 1
