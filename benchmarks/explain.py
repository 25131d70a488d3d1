"""How fast *Why?* answers a click, and whether it points at what matters.

Prints Markdown tables, in less than three minutes on one core::

    python benchmarks/explain.py
    python benchmarks/explain.py --part time --threads 1

*time*: seconds from a click to each part of the answer, the first click after training
and later ones, on a slice of 256 x 256 pixels and with 9 x 9 x 9 blocks in a volume;
"work" is the time of the processor, the same on a machine that others use, too. The
dock looks at the strokes when the training ends and when *Why?* is switched on, which
is what "beforehand" takes: of a click sooner than that, it comes on top.
*deletion*: by how much the log-odds of the class fall where the tenth of the blocks
that the map calls most important are covered, against a tenth chosen by chance; on
phantoms (a hint) and on a volume of glass fibers of other people in ../shared/data (a
result).
*channels*: what is named first where fibers are told by gray value, or by shape, alone.
"""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tifffile
import torch
from scipy.ndimage import binary_erosion
from skimage.filters import threshold_otsu

from napari_sciml.annotation.scribbles import as_scribbles
from napari_sciml.explaining.channels import ChannelReport
from napari_sciml.explaining.config import ExplainConfig
from napari_sciml.explaining.occlusion import (
    Occlusion,
    cover_all,
    local_mean,
    occlude,
)
from napari_sciml.explaining.panel import Panel, log_odds
from napari_sciml.explaining.patches import voxel
from napari_sciml.explaining.place import Blocks
from napari_sciml.explaining.preparing import Preparation
from napari_sciml.explaining.session import Strokes, explain_steps
from napari_sciml.networks.ensemble import Ensemble
from napari_sciml.progress import exhaust
from napari_sciml.samples.phantom import PhantomConfig, make_phantom
from napari_sciml.samples.scribbles import scribble
from napari_sciml.workflows.live_session import LiveSession

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
GLASS = "ct_fiberseg_glass/crop_A_z16-144_y30-254_x20-244.tif"
FIBER = 1
Case = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Image, strokes, and what is fiber."""


def volume(seed: int, edge: int = 64) -> Case:
    made = make_phantom(PhantomConfig(shape=(edge,) * 3, seed=seed))
    return made.image, scribble(made.labels, seed=seed), made.labels > 0


def picture(seed: int) -> Case:
    """A slice of a phantom, and lines of strokes in it."""
    made = make_phantom(PhantomConfig(shape=(32, 256, 256), seed=seed))
    image, truth = made.image[16], made.labels[16] > 0
    return image, lines(truth, ~truth, seed, rows=24), truth


def glass() -> Case:
    """Of other people; truth by Otsu's threshold, which is nearly perfect there."""
    image = tifffile.imread(DATA / GLASS)[20:84, 60:156, 60:156]
    truth = image > threshold_otsu(image)
    labels = np.zeros(image.shape, np.uint8)
    for z in (12, 30, 48):
        labels[z] = lines(binary_erosion(truth[z]), ~truth[z], z, rows=14)
    return image, labels, truth


