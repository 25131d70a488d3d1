"""What a training starts from: checked labels and untrained networks."""

import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from napari_sciml.annotation.scribbles import Scribbles, as_scribbles
from napari_sciml.errors import InputError
from napari_sciml.images.checks import check_counts
from napari_sciml.images.mosaic import frame_at, frames_of, intensity_of
from napari_sciml.images.tiles import Region
from napari_sciml.networks.build import build_network
from napari_sciml.networks.ensemble import Ensemble
from napari_sciml.networks.protocol import Network
from napari_sciml.networks.scale_space import ScaleSpace, as_batch
from napari_sciml.training.config import TrainingConfig
from napari_sciml.training.start import Start

BLOCKS = 8
EDGE = 32

MakeNetwork = Callable[[int, int, int], Network]
"""Makes an untrained network from input channels, classes and a seed."""


def checked_labels(
    image: Any, labels: np.ndarray | Scribbles, class_names: Sequence[str]
) -> Scribbles:
    """Make scribbles that can be trained on of an annotation of either kind.

    Raises
    ------
    InputError
        When image, labels and names do not fit together.
    """
    if tuple(image.shape) != labels.shape:
        raise InputError(
            f"Image and labels must have the same shape, but they are "
            f"{tuple(image.shape)} and {labels.shape}."
        )
    if image.ndim not in (2, 3):
        raise InputError(
            f"An image of {image.ndim} axes cannot be used: give one with the axes "
            "y, x or z, y, x."
        )
    scribbles = as_scribbles(labels)
    check_counts(scribbles.counts)
    highest = max(scribbles.counts)
    if highest > len(class_names):
        raise InputError(
            f"The labels hold the value {highest}, but there are only "
            f"{len(class_names)} classes: {', '.join(class_names)}."
        )
    if len(set(class_names)) < len(class_names):
        raise InputError("Two classes have the same name: give each a name of its own.")
    return scribbles


def check_config(config: TrainingConfig, dims: int, classes: int) -> None:
    """Make sure that settings which depend on the image fit it.

    Raises
    ------
    InputError
        Tells the setting.
    """
    if config.spacing is not None and len(config.spacing) != dims:
        raise InputError(
            f"The spacing has {len(config.spacing)} edges, but the image has {dims} "
            "axes: give one edge for each axis."
        )
    if config.dims is not None and config.dims > dims:
        raise InputError(
            f"Networks of {config.dims} dimensions cannot be trained on an image of "
            f"{dims} axes: leave the dimensions out."
        )
    if config.prior is not None and len(config.prior) != classes:
        raise InputError(
            f"The prior has {len(config.prior)} shares, but there are {classes} "
            "classes: give one share for each class."
        )


def new_ensemble(
    image: Any,
    labels: Scribbles,
    config: TrainingConfig,
    *,
    class_names: Sequence[str],
    rng: np.random.Generator,
    seeds: Sequence[np.random.SeedSequence],
    make: MakeNetwork | None = None,
    start: Start | None = None,
) -> Ensemble:
    """Untrained networks behind a front end that is calibrated on the image.

    A model to start with brings its scale of gray values.
    """
    dims, spacing = image.ndim, config.spacing_for(image.ndim)
    intensity = intensity_of(image)
    if start is not None:
        start.check(dims, intensity.channels, config)
        intensity = start.scale_for(intensity)
    front = ScaleSpace(dims, config.sigmas, spacing=spacing, inputs=intensity.channels)
    blocks = _blocks_round_labels(image, labels, rng)
    front.calibrate(
        [as_batch(torch.from_numpy(intensity.apply(b)), dims) for b in blocks]
    )

    def build(channels: int, classes: int, seed: int) -> Network:
        return build_network(
            config.network,
            in_channels=channels,
            classes=classes,
            dims=dims,
            seed=seed,
            spacing=spacing,
        )

    networks = [
        (make or build)(
            front.channels, len(class_names), int(seed.generate_state(1)[0])
        )
        for seed in seeds
    ]
    return Ensemble(networks, front=front, intensity=intensity, class_names=class_names)


def balanced_weights(labels: Scribbles, classes: int) -> Tensor:
    """Weights by which every class counts alike."""
    counts = np.bincount(labels.values, minlength=classes + 1)[1 : classes + 1]
    return torch.tensor(
        [counts.sum() / (classes * n) if n else 0.0 for n in counts],
        dtype=torch.float32,
    )


def fingerprint(
    image: Any,
    annotations: Sequence[Scribbles],
    config: TrainingConfig,
    ensemble: Ensemble,
    start: Start | None = None,
) -> str:
    """Of all that a training that goes on must have in common with its beginning.

    Parameters
    ----------
    image
        Its shape and type count, and its gray values in a few blocks round labels.
    annotations
        Labels that were painted, trained on and held out.
    config
        Settings; the budget is left out.
    ensemble
        The members' descriptions count, and the names of the classes.
    start
        Model that it began with.
    """
    budget = {"seconds", "steps", "patience", "threads", "snapshot_seconds", "prior"}
    if config.before is None:  # earlier trainings did not know of it
        budget.add("before")
    members = [member.description() for member in ensemble.members]
    digest = hashlib.sha256()
    for part in (
        config.model_dump_json(exclude=budget),
        f"{_shapes(image)} {image.dtype} {list(ensemble.class_names)}",
        json.dumps(members, sort_keys=True),
        "" if start is None else start.identity,
    ):
        digest.update(part.encode())
    for labels in annotations:
        digest.update(labels.voxels.astype("<i8").tobytes())
        digest.update(labels.values.tobytes())
    fixed = np.random.default_rng(0)
    for block in _blocks_round_labels(image, annotations[0], fixed):
        digest.update(block.tobytes())
    return digest.hexdigest()


def _blocks_round_labels(
    image: Any, labels: Scribbles, rng: np.random.Generator
) -> list[np.ndarray]:
    """Where people paint there is something to see; a masked surround is flat."""
    chosen = labels.voxels[rng.integers(len(labels), size=BLOCKS)]
    return [np.asarray(image[_around(image, voxel)]) for voxel in chosen]


def _around(image: Any, voxel: np.ndarray) -> Region:
    half, frame = EDGE // 2, frame_at(image, voxel)
    return tuple(
        slice(max(whole.start, int(v) - half), min(whole.stop, int(v) + half))
        for v, whole in zip(voxel, frame, strict=True)
    )


def _shapes(image: Any) -> str:
    """Shape of the image, or of each."""
    frames = frames_of(image)
    shapes = [tuple(part.stop - part.start for part in frame) for frame in frames]
    return " ".join(map(str, shapes))
