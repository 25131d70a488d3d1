"""How often conformal sets hold the truth, and how well probabilities are calibrated.

    python benchmarks/coverage.py [--seconds 60] [--seed 101] [--splits 100] [--quick]

A small ensemble is trained on scribbles of a phantom and predicts all of it. Then:

1. The volume is cut into blocks of 16³ and split at random, again and again: a few
   labeled voxels of one half calibrate, the other half is fresh. The promise holds
   there, so the mean coverage must be what was asked for (± 2 %).
2. Calibrated on held-out scribbles instead, as a user does. Scribbles are not like
   the volume (more fiber, more borders), so no promise holds; see what is left of it.
3. The calibration error of the probabilities in the volume, before and after
   temperature scaling on the held-out scribbles and correction of the prior.

Everything is printed as tables in markdown.
"""

import argparse
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import torch
from scipy.special import softmax

from napari_sciml.annotation.split import hold_out
from napari_sciml.annotation.strokes import find_strokes
from napari_sciml.errors import InputError
from napari_sciml.images.tiles import split_into_tiles
from napari_sciml.networks.ensemble import Ensemble
from napari_sciml.prediction.blockwise import DEFAULT_BLOCK
from napari_sciml.samples.phantom import PhantomConfig, make_phantom
from napari_sciml.samples.scribbles import scribble
from napari_sciml.training.config import TrainingConfig
from napari_sciml.training.evaluation.metrics import report
from napari_sciml.training.session import train_to_end
from napari_sciml.uncertainty.conformal import calibrate, prediction_set
from napari_sciml.uncertainty.consensus import consensus_shares, offsets_for_shares
from napari_sciml.uncertainty.coverage import CoverageReport, coverage_report
from napari_sciml.uncertainty.prior import (
    correct,
    estimate_prior_bbse,
    estimate_prior_em,
    log_prior_ratio,
)
from napari_sciml.uncertainty.temperature import fit_temperature, tempered

ASKED = (0.8, 0.9, 0.95)
LABELED = 40
"""Labeled voxels in a calibration block."""
TESTED = 512
"""Voxels looked at in a fresh block."""
SCRIBBLED = 2000
HELD_OUT = 0.3
TOLERANCE = 0.02


@dataclass(frozen=True)
class Case:
    """A predicted volume: members ``(member, class, n)``, truth ``(n,)`` labels."""

    members: np.ndarray
    truth: np.ndarray
    blocks: np.ndarray
    held_out: np.ndarray
    strokes: np.ndarray

    @property
    def mean(self) -> np.ndarray:
        """Mean probability ``(class, n)``."""
        return self.members.mean(0)

    @property
    def shares(self) -> np.ndarray:
        """True share of each class in the volume."""
        return np.bincount(self.truth, minlength=3)[1:] / len(self.truth)


