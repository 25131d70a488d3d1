"""A real window for each test, and nothing left running after it."""

import gc
import os
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from gui_helpers import bright_bar, is_settled

os.environ["NAPARI_ENSURE_PLUGIN_MAIN_THREAD"] = "1"

PATIENCE_MS = 120_000
POOL_MS = 20_000


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say why there is no window, where there is none."""
    if not sys.platform.startswith("linux") or os.environ.get("DISPLAY"):
        return
    reason = "there is no display; install Xvfb (apt-get install xvfb)"
    for item in items:
        if item.get_closest_marker("gui") is None:
            continue
        if os.environ.get("CI") == "true":
            item.add_marker(pytest.mark.usefixtures("fail_without_display"))
        else:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture
def fail_without_display() -> None:
    pytest.fail("CI must have a display: install Xvfb")


@pytest.fixture(autouse=True)
def no_worker_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test may not leave a thread behind."""
    yield
    if request.node.get_closest_marker("gui") is None:
        return
    from qtpy.QtCore import QThreadPool
    from qtpy.QtWidgets import QApplication

    QApplication.processEvents()
    ours = ("napari-sciml job", "napari-sciml autosave")
    left = [thread for thread in threading.enumerate() if thread.name in ours]
    if left:  # a viewer that never had a dock is forgotten, not closed
        gc.collect()
    for thread in left:
        thread.join(POOL_MS / 1000)
        assert not thread.is_alive(), f"a {thread.name} is still running"
    pool = QThreadPool.globalInstance()
    assert pool.waitForDone(POOL_MS), "a worker is still running"
    QApplication.processEvents()


def half_sharp(edge: int = 336, seed: int = 1) -> np.ndarray:
    """Counts of a made-up image whose right half is far out of focus."""
    from scipy.ndimage import gaussian_filter

    from napari_sciml.focus.training.textures import texture

    rng = np.random.default_rng(seed)
    image = texture(rng, edge)
    image = (image - image.min()) / np.ptp(image)
    image[:, edge // 2 :] = gaussian_filter(image, 9)[:, edge // 2 :]
    return (rng.poisson(image * 900) + 100).astype(np.uint16)


@pytest.fixture
def half_blurred() -> np.ndarray:
    """See `half_sharp`."""
    return half_sharp()


@pytest.fixture
def focus_stack() -> np.ndarray:
    """Five planes of one image, the third one in focus, 168 pixels wide."""
    from scipy.ndimage import gaussian_filter

    from napari_sciml.focus.training.textures import texture

    rng = np.random.default_rng(3)
    image = texture(rng, 168)
    image = (image - image.min()) / np.ptp(image)
    planes = [
        gaussian_filter(image, 5 * abs(z - 2)) if z != 2 else image for z in range(5)
    ]
    return (rng.poisson(np.stack(planes) * 900) + 100).astype(np.uint16)


@pytest.fixture
def viewer(make_napari_viewer_proxy: Callable[..., Any]) -> Any:
    """What a plugin gets: a proxy of a viewer."""
    return make_napari_viewer_proxy()


@pytest.fixture
def open_dock(viewer: Any) -> Callable[[str], Any]:
    """Open a dock as the Plugins menu does."""

    def open_one(name: str) -> Any:
        return viewer.window.add_plugin_dock_widget("napari-sciml", name)[1]

    return open_one


@pytest.fixture
def session(viewer: Any) -> Any:
    """The session of a viewer with the bar and its strokes."""
    from napari_sciml.plugin.session import ViewerSession

    image, labels = bright_bar()
    viewer.add_image(image, name="bar", scale=(3, 2, 2), units=("um",) * 3)
    viewer.add_labels(labels, name="Annotation", scale=(3, 2, 2), units=("um",) * 3)
    return ViewerSession.of(viewer)


@pytest.fixture
def trained(session: Any, qtbot: Any) -> Any:
    """The same, with a model and a prediction of the whole image."""
    from napari_sciml.training.config import TrainingConfig

    session.training.start(TrainingConfig(members=2, seconds=1))
    qtbot.waitUntil(lambda: is_settled(session), timeout=PATIENCE_MS)
    session.training.stop()
    qtbot.waitUntil(lambda: not session.workspace.runner.busy, timeout=PATIENCE_MS)
    return session


@pytest.fixture
def patience(qtbot: Any) -> Callable[[Callable[[], bool]], None]:
    """Wait, with a running event loop, until something is true."""

    def wait(done: Callable[[], bool]) -> None:
        qtbot.waitUntil(done, timeout=PATIENCE_MS)

    return wait


@pytest.fixture
def click_world(viewer: Any, qtbot: Any) -> Callable[..., None]:
    """Click a place (y, x) of the world in the shown plane with the real mouse."""
    from qtpy.QtCore import QPoint, Qt

    def click_at(place: Any, *, shift: bool = False, drag: int = 0) -> None:
        widget = viewer.window._qt_viewer.canvas.native
        camera = viewer.scene.camera
        offset = (np.asarray(place) - np.array(camera.center[1:])) * camera.zoom
        at = QPoint(
            round(widget.width() / 2 + offset[1]),
            round(widget.height() / 2 + offset[0]),
        )
        modifiers = Qt.KeyboardModifier
        keys = modifiers.ShiftModifier if shift else modifiers.NoModifier
        left = Qt.MouseButton.LeftButton
        qtbot.mouseMove(widget, at)
        qtbot.mousePress(widget, left, keys, at)
        if drag:
            qtbot.mouseMove(widget, at + QPoint(drag, 0))
        qtbot.mouseRelease(widget, left, keys, at + QPoint(drag, 0))

    return click_at


@pytest.fixture
def told() -> Iterator[list[tuple[str, str]]]:
    """Severity and text of napari's notifications."""
    from napari.utils.notifications import notification_manager

    seen: list[tuple[str, str]] = []

    def note(event: Any) -> None:
        seen.append((str(event.severity), event.message))

    notification_manager.notification_ready.connect(note)
    yield seen
    notification_manager.notification_ready.disconnect(note)


@pytest.fixture
def open_file() -> Callable[[Any], list[Any]]:
    """Open a path as a viewer does, without its window."""
    from napari.components import ViewerModel
    from npe2 import PluginManager

    PluginManager.instance().discover()
    viewer = ViewerModel()
    return lambda path: viewer.open(str(path), plugin="napari-sciml")
