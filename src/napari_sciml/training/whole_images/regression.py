"""Train on images: fillers, denoisers, autoencoders and classifiers of images."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import nn

from napari_sciml.errors import InputError
from napari_sciml.training.whole_images.config import FitConfig
from napari_sciml.training.whole_images.fit_loop import FitLoop, ImageLoss
from napari_sciml.training.whole_images.image_set import ImageSet
from napari_sciml.training.whole_images.image_split import ImageSplit
from napari_sciml.training.whole_images.pairs import PairSource


@dataclass(frozen=True)
class FitStep:
    """A step has been taken.

    Attributes
    ----------
    step
        How many steps were taken.
    loss
        Training loss of the step.
    fraction
        Share of the training that is over, 0 to 1.
    held_out_loss
        Loss at the last look at the test; None before the first one.
    """

    step: int
    loss: float
    fraction: float
    held_out_loss: float | None = None


@dataclass(frozen=True)
class Fitted:
    """The result: the state that did best on the held-out images.

    Attributes
    ----------
    network
        The network that was given, in evaluation mode.
    held_out_loss
        Loss on the held-out images; None where none were held out.
    correlation
        Pearson correlation of the held-out images with what should come out, over
        all their values inside of the mask; None without held-out images, or where
        the network makes no images.
    accuracy
        Share of the held-out labels that are met; None where there are none.
    """

    network: nn.Module
    held_out_loss: float | None
    correlation: float | None
    accuracy: float | None


def fit(
    network: nn.Module,
    inputs: Any,
    targets: Any = None,
    *,
    config: FitConfig | None = None,
    mask: Any = None,
    labels: Any = None,
    loss: ImageLoss | None = None,
) -> Generator[FitStep | Fitted, None, Fitted]:
    """Train a network on images, in place.

    Parameters
    ----------
    network
        From ``(n, c, …)`` to images ``(n, c', …)``, to a `Reconstruction`, or to
        class logits ``(n, classes)``.
    inputs
        Images ``(n, c, …)``; or, alone, anything that pairs can be drawn from, such
        as a `CropSet` of images of any size: see
        `napari_sciml.training.whole_images.pairs.PairSource`.
    targets
        What should come out, ``(n, c', …)``; none = the inputs.
    config
        Settings; see `FitConfig`.
    mask
        1 where a target is known, else 0: same shape as the targets, or one that
        broadcasts to it. Targets outside may be NaN; they have no influence.
    labels
        Class of each image, ``(n,)``; -1 = not known.
    loss
        Of prediction, target and mask, instead of the one of the settings.

    Yields
    ------
    FitStep or Fitted
        A `FitStep` a step, and at last the `Fitted`. A generator that is closed
        early leaves the network in its best state so far.

    Raises
    ------
    InputError
        When the arrays do not fit together or hold values that are not finite.
    """
    config = config or FitConfig()
    rng = np.random.default_rng(config.seed)
    source: PairSource
    if isinstance(inputs, PairSource):
        _refuse_beside_a_source(targets, mask, labels)
        source = inputs
    else:
        images = ImageSet(inputs, targets, mask, labels)
        source = ImageSplit(images, config.holdout, rng)
    loop = FitLoop(network, source, config, rng, loss)
    try:
        while loop.fraction < 1:
            cost = loop.advance()
            yield FitStep(loop.step, cost, loop.fraction, loop.held_out_loss)
    finally:
        loop.keep_best()
    result = Fitted(network, *(loop.best or (None, None, None)))
    yield result
    return result


def _refuse_beside_a_source(*arrays: Any) -> None:
    if any(array is not None for array in arrays):
        raise InputError(
            "What pairs are drawn from has its own targets, masks and labels: give "
            "none beside it."
        )


def fit_to_end(
    network: nn.Module, inputs: Any, targets: Any = None, **kwargs: Any
) -> Fitted:
    """Run `fit` without looking at its events."""
    *_, last = fit(network, inputs, targets, **kwargs)
    assert isinstance(last, Fitted)
    return last
