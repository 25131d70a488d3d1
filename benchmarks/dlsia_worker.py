"""Times networks of DLSIA 0.3.4 for `speed.py`, which starts this in a venv of its own.

Lines of JSON come in, ``{"do": "build" | "train" | "predict" | "memory", ...}``, and
one answer a line goes out. Imports only what is in that venv.
"""

import importlib.abc
import importlib.machinery
import json
import os
import resource
import sys
import time
import types
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

BUDGET, TOLERANCE = 45_000, 0.1
SHAPES = {"3d": (1, 1, 64, 64, 64), "2d": (8, 1, 128, 128)}
SMALL = {"3d": (1, 1, 16, 16, 16), "2d": (2, 1, 32, 32)}
LAYERS, DILATIONS = 25, [1, 2, 3, 4]
LAW = {
    "LL_alpha": 0.25,
    "LL_gamma": 0,
    "LL_max_degree": 8,
    "LL_min_degree": 1,
    "IL": 0.25,
    "LO": 0.25,
    "IO": True,
}


def build(case: str, seed: int) -> nn.Module:
    """A network with numbers from a seed; graphs are redrawn until 45,000 +-10 %."""
    import numpy as np

    np.random.seed(seed)  # noqa: NPY002 (DLSIA knows no other source)
    torch.manual_seed(seed)
    if case.startswith("msdnet"):
        return _msdnet()
    for _ in range(1000):
        network = _smsnet(case)
        if abs(size(network) - BUDGET) <= TOLERANCE * BUDGET:
            return network
    raise RuntimeError("no graph within the budget")


def _smsnet(case: str) -> nn.Module:
    from dlsia.core.networks import sms3d, smsnet

    make, channels = {
        "3d": (sms3d.random_3DSMS_network, 3),
        "2d": (smsnet.random_SMS_network, 5),  # as many parameters as with 3 in 3D
    }[dims_of(case)]
    return make(
        in_channels=1,
        out_channels=2,
        layers=LAYERS,
        dilation_choices=DILATIONS,
        hidden_out_channels=[channels],
        layer_probabilities=LAW,
    )


def _msdnet() -> nn.Module:
    """Width 1 as published; 40 layers have as many parameters as our default."""
    from dlsia.core.networks import msdnet

    return msdnet.MixedScaleDenseNetwork(
        in_channels=1,
        out_channels=2,
        num_layers=40,
        normalization=nn.BatchNorm3d,
        convolution=nn.Conv3d,
    )


def dims_of(case: str) -> str:
    return "2d" if "2d" in case else "3d"


def size(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


class Worker:
    """Keeps the networks that were built, and times single steps of them."""

    def __init__(self, make: Callable[[str, int], nn.Module]) -> None:
        self.make = make
        self.networks: dict[str, tuple[nn.Module, torch.optim.Optimizer]] = {}

    def answer(self, order: dict[str, Any]) -> dict[str, Any]:
        """Do what one line asks."""
        case, seed = order["case"], order.get("seed", 0)
        name = f"{case} {seed}"
        if name not in self.networks:
            network = self.make(case, seed)
            optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
            self.networks[name] = network, optimizer
        network, optimizer = self.networks[name]
        if order["do"] == "build":
            weights = sum(p.numel() for p in network.parameters() if p.ndim > 2)
            return {"parameters": size(network), "weights": weights}
        what = order.get("what", order["do"])
        step = {"train": _train, "predict": _predict}[what]
        half = order.get("precision") == "bf16"
        if order["do"] == "memory":
            step(network, optimizer, *data(SMALL[dims_of(case)]), half)
        x, y = data(SHAPES[dims_of(case)])
        if order.get("warm"):
            step(network, optimizer, x, y, half)
        before = _highest_memory()
        wall, cpu = time.perf_counter(), time.process_time()
        step(network, optimizer, x, y, half)
        return {
            "wall": time.perf_counter() - wall,
            "cpu": time.process_time() - cpu,
            "bytes": _highest_memory() - before,
        }


def _highest_memory() -> int:
    """Most bytes this process has ever held; Linux counts in KiB, macOS in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def data(shape: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(shape, generator=generator)
    return x, torch.randint(0, 2, (shape[0], *shape[2:]), generator=generator)


def _train(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    x: Tensor,
    y: Tensor,
    half: bool,
) -> None:
    network.train()
    optimizer.zero_grad()
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        logits = network(x)
    nn.functional.cross_entropy(logits.float(), y).backward()
    optimizer.step()


def _predict(
    network: nn.Module, _: torch.optim.Optimizer, x: Tensor, __: Tensor, half: bool
) -> None:
    network.eval()
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=half):
        network(x)


def serve(make: Callable[[str, int], nn.Module]) -> None:
    """Answer line by line until the input ends."""
    worker = Worker(make)
    # What a library prints must not be taken for an answer.
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        print(json.dumps(worker.answer(json.loads(line))), file=answers, flush=True)


class _Absent(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Stands in for torchvision, which DLSIA imports and these networks never use."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        """Claim torchvision and what is in it."""
        if name.split(".")[0] != "torchvision":
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: Any) -> types.ModuleType:
        """Make an empty package."""
        return types.ModuleType(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        """Answer any name with a class that does nothing."""
        module.__dict__["__getattr__"] = _nothing


def _nothing(name: str) -> type:
    if name.startswith("__"):
        raise AttributeError(name)
    return type(name, (), {})


if __name__ == "__main__":
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    sys.meta_path.append(_Absent())
    serve(build)
