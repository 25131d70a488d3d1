"""The models that a training has made, and the way back to each."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from psygnal import Signal

from napari_sciml.io.models.folder import read_record
from napari_sciml.plugin.kit.runner import JobRunner
from napari_sciml.plugin.layers.images import pixels
from napari_sciml.plugin.state.prediction import Prediction
from napari_sciml.plugin.state.workspace import Workspace
from napari_sciml.project.models import ModelEntry
from napari_sciml.workflows.prediction.arrays import Compared, compare_models

if TYPE_CHECKING:
    from napari_sciml.images.tiles import Region
    from napari_sciml.plugin.state.model import Model

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
        The ensemble with its number, revision and scores; None as long as it is on
        the disk only.
    time
        When it was made.
    thumbnail
        ``(y, x, 3)`` uint8: what it predicted where the user looked; None as long as
        it has predicted nothing.
    entry
        What the project knows of it, where it was recovered.
    """

    model: "Model | None"
    time: datetime
    thumbnail: np.ndarray | None = None
    entry: ModelEntry | None = None

    @property
    def revision(self) -> int | None:
        """Of the annotation that it was trained on, where that is known."""
        return self._source.revision

    @property
    def kind(self) -> Literal["trees", "ensemble"]:
        """As of `Model`."""
        return _kind(self._source.kind)

    @property
    def _source(self) -> "Model | ModelEntry":
        source = self.model or self.entry
        assert source is not None
        return source

    @property
    def score(self) -> float | None:
        """Mean held-out Dice of the classes but the background."""
        if self.entry is not None:
            return self.entry.score
        scores = None if self.model is None else self.model.scores
        if scores is None:
            return None
        known = [d for d in scores.dice[1:] if np.isfinite(d)]
        return float(np.mean(known)) if known else None

    def sentence(self) -> str:
        """What a list shows."""
        parts = [f"{self.time.astimezone():%H:%M:%S}"]
        if self.loaded_from:
            parts.append(f"loaded from {self.loaded_from}")
        if self.revision is not None:
            parts.append(f"revision {self.revision}")
        if self.score is not None:
            parts.append(f"Dice {self.score:.2f}")
        parts.append(self._words)
        return " · ".join(parts)

    @property
    def loaded_from(self) -> str:
        """Name of the folder that it was loaded from; empty where it was not."""
        source = None if self.model is None else self.model.source
        return "" if source is None else Path(source).name

    @property
    def _words(self) -> str:
        """What answers, as short as a row of a list needs it."""
        if self.kind == "trees":
            return "trees"
        alone = self.model is not None and self.model.ensemble.forest is None
        return "networks" if alone else "trees + networks"


class History:
    """Keeps models now and then, and one when a training settles.

    Attributes
    ----------
    models
        The oldest first.
    newest
        What the training has made last, kept or not.
    pictured
        Emitted when a model has its thumbnail, which may be long after `added`.
    """

    changed = Signal()
    added = Signal(KeptModel)
    pictured = Signal(KeptModel)
    compared = Signal(str)

    def __init__(self, workspace: Workspace, prediction: Prediction) -> None:
        self._workspace, self._prediction = workspace, prediction
        self._at = -APART_SECONDS
        self._kind = ""
        self.models: list[KeptModel] = []
        self.newest: Model | None = None
        self._runner = JobRunner()
        self._runner.yielded.connect(self._on_compared)
        self._runner.failed.connect(self._on_failed)
        prediction.changed.connect(self._on_predicted)

    def consider(self, model: "Model", *, seconds: float, settled: bool) -> None:
        """Keep a model if the last one is a while ago, or it is of another kind."""
        self.newest = model
        new = model.kind != self._kind
        if new or settled or seconds < self._at or seconds - self._at > APART_SECONDS:
            self._at, self._kind = seconds, model.kind
            self.keep(KeptModel(model, datetime.now(UTC)))

    def keep(self, kept: KeptModel) -> None:
        """Add a model; an old one that is not the best may have to go."""
        self._add(kept)
        self.added.emit(kept)
        self.changed.emit()

    def remember(self, model: "Model") -> None:
        """Keep a model that was loaded, for the way back; it has its own folder."""
        self._add(KeptModel(model, datetime.now(UTC)))
        self.changed.emit()

    def restore(self, models: Sequence[KeptModel]) -> None:
        """Put models of a project before those of this workspace."""
        own = [kept for kept in self.models if kept.entry is None]
        self.models = [*models, *own]
        self.changed.emit()

    def opened(self, index: int) -> "Model":
        """Give a model with its networks; reads them where they are on the disk.

        Raises
        ------
        InputError
            When they are damaged or gone.
        """
        kept = self.models[index]
        if kept.model is None:
            assert kept.entry is not None
            kept = replace(kept, model=_loaded(kept.entry))
            self.models[index] = kept
        assert kept.model is not None
        return kept.model

    def compare(self, one: int, other: int) -> None:
        """Show where two models differ on the shown slice, as the layer `Difference`.

        Raises
        ------
        InputError
            When there is no image, or another comparison is running.
        """
        image, region = pixels(self._workspace.image), self._workspace.shown_region()
        assert region is not None
        ensembles = [self.opened(i).ensemble for i in (one, other)]
        self._runner.start(compare_models, *ensembles, image, region)

    def close(self) -> None:
        """Stop what runs."""
        self._runner.stop()

    def _add(self, kept: KeptModel) -> None:
        self.models.append(kept)
        if len(self.models) > MOST:
            best = max(self.models[:-1], key=lambda m: m.score or 0.0)
            self.models.remove(next(m for m in self.models if m is not best))

    def _on_compared(self, found: Compared) -> None:
        workspace = self._workspace
        if workspace.image is None:
            return
        difference = np.zeros(tuple(pixels(workspace.image).shape), np.float16)
        difference[found.region] = found.difference
        workspace.layers.show_image(
            DIFFERENCE,
            difference,
            workspace.image,
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
        kept, shown = self.models[-1], self._workspace.shown_region()
        volume, model = self._prediction.probabilities, self._prediction.model
        if shown is None or volume is None or model is not kept.model:
            return
        if not volume.current[shown].all():
            return
        picture = _thumbnail(volume.mean[-1][shown])
        self.models[-1] = replace(kept, thumbnail=picture)
        self.pictured.emit(self.models[-1])
        self.changed.emit()


def _kind(told: str) -> Literal["trees", "ensemble"]:
    """What a project says; "instant" in older ones."""
    return "trees" if told in ("trees", "instant") else "ensemble"


def _loaded(entry: ModelEntry) -> "Model":
    from napari_sciml.plugin.state.model import Model

    return Model(
        entry.load(),
        # Below 0, so that no model of this workspace has the same.
        number=-entry.number,
        kind=_kind(entry.kind),
        revision=entry.revision,
        run=entry.run,
        round=entry.round,
        seconds=entry.seconds,
        loaded=read_record(entry.folder),
    )


def _thumbnail(probability: np.ndarray) -> np.ndarray:
    """Gray picture of a slice, its longer edge `THUMBNAIL` pixels at most."""
    plane = probability.reshape([n for n in probability.shape if n > 1] or [1])
    plane = np.atleast_2d(plane)
    step = max(1, -(-max(plane.shape) // THUMBNAIL))
    gray = (plane[::step, ::step].astype(np.float32) * 255).astype(np.uint8)
    return np.repeat(gray[..., None], 3, axis=2)
