"""The button that predicts a volume of any size into a file of its own."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.layers import Image
from qtpy.QtWidgets import QFileDialog, QVBoxLayout, QWidget

from napari_sciml.errors import InputError
from napari_sciml.images.tiles import Region
from napari_sciml.images.volume import SPATIAL_AXES, Volume
from napari_sciml.io.results.outputs import check_output
from napari_sciml.io.results.predictions import OneClass, PredictionStore
from napari_sciml.plugin.kit.colors import probability_colormap, uncertainty_colormap
from napari_sciml.plugin.kit.connections import Connections
from napari_sciml.plugin.kit.replacing import sources, write_or_ask
from napari_sciml.plugin.kit.widgets.controls import button, caution_line, text_line
from napari_sciml.plugin.layers.blanking import blanked
from napari_sciml.plugin.layers.images import pixels, shown_view, voxel_size
from napari_sciml.plugin.layers.layers import CHEAP
from napari_sciml.plugin.state.measures import DEVIATION, MEASURES
from napari_sciml.plugin.state.prediction import STYLE, Prediction
from napari_sciml.plugin.state.workspace import Workspace
from napari_sciml.workflows.prediction.volume import (
    ResultBegun,
    ResultFinished,
    ResultGrew,
    predict_to_disk,
)

if TYPE_CHECKING:
    from napari_sciml.plugin.kit.runner import Job

START, STOP = "Predict whole volume…", "Stop the whole volume"
DONE = "Done"


class WholeVolume(QWidget):
    """Predicts the chosen image by the model at hand, however large it is.

    Parameters
    ----------
    workspace, prediction
        Have the image and the model.
    device
        Gives the device to compute on.
    """

    def __init__(
        self, workspace: Workspace, prediction: Prediction, device: Callable[[], str]
    ) -> None:
        super().__init__()
        self._workspace, self._prediction = workspace, prediction
        self._device = device
        self._job: Job | None = None
        self._out: Path | None = None
        self._image: Image | None = None
        self._layers: list[Image] = []
        self.start = button(
            "predict_whole_volume",
            START,
            "Predict the chosen image, of any size, block by block into a zarr; when "
            "it was stopped, choose the same zarr to go on.",
        )
        self.status = text_line(
            "whole_volume_status", "How far the prediction of the whole volume is."
        )
        self.cautions = caution_line(
            "whole_volume_cautions", "What to know before you trust the result."
        )
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.start)
        column.addWidget(self.status)
        column.addWidget(self.cautions)
        self.status.hide()
        self.cautions.hide()
        self.start.clicked.connect(self._on_start)
        self.wiring = Connections()
        self.destroyed.connect(self.wiring.close)

    @property
    def running(self) -> bool:
        """Whether a whole volume is being predicted."""
        return self._out is not None

    def predict(self, out: str | Path, *, overwrite: bool = False) -> None:
        """Begin, or go on with what was stopped.

        Parameters
        ----------
        out
            OME-Zarr to write.
        overwrite
            Whether another result of ours may be replaced.

        Raises
        ------
        InputError
            When there is no model or image, another job is running, or something is
            in the way of the output.
        """
        layer, model = self._workspace.image, self._prediction.model
        if model is None:
            raise InputError("There is no model yet: train one or load one.")
        image = pixels(layer, any_size=True)
        assert layer is not None
        inputs = [*sources(layer), model.source]
        check_output(out, "prediction", inputs=inputs, overwrite=overwrite, folder=True)
        edges, unit = voxel_size(layer)
        volume = Volume(image, SPATIAL_AXES[image.ndim], edges, unit)
        job = self._workspace.runner.start(
            predict_to_disk,
            model.ensemble,
            volume,
            out,
            source=layer.source.path or layer.name,
            record=model.record(),
            device=self._device(),
        )
        # PyQt's signals do not keep their object: what is disconnected must be there.
        self._job = job
        self.wiring.connect(job.yielded, self._on_event)
        self.wiring.connect(job.failed, self._say)
        self.wiring.connect(job.finished, self._on_finished)
        self._out, self._image = Path(out), layer
        self.cautions.hide()
        self.start.setText(STOP)
        self._say("Looking at the image …")

    def _on_start(self) -> None:
        if self.running:
            self._workspace.runner.stop()
            return
        path, _ = QFileDialog.getSaveFileName(
            self, "Where the probabilities go", "probabilities.ome.zarr"
        )
        if not path:
            return
        try:
            write_or_ask(self, lambda sure: self.predict(path, overwrite=sure))
        except InputError as error:
            self._say(str(error))

    def _on_event(self, event: object) -> None:
        if isinstance(event, ResultBegun):
            self.cautions.setText(" ".join(event.cautions))
            self.cautions.setVisible(bool(event.cautions))
            self._say(event.words)
            with suppress(InputError):  # a small one may be finished by now
                self._show(PredictionStore.open_unfinished(event.path))
        elif isinstance(event, ResultGrew):
            self._say(f"{event.share:.0%}: {event.words}")
            for layer in self._there():
                if self._is_shown(layer, event.core):
                    layer.refresh(**CHEAP)
        elif isinstance(event, ResultFinished):
            self._say(f"{DONE}: {event.path}")
            self._finish(PredictionStore.open(event.path))

    def _on_finished(self) -> None:
        if not self.status.text().startswith(DONE):
            self._say(f"{self.status.text()} Stopped; what is done is kept.")
        self.wiring.close()
        self._out, self._image = None, None
        self._layers.clear()
        self.start.setText(START)

    def _say(self, sentence: str) -> None:
        self.status.setText(sentence)
        self.status.setVisible(bool(sentence))

    def _there(self) -> list[Image]:
        """Our layers that the user has not deleted."""
        layers = self._workspace.viewer.layers
        return [layer for layer in self._layers if layer in layers]

    def _is_shown(self, layer: Image, core: Region | None) -> bool:
        """Whether a block lies in the slice on the screen: reading it takes a while."""
        if core is None:
            return False
        view = shown_view(layer, self._workspace.viewer.dims)
        pairs = zip(core, view.region, strict=True)
        return all(a.start < b.stop and b.start < a.stop for a, b in pairs)

    def _show(self, store: PredictionStore) -> None:
        if self._image not in self._workspace.viewer.layers:
            return
        *parts, deviation = (levels[0] for levels in self._levels(store))
        colors = [probability_colormap(label) for label in range(2, len(parts) + 2)]
        limits = [*[(0, 1)] * len(parts), MEASURES[DEVIATION].limits]
        names = [f"Whole volume {name}" for name in store.class_names[1:]]
        self._layers = [
            self._workspace.layers.show_image(
                name,
                data,
                self._image,
                rgb=False,
                colormap=color,
                contrast_limits=range_,
                **STYLE,
            )
            for name, data, color, range_ in zip(
                [*names, "Whole volume uncertainty"],
                [*parts, deviation],
                [*colors, uncertainty_colormap()],
                limits,
                strict=True,
            )
        ]

    def _levels(self, store: PredictionStore) -> list[list[Any]]:
        """What is shown of it: nothing where the image is not to be trusted."""
        cover = self._workspace.exclusion.cover
        return [[blanked(level, cover) for level in part] for part in _parts(store)]

    def _finish(self, store: PredictionStore) -> None:
        """The arrays have another path now, and coarser levels that zoom out fast."""
        if not self._layers:
            self._show(store)
        if not self._layers:  # the user has deleted the image
            return
        there = self._there()
        for layer, levels in zip(self._layers, self._levels(store), strict=True):
            if layer in there:
                self._workspace.layers.show_levels(layer, levels)


def _parts(store: PredictionStore) -> list[list[OneClass]]:
    """Means of all classes but the first, and the deviation of the last one.

    Each is a list of its levels, finest first.
    """
    classes = range(1, len(store.class_names))
    means, deviations = zip((store.mean, store.std), *store.coarser, strict=True)
    parts = [[OneClass(level, index) for level in means] for index in classes]
    return [*parts, [OneClass(level, len(classes)) for level in deviations]]
