"""Viewers that are closed at random moments, whatever runs in them.

    xvfb-run -a -s "-screen 0 1600x1000x24" \
        python benchmarks/closing_viewers.py [--viewers 200] [--seed 0]

In one process, opens one or two viewers with all docks, paints, starts jobs of each
kind, and closes viewers, docks, and layers at random moments. Prints the memory, and
what must not be: exceptions in whichever thread, complaints of Qt, OpenGL or napari,
layers of a closed viewer that we still write to, threads that stay. Ends with 1 if
there is any of that (drawings that fail in vispy alone are only counted), or if the
memory grows by more than 200 MB after the warm-up, without what napari alone keeps
(``forget_windows``).
"""

import argparse
import faulthandler
import gc
import os
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["NAPARI_CONFIG"] = ""

from closing_faults import Faults
from qtpy.QtCore import QCoreApplication, QEvent, QThreadPool
from qtpy.QtWidgets import QApplication

WANTED = ("Annotate", "Train")
DOCKS = ("Annotate", "Train", "Uncertainty", "Fibers", "Focus")
OURS = ("napari-sciml job", "napari-sciml autosave")
WARM, GROWTH_MB = 20, 200
"""So many viewers until all is imported and cached; growth that is allowed then."""
PATIENCE = 60.0
_kept: dict[str, Any] = {}
"""A model for all viewers, and the sample."""


def spin(seconds: float, done: Callable[[], bool] = lambda: False) -> bool:
    """Let the event loop run; tell whether something was done before the end."""
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            return False
        QApplication.processEvents()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        time.sleep(0.001)
    return True


class Place:
    """A viewer with docks, and somebody who works in it."""

    def __init__(self, rng: random.Random, folder: Path, faults: Faults) -> None:
        import napari

        from napari_sciml.plugin.session import ViewerSession

        self.rng, self.folder, self.faults = rng, folder, faults
        self.viewer = napari.Viewer(show=True, show_welcome_screen=False)
        self.viewer.window.resize(700, 500)
        self._load()
        add = self.viewer.window.add_plugin_dock_widget
        self.docks = {
            name: add("napari-sciml", name, tabify=name != DOCKS[0])[1]
            for name in DOCKS
            if name in WANTED or rng.random() < 0.6
        }
        self.session = ViewerSession.of(self.viewer)
        self.docks["Train"].members.setValue(2)
        self.docks["Train"].seconds.setValue(600)

    def _load(self) -> None:
        if "sample" not in _kept:
            self.viewer.open_sample("napari-sciml", "fiber_concrete")
            keep = [layer.as_layer_data_tuple() for layer in self.viewer.layers]
            _kept["sample"] = keep
            return
        from napari.layers import Layer

        for data, options, kind in _kept["sample"]:
            # A corner of it, so that all jobs come to their ends now and then.
            part = (
                data[:24, :64, :64].copy() if self.rng.random() < 0.8 else data.copy()
            )
            self.viewer.add_layer(Layer.create(part, dict(options), kind))

    def paint(self) -> None:
        """A stroke through the layer, as the mouse makes it."""
        layer = self.session.workspace.start_annotating()
        z, y, x = (self.rng.randrange(n - 10) for n in layer.data.shape[-3:])
        layer.selected_label = self.rng.choice((1, 2))
        with layer.block_history():
            for step in range(8):
                layer.paint((z, y, x + step), layer.selected_label)

    def train(self) -> None:
        """Start or stop."""
        self.docks["Train"].start.click()

    def predict(self) -> None:
        """What one looks at, and the rest."""
        self._use_model()
        self.session.training.predict("cpu")

    def predict_whole(self) -> None:
        """Into a zarr."""
        self._use_model()
        name = f"p{self.rng.randrange(10**6)}.zarr"
        self.docks["Train"].whole_volume.predict(self.folder / name)

    def _use_model(self) -> None:
        model = self.session.prediction.model
        if model is not None:
            _kept["model"] = model
        elif "model" in _kept:
            self.session.prediction.use(_kept["model"])

    def keep(self) -> None:
        """What is sure, by thresholds that change."""
        self.docks["Uncertainty"].keep.click()
        self.session.sure.change(t=self.rng.uniform(0.2, 0.8))

    def look(self) -> None:
        """Go to a disputed place, zoom and scroll."""
        self.docks["Uncertainty"].show_next.click()
        self.viewer.dims.set_point(0, self.rng.randrange(24))
        self.viewer.scene.camera.zoom *= self.rng.uniform(0.8, 1.25)

    def measure(self) -> None:
        """The fibers of some mask."""
        from napari.layers import Labels

        masks = [x for x in self.viewer.layers if isinstance(x, Labels)]
        self.session.fibers.start(self.rng.choice(masks))

    def focus(self) -> None:
        """Rate or stop."""
        self.docks["Focus"].rate.click()

    def export(self) -> None:
        """Whatever there is."""
        number = self.rng.randrange(10**6)
        self.docks["Focus"].export_to(self.folder / f"focus{number}")
        self.docks["Fibers"].export_to(self.folder / f"fibers{number}")
        files = self.docks["Annotate"].files
        files.export_labels(str(self.folder / f"labels{number}.tif"))
        self.session.project.recovery.save_copy(self.folder / f"copy{number}")

    def recover(self) -> None:
        """Bring back what an earlier viewer saved."""
        self.session.project.recovery.recover()

    def delete_layers(self) -> None:
        """Some, or all."""
        layers = list(self.viewer.layers)
        self.rng.shuffle(layers)
        for layer in layers[: self.rng.randint(1, len(layers))] if layers else ():
            self.viewer.layers.remove(layer)

    def replace_image(self) -> None:
        """Other values, another shape, or another layer."""
        image = self.session.workspace.image
        if image is None:
            return
        kind = self.rng.randrange(3)
        if kind == 0:
            image.data = image.data[::-1].copy()
        elif kind == 1:
            image.data = image.data[..., :50].copy()
        else:
            self.session.workspace.choose_image(
                self.viewer.add_image(image.data[:12] + 1.0)
            )

    def close_docks(self) -> None:
        """Some, or all."""
        names = list(self.docks)
        self.rng.shuffle(names)
        for name in names[: self.rng.randint(1, len(names))] if names else ():
            self.viewer.window.remove_dock_widget(self.docks.pop(name))

    def work(self) -> None:
        """Do something; what a person is told in words is no fault."""
        from napari_sciml.errors import InputError

        some = [*(self.paint, self.train, self.predict, self.predict_whole)]
        some += [self.keep, self.look, self.measure, self.focus, self.export]
        some += [self.recover, self.paint, self.train]
        if self.rng.random() < 0.15:
            some = [self.delete_layers, self.replace_image, self.close_docks]
        chosen = self.rng.choice(some)
        self.faults.note(f"{id(self.viewer) % 9973}: {chosen.__name__}")
        with suppress(InputError, LookupError):
            chosen()

    def close(self) -> None:
        """As a script does it, or as a person by the cross of the window."""
        self.faults.watch(self.viewer)
        script = self.rng.random() < 0.5
        self.faults.note(
            f"{id(self.viewer) % 9973}: closed by {'script' if script else 'cross'}"
        )
        if script:
            self.viewer.close()
        else:
            self.viewer.window._qt_window.close()


