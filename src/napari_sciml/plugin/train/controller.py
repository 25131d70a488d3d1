"""A training in a viewer: starts it, feeds it, and shows what it makes."""

from typing import TYPE_CHECKING

from napari.layers import Image
from psygnal import Signal

from napari_sciml.annotation.changes import LabelChange
from napari_sciml.errors import InputError
from napari_sciml.plugin.layers.images import dims_for, pixels
from napari_sciml.plugin.state.history import History
from napari_sciml.plugin.state.labels.training_labels import TrainingLabels
from napari_sciml.plugin.state.model import Model
from napari_sciml.plugin.state.model_fit import remembered
from napari_sciml.plugin.state.prediction import Prediction
from napari_sciml.plugin.state.workspace import Workspace
from napari_sciml.plugin.train.curves import Curves
from napari_sciml.plugin.train.events import TrainingEvents
from napari_sciml.plugin.train.learned_images import LearnedImages
from napari_sciml.plugin.train.loaded_start import LoadedStart
from napari_sciml.plugin.train.running import RunningTraining
from napari_sciml.plugin.train.status import Phase, TrainingStatus
from napari_sciml.training.config import TrainingConfig
from napari_sciml.workflows.prediction.arrays import predict_volume
from napari_sciml.workflows.training.live import TrainingControl, learn

if TYPE_CHECKING:
    from collections.abc import Callable


