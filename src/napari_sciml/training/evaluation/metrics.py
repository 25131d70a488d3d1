"""Scores on held-out labels."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from napari_sciml.errors import InputError
from napari_sciml.training.data.targets import IGNORE

FLOOR = 1e-6
"""Least probability of the truth in a log likelihood, so that it stays finite."""
BINS = 15
BY_CLASS = ("dice", "iou", "precision", "recall")
OVERALL = ("f1_micro", "f1_macro", "accuracy", "ece", "brier", "nll")


@dataclass(frozen=True)
class Scores:
    """How well labels that the training never saw are predicted.

    Attributes
    ----------
    loss
        Cross entropy in nats, every class with the same weight.
    error
        Brier score, 0 to 2, every class with the same weight. Unlike the cross
        entropy it cannot be ruled by a few voxels that are wrong for certain, so
        it is what the best state is chosen by.
    dice
        Dice coefficient ``2 TP / (2 TP + FP + FN)`` of each class among the
        held-out voxels; NaN for a class without any.
    voxels
        Number of held-out voxels.
    strokes
        Held-out strokes of each class; empty where nobody has counted.
    intervals
        95 % interval of the Dice of each class, by drawing strokes anew; None where
        there are too few to tell, empty where nobody has tried.
    """

    loss: float
    error: float
    dice: tuple[float, ...]
    voxels: int
    strokes: tuple[int, ...] = ()
    intervals: tuple[tuple[float, float] | None, ...] = ()

    @property
    def foreground_dice(self) -> float | None:
        """Mean Dice of the classes but the background; None where none is known."""
        known = [one for one in self.dice[1:] if math.isfinite(one)]
        return sum(known) / len(known) if known else None


def score(probabilities: Tensor, targets: Tensor) -> Scores:
    """Score probabilities ``(n, class)`` against class indices ``(n,)``.

    Voxels with target -1 do not count.
    """
    keep = targets != IGNORE
    probabilities, targets = probabilities[keep].float(), targets[keep]
    classes = probabilities.shape[1]
    chosen = probabilities.argmax(1)
    true = probabilities.gather(1, targets[:, None])[:, 0]
    surprise = -true.clamp_min(FLOOR).log()
    distance = (probabilities**2).sum(1) - 2 * true + 1
    losses, errors, dice = [], [], []
    for index in range(classes):
        truth, answer = targets == index, chosen == index
        total = int(truth.sum()) + int(answer.sum())
        dice.append(2 * int((truth & answer).sum()) / total if total else math.nan)
        if truth.any():
            losses.append(float(surprise[truth].mean()))
            errors.append(float(distance[truth].mean()))
    return Scores(
        loss=sum(losses) / len(losses) if losses else math.nan,
        error=sum(errors) / len(errors) if errors else math.nan,
        dice=tuple(dice),
        voxels=int(keep.sum()),
    )


@dataclass(frozen=True)
class Report:
    """Everything that labels tell about an answer.

    All but the confusion hold at the `prior`, where one was given. NaN = cannot
    be known: all figures of a class that no label belongs to, and the precision
    of a class that was never chosen.

    Attributes
    ----------
    confusion
        Number of voxels, ``(true class, chosen class)``, int64. As counted, never
        reweighted.
    dice
        Of each class, ``2 TP / (2 TP + FP + FN)``; the same as its F1.
    iou
        Of each class, ``TP / (TP + FP + FN)``.
    precision, recall
        Of each class.
    f1_micro
        F1 of the pooled counts. With one class a voxel it is the accuracy.
    f1_macro
        Mean Dice of the classes that have labels.
    accuracy
        Share of voxels that are right.
    ece
        Expected calibration error: mean distance between the confidence in the
        chosen class and the share that is right, in 15 equal bins of confidence
        (Guo et al. 2017, "On calibration of modern neural networks").
    brier
        Mean over voxels of the squared distance between the probabilities and
        the truth, summed over the classes (Brier 1950): 0 to 2.
    nll
        Mean negative log likelihood in nats.
    prior
        Share of each class that the figures hold for; None = as in the labels.
    """

    confusion: np.ndarray
    dice: tuple[float, ...]
    iou: tuple[float, ...]
    precision: tuple[float, ...]
    recall: tuple[float, ...]
    f1_micro: float
    f1_macro: float
    accuracy: float
    ece: float
    brier: float
    nll: float
    prior: tuple[float, ...] | None = None

    @property
    def voxels(self) -> int:
        """Number of voxels that were judged."""
        return int(self.confusion.sum())

    def as_dict(self, class_names: Sequence[str]) -> dict[str, Any]:
        """Plain numbers for a JSON file; None = cannot be known."""
        by_class = {
            name: {
                "voxels": int(self.confusion[index].sum()),
                **{key: _plain(getattr(self, key)[index]) for key in BY_CLASS},
            }
            for index, name in enumerate(class_names)
        }
        return {
            "voxels": self.voxels,
            **{key: _plain(getattr(self, key)) for key in OVERALL},
            "classes": by_class,
            "confusion": self.confusion.tolist(),
            "prior": None if self.prior is None else list(self.prior),
        }


def report(
    probabilities: Tensor | np.ndarray,
    targets: Tensor | np.ndarray,
    prior: Sequence[float] | None = None,
) -> Report:
    """Judge probabilities by labels.

    Parameters
    ----------
    probabilities
        ``(n, class)``.
    targets
        Class indices ``(n,)``; voxels with target -1 do not count.
    prior
        Share of each class in the volume that the figures are to hold for. Labels
        are not a fair sample: scribbles may be 40 % fiber in a volume that is
        2 %, and precision, Dice and calibration depend on it. A voxel of class c
        then counts ``prior[c] / share of c among the labels``. A class without
        labels is left out, and the others keep their ratio. The probabilities are
        taken as they are.

    Raises
    ------
    InputError
        When the prior does not fit the classes.
    """
    rows, truth = _as_arrays(probabilities, targets)
    classes = rows.shape[1]
    chosen = rows.argmax(1)
    confusion = np.bincount(truth * classes + chosen, minlength=classes**2)
    confusion = confusion.reshape(classes, classes).astype(np.int64)
    if prior is not None:
        prior = checked_prior(prior, classes)
    weights = class_weights(confusion.sum(1), prior)
    each = weights[truth]
    true = rows[np.arange(len(rows)), truth]
    distance = (rows**2).sum(1) - 2 * true + 1
    right = truth == chosen
    accuracy = _mean(right, each)
    found = figures_by_class(weights[:, None] * confusion)
    by_class = {name: tuple(map(float, values)) for name, values in found.items()}
    return Report(
        confusion,
        dice=by_class["dice"],
        iou=by_class["iou"],
        precision=by_class["precision"],
        recall=by_class["recall"],
        f1_micro=accuracy,
        f1_macro=mean_known(by_class["dice"]),
        accuracy=accuracy,
        ece=_calibration_error(rows.max(1), right, each),
        brier=_mean(distance, each),
        nll=_mean(-np.log(np.maximum(true, FLOOR)), each),
        prior=prior,
    )


def _as_arrays(
    probabilities: Tensor | np.ndarray, targets: Tensor | np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    rows = torch.as_tensor(probabilities).detach().cpu().double().numpy()
    truth = torch.as_tensor(targets).detach().cpu().long().numpy()
    keep = truth != IGNORE
    return rows[keep], truth[keep]


def checked_prior(prior: Sequence[float], classes: int) -> tuple[float, ...]:
    """Shares of the classes that add up to 1.

    Raises
    ------
    InputError
        When they do not fit the classes.
    """
    shares = np.asarray(prior, dtype=np.float64)
    if shares.shape != (classes,) or not (shares >= 0).all() or not shares.sum() > 0:
        raise InputError(
            f"A prior needs one share, 0 or more, for each of the {classes} classes."
        )
    return tuple(float(share) for share in shares / shares.sum())


def class_weights(voxels: np.ndarray, prior: tuple[float, ...] | None) -> np.ndarray:
    """How much a voxel of each class counts, given ``(…, class)`` voxels.

    The classes that are present keep their ratio.
    """
    if prior is None:
        return np.ones(voxels.shape)
    share = voxels / np.maximum(1, voxels.sum(-1, keepdims=True))
    return np.where(voxels > 0, np.array(prior) / np.where(voxels > 0, share, 1), 0.0)


def figures_by_class(confusion: np.ndarray) -> dict[str, np.ndarray]:
    """Figures ``(…, class)`` from weighted counts ``(…, true, chosen)``."""
    tp = np.diagonal(confusion, axis1=-2, axis2=-1)
    truth, chosen = confusion.sum(-1), confusion.sum(-2)
    known = np.where(truth > 0, tp, np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "dice": 2 * known / (truth + chosen),
            "iou": known / (truth + chosen - tp),
            "precision": known / chosen,
            "recall": known / truth,
        }


def _calibration_error(
    confidence: np.ndarray, right: np.ndarray, each: np.ndarray
) -> float:
    """Bins are ``((m - 1) / 15, m / 15]``."""
    bins = np.clip(np.ceil(confidence * BINS).astype(np.int64) - 1, 0, BINS - 1)
    surplus = np.bincount(bins, each * (right - confidence), BINS)
    total = each.sum()
    return float(np.abs(surplus).sum() / total) if total > 0 else math.nan


def _mean(values: np.ndarray, each: np.ndarray) -> float:
    total = each.sum()
    return float((values * each).sum() / total) if total > 0 else math.nan


def mean_known(values: Sequence[float]) -> float:
    """Mean of the numbers that are not NaN; NaN where there is none."""
    known = [value for value in values if math.isfinite(value)]
    return sum(known) / len(known) if known else math.nan


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None
