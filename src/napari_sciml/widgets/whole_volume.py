"""The button that predicts a volume of any size into a file of its own."""

from pathlib import Path
from typing import Any

from qtpy.QtWidgets import QFileDialog, QVBoxLayout, QWidget

from napari_sciml.errors import InputError
from napari_sciml.images.lazy import LazyArray
from napari_sciml.images.volume import SPATIAL_AXES, Volume
from napari_sciml.jobs.whole_volume import (
    ResultBegun,
    ResultFinished,
    ResultGrew,
    predict_to_disk,
)
from napari_sciml.storage.results import PredictionStore
from napari_sciml.widgets.colors import probability_colormap, uncertainty_colormap
from napari_sciml.widgets.dock import button, text_line
from napari_sciml.widgets.images import pixels, voxel_size
from napari_sciml.widgets.measures import DEVIATION, MEASURES
from napari_sciml.widgets.prediction import STYLE
from napari_sciml.widgets.session import ViewerSession
from napari_sciml.widgets.wiring import Wiring

START, STOP = "Predict whole volume…", "Stop the whole volume"


class WholeVolume(QWidget):
    """Predicts the chosen image by the model at hand, however large it is.

    Parameters
    ----------
    session
        Of the viewer.
    device
        Gives the device to compute on.
    """

    def __init__(self, session: ViewerSession, device: Any) -> None:
        super().__init__()
        self._session, self._device = session, device
        self._out: Path | None = None
        self._store: PredictionStore | None = None
        self._image: Any = None
        self.start = button(
            "predict_whole_volume",
            START,
            "Predict the chosen image, of any size, block by block into a zarr; when "
            "it was stopped, choose the same zarr to go on.",
        )
        self.status = text_line(
            "whole_volume_status", "How far the prediction of the whole volume is."
        )
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.start)
        column.addWidget(self.status)
        self.status.hide()
        self.start.clicked.connect(self._on_start)
        self.wiring = Wiring()
        self.destroyed.connect(self.wiring.close)
        self.wiring.connect(session.runner.yielded, self._on_event)
        self.wiring.connect(session.runner.failed, self._on_failed)
        self.wiring.connect(session.runner.finished, self._on_finished)

    @property
    def running(self) -> bool:
        """Whether a whole volume is being predicted."""
        return self._out is not None

    def predict(self, out: str | Path) -> None:
        """Begin, or go on with what was stopped.

        Raises
        ------
        InputError
            When there is no model or image, or another job is running.
        """
        session, layer = self._session, self._session.image
        model = session.prediction.model
        if model is None:
            raise InputError("There is no model yet: train one or load one.")
        image = pixels(layer, any_size=True)
        assert layer is not None
        edges, unit = voxel_size(layer)
        volume = Volume(image, SPATIAL_AXES[image.ndim], edges[-image.ndim :], unit)
        session.runner.start(
            predict_to_disk,
            model.ensemble,
            volume,
            out,
            source=layer.source.path or layer.name,
            record=model.record(),
            device=self._device(),
        )
        self._out, self._store, self._image = Path(out), None, layer
        self.start.setText(STOP)
        self._say("Looking at the image …")

    def _on_start(self) -> None:
        if self.running:
            self._session.runner.stop()
            return
        path, _ = QFileDialog.getSaveFileName(
            self, "Where the probabilities go", "probabilities.ome.zarr"
        )
        if not path:
            return
        try:
            self.predict(path)
        except InputError as error:
            self._say(str(error))

    def _on_event(self, event: object) -> None:
        if not self.running:
            return
        if isinstance(event, ResultBegun):
            self._say(event.words)
            self._show(PredictionStore.open_unfinished(event.path))
        elif isinstance(event, ResultGrew):
            self._say(f"{event.share:.0%}: {event.words}")
            for name, _ in self._names():
                self._session.layers.touch(name)
        elif isinstance(event, ResultFinished):
            self._say(f"Done: {event.path}")
            # It has another name now.
            self._show(PredictionStore.open(event.path))

    def _on_failed(self, sentence: str) -> None:
        if self.running:
            self._say(sentence)

    def _on_finished(self) -> None:
        if self.running:
            if self._session.image is not None and "Done" not in self.status.text():
                self._say(f"{self.status.text()} Stopped; what is done is kept.")
            self._out = None
            self.start.setText(START)

    def _say(self, sentence: str) -> None:
        self.status.setText(sentence)
        self.status.setVisible(bool(sentence))

    def _names(self) -> list[tuple[str, int]]:
        """Our layers and their classes, the deviation of the last one at the end."""
        if self._store is None:
            return []
        classes = list(enumerate(self._store.class_names))[1:]
        named = [(f"Whole volume: {name}", index) for index, name in classes]
        return [*named, ("Whole volume: uncertainty", len(classes))]

    def _show(self, store: PredictionStore) -> None:
        if self._image not in self._session.viewer.layers:
            return
        self._store = store
        *classes, (uncertainty, last) = self._names()
        for name, index in classes:
            self._session.layers.show_image(
                name,
                OneClass(store.mean, index),
                self._image,
                rgb=False,
                colormap=probability_colormap(index + 1),
                contrast_limits=(0, 1),
                **STYLE,
            )
        self._session.layers.show_image(
            uncertainty,
            OneClass(store.std, last),
            self._image,
            rgb=False,
            colormap=uncertainty_colormap(),
            contrast_limits=MEASURES[DEVIATION].limits,
            **STYLE,
        )


class OneClass(LazyArray):
    """A class of a prediction on the disk; only what is looked at is read.

    Parameters
    ----------
    array
        zarr array ``(class, …)``.
    index
        Of the class.
    """

    def __init__(self, array: Any, index: int) -> None:
        super().__init__(array.shape[1:], array.dtype)
        self._array, self._index = array, index

    def _read(self, key: Any) -> Any:
        return self._array[(self._index, *key)]
