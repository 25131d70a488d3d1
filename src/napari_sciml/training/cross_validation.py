"""Cross-validation: how well a training works, with every stroke as a test once."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from napari_sciml.annotation.classes import DEFAULT_CLASSES
from napari_sciml.annotation.scribbles import Scribbles
from napari_sciml.annotation.split import k_folds
from napari_sciml.progress import map_progress
from napari_sciml.training.config import TrainingConfig
from napari_sciml.training.evaluation.labels import Pieces, evaluate_labels
from napari_sciml.training.evaluation.metrics import Report
from napari_sciml.training.events import Snapshot, TrainingStep
from napari_sciml.training.session import train
from napari_sciml.training.setup import checked_labels

ASKING = 0.9
"""Of a fold that is over when its model is asked."""


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
    used = _used_folds(scribbles, config, folds)
    reports: list[Report | None] = [None] * folds
    for done, (index, split) in enumerate(used):
        events = train(image, scribbles, config, class_names=class_names, split=split)
        for event in events:
            if event is None:
                yield None
                continue
            fraction = (done + event.fraction) / len(used)
            yield replace(event, fraction=fraction)
            if isinstance(event, Snapshot) and event.calibration:
                reports[index] = event.calibration.report
    return reports


@dataclass(frozen=True)
class Checked:
    """What a model that was trained without some strokes says about them.

    Attributes
    ----------
    fold
        Number of the fold, from 0.
    pieces
        What it says about each stroke of the fold.
    shares
        Of the classes in the image, as it sees it; None = not known.
    expected_dice
        Of each class in the image, as a
        `napari_sciml.training.evaluation.calibration.Calibration` tells it without
        looking at these strokes; None = not known.
    """

    fold: int
    pieces: Pieces
    shares: tuple[float, ...] | None
    expected_dice: tuple[float, ...] | None


def cross_check(
    image: Any,
    labels: np.ndarray | Scribbles,
    config: TrainingConfig | None = None,
    *,
    folds: int = 5,
    class_names: Sequence[str] = DEFAULT_CLASSES,
) -> Generator[TrainingStep | Snapshot | float | None, None, list[Checked]]:
    """Ask, about each stroke, a model that has never seen it.

    Unlike in `cross_validate` the strokes of a fold choose nothing: neither the best
    state of a network, nor trees, nor the calibration. Each training holds out some of
    the strokes that are left to it, as any other.

    Parameters
    ----------
    image, labels, config, class_names
        As in `napari_sciml.training.session.train`.
    folds
        As in `cross_validate`.

    Yields
    ------
    TrainingStep, Snapshot, float or None
        Events of the trainings, whose fractions are those of all, the share that is
        done, or a chance to stop.

    Returns
    -------
    list of Checked
        One for each fold that holds strokes.

    Raises
    ------
    InputError
        As `train`.
    """
    config = config or TrainingConfig()
    scribbles = checked_labels(image, labels, class_names)
    used = _used_folds(scribbles, config, folds)
    checked = []
    for done, (index, (trained, held_out)) in enumerate(used):
        last: Snapshot | None = None
        own = _on_a_part(config, scribbles, trained)
        for event in train(image, trained, own, class_names=class_names):
            if event is None:
                yield None
                continue
            yield replace(event, fraction=(done + ASKING * event.fraction) / len(used))
            last = event if isinstance(event, Snapshot) else last
        assert last is not None
        asked = evaluate_labels(last.ensemble, image, held_out)
        pieces = yield from map_progress(asked, _part_of(done, len(used)))
        found = last.calibration
        shares, dice = (found.shares, found.expected_dice) if found else (None, None)
        checked.append(Checked(index, pieces, shares, dice))
    return checked


def _on_a_part(
    config: TrainingConfig, labels: Scribbles, trained: Scribbles
) -> TrainingConfig:
    """The settings for some of the strokes: as many of them are corrections as of all.

    Folds drop strokes and cut long ones, so that a number of all means nothing there.
    """
    if config.before is None:
        return config
    share = config.before / len(labels.strokes())
    before = None if share >= 1 else round(share * len(trained.strokes()))
    return config.model_copy(update={"before": before})


def _part_of(done: int, total: int) -> Callable[[float], float]:
    return lambda share: (done + ASKING + (1 - ASKING) * share) / total


def _used_folds(
    labels: Scribbles, config: TrainingConfig, folds: int
) -> list[tuple[int, tuple[Scribbles, Scribbles]]]:
    """The folds that hold labels, with their numbers."""
    splits = k_folds(
        labels,
        folds=folds,
        gap=config.gap,
        rng=np.random.default_rng(config.seed),
        by=config.split,
    )
    return [(number, split) for number, split in enumerate(splits) if len(split[1])]
