"""Filling gaps in a viewer."""

import weakref
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image, Labels
from psygnal import Signal

from napari_sciml.errors import InputError
from napari_sciml.filling.config import FillConfig
from napari_sciml.filling.result import Filled, FillStep
from napari_sciml.images.gray import as_gray
from napari_sciml.images.volume import SPATIAL_AXES, Volume
from napari_sciml.io.results.outputs import check_output
from napari_sciml.plugin.filling.layers import (
    dragged_center,
    show_center,
    show_filled,
    show_gaps,
)
from napari_sciml.plugin.kit.replacing import sources
from napari_sciml.plugin.layers.images import pixels, voxel_size
from napari_sciml.plugin.state.work import Work
from napari_sciml.workflows.filling.arrays import (
    FillingWritten,
    GapsFilled,
    GapsFound,
    fill,
    look_for_gaps,
    write,
)
from napari_sciml.workflows.filling.files import write_filling

if TYPE_CHECKING:
    from napari_sciml.plugin.state.workspace import Workspace

GONE = "The image was closed or changed, so the filling was stopped: fill it again."
MOVED = 0.01
"""Pixels from which on the point of the center was dragged by the user."""


class FillController(Work):
    """Finds gaps, fills them, writes, and shows what came out.

    Attributes
    ----------
    doing
        What runs: "find", "fill", "write", or "" for nothing.
    step
        How far it is.
    result
        Of the image; None before it is filled.
    """

    title = "Filling gaps"
    gaps_shown = Signal(object)

    def __init__(self, workspace: "Workspace") -> None:
        super().__init__(workspace)
        self.step = FillStep(0.0, "")
        self.result: Filled | None = None
        self._data: Any = None
        self._of: weakref.ref[Image] | None = None
        self._config = FillConfig()
        self._own_center: tuple[float, float] | None = None
        workspace.image_left.connect(self.forget)

    def find(self) -> None:
        """Find the gaps of the image, and show them to be painted on.

        Raises
        ------
        InputError
            When there is no image, or something else is running.
        """
        data = self._take_image()
        self._start("find", look_for_gaps, data)

    def fill(self, mask: Labels | None, config: FillConfig) -> None:
        """Fill the gaps.

        Parameters
        ----------
        mask
            Not 0 in the gaps; None = they are found.
        config
            Settings.

        Raises
        ------
        InputError
            When there is no image, or something else is running.
        """
        data = self._take_image()
        self._config = config
        gaps = None if mask is None else np.asarray(mask.data) != 0
        self._start("fill", fill, data, gaps, config, self._center())

    def export(self, folder: Path, *, overwrite: bool = False) -> None:
        """Write image, mask, uncertainty and profile into a folder.

        Raises
        ------
        InputError
            When there is nothing to write, or something else is running.
        """
        layer = None if self._of is None else self._of()
        if self.result is None or layer is None:
            raise InputError('Nothing is filled yet: press "Fill".')
        files = sources(layer)
        check_output(folder, "filling", inputs=files, overwrite=overwrite, folder=True)
        size, unit = voxel_size(layer)
        axes = SPATIAL_AXES[self._data.ndim]
        volume = Volume(self._data, axes, size[-self._data.ndim :], unit)
        about = {"image": files, "config": self._config}
        save = partial(
            write_filling, self.result, self._data, volume=volume, about=about
        )
        self._start("write", write, save, folder)

    def forget(self) -> None:
        """Another image is next."""
        self._interrupt(GONE, "find", "fill")
        self.result, self._data, self._of = None, None, None
        self._own_center, self.note = None, ""
        self.changed.emit()

    def close(self) -> None:
        """Stop everything."""
        if self.running:
            self._runner(self.doing).stop()

    def _take_image(self) -> Any:
        layer = self._workspace.image
        data = pixels(layer)
        assert layer is not None
        if layer.rgb:
            raise InputError(
                "A color image has no counts to fill: choose a gray image."
            )
        self._of = weakref.ref(layer)
        return as_gray(data, 0)  # read in the job: it may be large

    def _center(self) -> tuple[float, float] | None:
        """The center where the user dragged it to; None = it is to be found."""
        found = dragged_center(self._workspace.layers)
        if found is None:
            self._own_center = None
        elif self.result is not None:
            moved = np.abs(np.subtract(found, self.result.center)).max()
            if moved > MOVED:
                self._own_center = found
        return self._own_center

    @property
    def share(self) -> float:
        """How much of what runs is done, 0 to 1."""
        return self.step.fraction

    def _reset_progress(self) -> None:
        self.step = FillStep(0.0, "starting" if self.running else "")

    def _on_event(self, event: object) -> None:
        if isinstance(event, FillStep):
            self.step = event
        elif isinstance(event, FillingWritten):
            self.note = f"Written to {event.path}"
        elif self._layer() is None:
            self.failed.emit(GONE)
        elif isinstance(event, GapsFound):
            self._on_gaps(event.gaps)
        elif isinstance(event, GapsFilled):
            self._data = event.image
            self._on_filled(event.filled)
        self.changed.emit()

    def _layer(self) -> Image | None:
        layer = None if self._of is None else self._of()
        return layer if self._workspace.has(layer) else None

    def _on_gaps(self, gaps: np.ndarray) -> None:
        layer = self._layer()
        assert layer is not None
        shown = show_gaps(self._workspace.layers, gaps, layer)
        share = float(gaps.mean())
        self.note = (
            f"Gaps are {share:.1%} of the image. Paint what is missing, such as a "
            "beamstop, and erase what is none."
        )
        self.gaps_shown.emit(shown)

    def _on_filled(self, filled: Filled) -> None:
        layer, layers = self._layer(), self._workspace.layers
        assert layer is not None
        self.result = filled
        show_filled(layers, filled, layer)
        show_center(layers, self._workspace.viewer, filled.center, layer)
