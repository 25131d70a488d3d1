"""Measure the fibers of many masks, and compare them."""

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from napari_sciml.errors import InputError
from napari_sciml.executor import Start
from napari_sciml.fibers.config import FiberConfig
from napari_sciml.io.images.text import listed
from napari_sciml.progress import Report, Say
from napari_sciml.workflows.batch.driver import Step
from napari_sciml.workflows.batch.folder import TABLES, BatchFolder, begin_batch
from napari_sciml.workflows.batch.inputs import (
    Inputs,
    Named,
    find_images,
    find_predictions,
)
from napari_sciml.workflows.batch.names import base_name
from napari_sciml.workflows.batch.result import (
    BatchResult,
    Each,
    done_with_all,
    say_all,
)
from napari_sciml.workflows.batch.samples import compare_samples
from napari_sciml.workflows.pipeline import measure_mask


def measure_files(
    masks: Named,
    out: str | Path,
    config: FiberConfig | None = None,
    *,
    images: Named | None = None,
    probabilities: Named | None = None,
    class_name: str = "fiber",
    voxel_size: str | None = None,
    unit: str | None = None,
    sweep: bool = False,
    block: int | None = None,
    resume: bool = False,
    overwrite: bool = False,
    say: Say | None = None,
    report: Report | None = None,
    each: Each | None = None,
    workers: AbstractContextManager[Start | None] | None = None,
) -> BatchResult:
    """Measure the fibers of many masks, a folder each, and compare them.

    Beside the folders are ``fibers.csv``, the fibers of all with a column ``image``,
    ``samples.csv``, a row an image, and ``report.html``.

    Parameters
    ----------
    masks
        Files, folders and patterns, as in `find_images`.
    out
        Folder to write; see `begin_batch`.
    config, class_name, voxel_size, unit, sweep, block
        As in `measure_mask`.
    images, probabilities
        Gray images for the pictures, and the predictions that the masks were made
        from: each belongs to the mask of the same name, without endings.
    resume
        Leave out what is done, of inputs that are the same.
    overwrite
        Do all again that an earlier run has done.
    say, report, each
        As in `predict_files`.
    workers
        Gives what does the blocks, once for all; in this process by default.

    Returns
    -------
    BatchResult
        What became of each file.

    Raises
    ------
    InputError
        When the folder cannot be used, nothing is named, no image or prediction
        belongs to any mask, or one is asked for that was not given.
    """
    out, config = Path(out), config or FiberConfig()
    if sweep and probabilities is None:
        raise InputError(
            "The sweep over k and t needs the predictions: give them by --probability."
        )
    found = find_images(masks, out=out)
    beside = [
        None if given is None else _Partners(find(given), what)
        for given, find, what in (
            (images, find_images, "image"),
            (probabilities, find_predictions, "prediction"),
        )
    ]
    for one in beside:
        if one is not None:
            one.check([base_name(mask) for mask in found.paths])
    folder = begin_batch(
        out,
        "fibers",
        found.paths,
        named=[*found.named, *(p for one in beside if one for p in one.found.named)],
        resume=resume,
        overwrite=overwrite,
    )
    say_all(say, found.told)
    settings: dict[str, Any] = {
        "class_name": class_name,
        "voxel_size": voxel_size,
        "unit": unit,
        "sweep": sweep,
        "block": block,
    }
    with workers or nullcontext() as start:

        def run(mask: Path, target: Path, told: Report) -> dict[str, Any]:
            image, probability = (_of(one, mask) for one in beside)
            return measure_mask(
                mask,
                target,
                config,
                image=image,
                probability=probability,
                **settings,
                report=told,
                start=start,
            )

        known = {**config.model_dump(mode="json"), **settings, "blocks": bool(start)}
        partners = [one for one in beside if one is not None]
        step = Step(
            "fibers",
            "fibers",
            run,
            known,
            beside=lambda mask: [one.find(base_name(mask)) for one in partners],
        )
        result = done_with_all(step, folder, resume=resume, report=report, each=each)
    return _compared(result, folder)


def _compared(result: BatchResult, folder: BatchFolder) -> BatchResult:
    if not result.done:
        return result
    cautions = compare_samples(
        folder.path,
        {one.name: one.result for one in result.done},
        {one.name: one.error for one in result.failed},
    )
    return BatchResult(result.out, result.files, cautions, TABLES)


def _of(partners: "_Partners | None", mask: Path) -> Path | None:
    return None if partners is None else partners.of(base_name(mask))


class _Partners:
    """Files of which one belongs to each mask, by its name."""

    def __init__(self, found: Inputs, what: str) -> None:
        self.found, self._what = found, what
        self._by_name: dict[str, list[Path]] = {}
        for path in found.paths:
            self._by_name.setdefault(base_name(path), []).append(path)

    def check(self, names: list[str]) -> None:
        """Refuse what belongs to no mask at all."""
        if not any(name in self._by_name for name in names):
            raise InputError(
                f"No {self._what} has the name of a mask ({listed(names)}), by which "
                "they are matched: name them alike, endings aside."
            )

    def find(self, name: str) -> Path | None:
        """What belongs to a mask; None where that is not clear."""
        found = self._by_name.get(name, [])
        return found[0] if len(found) == 1 else None

    def of(self, name: str) -> Path:
        """What belongs to a mask.

        Raises
        ------
        InputError
            When there is none, or more than one.
        """
        found = self.find(name)
        if found is None:
            several = "Several" if name in self._by_name else "No"
            raise InputError(
                f"{several} {self._what}s have the name {name}, by which masks are "
                "matched: give one for each mask."
            )
        return found
