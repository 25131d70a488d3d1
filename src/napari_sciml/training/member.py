"""One network of the ensemble while it is trained."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from napari_sciml.networks.device import has_fast_bfloat16
from napari_sciml.networks.ensemble import memory_format
from napari_sciml.networks.smsnet import SMSNet
from napari_sciml.training.metrics import Scores, cross_entropy, score
from napari_sciml.training.sampling import IGNORE, Batch

WARM_UP = 0.05
FINAL_RATE = 0.02
CLIP = 1.0


class Member:
    """A network, its optimizer, and the best state seen so far.

    Parameters
    ----------
    network
        From channels to logits.
    weights
        Weight of each class in the loss.
    learning_rate
        Peak step size.
    rng
        Source of randomness of this member alone.
    """

    def __init__(
        self,
        network: SMSNet,
        *,
        weights: Tensor,
        learning_rate: float,
        rng: np.random.Generator,
    ) -> None:
        self.device = weights.device
        self.format = memory_format(network.dims)
        self.network = network.to(self.device)
        self.weights = weights
        self.rng = rng
        self.learning_rate = learning_rate
        self.optimizer = torch.optim.AdamW(network.parameters(), lr=learning_rate)
        self.best: Scores | None = None
        self._best_state: dict[str, Tensor] = {}
        self.steps = 0

    @property
    def best_state(self) -> dict[str, Tensor]:
        """Weights of the best state; the present ones until one was scored."""
        return self._best_state or self._copy_state()

    def step(self, batch: Batch, fraction: float) -> float:
        """Take one step; ``fraction`` of the budget is used up. Return the loss."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate * _schedule(fraction)
        self.network.train()
        logits = self._logits(batch)
        loss = cross_entropy(logits, batch.targets, self.weights)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), CLIP)
        self.optimizer.step()
        self.steps += 1
        return float(loss.detach())

    def evaluate(self, batches: Sequence[Batch]) -> Scores | None:
        """Score the held-out crops and remember the state if it is the best."""
        if not batches:
            return None
        self.network.eval()
        rows, targets = [], []
        with torch.inference_mode():
            for batch in batches:
                labeled = batch.targets != IGNORE
                logits = self._logits(batch).float().movedim(1, -1)[labeled]
                rows.append(torch.softmax(logits, 1))
                targets.append(batch.targets[labeled])
            scores = score(torch.cat(rows), torch.cat(targets))
        if self.best is None or not scores.loss >= self.best.loss:
            self.best, self._best_state = scores, self._copy_state()
        return scores

    def _logits(self, batch: Batch) -> Tensor:
        fast = has_fast_bfloat16(self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=fast):
            channels = batch.channels.contiguous(memory_format=self.format)
            logits: Tensor = self.network(channels)
        return logits

    def _copy_state(self) -> dict[str, Tensor]:
        return {k: v.detach().clone() for k, v in self.network.state_dict().items()}


def _schedule(fraction: float) -> float:
    """Short warm-up, then a cosine down to a fiftieth."""
    if fraction < WARM_UP:
        return 0.1 + 0.9 * fraction / WARM_UP
    x = min(1.0, (fraction - WARM_UP) / (1 - WARM_UP))
    return FINAL_RATE + (1 - FINAL_RATE) * 0.5 * (1 + math.cos(math.pi * x))
