"""Train networks that restore an image, on that image."""

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_sciml.images.intensity import IntensityScale, estimate_intensity
from napari_sciml.restoration.classical import choose_strength
from napari_sciml.restoration.config import Learned, RestoreConfig
from napari_sciml.restoration.lessons import RestoreLessons
from napari_sciml.restoration.noise import NoiseReport
from napari_sciml.restoration.restorers import NetworkRestorer
from napari_sciml.restoration.stacks import Sight
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
    from napari_sciml.networks.build import build_network
    from napari_sciml.networks.image_model import ImageModel
    from napari_sciml.training.whole_images.config import FitConfig

    scale = estimate_intensity(image)
    sigma = choose_strength("gaussian", middle_of(image), report, config.seed).value
    flat = len(image.shape) == 2
    context = 0 if flat else min(CONTEXT, image.shape[axis] - 1)
    sight = Sight(context, method == "slice", sigma)
    places = training_places(image.shape, config.seed)
    parts, partners = (
        None if one is None else _parts(one, places, scale, axis)
        for one in (image, partner)
    )
    assert parts is not None
    lessons = RestoreLessons(method, parts, partners, sight, config.seed)
    members: list[Any] = []
    for number in range(config.members):
        network: Any = build_network(
            config.network,
            in_channels=sight.channels,
            classes=1,
            dims=2,
            seed=config.seed + number,
        )
        members.append(network)
        model = ImageModel(members, task="restore", intensity=scale)
        now = NetworkRestorer(model, method, sight, axis)
        settings = FitConfig(
            seconds=None if config.steps else config.seconds / config.members,
            steps=config.steps,
            seed=config.seed + number,
            device=config.device,
            evaluate_every=LOOKS,
            learning_rate=RATE,
        )
        for event in fit(network, lessons, config=settings):
            if not isinstance(event, Fitted):
                done = (number + event.fraction) / config.members
                yield RestoreStep(number, done, event.held_out_loss, now)
    return _mixed(now, lessons, report)


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
    return NetworkRestorer(
        found.model, found.method, found.sight, found.axis, float(share)
    )
