"""Everything that a training needs to go on exactly where it stopped."""

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor, nn

from napari_sciml.training.evaluation.metrics import Scores
from napari_sciml.training.optimization.adamw import AdamW

DECAY = 0.98
"""Memory of the average: about the last 50 steps."""


class Average:
    """A copy of a network whose weights follow slowly."""

    def __init__(self, network: nn.Module) -> None:
        self.network = copy.deepcopy(network)
        self.steps = 0

    def follow(self, network: nn.Module) -> None:
        """Take in the weights after a step; ``steps`` counts them."""
        # At first a plain mean: the untrained weights must not linger.
        share = max(1 - DECAY, 1 / (1 + 0.2 * self.steps))
        with torch.no_grad():
            pairs = zip(
                self.network.state_dict().values(),
                network.state_dict().values(),
                strict=True,
            )
            for slow, fast in pairs:
                if slow.is_floating_point():
                    slow.lerp_(fast, share)
                else:
                    slow.copy_(fast)


@dataclass(frozen=True)
class MemberState:
    """One member; see `Member.state`."""

    network: dict[str, Tensor]
    average: dict[str, Tensor]
    best: dict[str, Tensor]
    optimizer: dict[str, Any]
    rng: Any
    steps: int
    evaluations_since_best: int
    scores: Scores | None


@dataclass(frozen=True)
class TrainingState:
    """A training between two steps.

    Attributes
    ----------
    members
        Their states.
    seconds
        Training time so far.
    fingerprint
        Of the settings and the annotation: a training goes on only with its own.
    """

    members: tuple[MemberState, ...]
    seconds: float
    fingerprint: str


def on_cpu(state: TrainingState) -> TrainingState:
    """A copy that a machine without this device can read."""
    return _moved(state)


def _moved(value: Any) -> Any:
    if torch.is_tensor(value):
        return value.cpu()
    if isinstance(value, dict):
        return {key: _moved(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_moved(part) for part in value)
    if isinstance(value, TrainingState | MemberState):
        own = {f.name: _moved(getattr(value, f.name)) for f in fields(value)}
        return replace(value, **own)
    return value


def check_weights(state: Mapping[str, Tensor], like: Mapping[str, Tensor]) -> None:
    """Make sure that weights fit a network and can be computed with.

    Raises
    ------
    ValueError
        Tells what is wrong.
    """
    if state.keys() != like.keys():
        raise ValueError("it has other weights")
    for name, value in state.items():
        if value.shape != like[name].shape:
            raise ValueError(f"{name} has the shape {tuple(value.shape)}")
    if not all_finite(state):
        raise ValueError("it has weights that are not finite")


def check_moments(optimizer: torch.optim.Optimizer | AdamW) -> None:
    """Make sure that what an optimizer remembers has the shapes of the weights.

    Raises
    ------
    ValueError
        When it has not; torch would find out only in the next step.
    """
    for weight, moments in optimizer.state.items():
        for value in moments.values():
            if torch.is_tensor(value) and value.ndim and value.shape != weight.shape:
                raise ValueError("its optimizer belongs to other weights")


def check_groups(
    optimizer: torch.optim.Optimizer | AdamW, groups: Sequence[Mapping[str, Any]]
) -> None:
    """Make sure that an optimizer was told before what it is told now.

    Parameters
    ----------
    optimizer
        As the settings of the training make it.
    groups
        Its parameter groups as they were kept; the rates are those of their moment.

    Raises
    ------
    ValueError
        When something else stands there, which it would compute with.
    """
    for own, given in zip(optimizer.param_groups, groups, strict=True):
        rate = given["lr"]
        if not isinstance(rate, int | float) or not 0 <= rate < math.inf:
            raise ValueError("the rate of its optimizer is no number")
        for name in own.keys() & given.keys() - {"lr", "params"}:
            kept = given[name]
            if (tuple(kept) if isinstance(kept, list) else kept) != own[name]:
                raise ValueError(f"its optimizer has another {name}")


def all_finite(state: Mapping[str, Tensor]) -> bool:
    """Whether no weight is infinite or not a number."""
    parts = [v.flatten().float() for v in state.values() if v.is_floating_point()]
    return not parts or bool(torch.cat(parts).isfinite().all())


def copied(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """A copy that later steps do not change."""
    return {name: value.detach().clone() for name, value in state.items()}
