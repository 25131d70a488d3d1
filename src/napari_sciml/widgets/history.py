"""The models that a training has made, and the way back to each."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
from psygnal import Signal

from napari_sciml.jobs.live import Compared, compare_models
from napari_sciml.jobs.qt import JobRunner
from napari_sciml.widgets.images import gray_values

if TYPE_CHECKING:
    from napari_sciml.images.tiles import Region
    from napari_sciml.widgets.prediction import Model
    from napari_sciml.widgets.session import ViewerSession

MOST = 20
"""Models that are kept at most; the best and the newest always are."""
APART_SECONDS = 15.0
"""Of training between two models that are kept."""
THUMBNAIL = 48
DIFFERENCE = "Difference"


@dataclass(frozen=True)
class KeptModel:
    """A model and how it came about.

    Attributes
    ----------
    model
        The ensemble with its number, revision and scores.
    time
        When it was made.
    thumbnail
        ``(y, x, 3)`` uint8: what it predicted where the user looked; None as long as
        it has predicted nothing.
    """

    model: "Model"
    time: datetime
    thumbnail: np.ndarray | None = None

    @property
    def score(self) -> float | None:
        """Mean held-out Dice of the classes but the background."""
        scores = self.model.scores
        if scores is None:
            return None
        known = [d for d in scores.dice[1:] if np.isfinite(d)]
        return float(np.mean(known)) if known else None

    def sentence(self) -> str:
        """What a list shows."""
        parts = [f"{self.time.astimezone():%H:%M:%S}"]
        if self.model.revision is not None:
            parts.append(f"revision {self.model.revision}")
        if self.score is not None:
            parts.append(f"Dice {self.score:.2f}")
        parts.append("first guess" if self.model.kind == "instant" else "ensemble")
        return " · ".join(parts)


class History:
    """Keeps models now and then, and one when a training settles.

    Attributes
    ----------
    models
        The oldest first.
    newest
        What the training has made last, kept or not.
    """

    changed = Signal()
    added = Signal(KeptModel)
    compared = Signal(str)

    def __init__(self, session: "ViewerSession") -> None:
        self._session = session
        self._at = -APART_SECONDS
        self._kind = ""
        self.models: list[KeptModel] = []
        self.newest: Model | None = None
        self._runner = JobRunner()
        self._runner.yielded.connect(self._on_compared)
        self._runner.failed.connect(self._on_failed)
        session.prediction.changed.connect(self._on_predicted)

    def consider(self, model: "Model", *, seconds: float, settled: bool) -> None:
        """Keep a model if the last one is a while ago, or it is of another kind."""
        self.newest = model
        new = model.kind != self._kind
        if new or settled or seconds < self._at or seconds - self._at > APART_SECONDS:
            self._at, self._kind = seconds, model.kind
            self.keep(KeptModel(model, datetime.now(UTC)))

    def keep(self, kept: KeptModel) -> None:
        """Add a model; an old one that is not the best may have to go."""
        self.models.append(kept)
        if len(self.models) > MOST:
            best = max(self.models[:-1], key=lambda m: m.score or 0.0)
            self.models.remove(next(m for m in self.models if m is not best))
        self.added.emit(kept)
        self.changed.emit()

    def go_back(self, index: int) -> None:
        """Show and use an earlier model; a training that runs is paused.

        Raises
        ------
        InputError
            When it does not fit the image.
        """
        self._session.training.show(self.models[index].model)
        self.changed.emit()

    def compare(self, one: int, other: int) -> None:
        """Show where two models differ on the shown slice, as the layer `Difference`.

        Raises
        ------
        InputError
            When there is no image, or another comparison is running.
        """
        image, region = gray_values(self._session.image), self._session.shown_region()
        assert region is not None
        ensembles = (self.models[i].model.ensemble for i in (one, other))
        self._runner.start(compare_models, *ensembles, image, region)

    def close(self) -> None:
        """Stop what runs."""
        self._runner.stop()

    def _on_compared(self, found: Compared) -> None:
        session = self._session
        if session.image is None:
            return
        difference = np.zeros(tuple(gray_values(session.image).shape), np.float16)
        difference[found.region] = found.difference
        session.layers.show_image(
            DIFFERENCE,
            difference,
            session.image,
            colormap="PiYG",
            contrast_limits=(-1, 1),
            blending="translucent",
            opacity=0.7,
        )
        self.compared.emit(
            f"The two put {100 * found.share:.2g} % of this slice into different "
            "classes; where the later one sees more is green."
        )

    def _on_failed(self, sentence: str) -> None:
        self.compared.emit(sentence)

    def _on_predicted(self, region: "Region | None") -> None:
        """The last model's picture, once it has drawn what is on the screen."""
        if not self.models or self.models[-1].thumbnail is not None:
            return
        session, kept = self._session, self.models[-1]
        shown, volume = session.shown_region(), session.prediction.probabilities
        model = session.prediction.model
        if shown is None or volume is None or model is not kept.model:
            return
        if not volume.current[shown].all():
            return
        picture = _thumbnail(volume.mean[-1][shown])
        self.models[-1] = replace(kept, thumbnail=picture)
        self.changed.emit()


def _thumbnail(probability: np.ndarray) -> np.ndarray:
    """Gray picture of a slice, its longer edge `THUMBNAIL` pixels at most."""
    plane = probability.reshape([n for n in probability.shape if n > 1] or [1])
    plane = np.atleast_2d(plane)
    step = max(1, -(-max(plane.shape) // THUMBNAIL))
    gray = (plane[::step, ::step].astype(np.float32) * 255).astype(np.uint8)
    return np.repeat(gray[..., None], 3, axis=2)