def play(rng: random.Random, count: int, folder: Path, faults: Faults) -> None:
    """Open one viewer or two, work, and close them one after the other or at once."""
    faults.note(f"{count} opened")
    places = [Place(rng, folder, faults) for _ in range(count)]
    for _ in range(rng.randint(1, 8)):
        rng.choice(places).work()
        spin(rng.expovariate(1 / 0.15))
    while places:
        places.pop(rng.randrange(len(places))).close()
        if rng.random() < 0.7:
            spin(rng.expovariate(1 / 0.2))
            for place in places:
                place.work()
                spin(rng.expovariate(1 / 0.2))


def forget_windows() -> None:
    """Let go of windows closed by their cross, which only napari's themes still hold.

    A lambda that listens to a theme keeps the whole viewer (napari 0.9.2; 15 MB each,
    and its images). No viewer is open here; what still grows after that is ours.
    """
    from napari.utils.theme import _themes

    for theme in _themes.values():
        for emitter in theme.events.emitters.values():
            for told in emitter.callbacks:
                name = getattr(told, "__qualname__", "")
                if name.startswith("Window._connect_theme."):
                    emitter.disconnect(told)


def settle(faults: Faults) -> None:
    """Wait until all threads have ended."""

    def left() -> list[str]:
        names = [thread.name for thread in threading.enumerate()]
        return [name for name in names if name in OURS]

    gc.collect()
    if not spin(PATIENCE, lambda: not left()):
        faults.add("thread", f"{left()} still there")
        faulthandler.dump_traceback(all_threads=True)
    QThreadPool.globalInstance().waitForDone(1000)
    spin(0.05)
    forget_windows()
    gc.collect()


def run(viewers: int, seed: int, folder: Path) -> int:
    """Open so many viewers; gives the exit code."""
    import psutil

    rng, faults, process = random.Random(seed), Faults(), psutil.Process()
    opened, warm, shown, begun = 0, 0.0, 0.0, time.monotonic()
    while opened < viewers:
        count = min(rng.choice((1, 2)), viewers - opened)
        play(rng, count, folder, faults)
        settle(faults)
        before, opened = opened, opened + count
        shown = process.memory_info().rss / 2**20
        if before < WARM <= opened:
            warm = shown
        if opened // 10 > before // 10 or opened == viewers:
            seconds = time.monotonic() - begun
            print(f"{opened} viewers: {shown:.0f} MB, {seconds:.0f} s", flush=True)
    growth = shown - warm if warm else 0.0
    print(f"{len(faults.drawing)} drawings failed in vispy without us")
    print(f"{len(faults.found)} faults; {growth:+.0f} MB after {WARM} viewers")
    return int(bool(faults.found) or growth > GROWTH_MB)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--viewers", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    faulthandler.enable()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["NAPARI_SCIML_PROJECTS"] = str(Path(folder) / "projects")
        code = run(chosen.viewers, chosen.seed, Path(folder))
    sys.exit(code)


if __name__ == "__main__":
    main()
