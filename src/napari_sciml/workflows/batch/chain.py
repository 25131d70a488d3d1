"""From many images to their fibers: predict, keep what is sure, measure."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from napari_sciml.fibers.config import FiberConfig
from napari_sciml.io.results.batch_record import Command
from napari_sciml.progress import watched
from napari_sciml.uncertainty.threshold import ThresholdConfig
from napari_sciml.workflows.batch.driver import FileEnded
from napari_sciml.workflows.batch.masks import threshold_files
from napari_sciml.workflows.batch.measurements import measure_files
from napari_sciml.workflows.batch.predictions import predict_files
from napari_sciml.workflows.batch.result import BatchResult

PREDICTIONS, MASKS, FIBERS = "predictions", "masks", "fibers"
"""Folders in the folder of results."""


@dataclass(frozen=True)
class Chain:
    """What is done with each of many images.

    Attributes
    ----------
    model
        Folder of the model.
    out
        Folder of all results; there is one in it for each step.
    sure
        What is kept of a prediction; None = predict only.
    coverage
        Keep by this coverage instead of mean and deviation.
    fibers
        How the fibers of what is kept are measured; None = not at all.
    device
        To predict on.
    threads
        Of the CPU; all cores by default.
    again
        Whether to do all anew, instead of what is not done yet.
    """

    model: Path
    out: Path
    sure: ThresholdConfig | None = None
    coverage: float | None = None
    fibers: FiberConfig | None = None
    device: str = "auto"
    threads: int | None = None
    again: bool = False

    @property
    def steps(self) -> tuple[Command, ...]:
        """In order; what comes after one that is not wanted is not, either."""
        if self.sure is None:
            return ("predict",)
        if self.fibers is None:
            return ("predict", "threshold")
        return ("predict", "threshold", "fibers")


@dataclass(frozen=True)
class StepBegan:
    """A step begins: the number of it, from 1, of how many, and with how many files."""

    step: Command
    number: int
    total: int
    files: int


@dataclass(frozen=True)
class StepGrew:
    """The share of a step that is done, and the name of the file under way."""

    step: Command
    share: float
    words: str


@dataclass(frozen=True)
class StepEnded:
    """A file has gone through a step, well or not."""

    step: Command
    file: FileEnded


@dataclass(frozen=True)
class Told:
    """A sentence that a person should read: what a folder was taken for."""

    sentence: str


@dataclass(frozen=True)
class ChainEnded:
    """All steps are done: what each has come to."""

    results: dict[Command, BatchResult] = field(default_factory=dict)


ChainEvent = StepBegan | StepGrew | StepEnded | Told | ChainEnded


def run_chain(
    images: Sequence[str | Path], chain: Chain
) -> Generator[ChainEvent | None, None, ChainEnded]:
    """Do all steps with all images; what is done already stays.

    An image that fails in a step is left out in the next ones and stops no other.

    Parameters
    ----------
    images
        Files, folders and patterns, as in `find_images`.
    chain
        What to do.

    Yields
    ------
    ChainEvent or None
        None is a chance to stop. What was done until then is gone on with the next
        time.

    Raises
    ------
    InputError
        When the model or the folder cannot be used, or there is no image.
    """
    ended = yield from watched(lambda tell: _Chain(chain, tell).run(images))
    yield ended
    return ended


class _Chain:
    """A chain while it runs, in a thread."""

    def __init__(self, chain: Chain, tell: Callable[[ChainEvent], None]) -> None:
        self._chain, self._tell = chain, tell

    def run(self, images: Sequence[str | Path]) -> ChainEnded:
        chain = self._chain
        results: dict[Command, BatchResult] = {}
        found = images
        for number, step in enumerate(chain.steps, start=1):
            began = StepBegan(step, number, len(chain.steps), len(found))
            self._tell(began)
            result = results[step] = self._do(step, found, results)
            found = [str(one.result) for one in result.done]
            if not found:
                break
        return ChainEnded(results)

    def _do(
        self,
        step: Command,
        found: Sequence[str | Path],
        results: dict[Command, BatchResult],
    ) -> BatchResult:
        chain = self._chain
        options: dict[str, Any] = {
            "resume": not chain.again,
            "overwrite": chain.again,
            "say": lambda sentence: self._tell(Told(sentence)),
            "report": lambda share, words: self._tell(StepGrew(step, share, words)),
            "each": lambda one: self._tell(StepEnded(step, one)),
        }
        if step == "predict":
            options |= {"device": chain.device, "threads": chain.threads}
            out = chain.out / PREDICTIONS
            return predict_files(chain.model, list(found), out, **options)
        assert chain.sure is not None
        if step == "threshold":
            options["coverage"] = chain.coverage
            return threshold_files(
                list(found), chain.out / MASKS, chain.sure, **options
            )
        kept = [str(one.result) for one in results["predict"].done]
        options |= {"probabilities": kept, "class_name": chain.sure.class_name}
        return measure_files(list(found), chain.out / FIBERS, chain.fibers, **options)
