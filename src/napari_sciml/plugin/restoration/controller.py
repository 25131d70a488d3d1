"""Restoring the image in a viewer."""

import weakref
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Image

from napari_sciml.errors import InputError
from napari_sciml.images.room import check_room
from napari_sciml.images.volume import SPATIAL_AXES, Volume
from napari_sciml.io.results.outputs import check_output
from napari_sciml.io.results.restored_files import check_restored_suffix
from napari_sciml.plugin.kit.replacing import sources
from napari_sciml.plugin.kit.runner import JobRunner
from napari_sciml.plugin.layers.images import pixels, voxel_size
from napari_sciml.plugin.restoration.layers import RestoredLayers
from napari_sciml.plugin.state.work import Work
from napari_sciml.restoration.config import RestoreConfig
from napari_sciml.restoration.noise import NoiseReport
from napari_sciml.workflows.restoring.preparing import Chosen
from napari_sciml.workflows.restoring.viewing import (
    RegionRestored,
    RestoredWhole,
    RestoredWritten,
    RestoringGrew,
    measure_noise,
    restore_in_view,
    write_restored,
)

if TYPE_CHECKING:
    from napari_sciml.images.tiles import Region
    from napari_sciml.plugin.state.workspace import Workspace
    from napari_sciml.workflows.restoring.arrays import Restored

GONE = "The image was closed or changed, so restoring was stopped: restore it again."
STOPPED = "Stopped: nothing is restored."


class RestoreController(Work):
    """Measures the noise, restores, and shows what came out.

    Attributes
    ----------
    doing
        "restore", "write", or "" for nothing; the noise is measured beside it.
    report
        Of the noise; None while it is measured, or where it cannot be.
    trouble
        Why it cannot be measured, in a sentence.
    chosen
        The method that is at work, or was last.
    progress
        How far it is.
    result
        The restored image; None before.
    """

    title, stopped = "Restoring", STOPPED

    def __init__(self, workspace: "Workspace") -> None:
        super().__init__(workspace)
        self._meter = JobRunner()
        self._meter.yielded.connect(self._on_measured)
        self._meter.failed.connect(self._on_not_measured)
        self._meter.finished.connect(self._on_meter_free)
        self._of: weakref.ref[Image] | None = None
        self._measured_of: weakref.ref[Image] | None = None
        self._again = False
        self.trouble = ""
        self.report: NoiseReport | None = None
        self.chosen: Chosen | None = None
        self.progress = RestoringGrew(0.0, "")
        self.result: Restored | None = None
        self.shown = RestoredLayers(workspace.layers, lambda: workspace.viewer)
        self._region: Region | None = None
        workspace.image_left.connect(self.forget)
        workspace.view_changed.connect(self._on_view)

    def measure(self) -> None:
        """Measure the noise of the image at hand, unless that is known."""
        layer = self._workspace.image
        known = self._measured_of is not None and self._measured_of() is layer
        if layer is None or known:
            return
        if self._meter.busy:
            self._again = True
            return
        self._measured_of = weakref.ref(layer)
        self.report, self.trouble = None, ""
        try:
            self._meter.start(measure_noise, pixels(layer))
        except InputError as error:
            self.trouble = str(error)
        self.changed.emit()

    def restore(self, config: RestoreConfig, partner: Image | None = None) -> None:
        """Restore the image at hand.

        Parameters
        ----------
        config
            Settings.
        partner
            For the methods pairs and supervised: the second scan, or the truth.

        Raises
        ------
        InputError
            When there is no image, no room for another one, or something else runs.
        """
        layer = self._workspace.image
        image = pixels(layer)
        assert layer is not None
        check_room(image.shape, np.float32, "The restored image", copies=4)
        name = {"pairs": "second", "supervised": "clean"}.get(config.method)
        others = {} if name is None else {name: pixels(partner)}
        self._on_view()
        self._start(
            "restore", restore_in_view, image, config, lambda: self._region, **others
        )
        self._of = weakref.ref(layer)
        self.result, self.chosen = None, None
        self.changed.emit()

    def save(self, path: Path, *, overwrite: bool = False) -> None:
        """Write the restored image, marked as such.

        Raises
        ------
        InputError
            When there is none, it cannot be written there, or something else runs.
        """
        layer = None if self._of is None else self._of()
        if self.result is None or layer is None:
            raise InputError('Nothing is restored yet: press "Restore".')
        check_restored_suffix(path)
        check_output(path, "restored", inputs=sources(layer), overwrite=overwrite)
        size, unit = voxel_size(layer)
        axes = SPATIAL_AXES[self.result.image.ndim]
        volume = Volume(self.result.image, axes, size, unit)
        self._start("write", write_restored, self.result, volume, path, layer.name)

    def stop(self) -> None:
        """Stop soon; a part of an image stays nowhere."""
        if self.doing != "restore":
            return
        self.shown.remove()
        super().stop()

    def swipe(self, original: bool) -> None:
        """Show the original, or the restored image again."""
        self.shown.swipe(original)

    def forget(self) -> None:
        """Another image is next."""
        interrupted = self.doing == "restore"
        if interrupted:
            self._runner(self.doing).stop()
        self.report, self.result, self.chosen = None, None, None
        self.note, self.trouble = "", ""
        self._measured_of = None
        self.shown.forget()
        self.changed.emit()
        if interrupted:
            self.note = GONE

    def close(self) -> None:
        """Stop everything."""
        self._meter.stop()
        if self.doing == "restore":
            self._runner(self.doing).stop()

    def leave(self) -> None:
        """The viewer goes away: hear nothing more."""
        self._meter.silence()

    def _on_view(self) -> None:
        self._region = self._workspace.shown_region()

    def _on_measured(self, event: object) -> None:
        layer = None if self._measured_of is None else self._measured_of()
        if isinstance(event, NoiseReport) and layer is self._workspace.image:
            self.report = event
            self.changed.emit()

    def _on_not_measured(self, sentence: str) -> None:
        if self._measured_of is not None:
            self.trouble = sentence
            self.changed.emit()

    def _on_meter_free(self) -> None:
        if self._again or self._measured_of is None:
            self._again = False
            self.measure()

    def _on_event(self, event: object) -> None:
        layer = None if self._of is None else self._of()
        if layer is None or not self._workspace.has(layer):
            return
        if isinstance(event, Chosen):
            self.chosen = event
        elif isinstance(event, RestoringGrew):
            self.progress = event
        elif isinstance(event, RegionRestored):
            self.shown.show_region(layer, event.region, event.values)
            return
        elif isinstance(event, RestoredWhole):
            self.result = event.found
            self.shown.show(layer, event.found, event.gone)
            self.note = "The image is restored."
        elif isinstance(event, RestoredWritten):
            self.note = f"Written to {event.path}"
        self.changed.emit()

    def _on_failed(self, sentence: str) -> None:
        if self.doing == "restore" and self.result is None:
            self.shown.remove()
        self.failed.emit(sentence)

    @property
    def share(self) -> float:
        """How much of what runs is done, 0 to 1."""
        return self.progress.fraction

    def _runner(self, doing: str) -> JobRunner:
        # Networks that learn at the same time would only wait for each other.
        workspace = self._workspace
        return workspace.runner if doing == "restore" else workspace.measuring

    def _reset_progress(self) -> None:
        begun = {"restore": "measuring the noise", "write": "writing"}
        self.progress = RestoringGrew(0.0, begun.get(self.doing, ""))

    @property
    def removed_sentence(self) -> str:
        """What the test of what was removed says; empty before."""
        return "" if self.result is None else self.result.removed.sentence
