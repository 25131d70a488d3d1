"""Training losses, on class logits and sparse labels.

Logits are ``(n, class, …)``, targets ``(n, …)`` int64 class indices with any
number of spatial axes; -1 = not annotated. What is not annotated adds nothing to
a loss or its gradient, except in `total_variation`. A batch without any label
has loss 0 and gradient 0.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from napari_sciml.training.data.targets import IGNORE
from napari_sciml.training.optimization.loss_config import LossConfig

Loss = Callable[[Tensor, Tensor, Tensor | None], Tensor]
"""From logits, targets and class weights to a number."""

TINY = 1e-9


def cross_entropy(
    logits: Tensor, targets: Tensor, weights: Tensor | None = None
) -> Tensor:
    """Cross entropy: mean over labeled voxels, each weighted by its class.

    Parameters
    ----------
    logits
        ``(n, class, …)``.
    targets
        ``(n, …)``; -1 = not annotated.
    weights
        Weight of each class; none = the same for all.
    """
    logits = _at_least_float32(logits)
    weights = _class_weights(logits, weights)
    total = functional.cross_entropy(
        logits, targets, weight=weights, ignore_index=IGNORE, reduction="sum"
    )
    return total / _voxel_weights(targets, weights).sum().clamp_min(TINY)


def focal(
    logits: Tensor,
    targets: Tensor,
    weights: Tensor | None = None,
    *,
    gamma: float = 2.0,
) -> Tensor:
    """Focal loss ``-(1 - p)^gamma log p`` of each voxel, weighted mean.

    Lin et al. 2017, "Focal loss for dense object detection", equation 5; the
    class weights are their alpha. It is divided by the sum of the weights, so
    that gamma = 0 is `cross_entropy`.
    """
    logits = _at_least_float32(logits)
    voxel = _voxel_weights(targets, _class_weights(logits, weights))
    index = targets.clamp_min(0)[:, None]
    log_p = torch.log_softmax(logits, 1).gather(1, index)[:, 0]
    # The power has no finite slope at 0 for gamma below 1.
    doubt = (-torch.expm1(log_p)).clamp_min(TINY)
    return -(voxel * doubt**gamma * log_p).sum() / voxel.sum().clamp_min(TINY)


def tversky(
    logits: Tensor,
    targets: Tensor,
    weights: Tensor | None = None,
    *,
    alpha: float = 0.3,
    beta: float = 0.7,
) -> Tensor:
    """Tversky loss ``1 - TP / (TP + alpha FP + beta FN)``, mean over classes.

    Salehi et al. 2017, "Tversky loss function for image segmentation". The
    counts are sums of probabilities over all labeled voxels of the batch.

    The mean is over the classes *that have labels in the batch*. An absent class
    has TP = 0 whatever the network says: it would add a constant 1, or with a
    smoothing term a steep slope from its last few hundredths of probability.
    What goes wrongly to an absent class is missed by a present one, so it does
    cost.

    Parameters
    ----------
    logits, targets, weights
        As in `cross_entropy`; the weights are those of the mean over classes.
    alpha
        Cost of a false positive.
    beta
        Cost of a false negative.
    """
    lost, share = _tversky_by_class(logits, targets, weights, alpha, beta)
    return (share * lost).sum()


def dice(logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """Soft Dice loss ``1 - 2 TP / (2 TP + FP + FN)``, mean over present classes.

    It is `tversky` with both costs one half; see there.
    """
    return tversky(logits, targets, weights, alpha=0.5, beta=0.5)


def focal_tversky(
    logits: Tensor,
    targets: Tensor,
    weights: Tensor | None = None,
    *,
    alpha: float = 0.3,
    beta: float = 0.7,
    gamma: float = 0.75,
) -> Tensor:
    """Focal Tversky loss ``(1 - T)^gamma``, mean over present classes.

    Abraham and Khan 2019, "A novel focal Tversky loss function with improved
    attention U-Net for lesion segmentation", equation 4 (their power is written
    1/gamma with gamma = 4/3, and their alpha is the cost of a false negative).
    """
    lost, share = _tversky_by_class(logits, targets, weights, alpha, beta)
    return (share * lost.clamp_min(TINY) ** gamma * (lost > TINY)).sum()


def total_variation(logits: Tensor) -> Tensor:
    """Mean absolute step of the class probabilities between neighboring voxels.

    All voxels count, labeled or not. Every spatial axis counts the same; one of a
    single voxel does not count. 0 = flat, 1 = a checkerboard of two sure classes.
    """
    probabilities = torch.softmax(_at_least_float32(logits), 1)
    steps = [
        probabilities.diff(dim=axis).abs().mean()
        for axis in range(2, logits.ndim)
        if logits.shape[axis] > 1
    ]
    return torch.stack(steps).mean() if steps else 0.0 * probabilities.sum()


def masked_l1(prediction: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Mean absolute error where ``mask`` is not 0; 0 for an empty mask.

    Parameters
    ----------
    prediction, target
        Same shape; a target outside of the mask may be NaN.
    mask
        Same shape, or one that broadcasts to it, such as ``(n, 1, …)``.
    """
    difference, count = _masked_difference(prediction, target, mask)
    return difference.abs().sum() / count


