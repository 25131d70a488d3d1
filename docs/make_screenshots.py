"""Make the pictures of the docks: run the workflow in a real window and look.

Needs a display; on a machine without one::

    xvfb-run -s "-screen 0 1600x1000x24" python docs/make_screenshots.py
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import napari
import numpy as np
import tifffile
from napari.settings import get_settings
from PIL import Image
from qtpy.QtWidgets import QApplication, QWidget

from napari_sciml.focus.levels import DIAMETERS
from napari_sciml.focus.training.optics import blur, disk_psf
from napari_sciml.focus.training.textures import texture
from napari_sciml.plugin.flow.advice import Step
from napari_sciml.plugin.session import ViewerSession
from napari_sciml.samples.phantom import Phantom, PhantomConfig, make_phantom
from napari_sciml.samples.scribbles import scribble

SIZE = (1400, 900)
DOCK_WIDTH = 380
EDGE = 96
FIELD = 8
"""Seed of the field of cells."""
MORE_STROKES = 3
"""How often strokes are added while it trains."""
ENOUGH_PAINT = 25
ENOUGH_POINTS = 5
PATIENCE = 600.0


class Studio:
    """A viewer with an image, and a camera.

    Parameters
    ----------
    folder
        Where the pictures go.
    image, name, **layer
        The image, as ``viewer.add_image`` takes it; None = an empty window.
    size
        Of the window, in pixels.
    """

    def __init__(
        self,
        folder: Path,
        image: np.ndarray | None,
        name: str,
        size: tuple[int, int] = SIZE,
        **layer: Any,
    ) -> None:
        self.folder, self._size = folder, size
        folder.mkdir(parents=True, exist_ok=True)
        self.viewer = napari.Viewer(show=True, show_welcome_screen=False)
        self.viewer.window.resize(*size)
        if image is not None:
            limits = np.quantile(image, (0.001, 0.999))
            self.viewer.add_image(image, name=name, contrast_limits=limits, **layer)
        self._dock: QWidget | None = None

    def open(self, name: str) -> Any:
        """Dock a widget in place of the one before."""
        if self._dock is not None:
            self._dock.close()
        window = self.viewer.window
        self._dock, widget = window.add_plugin_dock_widget("napari-sciml", name)
        self._dock.show()
        self._dock.setMinimumWidth(DOCK_WIDTH)
        self.viewer.window.resize(*self._size)
        self.settle(1.0)
        self.viewer.reset_view()
        return widget

    def settle(self, seconds: float) -> None:
        """Let the window draw itself."""
        end = time.monotonic() + seconds
        wait_until(lambda: time.monotonic() > end)

    def take(self, name: str, window: str = "") -> None:
        """Take a picture of the window, or of another one of a name."""
        self.settle(1.0)
        if window:
            for widget in QApplication.topLevelWidgets():
                if widget.objectName() == window:
                    widget.grab().save(str(self.folder / f"{name}.png"))
            return
        pixels = self.viewer.screenshot(canvas_only=False, flash=False)
        picture = Image.fromarray(pixels).convert("RGB")
        picture.save(self.folder / f"{name}.png", optimize=True)

    def go_to(self, z: int) -> None:
        """Show a slice."""
        self.viewer.dims.set_point(0, z * self.viewer.layers[0].scale[0])


def wait_until(done: Callable[[], bool]) -> None:
    """Run the event loop until something is true."""
    end = time.monotonic() + PATIENCE
    while not done():
        if time.monotonic() > end:
            raise TimeoutError
        QApplication.processEvents()
        time.sleep(0.005)


def paint(studio: Studio, strokes: np.ndarray) -> None:
    """Put strokes where the Annotate dock wants them."""
    dock = studio.open("Annotate")
    dock.start.click()
    annotation = dock.session.workspace.annotation
    annotation.layer.data_setitem(np.nonzero(strokes), strokes[np.nonzero(strokes)])
    wait_until(lambda: bool(annotation.counts.voxels))


def annotate(studio: Studio, phantom: Phantom) -> None:
    """Paint as the sample's annotator does."""
    labels = scribble(phantom.labels, phantom.image, seed=0)
    paint(studio, labels)
    fiber = (phantom.labels > 0).sum(axis=(1, 2))
    painted = (labels == 2).sum(axis=(1, 2)) > ENOUGH_PAINT
    studio.go_to(int(np.argmax(fiber * painted)))
    studio.take("annotate")


def train(studio: Studio, phantom: Phantom, seconds: float) -> None:
    """Train and paint on meanwhile; a picture on the way."""
    dock = studio.open("Train")
    training = dock.session.training
    start(dock, seconds)
    for more in range(1, MORE_STROKES + 1):
        wait_for_scores(training, more)
        add_strokes(dock, scribble(phantom.labels, phantom.image, seed=more))
    wait_for_scores(training, MORE_STROKES + 1)
    wait_until(lambda: len(training.curves.dice) > ENOUGH_POINTS or training.settled)
    studio.take("train")
    wait_until(lambda: is_done(dock))


def wait_for_scores(training: Any, count: int) -> None:
    """Until there is a score for so many numbers of strokes, or there will be none."""
    wait_until(lambda: len(training.curves.learned) >= count or training.settled)


def add_strokes(dock: Any, strokes: np.ndarray) -> None:
    """Paint what is in a few slices and not painted yet."""
    layer = dock.session.workspace.annotation.layer
    strokes = np.where(layer.data == 0, strokes, 0)
    rows = np.flatnonzero(strokes.any(axis=(1, 2)))
    strokes[rows[2:]] = 0
    where = np.nonzero(strokes)
    layer.data_setitem(where, strokes[where])


