"""Networks that fill gaps: trained on the image that they are for."""

from collections.abc import Generator, Sequence

import numpy as np

from napari_sciml.errors import InputError
from napari_sciml.filling.config import FillConfig
from napari_sciml.filling.frame import Frame
from napari_sciml.filling.lessons import CHANNELS, look, make_lessons, step_of
from napari_sciml.filling.noise import noise_unit
from napari_sciml.filling.pattern import Pattern
from napari_sciml.images.intensity import IntensityScale
from napari_sciml.networks.build import build_network
from napari_sciml.networks.config import (
    MSDNetConfig,
    NetworkConfig,
    SMSNetConfig,
    TUNetConfig,
)
from napari_sciml.networks.image_model import ImageModel
from napari_sciml.training.whole_images.config import FitConfig
from napari_sciml.training.whole_images.regression import FitStep, fit

NETWORKS: dict[str, NetworkConfig] = {
    "tunet": TUNetConfig(depth=3, base=8),
    "msdnet": MSDNetConfig(),
    "smsnet": SMSNetConfig(),
}


def train_filler(
    frames: Sequence[np.ndarray],
    known: Sequence[np.ndarray],
    centers: Sequence[tuple[float, float]],
    gaps: np.ndarray,
    config: FillConfig,
) -> Generator[float, None, ImageModel]:
    """Train networks on gaps that are made where the truth is known.

    Parameters
    ----------
    frames
        Counts, ``(y, x)`` each.
    known
        Where the truth is known and may be learned.
    centers
        Of the patterns, ``(y, x)`` in pixels.
    gaps
        Pattern of gaps, ``(y, x)``.
    config
        Kind, number and time of the networks, and whether the other side of the
        center counts.

    Yields
    ------
    float
        Share that is done, after each step.

    References
    ----------
    Chavez, Roberts, Zwart & Hexemer, J. Appl. Cryst. 55 (2022) 1277.
    """
    patterns = [
        Pattern(f / noise_unit(f, k), k, c, across=config.symmetry)
        for f, k, c in zip(frames, known, centers, strict=True)
    ]
    members = []
    for number in range(config.members):
        seed = config.seed + number
        network = build_network(
            NETWORKS[config.network], in_channels=CHANNELS, classes=1, dims=2, seed=seed
        )
        lessons = make_lessons(patterns, gaps, seed)
        settings = FitConfig(
            steps=config.steps,
            seconds=None if config.steps else config.seconds / config.members,
            seed=seed,
            learning_rate=5e-3,
        )
        for event in fit(network, lessons, config=settings):  # type: ignore[arg-type]
            if isinstance(event, FitStep):
                yield (number + event.fraction) / config.members
        members.append(network)
    plain = IntensityScale(0.0, 1.0)
    record = {"config": config.model_dump(), "frames": len(frames)}
    return ImageModel(members, task="fill", intensity=plain, record=record)  # type: ignore[arg-type]


def fill_by_network(
    model: ImageModel, frame: Frame, known: np.ndarray, wanted: np.ndarray
) -> Generator[None, None, tuple[np.ndarray, np.ndarray]]:
    """Fill wanted pixels; yields after each block.

    Parameters
    ----------
    model
        Of `train_filler`.
    frame
        The image, and its center.
    known
        What may be used of it, ``(y, x)``.
    wanted
        Which pixels to fill, ``(y, x)``.

    Returns
    -------
    values, spread : ndarray
        Counts ``(n,)``, and the sample standard deviation over the networks; 0 for
        one.
    """
    check_filler(model)
    unit = noise_unit(frame.image, known)
    pattern = Pattern(frame.image / unit, known, frame.center, across=frame.across)
    inputs, guess = look(pattern[:, :, :], np.zeros_like(known))
    mean, std = np.zeros_like(guess), np.zeros_like(guess)
    for tile, found in model.blocks(inputs[None]):
        mean[tile.core] = found.mean[0, 0]
        if found.std is not None:
            std[tile.core] = found.std[0, 0]
        yield
    step = step_of(guess)
    values = (guess + mean * step)[wanted] * unit
    return values, (std * step)[wanted] * unit


def check_filler(model: ImageModel) -> None:
    """Refuse a model that is not for filling gaps.

    Raises
    ------
    InputError
        With one sentence.
    """
    if model.task != "fill" or model.dims != 2 or model.in_channels != CHANNELS:
        raise InputError(
            "The model was not trained to fill gaps of 2D images, or by a version that "
            "saw other things in them: choose another one, or let one be trained."
        )
