"""A movie of the volume that turns once round."""

import numpy as np
import pytest
from PIL import Image

from napari_sciml.plugin.flow.turntable import FRAMES

pytestmark = pytest.mark.gui


@pytest.fixture
def viewer(make_napari_viewer_proxy):
    return make_napari_viewer_proxy(show=True)


@pytest.fixture
def flow(viewer, open_dock):
    image = np.zeros((12, 12, 12), np.float32)
    image[2:10, 2:4, 5:7] = 1
    viewer.add_image(image)
    return open_dock("Workflow")


def test_it_turns_once_round_and_back(viewer, flow, patience, tmp_path) -> None:
    viewer.dims.ndisplay = 3
    camera = viewer.scene.camera
    camera.angles = (10, 20, 30)
    flow.make_movie(str(tmp_path / "turn.gif"))
    assert flow.turntable.running
    flow.make_movie(str(tmp_path / "other.gif"))
    assert "wait for its end" in flow.error.text()
    patience(lambda: not flow.turntable.running)
    assert "turn.gif" in flow.told.text()
    np.testing.assert_allclose(camera.angles, (10, 20, 30), atol=1e-6)
    with Image.open(tmp_path / "turn.gif") as movie:
        assert movie.n_frames > FRAMES // 2  # like ones in a row are one
        first = np.asarray(movie.convert("L"), float)
        movie.seek(movie.n_frames // 2)
        assert np.abs(np.asarray(movie.convert("L"), float) - first).max() > 50


@pytest.mark.parametrize(
    ("name", "displayed", "words"),
    [
        ("turn.gif", 2, "Switch to 3D first"),
        ("turn.avi", 3, "not turn.avi"),
        ("mine.gif", 3, "mine.gif"),
    ],
)
def test_what_cannot_be(viewer, flow, tmp_path, name, displayed, words) -> None:
    (tmp_path / "mine.gif").write_bytes(b"a movie of somebody")
    viewer.dims.ndisplay = displayed
    flow.make_movie(str(tmp_path / name))
    assert words in flow.error.text()
    assert not flow.turntable.running
    assert (tmp_path / "mine.gif").read_bytes() == b"a movie of somebody"


def test_back_to_slices_gives_it_up(viewer, flow, patience, tmp_path) -> None:
    viewer.dims.ndisplay = 3
    flow.make_movie(str(tmp_path / "turn.webp"))
    viewer.dims.ndisplay = 2
    patience(lambda: not flow.turntable.running)
    assert "given up" in flow.error.text()
    assert not list(tmp_path.iterdir())