def masked_l2(prediction: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Mean squared error where ``mask`` is not 0; see `masked_l1`."""
    difference, count = _masked_difference(prediction, target, mask)
    return difference.square().sum() / count


def make_loss(config: LossConfig) -> Loss:
    """Weighted sum of the terms of a configuration."""
    alpha, beta = config.tversky_alpha, 1 - config.tversky_alpha
    gamma = config.focal_tversky_gamma
    terms: list[tuple[float, Loss]] = [
        (config.cross_entropy, cross_entropy),
        (config.dice, dice),
        (config.focal, partial(focal, gamma=config.focal_gamma)),
        (config.tversky, partial(tversky, alpha=alpha, beta=beta)),
        (
            config.focal_tversky,
            partial(focal_tversky, alpha=alpha, beta=beta, gamma=gamma),
        ),
        (config.total_variation, lambda logits, *_: total_variation(logits)),
    ]
    used = [(weight, term) for weight, term in terms if weight > 0]

    def loss(logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        parts = [weight * term(logits, targets, weights) for weight, term in used]
        return torch.stack(parts).sum()

    return loss


def _tversky_by_class(
    logits: Tensor,
    targets: Tensor,
    weights: Tensor | None,
    alpha: float,
    beta: float,
) -> tuple[Tensor, Tensor]:
    """``1 - T`` of each class, and its share in the mean over present classes."""
    logits = _at_least_float32(logits)
    classes = logits.shape[1]
    labeled = targets != IGNORE
    truth = functional.one_hot(targets.clamp_min(0), classes).movedim(-1, 1)
    truth = (truth * labeled[:, None]).to(logits.dtype)
    probabilities = torch.softmax(logits, 1) * labeled[:, None]
    axes = [0, *range(2, logits.ndim)]
    right = (probabilities * truth).sum(axes)
    voxels = truth.sum(axes)
    wrong = alpha * (probabilities.sum(axes) - right) + beta * (voxels - right)
    share = _class_weights(logits, weights) * (voxels > 0)
    return wrong / (right + wrong).clamp_min(TINY), share / share.sum().clamp_min(TINY)


def _at_least_float32(logits: Tensor) -> Tensor:
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


def _class_weights(logits: Tensor, weights: Tensor | None) -> Tensor:
    if weights is None:
        return logits.new_ones(logits.shape[1])
    return weights.to(logits)


def _voxel_weights(targets: Tensor, weights: Tensor) -> Tensor:
    return weights[targets.clamp_min(0)] * (targets != IGNORE)


def _masked_difference(
    prediction: Tensor, target: Tensor, mask: Tensor
) -> tuple[Tensor, Tensor]:
    """Difference, 0 outside of the mask, and the number of values inside."""
    inside = (mask != 0).expand_as(prediction)
    difference = _at_least_float32(prediction) - target
    difference = torch.where(inside, difference, 0.0)
    return difference, inside.sum().clamp_min(1)
