"""Measuring fibers in a viewer."""

from collections.abc import Callable, Generator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image, Labels
from psygnal import Signal

from napari_sciml.errors import InputError
from napari_sciml.fibers.config import FiberConfig
from napari_sciml.fibers.editing import FiberEdits
from napari_sciml.fibers.statistics.summary import summarize
from napari_sciml.images.volume import unique
from napari_sciml.plugin.fibers.editor import FiberEditor
from napari_sciml.plugin.fibers.view import FIBERS, FiberView
from napari_sciml.plugin.layers.axes import image_array
from napari_sciml.plugin.layers.blanking import Blanked
from napari_sciml.plugin.layers.images import cautions_on, pixels, space_of, voxel_size
from napari_sciml.plugin.state.coloring import CONFIDENT
from napari_sciml.plugin.state.evidence import caution
from napari_sciml.plugin.state.work import Work
from napari_sciml.workflows.measuring.arrays import (
    FibersMeasured,
    Stage,
    find_and_measure,
)
from napari_sciml.workflows.measuring.export import Exported
from napari_sciml.workflows.measuring.export import Prediction as MadeFrom

if TYPE_CHECKING:
    from napari_sciml.plugin.state.prediction import Prediction
    from napari_sciml.plugin.state.prediction_volume import PredictionVolume
    from napari_sciml.plugin.state.workspace import Workspace

__all__ = ["FIBERS", "FiberController"]

MOST = 0.5
"""Share of a mask that is dropped from which on what is left says little of it."""
LITTLE = 0.005
"""Share of a mask that is dropped below which nothing is said."""


