"""Pictures of every screen, to be looked at before a release.

Needs a display; about ten minutes without a graphics card::

    xvfb-run -s "-screen 0 1600x1000x24" python docs/look_at_every_screen.py OUT

Three runs make all: this one, one with ``--theme light`` and one with ``--scale 1.5``
(as a screen of high resolution); with ``--data FOLDER`` real volumes are shown too.
"""

import argparse
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from scipy import ndimage

SIZE = (1280, 800)
RODS = {1: 64, 500: 160, 2000: 256}
"""Number of fibers, and edge of the volume that they are in."""
SECONDS = 20


def rods(count: int, edge: int, seed: int = 0) -> np.ndarray:
    """A mask of straight rods that hardly touch."""
    rng = np.random.default_rng(seed)
    mask = np.zeros((edge,) * 3, bool)
    steps = np.linspace(-14, 14, 57)
    for _ in range(count):
        middle = rng.uniform(14, edge - 15, 3)
        direction = rng.normal(size=3) * (0.3, 1, 1)
        direction /= np.linalg.norm(direction)
        places = np.rint(middle + steps[:, None] * direction).astype(int)
        mask[tuple(places.clip(0, edge - 1).T)] = True
    return np.asarray(ndimage.binary_dilation(mask, iterations=1), np.uint8)


def screens(studio: Any, data: Path | None) -> Iterator[str]:
    """Go from screen to screen; gives the name of each."""
    yield from flow(studio)
    yield from fibers(studio)
    yield from others(studio)
    if data is not None:
        yield from real(studio, data)


def flow(studio: Any) -> Iterator[str]:
    """From an empty window to what is sure."""
    from make_screenshots import is_done, wait_until

    from napari_sciml.plugin.flow.advice import Step

    dock = studio.open("Workflow")
    yield "flow_empty"
    studio.viewer.open_sample("napari-sciml", "fiber_concrete")
    strokes = np.array(studio.viewer.layers["Annotation"].data)
    del studio.viewer.layers["Annotation"], studio.viewer.layers["True fibers"]
    yield "flow_opened"
    dock.docks[Step.ANNOTATE].start.click()
    paint(dock, np.where(strokes == 1, 1, 0))
    yield "flow_one_class"
    dock.go_to(Step.TRAIN)
    train = dock.docks[Step.TRAIN]
    train.start.click()
    studio.settle(1.0)
    yield "flow_train_with_one_class"
    fiber = strokes == 2
    paint(dock, np.where(fiber & (np.cumsum(fiber).reshape(fiber.shape) < 40), 2, 0))
    session = dock.session
    wait_until(lambda: session.prediction.model is not None)
    studio.settle(3.0)
    yield "flow_not_known"
    paint(dock, strokes)
    train.seconds.setValue(SECONDS)
    wait_until(lambda: len(session.training.curves.learned) > 1)
    yield "flow_training"
    wait_until(lambda: is_done(train))
    yield "flow_trained"
    dock.go_to(Step.UNCERTAINTY)
    yield "flow_uncertainty"
    sure = dock.docks[Step.UNCERTAINTY]
    sure.show_next.click()
    wait_until(lambda: not session.guide.searching)
    yield "flow_label_next"
    sure.keep.click()
    wait_until(lambda: session.sure.complete)
    yield "flow_kept"
    dock.go_to(Step.FIBERS)
    dock.docks[Step.FIBERS].measure.click()
    studio.settle(0.2)
    yield "flow_measuring"
    wait_until(lambda: not session.workspace.measuring.busy)
    yield "flow_fibers"
    studio.viewer.dims.ndisplay = 3
    studio.settle(1.0)
    studio.viewer.reset_view()
    studio.viewer.scene.camera.angles = (10, -30, 130)
    yield "flow_space"
    studio.viewer.dims.ndisplay = 2
    session.training.stop()
    wait_until(lambda: not session.workspace.runner.busy)
    dock.go_to(Step.ANNOTATE)
    bar = dock.docks[Step.ANNOTATE].findChild(_bar())
    bar.open.click()
    studio.settle(2.0)
    yield "projects:" + bar.window_of_projects.objectName()
    bar.window_of_projects.close()


