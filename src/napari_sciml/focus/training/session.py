"""Train a focus network on in-focus images, as a generator that can be closed."""

import math
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from napari_sciml.errors import InputError
from napari_sciml.focus.config import FocusTrainingConfig
from napari_sciml.focus.levels import IN_FOCUS_LEVELS
from napari_sciml.focus.model import FocusModel, pretrained
from napari_sciml.focus.networks.network import make_network, ranked_probability_score
from napari_sciml.focus.training.synthesis import TileMaker
from napari_sciml.networks.device import default_threads, resolve_device, use_threads

HELD_OUT_BATCHES = 8
SLEPT = 5.0
"""Seconds; a step that seems to take longer was interrupted."""
ENTROPY = 0.2
"""Weight of the cross-entropy beside the ranked probability score."""


@dataclass(frozen=True)
class FocusStep:
    """A step was taken.

    Attributes
    ----------
    step
        Steps so far.
    loss
        Loss of the step.
    fraction
        Share of the budget that is used up, 0 to 1.
    seconds
        Of training so far.
    """

    step: int
    loss: float
    fraction: float
    seconds: float


class TileSource(Protocol):
    """Whatever gives tiles of known level; `TileMaker` is one."""

    def batch(self, size: int) -> tuple[Tensor, Tensor]:
        """Give ``(size, 1, 84, 84)`` tiles and their levels ``(size,)``."""
        ...


@dataclass(frozen=True)
class FocusTrained:
    """The training is over: here is the model."""

    model: FocusModel


def train_focus(
    images: Sequence[Any], config: FocusTrainingConfig | None = None
) -> Generator[FocusStep | FocusTrained, None, None]:
    """Train on in-focus images by blurring them.

    Parameters
    ----------
    images
        Images ``(y, x)`` that are in focus, any dtype; at least two so that one
        can be held out. The split is by image, never by tile.
    config
        Settings.

    Yields
    ------
    FocusStep or FocusTrained
        A step after every step, the model at the end. Close it to cancel.

    Raises
    ------
    InputError
        When the images are too few, too small or without contrast.
    """
    config = config or FocusTrainingConfig()
    device = resolve_device(config.device)
    use_threads(config.threads or default_threads())
    train, held_out = split_images(images, config.held_out, config.seed)
    generator = torch.Generator().manual_seed(config.seed)
    maker = TileMaker(
        train, generator, blanks=config.blanks, noise=config.noise, device=device
    )
    network = _begin(config, generator).to(device)
    yield from fit(network, maker, config)
    metrics = _measure(network, held_out, config, device) if held_out else {}
    card = {
        "kind": config.network,
        "trained_on": f"{len(train)} images",
        "held_out": metrics,
        "settings": config.model_dump(),
    }
    yield FocusTrained(FocusModel(network.to("cpu").eval(), config.network, card))


def split_images(
    images: Sequence[Any], share: float, seed: int
) -> tuple[list[Any], list[Any]]:
    """Split images into those to train on and those to measure on."""
    if not len(images):
        raise InputError("Give at least one in-focus image to train on.")
    count = round(share * len(images))
    count = max(count, 1) if share > 0 and len(images) > 1 else count
    order = np.random.default_rng(seed).permutation(len(images))
    chosen = set(order[:count].tolist()) if len(images) > 1 else set()
    train = [image for i, image in enumerate(images) if i not in chosen]
    return train, [images[i] for i in sorted(chosen)]


def _begin(config: FocusTrainingConfig, generator: torch.Generator) -> nn.Module:
    if config.from_pretrained and config.network == "focusnet":
        return pretrained().network.train()
    with torch.random.fork_rng():
        torch.manual_seed(int(torch.randint(2**31, (1,), generator=generator)))
        return make_network(config.network).train()


def fit(
    network: nn.Module, source: TileSource, config: FocusTrainingConfig
) -> Generator[FocusStep, None, None]:
    """Train a network on tiles, in place; yields after every step."""
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=config.learning_rate, weight_decay=1e-4
    )
    step, fraction, seconds, last = 0, 0.0, 0.0, time.monotonic()
    while fraction < 1:
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate * _schedule(fraction, step)
        tiles, levels = source.batch(config.batch)
        logits = network(tiles)
        # Several judges are trained side by side, each on all tiles.
        levels = levels.repeat(len(logits) // len(levels))
        loss = 3 * ranked_probability_score(logits, levels)
        loss = loss + ENTROPY * nn.functional.cross_entropy(logits, levels)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), 2.0)
        optimizer.step()
        now = time.monotonic()
        # A computer that slept has not trained meanwhile.
        step, seconds, last = step + 1, seconds + min(now - last, SLEPT), now
        fraction = step / config.steps if config.steps else seconds / config.seconds
        yield FocusStep(step, loss.item(), min(fraction, 1.0), seconds)


def _schedule(fraction: float, step: int) -> float:
    """Warm up for 50 steps, then fall along a cosine."""
    return min(1.0, (step + 1) / 50) * (
        0.01 + 0.99 * (1 + math.cos(math.pi * fraction)) / 2
    )


@torch.inference_mode()
def _measure(
    network: nn.Module,
    images: list[Any],
    config: FocusTrainingConfig,
    device: torch.device,
) -> dict[str, float]:
    """Tile-level scores on images that the training has not seen."""
    generator = torch.Generator().manual_seed(config.seed + 1)
    maker = TileMaker(images, generator, blanks=0, noise=config.noise, device=device)
    network.eval()
    pairs = [maker.batch(64) for _ in range(HELD_OUT_BATCHES)]
    logits = torch.cat([network(tiles) for tiles, _ in pairs])
    levels = torch.cat([level for _, level in pairs])
    p = torch.softmax(logits, dim=1)
    error = (p.argmax(dim=1) - levels).abs().float()
    inside = p[:, :IN_FOCUS_LEVELS].sum(dim=1) > 0.5
    right = inside == (levels < IN_FOCUS_LEVELS)
    return {
        "tiles": float(len(levels)),
        "exact": float((error == 0).float().mean()),
        "within_one": float((error <= 1).float().mean()),
        "in_or_out": float(right.float().mean()),
    }
