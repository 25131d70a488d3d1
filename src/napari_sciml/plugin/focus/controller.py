"""Rating the focus in a viewer."""

import weakref
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.layers import Image
from qtpy.QtCore import QTimer

from napari_sciml.errors import InputError
from napari_sciml.focus.config import FocusTrainingConfig
from napari_sciml.focus.levels import TILE
from napari_sciml.images.gray import as_gray
from napari_sciml.io.results.outputs import check_output
from napari_sciml.plugin.focus.clicks import TileClicks
from napari_sciml.plugin.focus.layers import OUT_OF_FOCUS, FocusLayers
from napari_sciml.plugin.kit.camera import go_to
from napari_sciml.plugin.kit.replacing import sources
from napari_sciml.plugin.kit.runner import IdleRunner
from napari_sciml.plugin.layers.images import dims_for, pixels, value_range
from napari_sciml.plugin.state.work import Work
from napari_sciml.workflows.focus.arrays import (
    FocusModelReady,
    FocusProgress,
    FocusRated,
    FocusWritten,
    load_focus_model,
    rate_focus,
    train_own_focus,
    write_focus,
)
from napari_sciml.workflows.focus.files import save_focus_model, write_rating

if TYPE_CHECKING:
    from napari_sciml.focus.model import FocusModel
    from napari_sciml.focus.rating.result import BestPlane, FocusResult
    from napari_sciml.plugin.state.workspace import Workspace

FOLLOW_MS = 40
BUILT_IN = "built-in"
GONE = "The image was closed or changed, so the rating was stopped: rate it again."


