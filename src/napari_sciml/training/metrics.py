"""Scores on held-out labels."""

from dataclasses import dataclass

import torch
from torch import Tensor

from napari_sciml.training.sampling import IGNORE


@dataclass(frozen=True)
class Scores:
    """How well labels that the training never saw are predicted.

    Attributes
    ----------
    loss
        Cross entropy in nats, every class with the same weight.
    dice
        Dice coefficient ``2 TP / (2 TP + FP + FN)`` of each class among the
        held-out voxels; NaN for a class without any.
    voxels
        Number of held-out voxels.
    """

    loss: float
    dice: tuple[float, ...]
    voxels: int


def score(probabilities: Tensor, targets: Tensor) -> Scores:
    """Score probabilities ``(n, class)`` against class indices ``(n,)``.

    Voxels with target -1 do not count.
    """
    keep = targets != IGNORE
    probabilities, targets = probabilities[keep].float(), targets[keep]
    classes = probabilities.shape[1]
    chosen = probabilities.argmax(1)
    true = probabilities.gather(1, targets[:, None])[:, 0]
    surprise = -true.clamp_min(1e-6).log()
    losses, dice = [], []
    for index in range(classes):
        truth, answer = targets == index, chosen == index
        total = int(truth.sum()) + int(answer.sum())
        dice.append(2 * int((truth & answer).sum()) / total if total else float("nan"))
        if truth.any():
            losses.append(float(surprise[truth].mean()))
    loss = sum(losses) / len(losses) if losses else float("nan")
    return Scores(loss, tuple(dice), int(keep.sum()))


def cross_entropy(logits: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Class-weighted cross entropy of labeled voxels, 0 where there are none.

    Parameters
    ----------
    logits
        ``(n, class, …)``.
    targets
        ``(n, …)``; -1 = not annotated.
    weights
        Weight of each class.
    """
    total = torch.nn.functional.cross_entropy(
        logits.float(), targets, weight=weights, ignore_index=IGNORE, reduction="sum"
    )
    weight = weights[targets.clamp_min(0)] * (targets != IGNORE)
    return total / weight.sum().clamp_min(1e-9)