def fibers(studio: Any) -> Iterator[str]:
    """Few and many, in slices and in space."""
    from make_screenshots import wait_until

    studio.viewer.layers.clear()
    dock = studio.open("Fibers")
    for count, edge in RODS.items():
        studio.viewer.layers.clear()
        mask = rods(count, edge)
        gray = ndimage.gaussian_filter(mask.astype(np.float32), 1)
        studio.viewer.add_image(gray, name="rods", contrast_limits=(0, 1.5))
        studio.viewer.add_labels(mask, name="mask")
        dock.form.mask.choose(studio.viewer.layers["mask"])
        dock.form.slenderness.setValue(0)
        dock.form.dust.setValue(20)
        dock.measure.click()
        wait_until(partial(_is_free, dock.session.workspace.measuring))
        studio.settle(2.0)
        dock.session.fibers.choose(1)
        yield f"fibers_{count}"
        dock.colors.by.setCurrentText("Direction")
        studio.viewer.dims.ndisplay = 3
        studio.settle(2.0)
        studio.viewer.reset_view()
        yield f"fibers_{count}_space"
        studio.viewer.dims.ndisplay = 2
        studio.settle(0.5)


def others(studio: Any) -> Iterator[str]:
    """The docks beside, and an image of two axes."""
    from make_screenshots import tilted_stack, wait_until

    studio.viewer.layers.clear()
    for name in ("Focus", "Fill", "Restore"):
        studio.open(name)
        yield f"{name.lower()}_empty"
    studio.viewer.add_image(tilted_stack(5)[2], name="Cells")
    dock = studio.open("Focus")
    dock.rate.click()
    wait_until(lambda: not dock.session.focus.busy)
    studio.viewer.reset_view()
    yield "focus_image"
    studio.open("Workflow")
    yield "flow_image"
    train = studio.open("Train")
    train.start.click()
    yield "train_not_annotated"


def real(studio: Any, data: Path) -> Iterator[str]:
    """Volumes of others after a minute of training."""
    from look_at_real_data import axons, carbon, glass
    from make_screenshots import is_done, wait_until

    from napari_sciml.plugin.flow.advice import Step

    for make in (carbon, axons, glass):
        studio.viewer.layers.clear()
        image, strokes = make(data)
        limits = np.quantile(image, (0.001, 0.999))
        studio.viewer.add_image(image, name=make.__name__, contrast_limits=limits)
        dock = studio.open("Workflow")
        dock.go_to(Step.ANNOTATE)
        dock.docks[Step.ANNOTATE].start.click()
        paint(dock, strokes)
        if image.ndim == 3:
            studio.go_to(int(np.argmax((strokes == 2).sum(axis=(1, 2)))))
        dock.go_to(Step.TRAIN)
        train = dock.docks[Step.TRAIN]
        train.seconds.setValue(3 * SECONDS)
        train.start.click()
        wait_until(partial(is_done, train))
        yield f"real_{make.__name__}"
        dock.session.training.stop()
        wait_until(partial(_is_free, dock.session.workspace.runner))


def paint(dock: Any, strokes: np.ndarray) -> None:
    """Where there is no label yet."""
    layer = dock.session.workspace.annotation.layer
    where = np.nonzero((np.asarray(layer.data) == 0) & (strokes > 0))
    layer.data_setitem(where, strokes[where].astype(np.uint8))


def _is_free(runner: Any) -> bool:
    return not runner.busy


def _bar() -> type:
    from napari_sciml.plugin.project.bar import ProjectBar

    return ProjectBar


def main() -> None:
    """Take a picture of each."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--theme", default="dark", choices=("dark", "light"))
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--data", type=Path, help="folder of real volumes")
    parser.add_argument("--only", default="", help="beginning of the names to take")
    options = parser.parse_args()
    os.environ["QT_SCALE_FACTOR"] = str(options.scale)
    with TemporaryDirectory() as projects:
        os.environ["NAPARI_SCIML_PROJECTS"] = projects
        look(options)


def look(options: argparse.Namespace) -> None:
    """With the settings of the command."""
    from make_screenshots import Studio
    from napari.settings import get_settings

    get_settings().application.save_window_geometry = False
    get_settings().appearance.theme = options.theme
    scaled = "" if options.scale == 1 else f"_x{options.scale:g}"
    studio = Studio(options.out, None, "", size=SIZE)
    for name in screens(studio, options.data):
        if not name.startswith(options.only):
            continue
        name, _, window = name.partition(":")
        studio.take(f"{options.theme}{scaled}_{name}", window=window)
    studio.viewer.close()


if __name__ == "__main__":
    main()
