"""Describe patches by an autoencoder that learns from them, as long as one likes."""

import math
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_sciml.errors import InputError
from napari_sciml.exploring.config import ExploreConfig
from napari_sciml.exploring.front import scale_of
from napari_sciml.exploring.patches import PatchGrid, SlabReader, WholeImages
from napari_sciml.images.intensity import IntensityScale
from napari_sciml.progress import Steps, map_progress

if TYPE_CHECKING:
    import torch

    from napari_sciml.networks.autoencoders.autoencoder import Autoencoder
    from napari_sciml.networks.image_model import ImageModel

TRAINING_BYTES = 2**28
"""Of the patches that are learned from; more add little."""
TRAINING_PATCHES = 20_000
BATCH = 256
SHOW_SECONDS, SHOWN = 3.0, 512
"""Between two looks at what it has learned, and patches that are looked at."""
SMALLEST_GRID = 4
"""Edge of what the poolings leave of a patch; halving it further loses its places."""


@dataclass(frozen=True)
class Learned:
    """An autoencoder has learned.

    Attributes
    ----------
    model
        For the task "embed".
    correlation
        Of held-out patches with what it makes of them; None where none were held out.
    steps
        How many it took.
    """

    model: "ImageModel"
    correlation: float | None
    steps: int


@dataclass(frozen=True)
class LearningStep:
    """The autoencoder learns.

    Attributes
    ----------
    fraction
        Share of the training that is over.
    step, loss
        Steps so far, and the held-out loss; None before it was looked at.
    latent
        Now and then what some patches are described by as yet ``(n, latent)``.
    """

    fraction: float
    step: int
    loss: float | None
    latent: np.ndarray | None = None


def train_encoder(
    patches: PatchGrid | WholeImages,
    config: ExploreConfig,
    enough: Callable[[], bool] = lambda: False,
) -> Generator[LearningStep, None, Learned]:
    """Train an autoencoder on patches.

    Parameters
    ----------
    patches
        What it learns from; of many, some that the seed chooses.
    config
        Its size, its time and its seed.
    enough
        Asked after each step whether to end the training here.

    Raises
    ------
    InputError
        When the patches hold NaN.
    """
    from napari_sciml.networks.autoencoders.autoencoder import (
        AutoencoderConfig,
        build_autoencoder,
    )
    from napari_sciml.networks.image_model import ImageModel
    from napari_sciml.training.whole_images.config import FitConfig
    from napari_sciml.training.whole_images.regression import FitStep, Fitted, fit

    scale = scale_of(patches)
    images = yield from map_progress(
        _sample(patches, scale, config.seed), lambda _: LearningStep(0.0, 0, None)
    )
    depth = max(1, min(4, int(math.log2(max(2, min(patches.edges) / SMALLEST_GRID)))))
    network = build_autoencoder(
        AutoencoderConfig(depth=depth, latent=config.latent),
        in_channels=patches.channels,
        shape=patches.edges,
        seed=config.seed,
    )
    settings = FitConfig(
        steps=config.steps,
        seconds=None if config.steps else config.seconds,
        seed=config.seed,
        batch=32,
        holdout=0.1,
        device=config.device,
    )
    events = fit(network, images, config=settings)
    found, steps, shown = None, 0, time.monotonic()
    for event in events:
        if isinstance(event, Fitted):
            found = event
            break
        assert isinstance(event, FitStep)
        steps = event.step
        seen = None
        if time.monotonic() - shown > SHOW_SECONDS:
            seen, shown = _glance(network, images), time.monotonic()
        yield LearningStep(event.fraction, steps, event.held_out_loss, seen)
        if enough():
            break
    events.close()  # puts it into its best state
    record = {"config": config.model_dump(mode="json"), "steps": steps}
    model = ImageModel([network], task="embed", intensity=scale, record=record)
    return Learned(model, None if found is None else found.correlation, steps)


def _glance(network: "Autoencoder", images: "torch.Tensor") -> np.ndarray:
    import torch

    device = next(network.parameters()).device
    network.eval()  # the next step sets it back
    with torch.inference_mode():
        return network.encode(images[:SHOWN].to(device)).cpu().numpy()


def encode(
    model: "ImageModel", patches: PatchGrid | WholeImages
) -> Steps[tuple[np.ndarray, np.ndarray]]:
    """Describe patches by the latent vectors of an autoencoder.

    Yields
    ------
    float
        Share that is done.

    Returns
    -------
    latent, error : ndarray
        ``(n, latent)``, and of each patch the root of the mean squared difference to
        what is made of it, in units of the spread of the gray values, ``(n,)``.

    Raises
    ------
    InputError
        When the model is for other patches.
    """
    import torch

    check_encoder(model, patches)
    network = model.eval().members[0]
    latents, errors = [], []
    reader = SlabReader(patches)
    for start in range(0, len(patches), BATCH):
        stop = min(start + BATCH, len(patches))
        rows = range(start, stop)
        batch = _batch(reader, model.intensity, rows).to(model.device)
        with torch.inference_mode():
            answer = network(batch)
            error = ((answer.image - batch) ** 2).flatten(1).mean(1).sqrt()
        latents.append(answer.latent.cpu().numpy())
        errors.append(error.cpu().numpy())
        yield stop / len(patches)
    return np.concatenate(latents), np.concatenate(errors)


def check_encoder(model: "ImageModel", patches: PatchGrid | WholeImages) -> None:
    """Refuse a model that does not describe such patches.

    Raises
    ------
    InputError
        With one sentence.
    """
    if model.task != "embed":
        raise InputError(
            f"This model is for the task '{model.task}' and does not describe patches: "
            "choose one that explore wrote."
        )
    network = model.members[0]
    wanted = (network.in_channels, *network.shape)
    found = (patches.channels, *patches.edges)
    if wanted != found:
        raise InputError(
            f"The model was trained on patches of {_words(wanted)}, but these are of "
            f"{_words(found)}: take such patches, or let a new one learn."
        )


def _words(shape: tuple[int, ...]) -> str:
    channels, *edges = shape
    size = " x ".join(map(str, edges))
    return f"{size} voxels and {channels} channel{'s' if channels > 1 else ''}"


def _sample(
    patches: PatchGrid | WholeImages, scale: IntensityScale, seed: int
) -> "Steps[torch.Tensor]":
    one = 4 * patches.channels * math.prod(patches.edges)
    count = min(len(patches), TRAINING_PATCHES, max(256, TRAINING_BYTES // one))
    rows = np.arange(len(patches))
    if count < len(rows):
        rng = np.random.default_rng(seed)
        rows = np.sort(rng.choice(rows, count, replace=False))
    import torch

    reader, parts = SlabReader(patches), []
    for start in range(0, count, BATCH):
        parts.append(_batch(reader, scale, rows[start : start + BATCH]))
        yield min(1.0, (start + BATCH) / count)
    return torch.cat(parts)


def _batch(
    reader: SlabReader, scale: IntensityScale, rows: range | np.ndarray
) -> "torch.Tensor":
    import torch

    raw = np.stack([reader.read(int(i)) for i in rows])
    values = np.moveaxis(scale.apply(np.moveaxis(raw, 1, -1)), -1, 1)
    return torch.from_numpy(np.ascontiguousarray(values))
