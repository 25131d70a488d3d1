"""Live training without a screen: what the Train dock does, for scripts."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sciml.annotation.changes import LabelChange
from napari_sciml.annotation.classes import DEFAULT_CLASSES
from napari_sciml.errors import InputError
from napari_sciml.images.checks import check_finite
from napari_sciml.images.mosaic import Mosaic
from napari_sciml.images.tiles import Region, Tile
from napari_sciml.progress import exhaust

if TYPE_CHECKING:
    from napari_sciml.annotation.scribbles import Scribbles
    from napari_sciml.networks.ensemble import Ensemble
    from napari_sciml.training.config import TrainingConfig
    from napari_sciml.training.live import LiveTraining

NOTHING_LEARNED = (
    "Nothing is learned yet: give labels of at least two classes to `update` first."
)


@dataclass(frozen=True)
class Shown:
    """What the viewer would show.

    Attributes
    ----------
    mean, std
        ``(class, …)`` float32: mean and deviation over trees and networks.
    kind
        What answers, in words: "trees", "trees and 5 networks, 46 steps".
    """

    mean: np.ndarray
    std: np.ndarray
    kind: str


class LiveSession:
    """A training that goes on while its labels change, driven by hand.

    Parameters
    ----------
    image
        Array-like of raw gray values, ``(y, x)`` or ``(z, y, x)``; or a list of them,
        to learn from all.
    classes
        Names of the classes 1, 2 …
    seed
        Of everything that is drawn.
    threads
        CPU threads; None = all cores.
    config
        Further settings; seed and threads are those above.
    start
        Folder of a model to begin with: it predicts before there are any labels, and
        counts as far as the labels agree with it.

    Raises
    ------
    InputError
        When image or settings cannot be used.
    """

    def __init__(
        self,
        image: Any,
        classes: Sequence[str] = DEFAULT_CLASSES,
        seed: int = 0,
        threads: int | None = None,
        *,
        config: "TrainingConfig | None" = None,
        start: str | Path | None = None,
    ) -> None:

        from napari_sciml.io.models.start import read_start
        from napari_sciml.networks.device import default_threads, use_threads
        from napari_sciml.networks.trees.kept_rows import KeptRows
        from napari_sciml.training.config import TrainingConfig

        self.images = list(image) if isinstance(image, (list, tuple)) else [image]
        for one in self.images:
            if isinstance(one, np.ndarray):
                check_finite(one)
        settings = config or TrainingConfig()
        self.config = settings.model_copy(update={"seed": seed, "threads": threads})
        several = len(self.images) > 1
        self.image = Mosaic(self.images) if several else self.images[0]
        self.classes = tuple(classes)
        self._start = None if start is None else read_start(Path(start))
        self._training: LiveTraining | None = None
        self._labels: Scribbles | None = None
        self._ensemble: Ensemble | None = None
        self._revision, self._seen = 0, False
        self._rows = [KeptRows() for _ in self.images]
        use_threads(threads or default_threads())

    def update(self, labels: np.ndarray | Sequence[np.ndarray]) -> None:
        """Take in the annotation as it is now; what has changed is found out.

        Parameters
        ----------
        labels
            ``uint8`` of the image's shape: 0 = not annotated, 1, 2 … = the classes. Of
            several images a list of those of each.

        Raises
        ------
        InputError
            When the labels do not fit, or fewer than two classes are annotated.
        """
        from napari_sciml.annotation.scribbles import Scribbles
        from napari_sciml.training.data.gathering import gathered_labels
        from napari_sciml.training.live import LiveTraining
        from napari_sciml.training.setup import checked_labels

        if isinstance(self.image, Mosaic):
            given = gathered_labels(self.image, list(labels))
        else:
            given = Scribbles.from_dense(np.asarray(labels))
        now = checked_labels(self.image, given, self.classes)
        if self._training is None:
            self._training = LiveTraining(
                self.image, now, self.config, self.classes, start=self._start
            )
        else:
            assert self._labels is not None
            change = _change(self._labels, now, self._revision + 1)
            if not len(change):
                return
            self._training.update_labels([change], correcting=self._seen)
        self._labels = now
        self._revision += 1
        exhaust(self._training.advance())  # trees
        self._ensemble = None

    def advance(self, iterations: int) -> None:
        """Let the training go on for so many rounds; the networks take turns."""
        training = self._begun()
        for _ in range(iterations):
            exhaust(training.advance())
        self._ensemble = None

    def predict(self, region: Region | None = None, *, number: int = 0) -> Shown:
        """Give what the viewer would show in a region; None = everywhere.

        Parameters
        ----------
        region
            A slice with start and stop for each axis; the last ones may be left out.
        number
            Of the image, where there are several.
        """
        from napari_sciml.prediction.blockwise import predict_blocks

        ensemble = self._shown()
        image = self.images[number]
        region = _whole(region, image.shape)
        self._seen = True
        shape = [part.stop - part.start for part in region]
        mean = np.zeros((len(self.classes), *shape), np.float32)
        std = np.zeros_like(mean)
        for block in predict_blocks(
            ensemble,
            image,
            region=region,
            device=self.config.device,
            half=True,
            kept=self._rows[number],
        ):
            if block is not None:
                inner = Tile(block.tile.core, region).inner
                mean[:, *inner], std[:, *inner] = block.mean, block.std
        return Shown(mean, std, self._describe())

    def confident(
        self,
        class_name: str,
        region: Region | None = None,
        *,
        number: int = 0,
        **rule: float,
    ) -> np.ndarray:
        """Give the mask that *Keep what is sure* would keep.

        Parameters
        ----------
        class_name
            Of the class.
        region, number
            As in `predict`.
        **rule
            ``k`` and ``t`` of mean - k std > t; by default k is chosen so that nearly
            all of mean > t stays, see
            `napari_sciml.uncertainty.threshold.usual_k`.

        Returns
        -------
        ndarray
            bool.
        """
        from napari_sciml.uncertainty.threshold import (
            LowerBoundRule,
            ThresholdConfig,
            usual_k,
        )

        config = ThresholdConfig(class_name=class_name, **rule)
        index = config.class_index(self.classes)
        shown = self.predict(region, number=number)
        k = config.k
        if k is None:
            k = usual_k(shown.mean[index], shown.std[index], t=config.t)
        return LowerBoundRule(k, config.t).keep(shown.mean, shown.std, index)

    def save(self, folder: str | Path) -> None:
        """Write the model, as the dock saves it."""
        from napari_sciml.io.models.folder import save_model
        from napari_sciml.io.provenance import provenance
        from napari_sciml.training.evaluation.familiarity import learn_range

        learn_range(self._shown(), self.image, seed=self.config.seed)
        record = provenance(annotation_revision=self._revision)
        config = self.config.model_dump(mode="json")
        if self._training is not None:
            config["before"] = self._training.before
        record["config"] = config
        save_model(self._shown(), folder, record=record)

    def _shown(self) -> "Ensemble":
        if self._training is None and self._start is not None:
            return self._start.ensemble
        if self._ensemble is None:
            self._ensemble = exhaust(self._begun().ready())
        return self._ensemble

    def _describe(self) -> str:
        if self._training is None and self._start is not None:
            return f"the model {self._start.name}"
        return self._begun().describe()

    @property
    def verdict(self) -> str:
        """What the labels think of the model to begin with; empty without one."""
        from napari_sciml.training.start import verdict

        if self._start is None or self._training is None:
            return ""
        return verdict(self._start.name, bool(self._training.trainer.goes_on))

    def _begun(self) -> "LiveTraining":
        if self._training is None:
            raise InputError(NOTHING_LEARNED)
        return self._training


def _change(before: "Scribbles", now: "Scribbles", revision: int) -> LabelChange:
    indices = np.union1d(before.indices, now.indices)
    values = now.values_at(indices)
    changed = values != before.values_at(indices)
    return LabelChange(revision, indices[changed], values[changed])


def _whole(region: Region | None, shape: Sequence[int]) -> Region:
    given = list(region or ())
    parts = given + [slice(None)] * (len(shape) - len(given))
    return tuple(
        slice(*part.indices(n)[:2]) for part, n in zip(parts, shape, strict=True)
    )
