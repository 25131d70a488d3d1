"""Train networks that restore an image, on that image."""

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from napari_sciml.images.intensity import IntensityScale, estimate_intensity
from napari_sciml.restoration.classical import STRENGTHS
from napari_sciml.restoration.config import Learned, RestoreConfig
from napari_sciml.restoration.lessons import RestoreLessons
from napari_sciml.restoration.noise import NoiseReport
from napari_sciml.restoration.restorers import NetworkRestorer
from napari_sciml.restoration.stacks import Sight
from napari_sciml.training.whole_images.config import FitConfig
from napari_sciml.training.whole_images.regression import Fitted, fit

CONTEXT = 2
"""Slices that are seen on each side of one."""
WHOLE = 2**25
"""Voxels up to which an image is held whole to learn from."""
PARTS, PART = 24, (24, 256, 256)
SAMPLE = {2: (256, 256), 3: (40, 72, 72)}
"""Middle of the image that strengths are chosen on."""
LOOKS = 50
RATE = 4e-3


@dataclass(frozen=True)
class RestoreStep:
    """A step of the training.

    Attributes
    ----------
    member
        Number of the network, from 0.
    fraction
        Share of the training that is over, 0 to 1.
    loss
        Of the test, relative to a smooth mean's; None before the first look.
    restorer
        What there is up to now, to look at the shown slice with; changes as it learns.
    """

    member: int
    fraction: float
    loss: float | None
    restorer: NetworkRestorer


def middle_of(image: Any) -> np.ndarray:
    """Cut out the middle of an image, to choose a strength on."""
    edges = SAMPLE[len(image.shape)]
    where = tuple(
        slice(max(0, (n - e) // 2), max(0, (n - e) // 2) + e)
        for n, e in zip(image.shape, edges, strict=True)
    )
    return np.asarray(image[where])


def train_restorer(
    image: Any,
    report: NoiseReport,
    method: Learned,
    config: RestoreConfig,
    *,
    partner: Any = None,
    axis: int = 0,
) -> Generator[RestoreStep, None, NetworkRestorer]:
    """Train networks on an image; see `RestoreLessons`.

    Parameters
    ----------
    image
        Array-like of gray values, ``(y, x)`` or ``(z, y, x)``.
    report
        Of its noise.
    method
        How to learn.
    config
        Settings.
    partner
        Second scan or clean image of the same shape, for pairs and supervised.
    axis
        Across which slices the networks look.

    Yields
    ------
    RestoreStep
        Each step.

    Returns
    -------
    NetworkRestorer
        On the device of the settings.
    """
    scale = estimate_intensity(image)
    flat = len(image.shape) == 2
    context = 0 if flat else min(CONTEXT, image.shape[axis] - 1)
    others = method == "pixel" and context > 0
    sight = Sight(context, method == "slice", 1.0, others)
    places = training_places(image.shape, config.seed)
    parts, partners = (
        None if one is None else _parts(one, places, scale, axis)
        for one in (image, partner)
    )
    assert parts is not None
    sight = best_sight(method, parts, partners, sight, config.seed)
    lessons = RestoreLessons(method, parts, partners, sight, config.seed)
    found = yield from _train_members(lessons, scale, method, config, axis)
    return _mixed(found, lessons, report)


def _train_members(
    lessons: RestoreLessons,
    scale: IntensityScale,
    method: Learned,
    config: RestoreConfig,
    axis: int,
) -> Generator[RestoreStep, None, NetworkRestorer]:
    from napari_sciml.networks.build import build_network
    from napari_sciml.networks.image_model import ImageModel

    members: list[Any] = []
    for number in range(config.members):
        network: Any = build_network(
            config.network,
            in_channels=lessons.sight.channels,
            classes=1,
            dims=2,
            seed=config.seed + number,
        )
        members.append(network)
        model = ImageModel(members, task="restore", intensity=scale)
        now = NetworkRestorer(model, method, lessons.sight, axis)
        for event in fit(network, lessons, config=_settings(config, number)):
            if not isinstance(event, Fitted):
                done = (number + event.fraction) / config.members
                yield RestoreStep(number, done, event.held_out_loss, now)
    return now


def _settings(config: RestoreConfig, number: int) -> FitConfig:
    return FitConfig(
        seconds=None if config.steps else config.seconds / config.members,
        steps=config.steps,
        seed=config.seed + number,
        device=config.device,
        evaluate_every=LOOKS,
        learning_rate=RATE,
    )


def best_sight(
    method: Learned,
    parts: Sequence[np.ndarray],
    partners: Sequence[np.ndarray] | None,
    sight: Sight,
    seed: int = 0,
) -> Sight:
    """Choose the width of the smooth mean that is nearest to what should come out.

    What comes out has noise of its own, independent of what is seen, so that the
    nearest mean is the best one.
    """

    def error(sigma: float) -> float:
        tried = replace(sight, sigma=sigma)
        test = RestoreLessons(method, parts, partners, tried, seed).held_out()
        mask = np.broadcast_to(np.asarray(test.mask), test.targets.shape)
        return float((np.asarray(test.targets) ** 2 * mask).sum() / mask.sum())

    errors: list[float] = []
    for sigma in STRENGTHS["gaussian"]:
        errors.append(error(sigma))
        if len(errors) > 2 and errors[-1] > errors[-2] > errors[-3]:
            break  # it only gets worse
    best = STRENGTHS["gaussian"][int(np.argmin(errors))]
    return replace(sight, sigma=best)


def training_places(shape: Sequence[int], seed: int) -> list[tuple[slice, ...]]:
    """Parts of an image to learn from: all of a small one, else some anywhere."""
    if math.prod(shape) <= WHOLE:
        return [tuple(slice(0, n) for n in shape)]
    rng = np.random.default_rng(seed)
    edges = [min(n, e) for n, e in zip(shape, PART[-len(shape) :], strict=True)]
    if len(shape) == 2:
        edges = [min(n, 4 * e) for n, e in zip(shape, edges, strict=True)]
    return [
        tuple(
            slice(start, start + edge)
            for n, edge in zip(shape, edges, strict=True)
            for start in [int(rng.integers(0, n - edge + 1))]
        )
        for _ in range(PARTS)
    ]


def _parts(
    image: Any, places: Sequence[tuple[slice, ...]], scale: IntensityScale, axis: int
) -> list[np.ndarray]:
    parts = [scale.apply(np.asarray(image[place])) for place in places]
    if parts[0].ndim == 2:
        return [part[None] for part in parts]
    return [np.ascontiguousarray(np.moveaxis(part, axis, 0)) for part in parts]


def _mixed(
    found: NetworkRestorer, lessons: RestoreLessons, report: NoiseReport
) -> NetworkRestorer:
    """Choose the share of the noisy image that is mixed into blind slices.

    The error of a blind slice is independent of the noise: its variance is what is
    seen on the test less that of the noise, and the best weights of the two are as the
    inverse of their variances.
    """
    import torch

    if found.method != "slice":
        return found
    test = lessons.held_out()
    inputs = torch.from_numpy(np.asarray(test.inputs)).to(found.model.device)
    found.model.eval()
    with torch.inference_mode():
        answers = torch.stack([m(inputs) for m in found.model.members]).mean(0)
    noise = (report.sd * found.model.intensity.scale) ** 2
    seen = float(((answers.cpu().numpy() - test.targets) ** 2).mean())
    error = max(0.0, seen - noise)
    share = error / (error + noise)
    return replace(found, share=float(share))
