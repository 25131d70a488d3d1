"""How well images and classes are met."""

import torch
from torch import Tensor

from napari_sciml.training.data.targets import IGNORE


def pearson(a: Tensor, b: Tensor) -> float:
    """Pearson correlation of two sets of values; 0 where one is constant."""
    a, b = (x.double() - x.double().mean() for x in (a, b))
    spread = float(a.norm() * b.norm())
    return float((a * b).sum()) / spread if spread > 0 else 0.0


def correlation(image: Tensor | None, target: Tensor, mask: Tensor) -> float | None:
    """Pearson correlation inside of a mask; None where no images are made."""
    if image is None:
        return None
    known = (mask != 0).expand_as(image)
    return pearson(image.cpu()[known], target.cpu()[known])


def accuracy(logits: Tensor | None, labels: Tensor | None) -> float | None:
    """Share of the labels that are met; None where there are none."""
    if logits is None or labels is None:
        return None
    labels = torch.as_tensor(labels).cpu()
    known = labels != IGNORE
    if not known.any():
        return None
    return float((logits.argmax(1).cpu() == labels)[known].double().mean())
