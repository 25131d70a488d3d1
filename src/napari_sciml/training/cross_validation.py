"""Cross-validation: how well a training works, with every stroke as a test once."""

from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from napari_sciml.annotation.classes import DEFAULT_CLASSES
from napari_sciml.annotation.scribbles import Scribbles
from napari_sciml.annotation.split import k_folds
from napari_sciml.training.config import TrainingConfig
from napari_sciml.training.events import Snapshot, TrainingStep
from napari_sciml.training.metrics import Report
from napari_sciml.training.session import train
from napari_sciml.training.setup import checked_labels


def cross_validate(
    image: Any,
    labels: np.ndarray | Scribbles,
    config: TrainingConfig | None = None,
    *,
    folds: int = 5,
    class_names: Sequence[str] = DEFAULT_CLASSES,
) -> Generator[TrainingStep | Snapshot | None, None, list[Report | None]]:
    """Train once for each fold of the strokes, and test on that fold.

    The fold also chooses the best state of each member, as held-out strokes do in
    any training here: the scores are those of `train`, less dependent on which
    strokes chance held out.

    Parameters
    ----------
    image, labels, config, class_names
        As in `napari_sciml.training.session.train`; ``config.holdout`` is not used.
    folds
        Number of trainings, each with the whole budget of the configuration.

    Yields
    ------
    TrainingStep, Snapshot or None
        Events of the trainings, one after the other; fractions are those of all.

    Returns
    -------
    list of Report or None
        Held-out scores of each fold, at the class shares of the image; None for a
        fold without labels, as there are fewer strokes than folds. It is skipped.

    Raises
    ------
    InputError
        As `train`.
    """
    config = config or TrainingConfig()
    scribbles = checked_labels(image, labels, class_names)
    splits = k_folds(
        scribbles,
        folds=folds,
        gap=config.gap,
        rng=np.random.default_rng(config.seed),
        by=config.split,
    )
    used = [index for index, (_, held_out) in enumerate(splits) if len(held_out)]
    reports: list[Report | None] = [None] * folds
    for done, index in enumerate(used):
        events = train(
            image, scribbles, config, class_names=class_names, split=splits[index]
        )
        for event in events:
            if event is None:
                yield None
                continue
            fraction = (done + event.fraction) / len(used)
            yield replace(event, fraction=fraction)
            if isinstance(event, Snapshot) and event.calibration:
                reports[index] = event.calibration.report
    return reports
