"""A network while it is fitted, and the best state that it has been in."""

import math
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from napari_sciml.errors import InputError
from napari_sciml.networks.autoencoders.autoencoder import Reconstruction
from napari_sciml.networks.device import resolve_device
from napari_sciml.training.optimization.losses import (
    cross_entropy,
    masked_l1,
    masked_l2,
)
from napari_sciml.training.optimization.optimizer_config import OptimizerConfig
from napari_sciml.training.optimization.optimizers import make_optimizer, rate
from napari_sciml.training.whole_images.config import FitConfig
from napari_sciml.training.whole_images.pairs import Pairs, PairSource
from napari_sciml.training.whole_images.scores import accuracy, correlation

ImageLoss = Callable[[Tensor, Tensor, Tensor], Tensor]
"""From prediction, target and mask to a number; targets outside may be NaN."""

LOSSES: dict[str, ImageLoss] = {"l1": masked_l1, "l2": masked_l2}
CLIP = 1.0

_Answer = tuple[Tensor | None, Tensor | None]
"""Images and class logits, as far as there are any."""


class FitLoop:
    """Takes steps, looks at the test, and knows when it is over.

    Parameters
    ----------
    network, source, config, loss
        As in `napari_sciml.training.whole_images.regression.fit`.
    rng
        Draws the batches.
    """

    def __init__(
        self,
        network: nn.Module,
        source: PairSource,
        config: FitConfig,
        rng: np.random.Generator,
        loss: ImageLoss | None = None,
    ) -> None:
        self._config, self._source, self._rng = config, source, rng
        self._loss_of = loss or LOSSES[config.loss]
        self._device = resolve_device(config.device)
        self.network = network.to(self._device)
        held_out = source.held_out()
        self._test = None if held_out is None else self._tensors(held_out)
        self._pace = OptimizerConfig(learning_rate=config.learning_rate)
        self._optimizer = make_optimizer(self._pace, network.parameters())
        self._best_state: dict[str, Tensor] = {}
        self._spent, self._fruitless = 0.0, 0
        self.step = 0
        self.best: tuple[float, float | None, float | None] | None = None
        self.held_out_loss: float | None = None

    @property
    def fraction(self) -> float:
        """How much of the training is over, 0 to 1."""
        config = self._config
        if config.patience is not None and self._fruitless >= config.patience:
            return 1.0
        by_steps = self.step / (config.steps or math.inf)
        return min(1.0, max(by_steps, self._spent / (config.seconds or math.inf)))

    def advance(self) -> float:
        """Take a step and return its loss."""
        start = time.perf_counter()
        for group in self._optimizer.param_groups:
            group["lr"] = rate(self._pace, self.fraction)
        self.network.train()
        count = min(self._config.batch, len(self._source))
        pairs = self._tensors(self._source.draw(self._rng, count))
        loss = self._loss(self._answer(pairs), pairs)
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), CLIP)
        self._optimizer.step()
        self.step += 1
        self._spent += time.perf_counter() - start
        if self.step % self._config.evaluate_every == 0 or self.fraction >= 1:
            self._evaluate()
        return float(loss.detach())

    def keep_best(self) -> None:
        """Put the network into its best state."""
        if self._best_state:
            self.network.load_state_dict(self._best_state)
        self.network.eval()

    def _evaluate(self) -> None:
        """Score the test; remember the state if it is the best."""
        if self._test is None:
            return
        start = time.perf_counter()
        self.network.eval()
        with torch.inference_mode():
            pieces = _pieces(self._test, self._config.batch)
            answers = [self._answer(piece) for piece in pieces]
            image, logits = (_cat(column) for column in zip(*answers, strict=True))
            loss = float(self._loss((image, logits), self._test))
        self.held_out_loss = loss
        self._fruitless += 1
        if self.best is None or loss < self.best[0]:
            self._fruitless = 0
            scores = correlation(image, self._test.targets, self._test.mask)
            self.best = (loss, scores, accuracy(logits, self._test.labels))
            state = self.network.state_dict()
            self._best_state = {k: v.detach().clone() for k, v in state.items()}
        self._spent += time.perf_counter() - start

    def _tensors(self, pairs: Pairs) -> "_Tensors":
        return _Tensors(pairs, self._device)

    def _answer(self, pairs: "_Tensors") -> _Answer:
        answer = self.network(pairs.inputs.to(self._device))
        if isinstance(answer, Reconstruction):
            return answer.image, answer.class_logits
        return (None, answer) if answer.ndim == 2 else (answer, None)

    def _loss(self, answer: _Answer, pairs: "_Tensors") -> Tensor:
        image, logits = answer
        total = torch.zeros((), device=self._device)
        if image is not None:
            if image.shape != pairs.targets.shape:
                raise InputError(
                    f"The network makes images of the shape {tuple(image.shape[1:])}, "
                    f"but the targets have {tuple(pairs.targets.shape[1:])}."
                )
            total = total + self._loss_of(image, pairs.targets, pairs.mask)
        if logits is not None and pairs.labels is not None:
            cost = cross_entropy(logits, pairs.labels)
            total = total + self._config.class_weight * cost
        return total


class _Tensors:
    """Pairs as tensors on the device."""

    def __init__(self, pairs: Pairs, device: torch.device) -> None:
        self.inputs, self.targets, self.mask = (
            torch.as_tensor(part).to(device, torch.float32)
            for part in (pairs.inputs, pairs.targets, pairs.mask)
        )
        labels = pairs.labels
        self.labels = None if labels is None else torch.as_tensor(labels).to(device)


def _pieces(pairs: _Tensors, size: int) -> list[_Tensors]:
    device = pairs.inputs.device
    parts = (pairs.inputs, pairs.targets, pairs.mask)
    return [
        _Tensors(Pairs(*(part[start : start + size] for part in parts)), device)
        for start in range(0, len(pairs.inputs), size)
    ]


def _cat(parts: tuple[Tensor | None, ...]) -> Tensor | None:
    known = [part for part in parts if part is not None]
    return torch.cat(known) if known else None