class TrainingController:
    """The training and prediction of one viewer.

    Attributes
    ----------
    logged
        Emitted with all that a replay of a training needs to know.
    """

    changed = Signal()
    logged = Signal(object)
    failed = Signal(str)

    def __init__(
        self, workspace: Workspace, prediction: Prediction, history: History
    ) -> None:
        self._workspace, self._prediction = workspace, prediction
        self._history = history
        self.settings = TrainingConfig()
        self._next: Callable[[], None] | None = None
        self._run = 0
        self._control = TrainingControl()
        self.images = LearnedImages(workspace)
        workspace.image_left.connect(self._on_image_left)
        events = TrainingEvents(workspace, prediction, history, self.images)
        events.changed.connect(self.changed.emit)
        events.logged.connect(self.logged.emit)
        events.failed.connect(self.failed.emit)
        events.gave_up.connect(self._give_up)
        events.ended.connect(self._on_ended)
        self._events = events

    @property
    def status(self) -> TrainingStatus:
        """What is going on, and how far it has come."""
        return self._events.status

    @property
    def curves(self) -> Curves:
        """How the training went so far."""
        return self._events.curves

    @property
    def taken(self) -> int | None:
        """Revision of the annotation that the training has taken in."""
        return self._events.taken

    @property
    def labels(self) -> TrainingLabels | None:
        """The annotation as a training that runs has it; None where none runs."""
        training = self._events.training
        return None if training is None else training.labels

    @property
    def phase(self) -> Phase:
        """What is going on."""
        return self.status.phase

    @property
    def stopped(self) -> bool:
        """Whether the user has asked for the end."""
        return self.status.stopped

    @property
    def settled(self) -> bool:
        """Whether the training has learned all it can from the strokes so far."""
        return self.status.settled

    @property
    def running(self) -> bool:
        """Whether the switch is on."""
        return self.phase is not Phase.IDLE

    @property
    def paused(self) -> bool:
        """Whether a training that runs makes a pause."""
        return self.running and self._control.paused

    def sentence(self) -> str:
        """Tell a person what is going on."""
        prediction = self._prediction
        volume = prediction.probabilities
        return self.status.sentence(
            complete=volume is not None and volume.complete,
            has_model=prediction.model is not None,
            left=(1 - self.status.fraction) * self.settings.seconds,
        )

    def start(self, settings: TrainingConfig, *, anew: bool = False) -> None:
        """Train on the annotation as it is and as it will become.

        Parameters
        ----------
        settings
            Of the form.
        anew
            Whether to leave aside a model that was loaded; otherwise it is what the
            training begins with.

        Raises
        ------
        InputError
            When it cannot start.
        """
        loaded = None if anew else LoadedStart.of(self._prediction.model)
        self._begin_with(settings, loaded)

    def _begin_with(self, settings: TrainingConfig, loaded: LoadedStart | None) -> None:
        workspace = self._workspace
        labels, settings = self._gathered(settings)
        workspace.runner.check_free()
        image = labels.image
        if loaded is not None:
            settings = loaded.settings_for(pixels(workspace.image), settings)
        self.settings, self._control = settings, TrainingControl()
        self._run += 1
        trained_on = remembered(workspace.image)
        training = RunningTraining(labels, settings, loaded, self._run, trained_on)
        self.images.begin(labels)
        if labels.several:  # what is shown now counts, too, when another one is
            self.images.set(member.layer for member in labels.members)
        self._prediction.doubts = ()
        workspace.follow_view()
        job = workspace.runner.start(
            learn,
            image,
            labels.feed,
            settings,
            view=workspace.target,
            control=self._control,
            first_number=self._events.numbers + 1,
            start=None if loaded is None else loaded.start,
            before=self._strokes_before(labels),
        )
        self._events.follow(job, Phase.STARTING, training)

    def _strokes_before(self, labels: TrainingLabels) -> int | None:
        """Strokes painted before a picture was shown, in all images together."""
        if not labels.several:
            return self._workspace.strokes_before
        known, total = self._workspace.annotations.before, 0
        for member in labels.members:
            painted = sum(member.given.stroke_counts().values())
            total += min(known.setdefault(member.layer, painted), painted)
        return total

    def _gathered(
        self, settings: TrainingConfig
    ) -> tuple[TrainingLabels, TrainingConfig]:
        """The labels of all images that are ticked, and the settings for these."""
        workspace = self._workspace
        first = workspace.labels_for_job()
        assert workspace.image is not None
        others = self.images.others
        layers = [workspace.image, *others]
        data = [pixels(layer) for layer in layers]
        dims = dims_for(workspace.image)
        if dims is not None:
            settings = settings.model_copy(update={"dims": dims})
        changes = [first, *(workspace.labels_of(one) for one in others)]
        names = workspace.annotation.class_names
        return TrainingLabels(layers, data, changes, names), settings

    def predict(self, device: str = "auto") -> None:
        """Predict the whole image with the model at hand.

        Raises
        ------
        InputError
            When there is no model or it does not fit the image.
        """
        workspace = self._workspace
        image = pixels(workspace.image)
        workspace.runner.check_free()
        self._prediction.renew()
        self._prediction.examine()
        model = self._prediction.model
        assert model is not None
        workspace.follow_view()
        job = workspace.runner.start(
            predict_volume, model.ensemble, image, workspace.target, device=device
        )
        self._events.follow(job, Phase.PREDICTING)

    def learn_from(self, layer: Image, wanted: bool) -> None:
        """Learn from an image besides the one that is shown, or no more.

        Raises
        ------
        InputError
            When it does not go with the others.
        """
        before = self.images.ticked
        self.images.tick(layer, wanted)
        try:
            self._follow_choice(layer, wanted)
        except InputError:
            self.images.set(before)
            raise
        self.changed.emit()

    def _follow_choice(self, layer: Image, wanted: bool) -> None:
        current = self._events.training
        if current is None or self.stopped:
            return
        labels = current.labels
        number = labels.number_of(layer)
        if number is not None:
            labels.leave_out(number, not wanted)
        elif wanted and labels.several:
            data, change = pixels(layer), self._workspace.labels_of(layer)
            labels.add(layer, data, change)
        elif wanted:
            self._workspace.labels_of(layer)  # says what is wrong before all stops
            self.stop()
            self._next = lambda: self._begin_with(current.settings, current.loaded)

    def _on_image_left(self) -> None:
        """Go on where the training learns from the other image, too."""
        labels, shape = self.labels, self._shape()
        going = labels is not None and self.running and not self.stopped
        if labels is None or not going or not labels.show(self._workspace.image, shape):
            self.stop()
            return
        self._control.shown = labels.shown
        self._prediction.begin()
        if self._prediction.model is not None:
            self._prediction.renew()

    def _shape(self) -> tuple[int, ...]:
        """Of the image that is shown; empty where it is none that we can use."""
        try:
            return tuple(pixels(self._workspace.image).shape)
        except InputError:
            return ()

    def stop(self) -> None:
        """Stop soon, and do not start over; what is there already stays usable."""
        self._next = None
        if self.running:
            self.status.stopped = True
            self._workspace.runner.stop()
            self.changed.emit()

    def pause(self, paused: bool) -> None:
        """Hold a training, or let it go on; what is shown is predicted all the same."""
        self._control.paused = paused
        if not paused and self.running:
            model = self._history.newest
            if model is not None and model is not self._prediction.model:
                self.show(model, pause=False)
        self.changed.emit()

    def start_over(self, settings: TrainingConfig) -> None:
        """Begin with untrained networks on the same annotation.

        Raises
        ------
        InputError
            When it cannot start.
        """
        if not self.running:
            self.start(settings, anew=True)
            return
        self.stop()
        self._next = lambda: self.start(settings, anew=True)

    def show(self, model: Model, *, pause: bool = True) -> None:
        """Use an earlier model from now on.

        Raises
        ------
        InputError
            When it does not fit the image.
        """
        if self.phase is Phase.PREDICTING:
            raise InputError("A prediction is running: wait for its end or stop it.")
        self._prediction.use(model)
        if self.phase is Phase.IDLE:
            self.predict(self.settings.device)
            return
        self._control.model = (model.number, model.ensemble)
        if pause:
            self._control.paused = True
        self.changed.emit()

    def go_back(self, index: int) -> None:
        """Use an earlier model of the history; errors as of `show`."""
        self.show(self._history.opened(index))
        self._history.changed.emit()

    def count_on(self, *, models: int, runs: int, before: int | None) -> None:
        """Go on after the models and the trainings of a project.

        A training that runs keeps its own numbers: stop it first.

        Parameters
        ----------
        models, runs
            Highest numbers so far.
        before
            Strokes that were painted before any picture was shown; None = not known.
        """
        image = self._workspace.image
        if image is not None and before is not None:
            self._workspace.annotations.before[image] = before
        self._events.numbers = max(self._events.numbers, models)
        self._run = max(self._run, runs)

    def feed(self, change: LabelChange) -> None:
        """Hand a change of the annotation to the training, where one runs."""
        if self.labels is not None:
            shape = self.labels.given.shape
            self.labels.put(self._workspace.exclusion.without(change, shape))

    def follow_layer(self) -> None:
        """The annotation is another layer or array now, or deleted.

        A training goes on: with what it has, or with how the new labels differ.
        """
        annotation = self._workspace.annotation
        if annotation.layer is None:
            return
        fits = self.labels is None or self.labels.catch_up(annotation.learned())
        self.images.compare()
        if not fits:
            self._give_up(
                "The annotation has another shape now, so the training was stopped: "
                "press Train to begin anew."
            )

    def follow_classes(self) -> None:
        """Names can change while a training runs; the number of classes cannot."""
        if self.labels is None:
            return
        if not self.labels.rename(self._workspace.annotation.class_names):
            self._give_up(
                "The number of classes has changed, so the training was stopped: "
                "press Train to begin anew with the new classes."
            )

    def _give_up(self, why: str) -> None:
        self.stop()
        self.failed.emit(why)

    def _on_ended(self) -> None:
        again, self._next = self._next, None
        if again is not None:
            try:
                again()
            except InputError as error:
                self.failed.emit(str(error))
