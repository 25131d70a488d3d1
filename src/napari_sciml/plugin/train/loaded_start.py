"""The model that a training in the viewer begins with, where one was loaded."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from napari_sciml.images.channels import channels_of
from napari_sciml.plugin.state.model import Model
from napari_sciml.training.config import TrainingConfig

if TYPE_CHECKING:
    from napari_sciml.training.start import Start


@dataclass(frozen=True)
class LoadedStart:
    """A model of another training.

    Attributes
    ----------
    start
        What a training takes from it.
    source
        Folder that it was loaded from.
    """

    start: "Start"
    source: str | Path | None

    @classmethod
    def of(cls, model: Model | None) -> Self | None:
        """What there is to begin with; None without a model that was loaded."""
        if model is None or model.start is None:
            return None
        return cls(model.start, model.source)

    @property
    def named(self) -> tuple[str, str] | None:
        """Folder and identity, for the log of trainings."""
        if self.source is None:
            return None
        return str(Path(self.source).absolute()), self.start.identity

    def settings_for(self, image: Any, settings: TrainingConfig) -> TrainingConfig:
        """Settings with what both models have to share.

        Raises
        ------
        InputError
            When the model does not fit the image.
        """
        front = self.start.ensemble.front
        shared = {"sigmas": tuple(front.sigmas), "spacing": front.spacing}
        settings = settings.model_copy(update=shared)
        self.start.check(image.ndim, channels_of(image), settings)
        return settings

    def verdict(self, goes_on: bool | None) -> str:
        """What the strokes think of it, in words; empty as long as they do not."""
        from napari_sciml.training.start import verdict

        return "" if goes_on is None else verdict(self.start.name, goes_on)
