"""Optimizers and the learning rate over a training."""

import math
from collections.abc import Iterable

import torch
from torch import nn

from napari_sciml.training.optimization.adamw import AdamW
from napari_sciml.training.optimization.optimizer_config import OptimizerConfig

WARM_UP = 0.05
"""Share of the training in which the rate rises from a tenth to its peak."""
FINAL_RATE = 0.02
"""Where the cosine ends, as a share of the peak."""
STEPS = (0.5, 0.75)
"""Where the rate falls to a tenth of what it was."""


def warm_up(config: OptimizerConfig, device: torch.device) -> None:
    """Load what the first trees and the first optimizer would wait seconds for."""
    import sklearn.ensemble  # noqa: F401

    make_optimizer(config, [nn.Parameter(torch.zeros(1, device=device))])


def make_optimizer(
    config: OptimizerConfig, parameters: Iterable[nn.Parameter]
) -> torch.optim.Optimizer | AdamW:
    """The optimizer of a configuration, at its peak rate."""
    rate, decay = config.learning_rate, config.weight_decay
    parameters = list(parameters)
    if config.name == "sgd":
        return torch.optim.SGD(
            parameters, lr=rate, momentum=config.momentum, weight_decay=decay
        )
    if config.name == "adam":
        return torch.optim.Adam(parameters, lr=rate, weight_decay=decay)
    if all(parameter.device.type == "cpu" for parameter in parameters):
        return AdamW(parameters, lr=rate, weight_decay=decay)
    return torch.optim.AdamW(parameters, lr=rate, weight_decay=decay)


def rate(config: OptimizerConfig, fraction: float) -> float:
    """Learning rate when ``fraction`` of the training is over.

    A fraction, not a number of steps: a training that is given seconds does not
    know its steps beforehand. Beyond 1 the rate stays where it is.
    """
    return config.learning_rate * _share_of_peak(config.schedule, fraction)


def _share_of_peak(schedule: str, fraction: float) -> float:
    if schedule == "constant":
        return 1.0
    if fraction < WARM_UP:
        return 0.1 + 0.9 * fraction / WARM_UP
    if schedule == "step":
        return 0.1 ** sum(fraction >= start for start in STEPS)
    x = min(1.0, (fraction - WARM_UP) / (1 - WARM_UP))
    return FINAL_RATE + (1 - FINAL_RATE) * 0.5 * (1 + math.cos(math.pi * x))