def workflow(studio: Studio) -> None:
    """All steps in one dock."""
    dock = studio.open("Workflow")
    dock.go_to(Step.UNCERTAINTY)
    studio.take("workflow")


def run_on_files(studio: Studio) -> None:
    """Run the model on other specimens, of which one file is damaged."""
    dock = studio.open("Train")
    wait_until(lambda: not dock.session.workspace.runner.busy)
    dock.open_files()
    with TemporaryDirectory() as folder:
        scans = Path(folder) / "scans"
        scans.mkdir()
        for seed in range(1, 4):
            image = make_phantom(PhantomConfig(shape=(48,) * 3, seed=seed)).image
            tifffile.imwrite(scans / f"specimen_{seed}.tif", image)
        (scans / "specimen_4.tif").write_bytes(b"II*")
        window = dock.files_window
        window.add([str(scans)])
        window.out.setText(str(Path(folder) / "results"))
        window.start.click()
        wait_until(lambda: not dock.session.files.running)
        studio.settle(1.0)
        window.grab().save(str(studio.folder / "run_on_files.png"))
        window.close()


def start(dock: Any, seconds: float) -> None:
    """Start the training of the Train dock."""
    dock.seconds.setValue(seconds)
    dock.start.click()


def is_done(dock: Any) -> bool:
    """Whether it is trained, and everything predicted."""
    session = dock.session
    return bool(session.training.settled and session.prediction.probabilities.complete)


def keep_confident(studio: Studio) -> None:
    """Keep what is sure, by the usual rule."""
    dock = studio.open("Uncertainty")
    dock.keep.click()
    wait_until(lambda: dock.session.sure.complete)
    for name in ("Probability fiber", "Annotation"):
        studio.viewer.layers[name].visible = False
    studio.take("uncertainty")


def measure(studio: Studio) -> None:
    """Measure the fibers, go to the longest, look at all of them in 3D."""
    dock = studio.open("Fibers")
    session = dock.session
    dock.measure.click()
    wait_until(lambda: not session.workspace.measuring.busy)
    table = session.fibers.result.table
    studio.viewer.layers["Uncertainty"].visible = False
    session.fibers.choose(int(table.loc[table["length"].idxmax(), "label"]))
    studio.viewer.layers.selection.active = studio.viewer.layers["Fibers"]
    studio.viewer.dims.ndisplay = 3
    studio.viewer.reset_view()
    studio.viewer.scene.camera.angles = (10, -30, 130)
    studio.viewer.scene.camera.zoom *= 0.75
    dock.colors.by.setCurrentText("Direction")
    wait_until(lambda: "\N{EN DASH}" in dock.plots.numbers.text())
    studio.take("fibers")
    dock.colors.by.setCurrentText("Length")
    studio.take("space")


def tilted_stack(planes: int = 21, edge: int = 588) -> np.ndarray:
    """Cells on a slide that lies askew: another part is in focus in every plane."""
    rng = np.random.default_rng(FIELD)
    field = texture(rng, edge)[:420]
    field = (field - field.min()) / np.ptp(field)
    blurred = np.stack([blur(field, disk_psf(diameter)) for diameter in DIAMETERS])
    focus = np.linspace(0.3, 0.7, edge) * (planes - 1)
    columns, stack = np.arange(edge), []
    for z in range(planes):
        level = np.clip(np.rint(np.abs(z - focus)), 0, len(DIAMETERS) - 1).astype(int)
        plane = blurred[level, :, columns].T
        stack.append(rng.poisson(plane.clip(0) * 600 + 5) + 100)
    return np.stack(stack).astype(np.uint16)


def rate_focus(studio: Studio) -> None:
    """Rate a stack and stop at its best plane."""
    studio.viewer.layers.clear()
    studio.viewer.dims.ndisplay = 2
    studio.viewer.add_image(
        tilted_stack(),
        name="Cells",
        scale=(1, 0.325, 0.325),
        units=("um",) * 3,
        axis_labels=("z", "y", "x"),
    )
    dock = studio.open("Focus")
    dock.rate.click()
    wait_until(lambda: not dock.session.focus.busy)
    studio.viewer.reset_view()
    studio.take("focus")


def main() -> None:
    """Make all pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    here = Path(__file__).parent
    parser.add_argument("--out", type=Path, default=here / "images")
    parser.add_argument("--seconds", type=float, default=60.0)
    options = parser.parse_args()
    get_settings().application.save_window_geometry = False
    get_settings().appearance.theme = "dark"
    phantom = make_phantom(PhantomConfig(shape=(EDGE,) * 3))
    studio = Studio(
        options.out,
        phantom.image,
        "Fiber concrete",
        scale=(phantom.voxel_size,) * 3,
        units=(phantom.unit,) * 3,
        axis_labels=("z", "y", "x"),
    )
    studio.viewer.canvas.overlays.scale_bar.visible = True
    annotate(studio, phantom)
    train(studio, phantom, options.seconds)
    workflow(studio)
    keep_confident(studio)
    measure(studio)
    ViewerSession.of(studio.viewer).training.stop()
    run_on_files(studio)
    rate_focus(studio)
    ViewerSession.of(studio.viewer).training.stop()
    studio.viewer.close()


if __name__ == "__main__":
    main()