def make_case(seconds: float, seed: int, *, edge: int, block: int) -> Case:
    shape = (edge,) * 3
    phantom = make_phantom(PhantomConfig(seed=seed, shape=shape))
    labels = scribble(phantom.labels, phantom.image, budget=SCRIBBLED, seed=seed)
    rng = np.random.default_rng(seed)
    train, held_out = hold_out(labels, fraction=HELD_OUT, gap=3, rng=rng)
    config = TrainingConfig(members=3, seconds=seconds, seed=seed)
    ensemble = train_to_end(phantom.image, train, config=config)
    ensemble.set_calibration()  # the tables below make their own
    strokes = np.zeros(shape, np.int64)
    for number, stroke in enumerate(find_strokes(held_out), start=1):
        strokes[tuple(stroke.voxels.T)] = number
    cells = np.indices(shape) // block
    return Case(
        member_probabilities(ensemble, phantom.image),
        np.where(phantom.labels > 0, 2, 1).ravel(),
        np.ravel_multi_index(tuple(cells), (edge // block,) * 3).ravel(),
        held_out.ravel(),
        strokes.ravel(),
    )


def member_probabilities(ensemble: Ensemble, image: np.ndarray) -> np.ndarray:
    count = len(ensemble.members)
    found = np.empty((count, len(ensemble.class_names), *image.shape), np.float32)
    for tile in split_into_tiles(image.shape, DEFAULT_BLOCK[3], ensemble.halo):
        values = ensemble.intensity.apply(image[tile.read])
        with torch.inference_mode():
            channels = ensemble.channels(torch.from_numpy(values).to(ensemble.device))
            for member in range(count):
                p = ensemble.probabilities(member, channels)[:, *tile.inner]
                found[member, :, *tile.core] = p.float().cpu().numpy()
    return found.reshape(*found.shape[:2], -1)


def splits(
    case: Case, count: int, rng: np.random.Generator
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Indices of labeled and of fresh voxels, of different halves of the blocks."""
    order = np.argsort(case.blocks, kind="stable").reshape(case.blocks.max() + 1, -1)
    half = len(order) // 2
    for _ in range(count):
        mixed = rng.permuted(order[rng.permutation(len(order))], axis=1)
        yield mixed[:half, :LABELED].ravel(), mixed[half:, :TESTED].ravel()


def table(columns: list[str]) -> None:
    print("\n| " + " | ".join(columns) + " |\n" + "| --- " * len(columns) + "|")


def row(*cells: str) -> None:
    print("| " + " | ".join(cells) + " |", flush=True)


def percent(values: list[float]) -> str:
    return f"{100 * np.mean(values):.1f} ± {100 * np.std(values):.1f}"


def fresh_blocks(case: Case, count: int, seed: int) -> bool:
    edge = round((len(case.truth) / (case.blocks.max() + 1)) ** (1 / 3))
    print(f"\n## Fresh blocks of {edge}³, {count} splits")
    columns = ["score", "coverage within", "asked (%)", "all (%)", "background (%)"]
    table([*columns, "fiber (%)", "mean size", "empty (%)", "within ± 2 %"])
    mean, good = case.mean, True
    for name, random in (("LAC", False), ("APS", False), ("APS, random u", True)):
        rng = np.random.default_rng(seed)
        reports: dict[tuple[bool, float], list[CoverageReport]] = {}
        for labeled, fresh in splits(case, count, rng):
            calibration = calibrate(
                mean[:, labeled].T,
                case.truth[labeled] - 1,
                score="lac" if name == "LAC" else "aps",
                blocks=case.blocks[labeled],
                rng=rng if random else None,
            )
            for key in ((within, asked) for within in (False, True) for asked in ASKED):
                sets = prediction_set(
                    mean[:, fresh], calibration, key[1], per_class=key[0], rng=rng
                )
                report = coverage_report(sets, case.truth[fresh], key[1])
                reports.setdefault(key, []).append(report)
        for (within, asked), found in reports.items():
            good &= _show(name, within, asked, found)
    return good


def _show(name: str, within: bool, asked: float, found: list[CoverageReport]) -> bool:
    """Print a row; whether the coverage is as asked, or more where it must be."""
    overall = [r.coverage for r in found]
    classes = [[r.by_class[c] for r in found] for c in (0, 1)]
    promised = classes if within else [overall]
    errors = [np.mean(part) - asked for part in promised]
    # Never empty, so never wrong more often than the likeliest class is.
    may_exceed = name == "APS"
    word = "yes" if max(map(abs, errors)) <= TOLERANCE else "no"
    if word == "no" and may_exceed and min(errors) >= -TOLERANCE:
        word = "more"
    cells = [percent(overall), *map(percent, classes)]
    cells.append(f"{np.mean([r.mean_size for r in found]):.3f}")
    cells.append(f"{100 * np.mean([r.empty for r in found]):.1f}")
    where = "each class" if within else "all"
    row(name, where, f"{100 * asked:.0f}", *cells, word)
    return word != "no"


def held_out_scribbles(case: Case) -> None:
    chosen = np.flatnonzero(case.held_out)
    truth, p = case.held_out[chosen].astype(int) - 1, case.mean[:, chosen].T
    shares = np.bincount(truth, minlength=2) / len(truth)
    strokes = [
        len(np.unique(case.strokes[chosen[truth == c]])) for c in range(len(shares))
    ]
    print(
        f"\n## Held-out scribbles: {len(chosen)} voxels in {strokes[0]} + {strokes[1]} "
        f"strokes, {shares[1]:.0%} fiber; the volume holds {case.shares[1]:.1%}"
    )
    columns = ["score", "blocks", "weights", "coverage within", "asked (%)", "all (%)"]
    table([*columns, "background (%)", "fiber (%)", "mean size", "empty (%)"])
    weights = np.exp(log_prior_ratio(case.shares, shares))
    blocks = {"voxels": None, "strokes": case.strokes[chosen]}
    options = [("lac", b, w) for b in blocks for w in (None, weights)]
    options += [("aps", "voxels", None), ("aps", "voxels", weights)]
    for score, block, shift in options:
        calibration = calibrate(
            p, truth, score=score, blocks=blocks[block], weights=shift
        )
        name = "none" if shift is None else "prior"
        for within in (False, True) if shift is None else (False,):
            for asked in ASKED:
                sets = prediction_set(case.mean, calibration, asked, per_class=within)
                r = coverage_report(sets, case.truth, asked)
                found = [r.coverage, *r.by_class]
                cells = [f"{100 * asked:.0f}", *(f"{100 * x:.1f}" for x in found)]
                cells += [f"{r.mean_size:.3f}", f"{100 * r.empty:.1f}"]
                where = "each class" if within else "all"
                row(score.upper(), block, name, where, *cells)


def temperatures(case: Case) -> None:
    print("\n## Calibration error (ECE) in the volume")
    table(["temperature", "class shares", "fiber share (%)", "ECE", "Dice at 0.5"])
    logits = np.log(np.maximum(case.members, 1e-30)).transpose(0, 2, 1)
    chosen = np.flatnonzero(case.held_out)
    labels = case.held_out[chosen].astype(int) - 1
    truth, even = case.truth - 1, np.full(2, 0.5)
    # The loss balances the classes; the held-out labels are made to, too.
    balance = len(labels) / np.maximum(np.bincount(labels, minlength=2), 1)
    fitted = fit_temperature(logits[:, chosen], labels, balance)
    # What scribbles as easy and hard as the volume would give.
    some = np.random.default_rng(0).permutation(len(truth))[:50_000]
    ideal = even / case.shares
    truly = fit_temperature(logits[:, some], truth[some], ideal)
    options = {
        "1": 1.0,
        f"{fitted:.2f}, scribbles": fitted,
        f"{truly:.2f}, true": truly,
    }
    for name, t in options.items():
        p = tempered(logits, t)
        confusion = [p[chosen][labels == c].sum(axis=0) for c in (0, 1)]
        shares = {
            "as trained": even,
            "EM": estimate_prior_em(p[::8], even),
            "true": case.shares,
        }
        # A network that tells nothing apart has no confusion to invert.
        with suppress(InputError):
            shares["BBSE"] = estimate_prior_bbse(confusion, p.mean(axis=0))
        for source, prior in shares.items():
            q = correct(p, log_prior_ratio(prior, even), axis=1)
            _show_calibration(name, source, prior[1], q, truth)
        sample = logits[:, ::19] / t
        agreed = consensus_shares(softmax(sample, axis=-1))
        offsets = offsets_for_shares(sample, agreed).astype(np.float32)
        q = softmax(logits / t + offsets, axis=-1).mean(0)
        _show_calibration(name, "agreement (ours)", agreed[1], q, truth)


def _show_calibration(
    temperature: str, source: str, share: float, p: np.ndarray, truth: np.ndarray
) -> None:
    found = report(p, truth)
    cells = [f"{100 * share:.2f}", f"{found.ece:.4f}", f"{found.dice[1]:.3f}"]
    row(temperature, source, *cells)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60, help="of training")
    parser.add_argument("--seed", type=int, default=101)
    parser.add_argument("--splits", type=int, default=100)
    parser.add_argument(
        "--quick",
        action="store_true",
        help="does it run? Too few fiber blocks for ± 2 %",
    )
    given = parser.parse_args()
    if given.quick:
        given.seconds, given.splits = min(given.seconds, 10), min(given.splits, 20)
    size = {"edge": 64, "block": 8} if given.quick else {"edge": 128, "block": 16}
    case = make_case(given.seconds, given.seed, **size)
    good = fresh_blocks(case, given.splits, given.seed)
    held_out_scribbles(case)
    temperatures(case)
    print(f"\nMean coverage on fresh blocks as asked: {'yes' if good else 'NO'}")


if __name__ == "__main__":
    main()
