"""How well fibers are found, against seconds of training, for ours and four others.

    python benchmarks/quality.py [--out quality] [--methods ours forest ...]

Three kinds of phantoms (128³) that nothing was tuned on, the same scribbles (under
2,000 voxels) and the same cores for all. Ours trains once for the longest time and is
looked at on the way; "as used" is the result with the calibration of the training
itself. Shares are corrected where there are several members. The references (DLSIA
0.3.4, scikit-learn) run in a virtual environment of their own; see `speed.py`. What is
done already is read from ``--out`` and not done again. Writes ``quality.md``,
``quality.json`` and ``quality.png``.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from speed import reference_python

from napari_sciml.demo import SCRIBBLED_VOXELS
from napari_sciml.fibers.config import FiberConfig
from napari_sciml.fibers.instances import label_fibers
from napari_sciml.fibers.score import dice, instance_f1
from napari_sciml.images.tiles import split_into_tiles
from napari_sciml.networks.ensemble import Ensemble
from napari_sciml.samples.phantom import Phantom, PhantomConfig, make_phantom
from napari_sciml.samples.scribbles import scribble
from napari_sciml.training.config import TrainingConfig
from napari_sciml.training.events import Snapshot
from napari_sciml.training.metrics import report
from napari_sciml.training.session import train
from napari_sciml.uncertainty.consensus import consensus_shares, offsets_for_shares

KINDS = {
    "concrete": PhantomConfig(seed=201),
    "clustered": PhantomConfig.clustered(seed=202),
    "thin": PhantomConfig.thin(seed=203),
}
METHODS = ("ours", "forest", "dlsia-smsnet", "dlsia-msdnet", "dlsia-unet")
OURS = (15, 30, 60, 120, 180)
THEIRS = (60, 180)
COLUMNS = ("dice", "best", "at", "corrected", "sure", "precision", "f1", "ece")
TITLES = {
    "dice": "Dice at 0.5",
    "best": "Dice at the best threshold",
    "at": "best threshold",
    "corrected": "Dice at 0.5, shares corrected",
    "sure": "Dice, mean - std > 0.5 (corrected)",
    "precision": "its precision (before)",
    "f1": "its F1",
    "ece": "ECE",
}


def scores(phantom: Phantom, p: np.ndarray) -> dict[str, float]:
    """Scores of fiber probabilities ``(member, z, y, x)``."""
    truth = phantom.labels > 0
    mean = p.mean(0)
    found = {t: dice(truth, mean > t) for t in np.arange(0.05, 1, 0.05)}
    at = max(found, key=lambda t: found[t])
    q = corrected(p)
    middle, spread = q.mean(0), q.std(0, ddof=1) if len(q) > 1 else 0 * q[0]
    sure = middle - spread > 0.5
    fibers = label_fibers(sure, dust=FiberConfig().dust)
    rows = np.stack([1 - middle.ravel(), middle.ravel()], 1)
    before = middle > 0.5
    return {
        "dice": dice(truth, mean > 0.5),
        "best": found[at],
        "at": round(float(at), 2),
        "corrected": dice(truth, before),
        "sure": dice(truth, sure),
        "precision": float(truth[sure].mean()) if sure.any() else 0.0,
        "precision_before": float(truth[before].mean()) if before.any() else 0.0,
        "f1": instance_f1(phantom.labels, fibers, iou=0.4).f1,
        "ece": report(rows, truth.ravel().astype(np.int64)).ece,
    }


def corrected(p: np.ndarray) -> np.ndarray:
    """As our training corrects its own probabilities; nothing for a single member."""
    rows = p.reshape(len(p), -1)[:, ::19]
    members = np.stack([1 - rows, rows], -1)
    logits = np.log(members.clip(1e-6, 1))
    offset = offsets_for_shares(logits, consensus_shares(members))[1]
    odds = p * np.exp(offset if len(p) > 1 else 0.0)
    return np.asarray(odds / (odds + 1 - p))


def run_ours(
    phantom: Phantom, labels: np.ndarray, seed: int, threads: int, times: list[float]
) -> Iterator[tuple[float, np.ndarray, dict[str, Any]]]:
    config = TrainingConfig(
        seconds=max(times),
        seed=seed,
        threads=threads,
        device="cpu",
        snapshot_seconds=2,
    )
    left, kept = sorted(times), []
    for event in train(phantom.image, labels, config):
        if isinstance(event, Snapshot):
            last = event.calibration is not None
            if last or (len(left) > 1 and event.seconds >= left[0]):
                left.pop(0)
                kept.append((event.seconds, event))
    for seconds, snapshot in kept:
        told: dict[str, Any] = {}
        if snapshot.scores is not None:
            told["held_out_dice"] = snapshot.scores.dice[1]
        if snapshot.calibration is not None:
            told |= {
                "expected_dice": snapshot.calibration.expected_dice[1],
                "report_dice": snapshot.calibration.report.dice[1],
                "share": snapshot.calibration.shares[1],
                "true_share": float((phantom.labels > 0).mean()),
                "temperature": snapshot.calibration.temperature,
            }
            told["as_used"] = as_used(phantom, snapshot.ensemble)
            snapshot.ensemble.set_calibration(
                temperature=snapshot.calibration.temperature
            )
        yield seconds, probabilities(snapshot.ensemble, phantom.image), told


def as_used(phantom: Phantom, ensemble: Ensemble) -> dict[str, float]:
    """With the calibration that the training itself has made."""
    p, truth = probabilities(ensemble, phantom.image), phantom.labels > 0
    middle, spread = p.mean(0), p.std(0, ddof=1)
    return {
        "dice": dice(truth, middle > 0.5),
        "sure": dice(truth, middle - spread > 0.5),
        "precision": float(truth[middle - spread > 0.5].mean()),
        "precision_before": float(truth[middle > 0.5].mean()),
    }


def probabilities(ensemble: Ensemble, image: np.ndarray) -> np.ndarray:
    """Of fiber, of each member."""
    out = np.empty((len(ensemble.members), *image.shape), np.float32)
    for tile in split_into_tiles(image.shape, 64, ensemble.halo, align=ensemble.stride):
        gray = torch.from_numpy(ensemble.intensity.apply(image[tile.read]))
        with torch.inference_mode():
            channels = ensemble.channels(gray)
            for index in range(len(out)):
                p = ensemble.probabilities(index, channels)[1]
                out[index][tile.core] = p[tile.inner].numpy()
    return out


def run_theirs(
    method: str, source: Path, python: str, threads: int
) -> Iterator[tuple[float, np.ndarray, dict[str, Any]]]:
    times = ["0"] if method == "forest" else [str(t) for t in THEIRS]
    prefix = source.with_name(f"{source.stem}-{method}")
    worker = Path(__file__).with_name("quality_worker.py")
    command = [python, str(worker), str(source), method, str(threads), str(prefix)]
    subprocess.run([*command, *times], check=True)
    for seconds in times:
        file = Path(f"{prefix}-{seconds}.npz")
        found = np.load(file)
        yield float(found["seconds"]), found["p"].astype(np.float32), {}
        file.unlink()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("quality"))
    parser.add_argument("--kinds", nargs="+", default=list(KINDS))
    parser.add_argument("--methods", nargs="+", default=list(METHODS))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--times", type=float, nargs="+", default=list(OURS))
    parser.add_argument("--reference-python")
    given = parser.parse_args()
    given.out.mkdir(exist_ok=True, parents=True)
    torch.set_num_threads(given.threads)
    for kind in given.kinds:
        phantom = make_phantom(KINDS[kind])
        labels = scribble(
            phantom.labels,
            phantom.image,
            budget=SCRIBBLED_VOXELS,
            seed=KINDS[kind].seed,
        )
        source = given.out / f"{kind}.npz"
        np.savez(source, image=phantom.image, scribbles=labels)
        for method in given.methods:
            done = given.out / f"{kind}-{method}.json"
            if done.exists():
                continue
            if method == "ours":
                seed = KINDS[kind].seed
                runs = run_ours(phantom, labels, seed, given.threads, given.times)
            else:
                python = given.reference_python or reference_python()
                runs = run_theirs(method, source, python, given.threads)
            rows = [
                {"seconds": seconds, **scores(phantom, p), **told}
                for seconds, p, told in runs
            ]
            done.write_text(json.dumps(rows, indent=1, default=float))
            print(f"{kind}, {method}: done", file=sys.stderr, flush=True)
        source.unlink()
    write(given.out)


def write(out: Path) -> None:
    """Table and picture of all that is there."""
    results = {
        (kind, method): json.loads((out / f"{kind}-{method}.json").read_text())
        for kind in KINDS
        for method in METHODS
        if (out / f"{kind}-{method}.json").exists()
    }
    titles = ["phantom", "method", "seconds", *TITLES.values(), "as used: Dice, sure"]
    lines = ["| " + " | ".join(titles) + " |", "| --- " * len(titles) + "|"]
    for (kind, method), rows in results.items():
        for row in rows:
            cells = [f"{row[c]:.3f}" for c in COLUMNS]
            cells[5] += f" ({row['precision_before']:.3f})"
            used = row.get("as_used")
            cells.append(f"{used['dice']:.3f}, {used['sure']:.3f}" if used else "")
            lines.append(
                f"| {kind} | {method} | {row['seconds']:.0f} | {' | '.join(cells)} |"
            )
    text = "\n".join(lines)
    print(text)
    (out / "quality.md").write_text(text + "\n")
    named = {f"{kind} {method}": rows for (kind, method), rows in results.items()}
    (out / "quality.json").write_text(json.dumps(named, indent=1))
    draw(results).savefig(out / "quality.png", dpi=120)


def draw(results: dict[tuple[str, str], list[dict[str, Any]]]) -> Figure:
    figure = Figure(figsize=(12, 4), layout="constrained")
    panels = figure.subplots(1, len(KINDS), sharey=True)
    for panel, kind in zip(panels, KINDS, strict=True):
        for number, method in enumerate(METHODS):
            rows = results.get((kind, method), [])
            if not rows:
                continue
            x = [row["seconds"] for row in rows]
            y = [row["corrected"] for row in rows]
            best = [row["best"] for row in rows]
            if method == "forest":
                panel.axhline(y[0], color=f"C{number}", label=method)
                panel.axhline(best[0], color=f"C{number}", ls=":")
            else:
                panel.plot(x, y, "o-", color=f"C{number}", label=method)
                panel.plot(x, best, ":", color=f"C{number}")
        panel.set(title=kind, xscale="log", xlabel="seconds of training")
        panel.set_xticks((15, 30, 60, 120, 180), ["15", "30", "60", "120", "180"])
        panel.minorticks_off()
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("Dice of fibers at 0.5 (dotted: best threshold)")
    panels[0].legend(fontsize=8)
    return figure


if __name__ == "__main__":
    main()