class FocusController(Work):
    """Rates, trains, loads and writes, and shows the rating.

    Attributes
    ----------
    doing
        What runs: "rate", "train", "load", "write", or "" for nothing.
    progress
        How far it is.
    model, model_name
        What rates; None is the one that comes with the program.
    result
        Of the image; None before the first rating.
    planes
        What the first axis of a stack counts: "plane" or "frame".
    """

    title = "Rating focus"

    def __init__(self, workspace: "Workspace") -> None:
        super().__init__(workspace)
        self.progress = FocusProgress("")
        self.model: FocusModel | None = None
        self.model_name = BUILT_IN
        self.result: FocusResult | None = None
        self.best: BestPlane | None = None
        self.planes = "plane"
        self.scale: tuple[float, float] | None = None
        self._rated_by = ""
        self._data: Any = None
        self._learned_from: list[Path] = []
        self._asked: tuple[Any, tuple[float, float] | None] = (None, None)
        self._of: weakref.ref[Image] | None = None
        self.shown: FocusLayers | None = None
        self.clicks = TileClicks()
        self._showing = IdleRunner()
        self._showing.finished.connect(self._on_shown)
        self._follow = QTimer()
        self._follow.setSingleShot(True)
        self._follow.setInterval(FOLLOW_MS)
        self._follow.timeout.connect(self._on_plane)
        workspace.image_left.connect(self.forget)
        workspace.view_changed.connect(self._on_view)

    @property
    def busy(self) -> bool:
        """Whether something runs, or the layers are still being made."""
        return self.running or self._showing.busy

    def rate(self, *, tile: int = TILE, channel: int | None = None) -> None:
        """Rate the image at hand.

        Parameters
        ----------
        tile
            Edge of a tile in pixels.
        channel
            Of an image of several; None for their mean.

        Raises
        ------
        InputError
            When there is no image that can be rated, or something else is running.
        """
        layer = self._workspace.image
        data = as_gray(pixels(layer), channel)
        assert layer is not None
        fixed = self.model is not None and self.model.fixed_scale
        scale = value_range(layer, data) if fixed else None
        self._start("rate", rate_focus, data, self.model, tile=tile, scale=scale)
        self._asked = (data, scale)
        self._of = weakref.ref(layer)
        self.planes = "plane" if dims_for(layer) is None else "frame"

    def train(
        self, layers: Sequence[Image], files: Sequence[Path], config: Any
    ) -> None:
        """Train a model on images in focus, and rate with it from now on.

        Raises
        ------
        InputError
            When there are no images, or something else is running.
        """
        if not layers and not files:
            raise InputError("Tick an image that is in focus, or add files.")
        images = [as_gray(pixels(layer)) for layer in layers]
        config = config or FocusTrainingConfig()
        self._learned_from = list(files)
        self._start("train", train_own_focus, images, list(files), config)

    def load(self, path: Path) -> None:
        """Load a model.

        Raises
        ------
        InputError
            When something else is running.
        """
        self._start("load", load_focus_model, path)

    def use_built_in(self) -> None:
        """Rate with the model that comes with the program again."""
        self.model, self.model_name = None, BUILT_IN
        self.changed.emit()

    def export(self, folder: Path, *, overwrite: bool = False) -> None:
        """Write table, summary and picture; over another result of ours if told so.

        Raises
        ------
        InputError
            When there is nothing to write, or something else is running.
        """
        if self.result is None:
            raise InputError('Nothing is rated yet: press "Rate focus".')
        layer = None if self._of is None else self._of()
        inputs = sources(layer)
        check_output(
            folder, "focus rating", inputs=inputs, overwrite=overwrite, folder=True
        )
        write = partial(
            write_rating,
            self.result,
            self._data,
            kind=self._rated_by,
            scale=self.scale,
        )
        self._start("write", write_focus, write, folder)

    def save_model(self, folder: Path, *, overwrite: bool = False) -> None:
        """Write the model that was trained here; over another result if told so.

        Raises
        ------
        InputError
            When there is none, or something else is running.
        """
        if self.model is None or self.model.fixed_scale:
            raise InputError("There is no model of your own to save: train one first.")
        used = [*self._learned_from, *sources(*self._workspace.images)]
        check_output(
            folder, "focus model", inputs=used, overwrite=overwrite, folder=True
        )
        self._start("write", write_focus, partial(save_focus_model, self.model), folder)

    def forget(self) -> None:
        """Another image is next."""
        self._interrupt(GONE, "rate")
        self._showing.stop()
        self.result, self.best, self.shown, self._data = None, None, None, None
        self.note = ""
        self._workspace.exclusion.use(None, None)
        self.clicks.watch(None, None)
        self.changed.emit()

    def close(self) -> None:
        """Stop everything."""
        self._showing.stop()
        self.clicks.close()
        self._follow.stop()

    def watch(self) -> None:
        """Listen to clicks on the tiles."""
        self.clicks.watch(self.shown, self._workspace.viewer)

    def choose(self, tile: tuple[int, ...]) -> None:
        """Go to a tile and mark it."""
        if self.shown is not None:
            self.shown.choose(tile)
            go_to(self._workspace.viewer, self.shown.center(tile))
            self._on_plane()

    def go_to_plane(self, plane: int) -> None:
        """Show a plane of the stack."""
        if self.shown is None or self.result is None:
            return
        viewer = self._workspace.viewer
        world = self.shown.in_plane(plane, viewer.dims.point)
        offset = viewer.dims.ndim - len(world)
        viewer.dims.set_point([offset + i for i in range(len(world))], list(world))

    @property
    def share(self) -> float:
        """How much of what runs is done, 0 to 1."""
        return self.progress.fraction

    def _reset_progress(self) -> None:
        self.progress = FocusProgress("Starting …" if self.running else "")

    def _on_event(self, event: object) -> None:
        if isinstance(event, FocusProgress):
            self.progress = event
        elif isinstance(event, FocusRated):
            self._take(event)
        elif isinstance(event, FocusModelReady):
            self.model, self.model_name = event.model, event.name
            self.note = f"Rates with {event.name} from now on."
        elif isinstance(event, FocusWritten):
            self.note = f"Written to {event.path}"
        else:
            return
        self.changed.emit()

    def _take(self, rated: FocusRated) -> None:
        layer = self._of() if self._of is not None else None
        if layer is None or not self._workspace.has(layer):
            self.failed.emit(GONE)
            return
        shape = (*rated.result.level.shape[:-2], *rated.result.shape)
        if pixels(layer).shape != shape:
            self.failed.emit(GONE)
            return
        self._data, self.scale = self._asked
        self._rated_by = rated.model.kind
        self.result = rated.result
        stack = rated.result.level.ndim > 2
        self.best = rated.result.best_plane() if stack else None
        self.shown = FocusLayers(self._workspace.layers, rated.result, layer)
        if self.best is not None and self.best.index is not None:
            self.go_to_plane(self.best.index)
        self._showing.start(self.shown.show(self._workspace.viewer))

    def _on_shown(self) -> None:
        if self.shown is not None:
            mask = self._workspace.layers.get(OUT_OF_FOCUS)
            self._workspace.exclusion.use(mask, self.shown.grid)
        self.watch()
        self._on_plane()
        self.changed.emit()

    def _on_view(self) -> None:
        if self.shown is not None and not self._follow.isActive():
            self._follow.start()

    def _on_plane(self) -> None:
        if self.shown is not None and self._workspace.viewer is not None:
            self.shown.follow(self._workspace.viewer)
