"""Train on whole images: denoisers, autoencoders and classifiers of images."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from napari_sciml.errors import InputError
from napari_sciml.networks.autoencoders.autoencoder import Reconstruction
from napari_sciml.networks.device import resolve_device
from napari_sciml.training.data.targets import IGNORE
from napari_sciml.training.optimization.losses import (
    cross_entropy,
    masked_l1,
    masked_l2,
)
from napari_sciml.training.optimization.optimizer_config import OptimizerConfig
from napari_sciml.training.optimization.optimizers import make_optimizer, rate
from napari_sciml.training.whole_images.image_set import ImageSet

LOSSES = {"l1": masked_l1, "l2": masked_l2}
CLIP = 1.0


class FitConfig(BaseModel):
    """How a network is trained on whole images."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: int = Field(1000, ge=1, description="Steps of the optimizer.")
    batch: int = Field(16, ge=1, le=4096, description="Images in a step.")
    learning_rate: float = Field(
        2e-3, gt=0, le=100, description="Peak step size of AdamW."
    )
    loss: Literal["l1", "l2"] = Field(
        "l2", description="Mean absolute or mean squared difference of images."
    )
    class_weight: float = Field(
        0.1, ge=0, description="Weight of the class cross entropy beside it."
    )
    holdout: float = Field(
        0.2, ge=0, lt=1, description="Share of the images kept aside as a test."
    )
    evaluate_every: int = Field(
        50, ge=1, description="Steps between two looks at the test."
    )
    seed: int = Field(0, ge=0, description="Seed of the split and of the batches.")
    device: str = Field("auto", description="auto, cpu, cuda or mps.")


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
        Share of the steps, 0 to 1.
    """

    step: int
    loss: float
    fraction: float


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
) -> Generator[FitStep | Fitted, None, Fitted]:
    """Train a network on a set of images, in place.

    Parameters
    ----------
    network
        From ``(n, c, …)`` to images ``(n, c', …)``, to a `Reconstruction`, or to
        class logits ``(n, classes)``.
    inputs
        Images ``(n, c, …)``.
    targets
        What should come out, ``(n, c', …)``; none = the inputs.
    config
        Settings; see `FitConfig`.
    mask
        1 where a target is known, else 0: same shape as the targets, or one that
        broadcasts to it. Targets outside may be NaN; they have no influence.
    labels
        Class of each image, ``(n,)``; -1 = not known.

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
    images = ImageSet(inputs, targets, mask, labels)
    run = _Run(network, images, config)
    try:
        for step in range(1, config.steps + 1):
            loss = run.advance(step)
            yield FitStep(step, loss, step / config.steps)
    finally:
        run.keep_best()
    result = run.result()
    yield result
    return result


def fit_to_end(
    network: nn.Module, inputs: Any, targets: Any = None, **kwargs: Any
) -> Fitted:
    """Run `fit` without looking at its events."""
    *_, last = fit(network, inputs, targets, **kwargs)
    assert isinstance(last, Fitted)
    return last


class _Run:
    """A network while it is fitted, and the best state seen so far."""

    def __init__(self, network: nn.Module, images: ImageSet, config: FitConfig) -> None:
        self.config, self.images = config, images
        self.device = resolve_device(config.device)
        self.network = network.to(self.device)
        self.rng = np.random.default_rng(config.seed)
        order = torch.from_numpy(self.rng.permutation(len(images)))
        held_out = _held_out(len(images), config.holdout)
        self.test, self.train = order[:held_out], order[held_out:]
        self.queue = order[:0]
        self.pace = OptimizerConfig(learning_rate=config.learning_rate)
        self.optimizer = make_optimizer(self.pace, network.parameters())
        self.best: tuple[float, float | None, float | None] | None = None
        self.best_state: dict[str, Tensor] = {}

    def advance(self, step: int) -> float:
        """Take a step and return its loss."""
        config = self.config
        for group in self.optimizer.param_groups:
            group["lr"] = rate(self.pace, (step - 1) / config.steps)
        self.network.train()
        batch = self._draw()
        loss = self._loss(*self._answer(batch), batch)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), CLIP)
        self.optimizer.step()
        if step % config.evaluate_every == 0 or step == config.steps:
            self.evaluate()
        return float(loss.detach())

    def evaluate(self) -> None:
        """Score the held-out images; remember the state if it is the best."""
        if not len(self.test):
            return
        self.network.eval()
        with torch.inference_mode():
            pieces = _pieces(self.test, self.config.batch)
            answers = [self._answer(piece) for piece in pieces]
            image, logits = (_cat(column) for column in zip(*answers, strict=True))
            loss = float(self._loss(image, logits, self.test))
        if self.best is None or loss < self.best[0]:
            self.best = (loss, self._correlation(image), self._accuracy(logits))
            state = self.network.state_dict()
            self.best_state = {k: v.detach().clone() for k, v in state.items()}

    def keep_best(self) -> None:
        """Put the network into its best state."""
        if self.best_state:
            self.network.load_state_dict(self.best_state)
        self.network.eval()

    def result(self) -> Fitted:
        """What is reported at the end."""
        return Fitted(self.network, *(self.best or (None, None, None)))

    def _draw(self) -> Tensor:
        """Next images; each comes once before any comes again."""
        size = min(self.config.batch, len(self.train))
        while len(self.queue) < size:
            order = torch.from_numpy(self.rng.permutation(len(self.train)))
            self.queue = torch.cat([self.queue, self.train[order]])
        batch, self.queue = self.queue[:size], self.queue[size:]
        return batch

    def _answer(self, batch: Tensor) -> tuple[Tensor | None, Tensor | None]:
        answer = self.network(self.images.inputs[batch].to(self.device))
        if isinstance(answer, Reconstruction):
            return answer.image, answer.class_logits
        return (None, answer) if answer.ndim == 2 else (answer, None)

    def _loss(
        self, image: Tensor | None, logits: Tensor | None, batch: Tensor
    ) -> Tensor:
        total = torch.zeros((), device=self.device)
        if image is not None:
            targets = self.images.targets[batch].to(self.device)
            mask = self.images.mask[batch].to(self.device)
            if image.shape != targets.shape:
                raise InputError(
                    f"The network makes images of the shape {tuple(image.shape[1:])}, "
                    f"but the targets have {tuple(targets.shape[1:])}."
                )
            total = total + LOSSES[self.config.loss](image, targets, mask)
        if logits is not None:
            labels = self.images.labels[batch].to(self.device)
            total = total + self.config.class_weight * cross_entropy(logits, labels)
        return total

    def _correlation(self, image: Tensor | None) -> float | None:
        if image is None:
            return None
        known = (self.images.mask[self.test] != 0).expand_as(image)
        target = self.images.targets[self.test]
        return pearson(image.cpu()[known], target[known])

    def _accuracy(self, logits: Tensor | None) -> float | None:
        labels = self.images.labels[self.test]
        known = labels != IGNORE
        if logits is None or not known.any():
            return None
        return float((logits.argmax(1).cpu() == labels)[known].double().mean())


def pearson(a: Tensor, b: Tensor) -> float:
    """Pearson correlation of two sets of values; 0 where one is constant."""
    a, b = (x.double() - x.double().mean() for x in (a, b))
    spread = float(a.norm() * b.norm())
    return float((a * b).sum()) / spread if spread > 0 else 0.0


def _held_out(count: int, share: float) -> int:
    """At least one image where any are asked for, but never all of them."""
    if share == 0 or count < 2:
        return 0
    return min(max(1, round(share * count)), count - 1)


def _pieces(order: Tensor, size: int) -> list[Tensor]:
    return [order[start : start + size] for start in range(0, len(order), size)]


def _cat(parts: tuple[Tensor | None, ...]) -> Tensor | None:
    known = [part for part in parts if part is not None]
    return torch.cat(known) if known else None
