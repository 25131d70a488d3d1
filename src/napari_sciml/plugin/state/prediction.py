"""What the model of a viewer predicts, as layers."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.layers import Image
from psygnal import Signal

from napari_sciml.errors import InputError
from napari_sciml.io.results.outputs import check_output
from napari_sciml.plugin.kit.colors import probability_colormap, uncertainty_colormap
from napari_sciml.plugin.kit.replacing import sources
from napari_sciml.plugin.layers.blanking import CellMask, blank_layer, blanked
from napari_sciml.plugin.layers.dimming import Dimmer
from napari_sciml.plugin.layers.images import pixels
from napari_sciml.plugin.state.measures import DEVIATION, MEASURES
from napari_sciml.plugin.state.model import Model
from napari_sciml.plugin.state.model_fit import misfit
from napari_sciml.plugin.state.prediction_volume import PredictionVolume
from napari_sciml.plugin.state.workspace import Workspace
from napari_sciml.uncertainty.threshold import ThresholdConfig

if TYPE_CHECKING:
    from napari_sciml.prediction.blockwise import BlockPredicted

UNCERTAINTY = "Uncertainty"
PREDICTED = ("Probability ", UNCERTAINTY, "Whole volume ")
"""How the names of layers begin that show what a model says of the image."""
STYLE = {"blending": "translucent", "opacity": 0.7}


class Prediction:
    """The model at hand, its probabilities so far, and the layers that show them.

    A layer that the user deletes stays away until the next job.

    Attributes
    ----------
    doubts
        How the image differs from the one that the model was trained on, in sentences.
    """

    model_changed = Signal()
    changed = Signal(object)  # the region that is new; None for all

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._chosen = ThresholdConfig()
        self._shown = False
        self._dimmer = Dimmer()
        self.measure = DEVIATION
        self.model: Model | None = None
        self.probabilities: PredictionVolume | None = None
        self.doubts: tuple[str, ...] = ()
        workspace.image_left.connect(self.clear)
        workspace.view_changed.connect(self.dim)
        workspace.exclusion.changed.connect(self.blank)

    @property
    def class_names(self) -> tuple[str, ...]:
        """Of what is predicted, or of the annotation as long as nothing is."""
        volume = self.probabilities
        return volume.class_names if volume else self._workspace.annotation.class_names

    @property
    def class_index(self) -> int:
        """Place along the class axis of the class at hand; the last one by default."""
        names = self.class_names
        try:
            return self._chosen.class_index(names)
        except InputError:
            return len(names) - 1

    def choose_class(self, name: str) -> None:
        """Let another class be the one that uncertainty and masks are of."""
        self._chosen = ThresholdConfig(class_name=name)
        self.show_class()

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

    def examine(self) -> None:
        """See whether the image is like the one that the model was trained on."""
        image, model = self._workspace.image, self.model
        self.doubts = ()
        if model is not None and image is not None:
            self.doubts = misfit(model, image)

    def begin(self) -> None:
        """A job starts: its first block may bring back deleted layers."""
        self._shown = False

    def clear(self) -> None:
        """Another image is next; the model can be used for it."""
        self.probabilities = None
        self.examine()
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
        image = pixels(self._workspace.image)
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
        image = self._workspace.image
        if image is not None and not self._shown:
            self._make_room(tuple(pixels(image).shape), tuple(class_names))
            self._show()

    def _make_room(self, shape: tuple[int, ...], names: tuple[str, ...]) -> None:
        old = self.probabilities
        if old and (old.shape, old.class_names) == (shape, names):
            old.outdate()
        else:
            self.probabilities = PredictionVolume(shape, names)
            self._shown = False

    def take(self, block: "BlockPredicted") -> None:
        """Take in a predicted block and show it soon."""
        if self.probabilities is None or self._workspace.image is None:
            return
        if self.model is not None and block.model not in (0, self.model.number):
            return  # of a model that is not shown any more
        self.probabilities.write(block)
        if not self._shown:
            self._show()
        for name in self._names():
            self._workspace.layers.touch(name)
        self.dim()
        self.changed.emit(block.tile.core)

    def dim(self) -> None:
        """Dim what is on the screen as long as it is not all by the model at hand."""
        view, volume = self._workspace.target.view, self.probabilities
        if volume is None or view is None:
            return
        if view.volume:
            fresh = volume.complete
        else:
            current, known = volume.current[view.region], volume.known[view.region]
            fresh = volume.empty or bool(current.all() or not known.any())
        for name in self._names():
            layer = self._workspace.layers.get(name)
            if layer is not None:
                self._dimmer.show(layer, fresh)

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write the model at hand.

        Parameters
        ----------
        path
            Folder to make.
        overwrite
            Whether another result of ours may be replaced.

        Raises
        ------
        InputError
            When there is none, or it cannot be written.
        """
        from napari_sciml.io.models.folder import save_model

        if self.model is None:
            raise InputError("There is no model yet: train one first.")
        workspace = self._workspace
        used = sources(workspace.image, workspace.annotation.layer)
        check_output(path, "model", inputs=used, overwrite=overwrite, folder=True)
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
        from napari_sciml.io.models.folder import read_record
        from napari_sciml.io.models.start import read_start

        if self._workspace.runner.busy:
            raise InputError("A job is running: stop it before you load a model.")
        start = read_start(Path(path))
        loaded = read_record(path)
        self.use(Model(start.ensemble, loaded=loaded, source=path, start=start))
        self.examine()

    def show_class(self) -> None:
        """Let the uncertainty be that of the class at hand, where it is shown."""
        if self.probabilities is not None:
            self._workspace.layers.put(UNCERTAINTY, self._uncertainty())

    def blank(self) -> None:
        """Show nothing where the image is not to be trusted, or show it again."""
        for layer in self._workspace.layers.of(Image, PREDICTED):
            blank_layer(layer, self._cover)

    @property
    def valid(self) -> Any:
        """Array-like of bool: predicted, and not left out as out of focus.

        Raises
        ------
        AssertionError
            When there is no prediction.
        """
        assert self.probabilities is not None
        return blanked(self.probabilities.known, self._cover)

    def show_measure(self, name: str) -> None:
        """Let the uncertainty be another one of `MEASURES`."""
        self.measure = name
        self.show_class()
        layer = self._workspace.layers.get(UNCERTAINTY)
        if layer is not None:
            layer.contrast_limits = MEASURES[name].limits

    def _uncertainty(self) -> Any:
        assert self.probabilities is not None
        index = self.class_index
        values = MEASURES[self.measure].values(self.probabilities, index)
        return blanked(values, self._cover)

    @property
    def _cover(self) -> CellMask | None:
        return self._workspace.exclusion.cover

    def _names(self) -> list[str]:
        assert self.probabilities is not None
        classes = self.probabilities.class_names[1:]
        return [*(f"Probability {name}" for name in classes), UNCERTAINTY]

    def _show(self) -> None:
        volume, workspace = self.probabilities, self._workspace
        assert volume is not None
        self._shown = True
        for label, name in enumerate(volume.class_names[1:], start=2):
            workspace.layers.show_image(
                f"Probability {name}",
                blanked(volume.mean[label - 1], self._cover),
                workspace.image,
                colormap=probability_colormap(
                    label, workspace.annotation.classes.color_of(label)
                ),
                contrast_limits=(0, 1),
                **STYLE,
            )
        workspace.layers.show_image(
            UNCERTAINTY,
            self._uncertainty(),
            workspace.image,
            colormap=uncertainty_colormap(),
            contrast_limits=MEASURES[self.measure].limits,
            **STYLE,
        )
