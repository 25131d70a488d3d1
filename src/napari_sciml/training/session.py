"""Train an ensemble, as a generator that never stops the caller for long."""

import time
from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from napari_sciml.annotation.classes import DEFAULT_CLASSES
from napari_sciml.annotation.split import hold_out
from napari_sciml.errors import InputError
from napari_sciml.images.checks import as_labels, check_annotation
from napari_sciml.images.intensity import estimate_intensity
from napari_sciml.images.tiles import split_into_tiles, with_halo
from napari_sciml.networks.device import default_threads, resolve_device
from napari_sciml.networks.ensemble import Ensemble, memory_format
from napari_sciml.networks.scale_space import ScaleSpace
from napari_sciml.networks.smsnet import build_smsnet
from napari_sciml.training.channels import ChannelCache
from napari_sciml.training.config import TrainingConfig
from napari_sciml.training.events import Snapshot, TrainingStep
from napari_sciml.training.member import Member
from napari_sciml.training.metrics import Scores
from napari_sciml.training.sampling import IGNORE, Batch, CropSampler
from napari_sciml.uncertainty.conformal import ConformalCalibration, calibrate

TEST_MARGIN = 8
CALIBRATION_BLOCKS = 8
CALIBRATION_EDGE = 32


def train(
    image: Any,
    labels: np.ndarray,
    config: TrainingConfig | None = None,
    *,
    class_names: Sequence[str] = DEFAULT_CLASSES,
    revision: int = 0,
) -> Generator[TrainingStep | Snapshot, None, Ensemble]:
    """Train an ensemble on a sparse annotation.

    Members take their steps in turn, so that all of them are usable at any
    time. Each keeps the state that did best on the held-out strokes.

    Parameters
    ----------
    image
        Array-like of raw gray values, ``(y, x)`` or ``(z, y, x)``. Only the
        parts round labels are read, and a few blocks for the gray scale.
    labels
        Annotation of the same shape; 0 = not annotated, 1, 2 … = classes.
    config
        Settings; see `TrainingConfig`.
    class_names
        Name of each class.
    revision
        Passed on to the snapshots.

    Yields
    ------
    TrainingStep or Snapshot
        At least one event a step; the last one is a snapshot of the result.

    Returns
    -------
    Ensemble
        The trained networks, in evaluation mode.

    Raises
    ------
    InputError
        When image and labels do not fit together, or fewer than two classes are
        annotated.
    """
    config = config or TrainingConfig()
    labels = _checked(image, labels, class_names)
    torch.set_num_threads(config.threads or default_threads())
    session = _Session(image, labels, config, class_names)
    started = last = time.monotonic()
    fraction = 0.0
    while fraction < 1:
        for index, member in enumerate(session.members):
            loss = session.advance(member, fraction)
            seconds = time.monotonic() - started
            yield TrainingStep(index, member.steps, loss, seconds, fraction)
        fraction = session.fraction(time.monotonic() - started)
        if fraction < 1 and time.monotonic() - last > config.snapshot_seconds:
            last = time.monotonic()
            yield session.snapshot(revision, last - started, fraction)
    session.finish()
    final = session.snapshot(revision, time.monotonic() - started, 1.0)
    final = replace(final, calibration=session.calibrate(final.ensemble))
    yield final
    return final.ensemble


def train_to_end(image: Any, labels: np.ndarray, **kwargs: Any) -> Ensemble:
    """Run `train` without looking at its events."""
    events = train(image, labels, **kwargs)
    while True:
        try:
            next(events)
        except StopIteration as stop:
            return stop.value