def lines(fiber: np.ndarray, rest: np.ndarray, seed: int, rows: int) -> np.ndarray:
    """Labels along horizontal lines."""
    rng, labels = np.random.default_rng(seed), np.zeros(fiber.shape, np.uint8)
    for y in range(rows // 2, len(fiber), rows):
        start = int(rng.integers(0, fiber.shape[1] // 2))
        part = (y, slice(start, start + fiber.shape[1] // 2))
        labels[part] = np.where(fiber[part], 2, np.where(rest[part], 1, 0))
    return labels


def trained(case: Case, seconds: float, threads: int) -> Ensemble:
    session = LiveSession(case[0], threads=threads)
    session.update(case[1])
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        session.advance(10)
    print(f"trained: {session.predict(region_of(case[0])).kind}")
    return session._shown()


def region_of(image: np.ndarray) -> tuple[slice, ...]:
    return tuple(slice(n // 2, n // 2 + 1) for n in image.shape)


def places(truth: np.ndarray, count: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.permutation(np.argwhere(truth))[:count]


def clicks(ensemble: Ensemble, case: Case, count: int) -> Iterator[dict[str, float]]:
    """Seconds to each part of the answer; what is known of the strokes is kept."""
    image, labels, truth = case
    scribbles = as_scribbles(labels)
    begin, work = time.perf_counter(), time.process_time()
    prepared = Preparation(ensemble, image, scribbles)
    exhaust(prepared.finish())
    wall, work = time.perf_counter() - begin, time.process_time() - work
    print(f"beforehand {wall:.2f} s, {work:.2f} CPU s")
    for at in places(truth, count, 0):
        begin, work, told = time.perf_counter(), time.process_time(), {}
        answer = explain_steps(ensemble, image, at.tolist(), prepared=prepared)
        for event in answer:
            name = {Occlusion: "around", Strokes: "strokes", ChannelReport: "all"}
            told[name.get(type(event), "members")] = time.perf_counter() - begin
        yield {**told, "work": time.process_time() - work}


def time_table(ensemble: Ensemble, case: Case, title: str, count: int) -> None:
    first, *later = clicks(ensemble, case, count)
    print("| image | part | first click, s | p50 | p95 |")
    print("| --- | --- | --- | --- | --- |")
    for name in ("around", "strokes", "all", "work"):
        own = [one[name] for one in later]
        p50, p95 = np.quantile(own, (0.5, 0.95))
        print(f"| {title} | {name} | {first[name]:.2f} | {p50:.2f} | {p95:.2f} |")


def deletion(ensemble: Ensemble, case: Case, count: int, seed: int) -> np.ndarray:
    """Fall of the log-odds, ``(voxel, 2)``: the most important blocks, and any."""
    rng, panel, falls = np.random.default_rng(seed), Panel(ensemble, case[0]), []
    for at in places(case[2], count, seed):
        core = voxel(at)
        blocks = Blocks.around(core, ensemble, panel.shape, ExplainConfig(blocks=5))
        change = exhaust(occlude(panel, core, blocks, FIBER)).change
        regions = [region for _, region in blocks.inside]
        own = np.array([change[number] for number, _ in blocks.inside])
        share = max(1, len(regions) // 10)
        chosen = np.argsort(-own)[:share], rng.permutation(len(regions))[:share]
        falls.append(
            [fall(panel, at, blocks, [regions[n] for n in part]) for part in chosen]
        )
    return np.array(falls)


def fall(panel: Panel, at: np.ndarray, blocks: Blocks, regions: list) -> float:
    tile = panel.tile(voxel(at))
    gray = panel.read(tile)
    gone = cover_all(gray, tile, regions, local_mean(panel, blocks))
    found = []
    for version in (gray[None], gone):
        seen = exhaust(panel.look(version, tile))
        answers = exhaust(panel.answer(seen, tile.core))
        found.append(log_odds(answers, panel.weights, FIBER)[0])
    return float(found[0] - found[1])


def deletion_row(name: str, ensemble: Ensemble, case: Case, count: int) -> None:
    important, chance = deletion(ensemble, case, count, 0).mean(0)
    ratio = important / chance if chance > 0 else np.inf
    print(f"| {name} | {count} | {important:.2f} | {chance:.2f} | {ratio:.1f} |")


def told_by(kind: str, seed: int) -> Case:
    """Lines that are fibers in the bright half alone; or lines, but not discs."""
    rng, edge = np.random.default_rng(seed), 160
    y, x = np.indices((edge, edge))
    line, disc = np.zeros((edge, edge), bool), np.zeros((edge, edge), bool)
    for number, row in enumerate(range(12, edge - 8, 16)):
        if kind == "gray value" or number % 2:
            line |= np.abs(y - row - 0.05 * (x - edge / 2)) < 2
            continue
        for column in range(12, edge - 8, 22):
            disc |= (y - row) ** 2 + (x - column) ** 2 < 5.5**2
    image = rng.normal(100, 6, (edge, edge)) + 60 * (line | disc)
    truth, told = line, rng.random((edge, edge)) < 0.2
    if kind == "gray value":  # all else is the same in both halves
        truth = line & (x > edge / 2)
        image += 60 * (x > edge / 2)
        told &= np.abs(x - edge / 2) > 24
    labels = np.zeros((edge, edge), np.uint8)
    chosen = (line | disc) & told
    labels[chosen] = 1 + truth[chosen]
    return image.astype(np.float32), labels, truth


def channel_rows(seconds: float, threads: int) -> None:
    print("| told by | seed | named first | drop | next |")
    print("| --- | --- | --- | --- | --- |")
    for kind in ("gray value", "shape"):
        for seed in range(2):
            case = told_by(kind, seed)
            ensemble = trained(case, seconds, threads)
            at = places(case[2], 1, seed)[0].tolist()
            found = exhaust(explain_steps(ensemble, case[0], at, case[1]))
            first, second, *_ = found.channels.kinds
            row = f"{first.name} | {first.drop:.2f} | {second.name} {second.drop:.2f}"
            print(f"| {kind} | {seed} | {row} |")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=["time", "deletion", "channels"])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=10, help="of each training")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    flat, solid = picture(4), volume(3)
    if given.part in (None, "time", "deletion"):
        models = [trained(c, given.seconds, given.threads) for c in (flat, solid)]
    if given.part in (None, "time"):
        time_table(models[0], flat, "256 x 256", 30)
        time_table(models[1], solid, "volume, 9 x 9 x 9 blocks", 3)
    if given.part in (None, "deletion"):
        print("| image | voxels | important | by chance | ratio |")
        print("| --- | --- | --- | --- | --- |")
        deletion_row("phantom slice", models[0], flat, 20)
        deletion_row("phantom volume", models[1], solid, 12)
        other = glass()
        deletion_row(
            "glass fibers", trained(other, given.seconds, given.threads), other, 12
        )
    if given.part in (None, "channels"):
        channel_rows(given.seconds / 3, given.threads)


if __name__ == "__main__":
    main()
