"""Predict an image file: all blocks, here one after the other or wherever else."""

import math
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

import numpy as np

from napari_sciml.io.atomic import check_length
from napari_sciml.io.results.prediction_tiff import output_places
from napari_sciml.progress import Report, Say, duration, map_progress
from napari_sciml.workflows.prediction.blocks import BlockWorker, BlockWritten
from napari_sciml.workflows.prediction.facts import cautions, costs, gray_values
from napari_sciml.workflows.prediction.plan import (
    SUFFIX,
    PredictionPlan,
    plan_prediction,
)
from napari_sciml.workflows.prediction.run import PredictionRun, is_finished, read_plan

DoBlocks = Callable[[PredictionRun], Iterator[BlockWritten | None]]
"""Predicts, writes and records the blocks that are left of a run."""

WAITING = 2
"""Blocks that may wait to be written."""
BLOCK_SHARE = 0.97
"""Of the progress, that the blocks are; the rest is the pyramid."""


def predict_image(
    model: Path,
    image: Path,
    out: Path,
    *,
    level: int = 0,
    block: int | None = None,
    half: bool = False,
    intensity: Literal["model", "image"] = "model",
    device: str = "auto",
    threads: int | None = None,
    memory: float | None = None,
    resume: bool = False,
    restart: bool = False,
    overwrite: bool = False,
    say: Say | None = None,
    report: Report,
    blocks: DoBlocks | None = None,
) -> dict[str, Any]:
    """Predict an image file into an OME-Zarr with mean and std, and a TIFF if wanted.

    What is done survives an interruption, in ``OUT.unfinished`` beside the output.

    Parameters
    ----------
    model, image, level, block, half, intensity, device, memory
        As in `plan_prediction`.
    out
        As in `output_places`: the OME-Zarr, or a TIFF to write beside it.
    threads
        Of the CPU; all cores by default.
    resume
        Go on with an interrupted prediction where there is one. The block size is
        that of the earlier run if none is given.
    restart
        Throw an interrupted prediction away.
    say
        Gets sentences on memory, space and gray values, before the work starts.
    report
        Called with the progress.
    blocks
        Does the blocks that are left; in this process by default.

    Returns
    -------
    dict
        What was done, JSON-able.
    """
    from napari_sciml.networks.device import default_threads, use_threads

    places = output_places(out, (model, image), overwrite=overwrite)
    out = places.zarr
    check_length(out.with_name(out.name + SUFFIX))
    use_threads(threads or default_threads())
    stored = read_plan(out, restart=restart) if resume else None
    if stored is not None:
        block = block or stored.block
        device = stored.device if device == "auto" else device
    plan = plan_prediction(
        model,
        image,
        out,
        level=level,
        block=block,
        half=half,
        intensity=intensity,
        device=device,
        memory=memory,
    )
    if resume and is_finished(plan):
        return {**_summary(plan, out), **places.write_tiff(report), "seconds": 0.0}
    gray = gray_values(plan)
    doubts = cautions(plan, gray)
    plan = plan.model_copy(update={"cautions": tuple(doubts)})
    more = places.costs(plan.shape, len(plan.class_names))
    for sentence in (*costs(plan), *more, *doubts):
        if say is not None:
            say(sentence)
    started = time.monotonic()
    with PredictionRun(plan, resume=resume, restart=restart) as run:
        begun = len(plan.blocks) - len(run.left)
        for _ in run_to_end(run, report, blocks=blocks):
            pass
    extra = places.write_tiff(report)
    seconds = time.monotonic() - started
    return {
        **_summary(plan, out),
        **extra,
        "seconds": round(seconds, 1),
        "resumed_at_block": begun or None,
        "gray_values": gray,
        "cautions": doubts,
    }


def run_to_end(
    run: PredictionRun, report: Report, *, blocks: DoBlocks | None = None
) -> Generator[BlockWritten | None, None, None]:
    """Do what is left of a run, then finish it.

    Yields
    ------
    BlockWritten or None
        None is a chance to stop; a block comes as soon as it is on the disk.
    """
    plan = run.plan
    clock = _Clock(plan, run.left)
    if run.left:
        for written in (blocks or predict_here)(run):
            if written is not None:
                clock.add(written.index)
            # Also between two blocks: whoever listens may want to stop.
            report(BLOCK_SHARE * clock.share, clock.words)
            yield written
    for done, total in run.finish():
        report(BLOCK_SHARE + (1 - BLOCK_SHARE) * done / total, "making the pyramid")
        yield None


def predict_here(
    run: PredictionRun, worker: BlockWorker | None = None
) -> Generator[BlockWritten | None, None, None]:
    """Predict one block after the other, by a worker or one that is made here.

    A thread reads the next block and another one writes the last ones meanwhile; the
    result does not depend on it.
    """
    worker = worker or BlockWorker(run.plan)
    left = deque(run.left)
    going: deque[Future[BlockWritten]] = deque()
    reader = ThreadPoolExecutor(1, thread_name_prefix="read-block")
    writer = ThreadPoolExecutor(1, thread_name_prefix="write-block")

    def write(index: int, found: Any, started: float) -> BlockWritten:
        worker.write(index, found)
        run.record(index)
        return BlockWritten(index, time.monotonic() - started, found.halved)

    try:
        coming = reader.submit(worker.read, left[0])
        while left:
            started, index = time.monotonic(), left.popleft()
            values = coming.result()
            if left:
                coming = reader.submit(worker.read, left[0])
            found = yield from _computed(run, worker, index, values)
            going.append(writer.submit(write, index, found, started))
            while going and (len(going) >= WAITING or going[0].done()):
                yield going.popleft().result()
        while going:
            yield going.popleft().result()
    finally:
        # What was predicted is still written, whatever the reason to stop.
        reader.shutdown(cancel_futures=True)
        writer.shutdown()


def _computed(
    run: PredictionRun, worker: BlockWorker, index: int, values: np.ndarray
) -> Generator[None, None, Any]:
    return (
        yield from map_progress(
            worker.compute(index, values), lambda _: run.heartbeat()
        )
    )


class _Clock:
    """How fast it goes, and how long it will take."""

    def __init__(self, plan: PredictionPlan, left: list[int]) -> None:
        self._voxels = [
            math.prod(part.stop - part.start for part in core) for core in plan.blocks
        ]
        self._total = math.prod(plan.shape)
        self._before = self._total - sum(self._voxels[i] for i in left)
        self._now = 0
        self._blocks = len(plan.blocks)
        self._done = self._blocks - len(left)
        self._started = time.monotonic()

    def add(self, index: int) -> None:
        self._now += self._voxels[index]
        self._done += 1

    @property
    def share(self) -> float:
        return (self._before + self._now) / self._total

    @property
    def words(self) -> str:
        if not self._now:
            return f"block {self._done} of {self._blocks}"
        rate = self._now / max(1e-9, time.monotonic() - self._started)
        left = (self._total - self._before - self._now) / rate
        return (
            f"block {self._done} of {self._blocks}, {rate / 1e6:.2g} million voxels/s, "
            f"{duration(left)} left"
        )


def _summary(plan: PredictionPlan, out: Path) -> dict[str, Any]:
    return {
        "prediction": str(out),
        "shape": list(plan.shape),
        "classes": list(plan.class_names),
        "blocks": len(plan.blocks),
        "block": plan.block,
        "device": plan.device,
    }
