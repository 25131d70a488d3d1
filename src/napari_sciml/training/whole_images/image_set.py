"""A set of whole images to train on."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from napari_sciml.errors import InputError
from napari_sciml.training.data.targets import IGNORE


class ImageSet:
    """Images to train on, and what should come out, as tensors on the CPU.

    Parameters
    ----------
    inputs, targets, mask, labels
        As in `napari_sciml.training.whole_images.regression.fit`.

    Raises
    ------
    InputError
        When the arrays do not fit together or hold values that are not finite.
    """

    def __init__(
        self, inputs: Any, targets: Any = None, mask: Any = None, labels: Any = None
    ) -> None:
        self.inputs = _as_images(inputs, "inputs")
        self.targets = (
            self.inputs if targets is None else _as_images(targets, "targets")
        )
        count = len(self.inputs)
        self.mask = torch.ones([count] + [1] * (self.targets.ndim - 1))
        if mask is not None:
            self.mask = _as_images(mask, "mask")
        self.labels = torch.full((count,), IGNORE)
        if labels is not None:
            self.labels = torch.as_tensor(np.asarray(labels), dtype=torch.int64)
        self._check()

    def _check(self) -> None:
        count = len(self.inputs)
        for name, values in (("targets", self.targets), ("mask", self.mask)):
            if len(values) != count:
                raise InputError(
                    f"There are {count} inputs but {len(values)} {name}: give one each."
                )
        if self.labels.shape != (count,) or int(self.labels.min()) < IGNORE:
            raise InputError(
                f"The labels must be {count} class numbers from 0, or -1 where the "
                "class is not known."
            )
        try:
            known = (self.mask != 0).expand_as(self.targets)
        except RuntimeError:
            raise InputError(
                f"A mask of the shape {tuple(self.mask.shape)} does not fit targets of "
                f"the shape {tuple(self.targets.shape)}."
            ) from None
        if not (self.inputs.isfinite().all() and self.targets[known].isfinite().all()):
            raise InputError(
                "The images hold values that are not finite: replace them, or mask "
                "them where they are targets."
            )

    def __len__(self) -> int:
        return len(self.inputs)


def _as_images(values: Any, name: str) -> Tensor:
    images = torch.as_tensor(values).to("cpu", torch.float32)
    if not 3 <= images.ndim <= 5 or not len(images):
        raise InputError(
            f"The {name} must be images with the axes n, c and one to three of space, "
            f"not an array of the shape {tuple(images.shape)}."
        )
    return images
