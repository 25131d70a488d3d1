"""Networks that fill gaps: trained on the image that they are for."""

from collections.abc import Generator, Sequence

import numpy as np

from napari_sciml.errors import InputError
from napari_sciml.filling.config import FillConfig
from napari_sciml.filling.lessons import (
    CHANNELS,
    look,
    make_lessons,
    noise_unit,
    step_of,
)
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
    gaps
        Pattern of gaps, ``(y, x)``.
    config
        Kind, number and time of the networks.

    Yields
    ------
    float
        Share that is done, after each step.

    References
    ----------
    Chavez, Roberts, Zwart & Hexemer, J. Appl. Cryst. 55 (2022) 1277.
    """
    units = [noise_unit(f, k) for f, k in zip(frames, known, strict=True)]
    scaled = [f / unit for f, unit in zip(frames, units, strict=True)]
    members = []
    for number in range(config.members):
        seed = config.seed + number
        network = build_network(
            NETWORKS[config.network], in_channels=CHANNELS, classes=1, dims=2, seed=seed
        )
        lessons = make_lessons(scaled, known, gaps, seed)
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
    model: ImageModel, image: np.ndarray, known: np.ndarray, wanted: np.ndarray
) -> Generator[None, None, tuple[np.ndarray, np.ndarray]]:
    """Fill wanted pixels; yields after each block.

    Returns
    -------
    values, spread : ndarray
        Counts ``(n,)``, and the sample standard deviation over the networks; 0 for
        one.
    """
    check_filler(model)
    unit = noise_unit(image, known)
    inputs, guess = look(image / unit, known)
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
            "The model was not trained to fill gaps of 2D images: choose another one, "
            "or let one be trained."
        )
