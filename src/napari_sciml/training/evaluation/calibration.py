"""Make the probabilities of a trained ensemble mean what they say."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from scipy.special import softmax

from napari_sciml.networks.ensemble import Ensemble
from napari_sciml.training.data.image_sample import ImageSample, spread_over
from napari_sciml.training.evaluation.metrics import Report, report
from napari_sciml.training.evaluation.validation_set import (
    ValidationAnswers,
    ValidationSet,
)
from napari_sciml.training.trees import GrownTrees
from napari_sciml.uncertainty.calibration import ConformalCalibration, calibrate
from napari_sciml.uncertainty.consensus import (
    agreement,
    consensus_shares,
    offsets_for_shares,
)
from napari_sciml.uncertainty.cut import apply_offsets
from napari_sciml.uncertainty.expectation import expected_dice
from napari_sciml.uncertainty.prior import log_prior_ratio
from napari_sciml.uncertainty.temperature import fit_temperature

BLOCKS = 16
EDGE = {2: 192, 3: 40}
"""Edge of a block of the sample; without a halo, so the outermost voxels are left."""
MARGIN = 8
SAMPLE = 100_000
"""Voxels of the sample that are looked at: a share of 1 % is known to 0.03 %."""
EXPECTED = {2: 96, 3: 20}
"""Edge of a block of the sample for a mixture, which is read with its halo."""
ENOUGH_STROKES = 20
"""Held-out strokes from which on each is one observation, not each voxel."""


@dataclass(frozen=True)
class Calibration:
    """What is known about an ensemble once it is trained.

    Attributes
    ----------
    temperature, offsets
        As set in the ensemble: probabilities are softmax(logits / temperature +
        offsets).
    shares
        Share of the image that is likeliest of each class.
    expected_dice
        Of each class in the image, NaN where it cannot be known; see
        `napari_sciml.uncertainty.expectation.expected_dice`, and without trees
        `napari_sciml.uncertainty.consensus.agreement`.
    report
        Scores on the held-out labels, at `shares`; None without any. The same labels
        chose the best states and the temperature, so they flatter a little.
    conformal
        Calibration of conformal sets on the same labels; None without any.
    unit
        What counts as one observation of it: a stroke, or, where there are under
        `ENOUGH_STROKES`, each voxel, which promises more than it can hold.
    """

    temperature: float
    offsets: tuple[float, ...]
    shares: tuple[float, ...]
    expected_dice: tuple[float, ...]
    report: Report | None
    conformal: ConformalCalibration | None
    unit: Literal["strokes", "voxels"] = "voxels"


def calibrate_ensemble(
    ensemble: Ensemble,
    image: Any,
    held_out: ValidationSet,
    *,
    prior: Sequence[float] | None,
    rng: np.random.Generator,
) -> Generator[None, None, Calibration]:
    """Set temperature and class offsets of an ensemble, and judge it.

    Parameters
    ----------
    ensemble
        Trained networks; their calibration is replaced.
    image
        Array-like of raw gray values; a sample of blocks is read.
    held_out
        Labels that no member was trained on.
    prior
        Share of each class in the image; None = estimated.
    rng
        Chooses the sample.

    Yields
    ------
    None
        A chance to stop, after each member on each block.
    """
    ensemble.set_calibration()
    truth, logits, temperature = held_out.truth, None, 1.0
    if len(held_out):
        logits = yield from held_out.logits(ensemble)
        temperature = fit_temperature(logits, truth, _balance(truth, ensemble))
    sample = yield from _sample(ensemble, image, rng)
    members = _probabilities(sample, temperature)
    yield
    wanted = consensus_shares(members) if prior is None else np.asarray(prior)
    offsets = offsets_for_shares(sample / temperature, wanted)
    yield
    ensemble.set_calibration(temperature=temperature, log_prior_ratio=list(offsets))
    members = _probabilities(sample, temperature, offsets)
    shares = _shares(members)
    judged = conformal = None
    enough = len(np.unique(held_out.strokes)) >= ENOUGH_STROKES
    if logits is not None:
        held = _probabilities(logits, temperature, offsets).mean(0)
        judged = report(held, truth, prior=_positive(shares))
        strokes = held_out.strokes if enough else None
        conformal = _conformal(held, truth, strokes, shares)
    return Calibration(
        temperature,
        tuple(map(float, offsets)),
        tuple(map(float, shares)),
        tuple(map(float, agreement(members))),
        judged,
        conformal,
        "strokes" if enough else "voxels",
    )


def calibrate_mixture(
    ensemble: Ensemble,
    image: Any,
    held_out: ValidationAnswers,
    grown: GrownTrees,
    *,
    strokes: Sequence[int],
    seed: int,
) -> Generator[None, None, Calibration]:
    """Judge trees and networks together, whose cut is set already.

    Parameters
    ----------
    ensemble
        Is not changed.
    image
        Array-like of raw gray values; a sample of blocks is read.
    held_out
        What both said about strokes that neither had seen, at even odds.
    grown
        The trees, and what they say out of bag.
    strokes
        Number of strokes of each class.
    seed
        Chooses the sample.

    Yields
    ------
    None
        A chance to stop.
    """
    blocks = {2: 16, 3: 12}[ensemble.dims]
    sample = ImageSample(image, seed=seed, blocks=blocks, edge=EXPECTED[ensemble.dims])
    members, weights = yield from sample.members(ensemble)
    mean = np.average(members, axis=0, weights=weights)
    yield
    chosen = mean.argmax(1)
    shares = np.bincount(chosen, minlength=mean.shape[1]) / len(chosen)
    offsets = tuple(ensemble.log_prior_ratio.tolist())
    judged = conformal = None
    enough = len(np.unique(held_out.strokes)) >= ENOUGH_STROKES
    if len(held_out.truth):
        held = apply_offsets(held_out.answers, offsets).astype(np.float32)
        judged = report(held, held_out.truth, prior=_positive(shares))
        units = held_out.strokes if enough else None
        conformal = _conformal(held, held_out.truth, units, shares)
    groups = grown.trees.members // 2
    pairs = (members[:groups] + members[groups : 2 * groups]) / 2
    told = apply_offsets(grown.out_of_bag, offsets)
    return Calibration(
        1.0,
        offsets,
        tuple(map(float, shares)),
        tuple(expected_dice(pairs, told, grown.classes, strokes=strokes)),
        judged,
        conformal,
        "strokes" if enough else "voxels",
    )


def _sample(
    ensemble: Ensemble, image: Any, rng: np.random.Generator
) -> Generator[None, None, np.ndarray]:
    """Logits of voxels from all over the image, ``(member, n, class)``."""
    parts = []
    for region in spread_over(image, BLOCKS, EDGE[ensemble.dims], rng):
        # Networks that pool do so from where they always would.
        starts = [part.start - part.start % ensemble.stride for part in region]
        ends = [a + r.stop - r.start for a, r in zip(starts, region, strict=True)]
        block = tuple(slice(a, b) for a, b in zip(starts, ends, strict=True))
        parts.append((yield from _block_logits(ensemble, image[block])))
    found = np.concatenate(parts, axis=1)
    if found.shape[1] > SAMPLE:
        found = found[:, rng.choice(found.shape[1], SAMPLE, replace=False)]
    return found


def _block_logits(ensemble: Ensemble, block: Any) -> Generator[None, None, np.ndarray]:
    gray = torch.from_numpy(ensemble.intensity.apply(np.asarray(block)))
    inner = tuple(
        slice(MARGIN, n - MARGIN) if n > 4 * MARGIN else slice(None)
        for n in gray.shape[: ensemble.dims]
    )
    with torch.inference_mode():
        channels = ensemble.channels(gray.to(ensemble.device))
    members = []
    for index in range(len(ensemble.members)):
        with torch.inference_mode():
            logits = ensemble.logits(index, channels).float()[:, *inner]
            members.append(logits.flatten(1).T.cpu().numpy())
        yield
    return np.stack(members)


def _probabilities(
    logits: np.ndarray, temperature: float, offsets: np.ndarray | None = None
) -> np.ndarray:
    """Of each member, as the ensemble computes them."""
    shift = 0 if offsets is None else offsets
    return np.asarray(softmax(logits / temperature + shift, axis=-1))


def _shares(members: np.ndarray) -> np.ndarray:
    """Share of the voxels that each class is the likeliest in."""
    chosen = members.mean(0).argmax(1)
    return np.bincount(chosen, minlength=members.shape[2]) / len(chosen)


def _balance(truth: np.ndarray, ensemble: Ensemble) -> np.ndarray:
    """Weights by which all classes count alike, as they did in the training."""
    counts = np.bincount(truth, minlength=len(ensemble.class_names))
    return np.where(counts > 0, 1 / np.maximum(counts, 1), 0.0)


def _conformal(
    p: np.ndarray, truth: np.ndarray, strokes: np.ndarray | None, shares: np.ndarray
) -> ConformalCalibration:
    counts = np.bincount(truth, minlength=p.shape[1])
    known = counts > 0
    weights = np.where(known, np.exp(_ratio(shares, counts, known)), 1.0)
    return calibrate(p, truth, blocks=strokes, weights=weights)


def _ratio(shares: np.ndarray, counts: np.ndarray, known: np.ndarray) -> np.ndarray:
    prior = np.where(known, np.asarray(_positive(shares)), 0)
    ratio = np.zeros(len(shares))
    if known.sum() > 1:
        ratio = log_prior_ratio(prior / prior.sum(), counts / counts.sum())
    return np.where(known, ratio, 0.0)


def _positive(shares: np.ndarray) -> tuple[float, ...]:
    """Shares that none is 0 of: a class that was painted does occur."""
    floored = np.maximum(shares, 1e-6)
    return tuple(map(float, floored / floored.sum()))
