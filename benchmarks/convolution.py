"""Forward and backward of the networks' convolution against torch's own.

    python benchmarks/convolution.py

Sizes of a training crop, one thread, fastest of several interleaved runs.
"""

import time
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from napari_sciml.networks.layers.convolution import convolution

CHANNELS, EDGE, RUNS = 16, 32, 7


def seconds(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def step(module: nn.Module, image: Tensor, dtype: torch.dtype) -> None:
    with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
        result = module(image)
    result.backward(torch.ones_like(result))


def main() -> None:
    torch.set_num_threads(1)
    print("| numbers | dilation | ours (ms) | torch (ms) | ratio |")
    print("| --- | --- | --- | --- | --- |")
    for dtype in (torch.float32, torch.bfloat16):
        for dilation in (1, 2, 4):
            ours = convolution(3, CHANNELS, CHANNELS, dilation=dilation)
            nn.init.normal_(ours.get_parameter("weight"))
            theirs = nn.Conv3d(
                *(CHANNELS, CHANNELS, 3),
                padding=dilation,
                dilation=dilation,
                bias=False,
            )
            image = torch.randn(1, CHANNELS, EDGE, EDGE, EDGE)
            image = image.contiguous(memory_format=torch.channels_last_3d)
            image.requires_grad_()
            times: dict[nn.Module, list[float]] = {ours: [], theirs: []}
            for _ in range(RUNS):
                for one, found in times.items():
                    run = partial(step, one, image, dtype)
                    found.append(seconds(run))
            a, b = (min(found[1:]) * 1e3 for found in times.values())
            name = str(dtype).removeprefix("torch.")
            print(f"| {name} | {dilation} | {a:.1f} | {b:.1f} | {b / a:.1f} |")


if __name__ == "__main__":
    main()
