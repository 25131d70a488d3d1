"""One network of the ensemble while it is trained."""

import copy
import math
from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np
import torch
from torch import Tensor, nn

from napari_sciml.networks.device import autocast, has_fast_bfloat16
from napari_sciml.networks.ensemble import memory_format
from napari_sciml.training.config import TrainingConfig
from napari_sciml.training.data.lessons import taught_loss
from napari_sciml.training.data.sampling import Batch
from napari_sciml.training.evaluation.metrics import Scores, score
from napari_sciml.training.evaluation.validation_set import ask
from napari_sciml.training.optimization.adamw import AdamW
from napari_sciml.training.optimization.losses import make_loss
from napari_sciml.training.optimization.optimizers import make_optimizer, rate
from napari_sciml.training.state import (
    Average,
    MemberState,
    all_finite,
    check_groups,
    check_moments,
    check_weights,
    copied,
)

Draw = Callable[[int, np.random.Generator], Batch]
"""Draws a batch of so many crops."""

LEEWAY = 0.5
"""New labels may cost so much of the error on held-out ones, relative, to be taken in.
Few held-out strokes know little: with less, a lucky state of the first strokes can stay
for a dozen corrections, and whoever paints sees no effect."""


class Member:
    """A network, its optimizer, the average of its weights, and the best of these.

    What is scored, kept and handed out is a running average of the weights: the
    weights themselves jump from step to step, and a score on few labels would
    mostly choose a lucky moment (Polyak and Juditsky, 1992).

    Parameters
    ----------
    network
        From channels to logits, on the device to train on.
    draw
        Draws a batch of crops.
    weights
        Weight of each class in the loss.
    config
        Settings.
    rng
        Source of randomness of this member alone.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        draw: Draw,
        weights: Tensor,
        config: TrainingConfig,
        rng: np.random.Generator,
    ) -> None:
        self.device = weights.device
        self.network = network.to(self.device)
        self.config = config
        self.rng = rng
        self.steps = 0
        self.evaluations_since_best = 0
        self.best: Scores | None = None
        self.answers: np.ndarray | None = None
        self._draw = draw
        self._weights = weights
        self._format = memory_format(int(network.dims))  # type: ignore[arg-type]
        self._loss = make_loss(config.loss)
        self._average = Average(network)
        self._best_state: dict[str, Tensor] = {}
        self._relabeled = False

    @cached_property
    def _optimizer(self) -> torch.optim.Optimizer | AdamW:
        """Made at the first step: torch takes seconds to load what it needs for it."""
        return make_optimizer(self.config.optimizer, self.network.parameters())

    @property
    def best_state(self) -> dict[str, Tensor]:
        """Weights of the best state; the present average until one was scored."""
        return self._best_state or copied(self._average.network.state_dict())

    def step(self, fraction: float) -> float:
        """Take one step; ``fraction`` of the budget is used up. Return the loss.

        A step whose loss or gradient is not finite leaves the weights as they are.
        """
        optimizer = self.config.optimizer
        for group in self._optimizer.param_groups:
            group["lr"] = rate(optimizer, fraction)
        self.network.train()
        self._optimizer.zero_grad()
        total = 0.0
        for _ in range(optimizer.accumulate):
            batch = self._draw(self.config.batch, self.rng)
            logits = self._logits(self.network, batch.channels)
            loss = self._loss_of(logits, batch)
            (loss / optimizer.accumulate).backward()  # type: ignore[no-untyped-call]
            total += float(loss.detach()) / optimizer.accumulate
        norm = nn.utils.clip_grad_norm_(
            self.network.parameters(), optimizer.clip or math.inf
        )
        self._take(math.isfinite(total) and bool(norm.isfinite()))
        self.steps += 1
        return total

    def _loss_of(self, logits: Tensor, batch: Batch) -> Tensor:
        if batch.shares is None or batch.known is None:
            return self._loss(logits, batch.targets, self._weights)
        return taught_loss(logits, batch.shares, batch.known)

    def _take(self, usable: bool) -> None:
        """Step along the gradient, and follow with the average."""
        if usable:
            self._optimizer.step()
        if not all_finite(self.network.state_dict()):
            # A rate far too high, or running statistics of a forward pass that failed.
            self.network.load_state_dict(self._average.network.state_dict())
            usable = False
        self._average.steps += 1
        if usable:
            self._average.follow(self.network)

    def relabel(self, draw: Draw, weights: Tensor) -> None:
        """Learn from other labels from now on, and be judged anew at the next look."""
        self._draw, self._weights = draw, weights
        self._relabeled = True
        self.answers = None
        self.evaluations_since_best = 0

    def evaluate(self, batches: Sequence[Batch]) -> Scores | None:
        """Score the held-out crops and remember the state if it is the best.

        On the first look after `relabel` the best state so far is scored as well,
        and gives way to the present one unless that is clearly worse.
        """
        if not batches:
            return None
        scores, answers = self._score(batches)
        leeway = 1.0
        if self._relabeled and self._best_state:
            self.best, self.answers = self._score(batches, self._best_state)
            leeway = 1 + LEEWAY
        self._relabeled = False
        self.evaluations_since_best += 1
        better = self.best is None or scores.error < leeway * self.best.error
        if math.isfinite(scores.error) and better:
            self.best, self.answers = scores, answers
            self._best_state = copied(self._average.network.state_dict())
            self.evaluations_since_best = 0
        return scores

    def best_answers(self, batches: Sequence[Batch]) -> np.ndarray:
        """What the best state says about held-out labels, ``(n, class)``."""
        if self.answers is None:
            _, self.answers = self._score(batches, self.best_state)
        return self.answers

    def _score(
        self, batches: Sequence[Batch], state: dict[str, Tensor] | None = None
    ) -> tuple[Scores, np.ndarray]:
        """Scores and answers of the averaged weights, or of other ones."""
        own = self._average.network.state_dict()
        kept = copied(own) if state is not None else None
        if state is not None:
            self._average.network.load_state_dict(state)
        rows, targets = ask(self.answer, batches)
        if kept is not None:
            self._average.network.load_state_dict(kept)
        return score(rows, targets), rows.cpu().numpy()

    def answer(self, channels: Tensor) -> Tensor:
        """Logits ``(n, class, …)`` float32 of the averaged weights."""
        network = self._average.network.eval()
        with torch.inference_mode():
            return self._logits(network, channels).float()

    def state(self) -> MemberState:
        """Everything that the next step depends on, copied."""
        return MemberState(
            network=copied(self.network.state_dict()),
            average=copied(self._average.network.state_dict()),
            best=copied(self._best_state),
            optimizer=copy.deepcopy(self._optimizer.state_dict()),
            rng=self.rng.bit_generator.state,
            steps=self.steps,
            evaluations_since_best=self.evaluations_since_best,
            scores=self.best,
        )

    def restore(self, state: MemberState) -> None:
        """Go on from a state that `state` gave.

        Raises
        ------
        ValueError, KeyError, TypeError or RuntimeError
            When it is that of another network, or damaged.
        """
        own = self.network.state_dict()
        for weights in (state.network, state.average, state.best or own):
            check_weights(weights, own)
        self.network.load_state_dict(state.network)
        self._average.network.load_state_dict(state.average)
        self._best_state = {k: v.to(self.device) for k, v in state.best.items()}
        check_groups(self._optimizer, state.optimizer["param_groups"])
        self._optimizer.load_state_dict(state.optimizer)
        check_moments(self._optimizer)
        try:
            self.rng.bit_generator.state = state.rng
        except (KeyError, TypeError, OverflowError) as error:
            raise ValueError("its random numbers are none") from error
        self.steps = self._average.steps = state.steps
        self.evaluations_since_best = state.evaluations_since_best
        self.best, self.answers = state.scores, None

    def _logits(self, network: nn.Module, channels: Tensor) -> Tensor:
        fast = self.config.half and has_fast_bfloat16(self.device)
        with autocast(self.device, fast):
            logits: Tensor = network(channels.contiguous(memory_format=self._format))
        return logits
