import copy
import subprocess
import sys

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from napari_sciml.training.optimization.adamw import AdamW
from napari_sciml.training.optimization.optimizer_config import OptimizerConfig
from napari_sciml.training.optimization.optimizers import make_optimizer, rate


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (
            "cosine",
            {0: 0.1, 0.025: 0.55, 0.05: 1, 0.525: 0.51, 1: 0.02, 1.5: 0.02},
        ),
        ("constant", {0: 1, 0.5: 1, 1: 1}),
        (
            "step",
            {0: 0.1, 0.05: 1, 0.49: 1, 0.5: 0.1, 0.74: 0.1, 0.75: 0.01, 1: 0.01},
        ),
    ],
)
@pytest.mark.parametrize("peak", [1.0, 3e-3])
def test_rate_by_hand(schedule, expected, peak):
    config = OptimizerConfig(schedule=schedule, learning_rate=peak)
    found = {fraction: rate(config, fraction) / peak for fraction in expected}
    assert found == pytest.approx(expected)


@pytest.mark.parametrize("schedule", ["cosine", "constant", "step"])
def test_rate_rises_to_its_peak_and_falls(schedule):
    config = OptimizerConfig(schedule=schedule)
    rates = np.array([rate(config, x) for x in np.linspace(0, 1, 201)])
    assert rates.max() == config.learning_rate
    assert (rates > 0).all()
    top = int(rates.argmax())
    assert top <= 10
    assert (np.diff(rates[: top + 1]) > 0).all()
    assert (np.diff(rates[top:]) <= 0).all()


@pytest.mark.parametrize(
    ("config", "kind", "settings"),
    [
        ({}, AdamW, {"lr": 3e-3, "weight_decay": 0.01}),
        ({"name": "adam", "weight_decay": 0}, torch.optim.Adam, {"weight_decay": 0}),
        (
            {"name": "sgd", "momentum": 0.5, "learning_rate": 0.1},
            torch.optim.SGD,
            {"momentum": 0.5, "lr": 0.1, "weight_decay": 0.01},
        ),
    ],
)
def test_optimizer(config, kind, settings):
    layer = torch.nn.Linear(3, 2)
    optimizer = make_optimizer(OptimizerConfig(**config), layer.parameters())
    assert type(optimizer) is kind
    (group,) = optimizer.param_groups
    assert {name: group[name] for name in settings} == settings
    assert [id(p) for p in group["params"]] == [id(p) for p in layer.parameters()]


def test_default_weight_decay_is_that_of_torch():
    plain = torch.optim.AdamW(torch.nn.Linear(2, 2).parameters())
    ours = make_optimizer(OptimizerConfig(), torch.nn.Linear(2, 2).parameters())
    assert ours.defaults["weight_decay"] == plain.defaults["weight_decay"]


def optimized(optimizer, layer, steps):
    """Weights after some steps, one of them without a gradient of the bias."""
    generator = torch.Generator().manual_seed(len(optimizer.state))
    for number in range(steps):
        optimizer.param_groups[0]["lr"] = 0.1 / (1 + number)
        optimizer.zero_grad()
        layer(torch.randn((4, 3), generator=generator)).square().sum().backward()
        if number == 1:
            layer.bias.grad = None
        optimizer.step()
    return [weight.detach().clone() for weight in layer.parameters()]


@pytest.mark.parametrize("after", [0, 3])
@pytest.mark.parametrize("there", [AdamW, torch.optim.AdamW])
def test_steps_are_those_of_torch_to_the_last_digit(there, after):
    """Also of one that goes on from the state of the other."""
    torch.manual_seed(0)
    first, second = torch.nn.Linear(3, 2), torch.nn.Linear(3, 2)
    made = there(first.parameters(), lr=0.1, weight_decay=0.3)
    optimized(made, first, after)
    second.load_state_dict(first.state_dict())
    here = torch.optim.AdamW if there is AdamW else AdamW
    other = here(second.parameters(), lr=0.1, weight_decay=0.3)
    if after:
        other.load_state_dict(copy.deepcopy(made.state_dict()))
    pairs = zip(optimized(made, first, 4), optimized(other, second, 4), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_a_state_of_other_weights_is_refused():
    made = AdamW(torch.nn.Linear(3, 2).parameters(), lr=0.1, weight_decay=0.3)
    other = AdamW(torch.nn.PReLU().parameters(), lr=0.1, weight_decay=0.3)
    with pytest.raises(ValueError, match="other weights"):
        other.load_state_dict(copy.deepcopy(made.state_dict()))


def test_no_compiler_is_loaded_for_the_default_optimizer():
    """It takes seconds, and the first step of a training waits for it."""
    code = """
import sys, torch
from napari_sciml.training.optimization.optimizer_config import OptimizerConfig
from napari_sciml.training.optimization.optimizers import make_optimizer
layer = torch.nn.Linear(3, 2)
optimizer = make_optimizer(OptimizerConfig(), layer.parameters())
optimizer.zero_grad()
layer(torch.ones(1, 3)).sum().backward()
torch.nn.utils.clip_grad_norm_(layer.parameters(), 1.0)
optimizer.step()
print("torch._dynamo" in sys.modules)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.stdout.strip() == "False", run.stderr


@pytest.mark.parametrize("name", ["adamw", "adam", "sgd"])
def test_a_valley_is_found(name):
    point = torch.nn.Parameter(torch.tensor([3.0, -2.0]))
    config = OptimizerConfig(name=name, learning_rate=0.1, weight_decay=0)
    optimizer = make_optimizer(config, [point])
    for step in range(200):
        optimizer.param_groups[0]["lr"] = rate(config, step / 200)
        optimizer.zero_grad()
        ((point - torch.tensor([1.0, 1.0])) ** 2).sum().backward()
        optimizer.step()
    assert point.detach().numpy() == pytest.approx([1, 1], abs=0.02)


@pytest.mark.parametrize(
    "settings",
    [
        {"name": "lbfgs"},
        {"learning_rate": 0},
        {"weight_decay": -1},
        {"momentum": 1},
        {"schedule": "linear"},
        {"clip": 0},
        {"accumulate": 0},
        {"unknown": 1},
    ],
)
def test_settings_that_make_no_sense(settings):
    with pytest.raises(ValidationError):
        OptimizerConfig(**settings)


def test_clipping_can_be_off():
    assert OptimizerConfig(clip=None).clip is None