class FiberController(Work):
    """Runs the job, and holds what it has found.

    Parameters
    ----------
    workspace, prediction
        What it works on.
    settle
        Finishes the mask, where that is on its way.

    Attributes
    ----------
    doing
        "measure", "write", or "" for nothing.
    done
        Share of the stage that is done; None = unknown.
    result
        The fibers as they are now, with all corrections by hand.
    config
        Settings of the last time that fibers were measured.
    view, hand
        How they are shown, and what is done to them by hand.
    """

    title = "Measuring fibers"
    exported = Signal(Exported)

    def __init__(
        self,
        workspace: "Workspace",
        prediction: "Prediction",
        settle: Callable[[], None],
    ) -> None:
        super().__init__(workspace)
        self._prediction = prediction
        self._settle = settle
        self._stage = ""
        self.config = FiberConfig()
        self.done: float | None = None
        self.result: FibersMeasured | None = None
        self.edits: FiberEdits | None = None
        self.view = FiberView(workspace)
        self.hand = FiberEditor(self)
        self.mask: Labels | None = None
        self.image: Image | None = None
        self._class = 0
        self._next: tuple[Labels, Image | None] | None = None
        self._doubts: tuple[str, ...] = ()

    def start(self, layer: Labels | None, config: FiberConfig | None = None) -> None:
        """Number and measure the fibers of a mask.

        Raises
        ------
        InputError
            When there is no mask, or something else is running.
        """
        if layer is None:
            raise InputError(
                'There is no mask: press "Keep what is sure" in the Uncertainty dock.'
            )
        axes = space_of(layer)
        if len(axes) not in (2, 3):
            raise InputError(
                f"'{layer.name}' has {len(axes)} axes: choose a mask with the "
                "axes y, x or z, y, x, for instance of a single time point "
                "(right-click the layer, Split Stack)."
            )
        # A slider may just have moved.
        self._settle()
        mask = np.array(image_array(layer))
        size, unit = voxel_size(layer)
        config = config or FiberConfig()
        self._start(
            "measure",
            find_and_measure,
            mask,
            config,
            voxel_size=size,
            unit=unit,
            probability=self._probability(layer),
        )
        self._next, self.config = (layer, self._image_under(layer)), config
        self._doubts = self.doubts_of(layer)

    @property
    def share(self) -> float:
        """How much of the stage is done, 0 to 1."""
        return self.done or 0.0

    @property
    def stage(self) -> str:
        """What it is at, in words."""
        return self._stage

    def stop(self) -> None:
        """Stop the job; the fibers from before stay."""
        if self.running:
            self._stage, self.done = "Stopping …", None
        super().stop()

    def _reset_progress(self) -> None:
        begun = {"measure": "Starting …", "write": "Writing …"}
        self._stage, self.done = begun.get(self.doing, ""), None

    def write(
        self, write: Callable[..., Generator[object]], *args: Any, **settings: Any
    ) -> None:
        """Start a job that writes the fibers.

        Raises
        ------
        InputError
            When another one is running.
        """
        self._start("write", write, *args, **settings)

    @property
    def cautions(self) -> tuple[str, ...]:
        """What a person should know of the files, and of the model where it is used."""
        of_files = (cautions_on(self.image), cautions_on(self.mask))
        return unique(*of_files, self._doubts, (self.left_out,) * self.drops_most)

    @property
    def drops_most(self) -> bool:
        """Whether most of the mask is in no fiber."""
        return self.result is not None and self.result.left_out > MOST

    @property
    def left_out(self) -> str:
        """How much of the mask is in no fiber and why; empty where it is hardly any."""
        found = self.result
        if found is None or found.left_out < LITTLE:
            return ""
        why = found.config.dropped_text(found.unit, found.labels.ndim)
        share = f"{100 * found.left_out:.2g} % of the mask is in none: {why}."
        return f"{share} Drop less if that is fiber, too." if self.drops_most else share

    def class_predicted(self, mask: Labels) -> str | None:
        """Class whose probability helps with a mask of ours; None where none does."""
        layers = self._workspace.layers
        if self._predicted(mask) is None or not layers.owns(mask):
            return None
        return layers.name_of(mask).removeprefix(CONFIDENT) or None

    def doubts_of(self, mask: Labels | None) -> tuple[str, ...]:
        """Why a mask of ours may be wrong; of another one nothing is known."""
        prediction, layers = self._prediction, self._workspace.layers
        if mask is None or not layers.owns(mask):
            return ()
        name = layers.name_of(mask).removeprefix(CONFIDENT)
        told = [*prediction.doubts, caution(prediction.model, name)]
        volume = prediction.probabilities
        if volume is not None and volume.shape == _shape(mask) and 0 < volume.share < 1:
            told.append(
                f"Only {100 * volume.share:.2g} % of the image is predicted: the mask "
                "is of this part, and so is what is measured in it."
            )
        return tuple(filter(None, told))

    def prediction(self) -> MadeFrom | None:
        """Mean and deviation that the mask was made from, where they are at hand."""
        if self.running or self.mask is None or not self._class:
            return None
        volume = self._predicted(self.mask)
        if volume is None:
            return None
        return MadeFrom(self._mean(volume), volume.std[self._class - 1])

    def choose(self, label: int) -> None:
        """Go to a fiber and mark it."""
        self.view.choose((label,), go=True)

    def renew(self) -> None:
        """Take in what was corrected by hand."""
        edits, result = self.edits, self.result
        if edits is None or result is None:
            return
        size = result.voxel_size
        summary = summarize(edits.table, edits.labels.shape, size, result.unit)
        self.result = replace(
            result,
            labels=edits.labels,
            table=edits.table,
            lines=edits.lines,
            summary=summary,
        )
        self.view.renew(self.result)
        self.changed.emit()

    def close(self) -> None:
        """Nothing listens to the viewer after this."""
        self.view.close()
        self.hand.close()

    def watch(self) -> None:
        """Listen to the viewer again."""
        self.view.watch()
        self.hand.watch()

    def _probability(self, mask: Labels) -> np.ndarray | None:
        self._class = 0
        volume = self._predicted(mask)
        if volume is None:
            return None
        # Our masks hold the value of their class; of another mask it is unknown.
        known = self._workspace.layers.owns(mask)
        self._class = int(mask.data.max()) if known else 0
        # A copy, as a training that goes on writes another prediction into it.
        return self._mean(volume).copy() if self._class else None

    def _predicted(self, mask: Labels) -> "PredictionVolume | None":
        """The prediction, where it is one of all voxels of a mask."""
        volume = self._prediction.probabilities
        if volume is None or volume.shape != _shape(mask) or not volume.complete:
            return None
        return volume

    def _mean(self, volume: "PredictionVolume") -> np.ndarray:
        """Of the class; 0 out of focus, where nothing is to be found or extended to."""
        mean, cover = volume.mean[self._class - 1], self._workspace.exclusion.cover
        return mean if cover is None else np.asarray(Blanked(mean, cover, blank=0))

    def _image_under(self, mask: Labels) -> Image | None:
        """The gray image that a mask belongs to, for pictures."""
        image = self._workspace.image
        if image is None or image.multiscale or image.rgb:
            return None
        try:
            return image if pixels(image).shape == _shape(mask) else None
        except InputError:
            return None

    def _on_event(self, event: object) -> None:
        if isinstance(event, Stage):
            self._stage, self.done = event.text, event.done
            self.changed.emit()
        elif isinstance(event, FibersMeasured):
            self._take(event)
        elif isinstance(event, Exported):
            self.exported.emit(event)

    def _take(self, result: FibersMeasured) -> None:
        assert self._next is not None
        self.mask, self.image = self._next
        self.hand.forget()
        self.result = result
        self.edits = FiberEdits(
            result.labels,
            result.table,
            result.lines,
            result.boxes,
            voxel_size=result.voxel_size,
            probability=result.probability,
        )
        self.view.show(result, self.mask)
        self.hand.watch()
        self.changed.emit()


def _shape(mask: Labels) -> tuple[int, ...]:
    """Of the image that a mask lies on."""
    return tuple(image_array(mask).shape)
