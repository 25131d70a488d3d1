"""AdamW on a CPU, without torch's compiler."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

BETAS = (0.9, 0.999)
EPS = 1e-8
MOMENTS = ("exp_avg", "exp_avg_sq")


class AdamW:
    """Steps as those of `torch.optim.AdamW`, to the last digit.

    The optimizers of torch load its compiler when the first one is made, although
    nothing is compiled: 2.5 CPU seconds that the first step of a training waits for.

    Parameters
    ----------
    parameters
        What to optimize.
    lr
        Step size.
    weight_decay
        Pull to zero, in step sizes.

    Attributes
    ----------
    param_groups, state
        As those of torch: one group, and the moments of each parameter that has
        taken a step.

    References
    ----------
    Loshchilov & Hutter, "Decoupled weight decay regularization", ICLR (2019).
    """

    def __init__(
        self, parameters: Iterable[nn.Parameter], *, lr: float, weight_decay: float
    ) -> None:
        self.defaults: dict[str, Any] = {
            "lr": lr,
            "betas": BETAS,
            "eps": EPS,
            "weight_decay": weight_decay,
        }
        self.param_groups = [{"params": list(parameters), **self.defaults}]
        self.state: dict[Tensor, dict[str, Tensor]] = {}

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for parameter in self.param_groups[0]["params"]:
            parameter.grad = None

    def step(self) -> None:
        """Take a step along the gradients that are there."""
        (group,) = self.param_groups
        with torch.no_grad():
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._step(parameter, parameter.grad, group)

    def _step(self, weight: Tensor, grad: Tensor, group: Mapping[str, Any]) -> None:
        if weight not in self.state:
            self.state[weight] = {"step": torch.zeros(())}
            self.state[weight] |= {name: torch.zeros_like(weight) for name in MOMENTS}
        state, (slow, slower) = self.state[weight], group["betas"]
        state["step"] += 1
        mean, square, steps = *(state[name] for name in MOMENTS), float(state["step"])
        weight.mul_(1 - group["lr"] * group["weight_decay"])
        mean.lerp_(grad, 1 - slow)
        square.mul_(slower).addcmul_(grad, grad, value=1 - slower)
        spread = square.sqrt() / math.sqrt(1 - slower**steps)
        rate = group["lr"] / (1 - slow**steps)
        weight.addcdiv_(mean, spread.add_(group["eps"]), value=-rate)

    def state_dict(self) -> dict[str, Any]:
        """What `load_state_dict` wants, here and in torch; not a copy."""
        (group,) = self.param_groups
        numbers = {weight: i for i, weight in enumerate(group["params"])}
        return {
            "state": {numbers[weight]: own for weight, own in self.state.items()},
            "param_groups": [group | {"params": [*numbers.values()]}],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state that one of the same parameters gave.

        Raises
        ------
        ValueError or KeyError
            When it is that of others.
        """
        (group,), (given,) = self.param_groups, state["param_groups"]
        weights, numbers = group["params"], range(len(group["params"]))
        strange = set(state["state"]) - set(numbers)
        if [*given["params"]] != [*numbers] or strange:
            raise ValueError("its optimizer belongs to other weights")
        group.update({name: given[name] for name in self.defaults})
        self.state = {
            weights[number]: {
                name: own[name].to(like, copy=True)
                for name, like in (("step", torch.zeros(())), *_like(weights[number]))
            }
            for number, own in state["state"].items()
        }


def _like(weight: Tensor) -> list[tuple[str, Tensor]]:
    return [(name, weight.detach()) for name in MOMENTS]