class _Session:
    """What a training holds on to between two events."""

    def __init__(
        self,
        image: Any,
        labels: np.ndarray,
        config: TrainingConfig,
        class_names: Sequence[str],
    ) -> None:
        self.config = config
        self.device = resolve_device(config.device)
        seeds = np.random.SeedSequence(config.seed).spawn(config.members + 1)
        self.rng = np.random.default_rng(seeds[0])
        self.ensemble = self._new_ensemble(image, labels, class_names, seeds[1:])
        self.cache = ChannelCache(image, self.ensemble)
        train_labels, held_out = hold_out(
            labels, fraction=config.holdout, gap=config.gap, rng=self.rng
        )
        edge = config.crop_edge(image.ndim)
        self.sampler = CropSampler(train_labels, self.cache, edge=edge)
        self.test = held_out_batches(held_out, self.cache, edge)
        weights = _balanced_weights(train_labels, len(class_names)).to(self.device)
        self.members = [
            Member(
                network,
                weights=weights,
                learning_rate=config.learning_rate,
                rng=np.random.default_rng(seed),
            )
            for network, seed in zip(self.ensemble.members, seeds[1:], strict=True)
        ]

    def advance(self, member: Member, fraction: float) -> float:
        """One step, and now and then a look at the held-out labels."""
        batch = self.sampler.draw(self.config.batch, member.rng)
        loss = member.step(batch, fraction)
        if member.steps % self.config.evaluate_every == 0:
            member.evaluate(self.test)
        return loss

    def fraction(self, seconds: float) -> float:
        """Share of the budget that is used up."""
        if self.config.steps is not None:
            return self.members[0].steps / self.config.steps
        return seconds / self.config.seconds

    def finish(self) -> None:
        """A last look, for steps since the previous one."""
        for member in self.members:
            if member.steps % self.config.evaluate_every:
                member.evaluate(self.test)

    def snapshot(self, revision: int, seconds: float, fraction: float) -> Snapshot:
        """Copy the best states into an ensemble of its own."""
        ensemble = Ensemble.from_description(self.ensemble.description())
        ensemble.load_state_dict(self.ensemble.state_dict())
        for copy, member in zip(ensemble.members, self.members, strict=True):
            copy.load_state_dict(member.best_state)
        ensemble.to(self.device).eval()
        scores = _mean_scores([member.best for member in self.members])
        return Snapshot(ensemble, scores, revision, seconds, fraction)

    def calibrate(self, ensemble: Ensemble) -> ConformalCalibration | None:
        """Conformal calibration on the held-out labels, where there are any."""
        rows, truth = [], []
        for batch in self.test:
            labeled = batch.targets[0] != IGNORE
            with torch.inference_mode():
                channels = batch.channels.contiguous(
                    memory_format=memory_format(ensemble.dims)
                )
                answers = [
                    ensemble.probabilities(index, channels)
                    for index in range(len(ensemble.members))
                ]
            rows.append(torch.stack(answers).mean(0)[:, labeled].T)
            truth.append(batch.targets[0][labeled])
        if not rows:
            return None
        return calibrate(torch.cat(rows).cpu().numpy(), torch.cat(truth).cpu().numpy())

    def _new_ensemble(
        self,
        image: Any,
        labels: np.ndarray,
        class_names: Sequence[str],
        seeds: Sequence[np.random.SeedSequence],
    ) -> Ensemble:
        dims = image.ndim
        intensity = estimate_intensity(image)
        front = ScaleSpace(dims, self.config.sigmas)
        blocks = _blocks_round_labels(image, labels, self.rng)
        front.calibrate(
            [torch.from_numpy(intensity.apply(b))[None, None] for b in blocks]
        )
        networks = [
            build_smsnet(
                self.config.network,
                in_channels=front.channels,
                classes=len(class_names),
                dims=dims,
                seed=int(seed.generate_state(1)[0]),
            )
            for seed in seeds
        ]
        ensemble = Ensemble(
            networks, front=front, intensity=intensity, class_names=class_names
        )
        return ensemble.to(self.device)


def held_out_batches(
    held_out: np.ndarray, cache: ChannelCache, edge: int
) -> list[Batch]:
    """Image parts that hold held-out labels, each a batch of one.

    Each is the bounding box of the labels in a cell of a grid, and a margin: a
    stroke is flat, and most of a cube round it would be computed for nothing.
    """
    batches = []
    for cell in split_into_tiles(held_out.shape, edge, 0):
        places = np.argwhere(held_out[cell.core])
        if not len(places):
            continue
        origin = [part.start for part in cell.core]
        low, high = places.min(0) + origin, places.max(0) + origin + 1
        box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
        tile = with_halo(box, TEST_MARGIN, held_out.shape)
        targets = np.zeros_like(held_out[tile.read])
        targets[tile.inner] = held_out[box]
        channels = cache.channels(tile.read)
        indices = torch.from_numpy(targets.astype(np.int64) - 1)
        batches.append(Batch(channels, indices[None].to(channels.device)))
    return batches


def _checked(image: Any, labels: np.ndarray, class_names: Sequence[str]) -> np.ndarray:
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
    labels = as_labels(labels, "The labels")
    present = check_annotation(labels)
    if max(present) > len(class_names):
        raise InputError(
            f"The labels hold the value {max(present)}, but there are only "
            f"{len(class_names)} classes: {', '.join(class_names)}."
        )
    if len(set(class_names)) < len(class_names):
        raise InputError("Two classes have the same name: give each a name of its own.")
    return labels


def _balanced_weights(labels: np.ndarray, classes: int) -> torch.Tensor:
    counts = np.bincount(labels.ravel(), minlength=classes + 1)[1 : classes + 1]
    return torch.tensor(
        [counts.sum() / (classes * n) if n else 0.0 for n in counts],
        dtype=torch.float32,
    )


def _blocks_round_labels(
    image: Any, labels: np.ndarray, rng: np.random.Generator
) -> list[np.ndarray]:
    """Where people paint there is something to see; a masked surround is flat."""
    voxels = np.argwhere(labels)
    half = CALIBRATION_EDGE // 2
    chosen = voxels[rng.integers(len(voxels), size=CALIBRATION_BLOCKS)]
    return [
        np.asarray(
            image[tuple(slice(max(0, int(v) - half), int(v) + half) for v in voxel)]
        )
        for voxel in chosen
    ]


def _mean_scores(scores: Sequence[Scores | None]) -> Scores | None:
    known = [s for s in scores if s is not None]
    if not known:
        return None
    dice = np.mean([s.dice for s in known], axis=0)
    loss = float(np.mean([s.loss for s in known]))
    return Scores(loss, tuple(float(d) for d in dice), known[0].voxels)
