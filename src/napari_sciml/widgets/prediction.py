"""The model of a viewer, and what it predicts, as layers."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from psygnal import Signal

from napari_sciml.errors import InputError
from napari_sciml.storage.provenance import provenance
from napari_sciml.storage.training_run import calibration_record
from napari_sciml.training.config import TrainingConfig
from napari_sciml.uncertainty.calibration import ConformalCalibration
from napari_sciml.widgets.colors import probability_colormap, uncertainty_colormap
from napari_sciml.widgets.dimming import Dimmer
from napari_sciml.widgets.images import pixels
from napari_sciml.widgets.measures import DEVIATION, MEASURES
from napari_sciml.widgets.probabilities import Probabilities

if TYPE_CHECKING:
    from napari_sciml.networks.ensemble import Ensemble
    from napari_sciml.prediction.blockwise import BlockPredicted
    from napari_sciml.training.calibration import Calibration
    from napari_sciml.training.metrics import Scores
    from napari_sciml.training.state import TrainingState
    from napari_sciml.widgets.session import ViewerSession

UNCERTAINTY = "Uncertainty"
STYLE = {"blending": "translucent", "opacity": 0.7}


@dataclass(frozen=True)
class Model:
    """The ensemble that the viewer uses.

    Attributes
    ----------
    ensemble
        Trained networks.
    number
        Counts the models of a viewer; blocks are marked with it. 0 = loaded.
    kind
        "instant" = the cheap first model, "ensemble" = the trained networks.
    revision
        Of the annotation that it was trained on; None where it was loaded.
    scores
        On held-out strokes, where there were any.
    calibration
        What its probabilities mean, once the training has ended.
    settings
        What the training was told.
    run, round, seconds
        Which training of the project made it, after how many rounds, and after how
        many seconds of training.
    state
        For the model file: the command line can go on with the training.
    loaded
        What the file said that it was loaded from.
    """

    ensemble: "Ensemble"
    number: int = 0
    kind: Literal["instant", "ensemble"] = "ensemble"
    revision: int | None = None
    scores: "Scores | None" = None
    calibration: "Calibration | None" = None
    settings: TrainingConfig | None = None
    run: int = 0
    round: int = 0
    seconds: float = 0.0
    state: "TrainingState | None" = None
    loaded: dict[str, Any] | None = None

    @cached_property
    def conformal(self) -> ConformalCalibration | None:
        """For coverages, where it was calibrated; a loaded model has it in words."""
        if self.calibration is not None:
            return self.calibration.conformal
        stored = (self.loaded or {}).get("calibration")
        return None if stored is None else ConformalCalibration.model_validate(stored)

    def record(self) -> dict[str, Any]:
        """What is worth knowing about the training, for the model file."""
        record = {
            **(self.loaded or {}),
            **provenance(
                annotation_revision=self.revision,
                held_out_dice=self.scores and self.scores.dice,
            ),
        }
        if self.settings is not None:
            record["config"] = self.settings.model_dump(mode="json")
        if self.calibration is not None:
            names = self.ensemble.class_names
            record |= calibration_record(self.calibration, names)
        return record


class Prediction:
    """The model at hand, its probabilities so far, and the layers that show them.

    A layer that the user deletes stays away until the next job.
    """

    model_changed = Signal()
    changed = Signal(object)  # the region that is new; None for all

    def __init__(self, session: "ViewerSession") -> None:
        self._session = session
        self._shown = False
        self._dimmer = Dimmer()
        self.measure = DEVIATION
        self.model: Model | None = None
        self.probabilities: Probabilities | None = None

    def use(self, model: Model) -> None:
        """Take another model; the old one's prediction stays until it is redone."""
        previous, self.model = self.model, model
        try:
            self.renew()
        except InputError:
            self.model = previous
            raise
        self.dim()
        self.model_changed.emit()

    def begin(self) -> None:
        """A job starts: its first block may bring back deleted layers."""
        self._shown = False

    def clear(self) -> None:
        """Another image is next; the model can be used for it."""
        self.probabilities = None
        self.changed.emit(None)

    def renew(self) -> None:
        """Begin to fill the prediction anew.

        Raises
        ------
        InputError
            When there is no model, or it does not fit the image.
        """
        if self.model is None:
            raise InputError("There is no model yet: train one or load one.")
        image = pixels(self._session.image)
        ensemble = self.model.ensemble
        if image.ndim != ensemble.dims:
            raise InputError(
                f"The model is for {ensemble.dims}D images, but the chosen one has "
                f"{image.ndim} axes."
            )
        ensemble.check_channels(image)
        self._make_room(tuple(image.shape), ensemble.class_names)

    def prepare(self, class_names: Sequence[str]) -> None:
        """Show the layers that a training will fill.

        A new layer holds up the viewer for some 0.1 s: better now, when the user
        has just pressed the button, than while he paints.
        """
        image = self._session.image
        if image is not None and not self._shown:
            self._make_room(tuple(pixels(image).shape), tuple(class_names))
            self._show()

    def _make_room(self, shape: tuple[int, ...], names: tuple[str, ...]) -> None:
        old = self.probabilities
        if old and (old.shape, old.class_names) == (shape, names):
            old.outdate()
        else:
            self.probabilities = Probabilities(shape, names)
            self._shown = False

    def take(self, block: "BlockPredicted") -> None:
        """Take in a predicted block and show it soon."""
        if self.probabilities is None or self._session.image is None:
            return
        if self.model is not None and block.model not in (0, self.model.number):
            return  # of a model that is not shown any more
        self.probabilities.write(block)
        if not self._shown:
            self._show()
        for name in self._names():
            self._session.layers.touch(name)
        self.dim()
        self.changed.emit(block.tile.core)

    def dim(self) -> None:
        """Dim what is on the screen as long as it is not all by the model at hand."""
        view, volume = self._session.target.view, self.probabilities
        if volume is None or view is None:
            return
        if view.volume:
            fresh = volume.complete
        else:
            current, known = volume.current[view.region], volume.known[view.region]
            fresh = bool(current.all() or not known.any())
        for name in self._names():
            layer = self._session.layers.get(name)
            if layer is not None:
                self._dimmer.show(layer, fresh)

    def save(self, path: str | Path) -> None:
        """Write the model at hand.

        Raises
        ------
        InputError
            When there is none, or it cannot be written.
        """
        from napari_sciml.storage.model import save_model

        if self.model is None:
            raise InputError("There is no model yet: train one first.")
        save_model(
            self.model.ensemble,
            path,
            record=self.model.record(),
            state=self.model.state,
        )

    def load(self, path: str | Path) -> None:
        """Read a model, to predict with it.

        Raises
        ------
        InputError
            When it cannot be read or does not fit, or something else is running.
        """
        from napari_sciml.storage.model import load_model, read_record

        if self._session.runner.busy:
            raise InputError("A job is running: stop it before you load a model.")
        self.use(Model(load_model(path), loaded=read_record(path)))

    def show_class(self) -> None:
        """Let the uncertainty be that of the class at hand, where it is shown."""
        layer = self._session.layers.get(UNCERTAINTY)
        if layer is not None and self.probabilities is not None:
            layer.data = self._uncertainty()

    def show_measure(self, name: str) -> None:
        """Let the uncertainty be another one of `MEASURES`."""
        self.measure = name
        self.show_class()
        layer = self._session.layers.get(UNCERTAINTY)
        if layer is not None:
            layer.contrast_limits = MEASURES[name].limits

    def _uncertainty(self) -> np.ndarray:
        assert self.probabilities is not None
        index = self._session.sure.class_index
        return MEASURES[self.measure].values(self.probabilities, index)

    def _names(self) -> list[str]:
        assert self.probabilities is not None
        classes = self.probabilities.class_names[1:]
        return [*(f"Probability: {name}" for name in classes), UNCERTAINTY]

    def _show(self) -> None:
        volume, session = self.probabilities, self._session
        assert volume is not None
        self._shown = True
        for label, name in enumerate(volume.class_names[1:], start=2):
            session.layers.show_image(
                f"Probability: {name}",
                volume.mean[label - 1],
                session.image,
                colormap=probability_colormap(
                    label, session.annotation.classes.color_of(label)
                ),
                contrast_limits=(0, 1),
                **STYLE,
            )
        session.layers.show_image(
            UNCERTAINTY,
            self._uncertainty(),
            session.image,
            colormap=uncertainty_colormap(),
            contrast_limits=MEASURES[self.measure].limits,
            **STYLE,
        )
