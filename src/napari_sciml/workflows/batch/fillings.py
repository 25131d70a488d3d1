"""Fill the gaps of many images."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from napari_sciml.filling.config import FillConfig
from napari_sciml.progress import Report, Say
from napari_sciml.workflows.batch.driver import Step
from napari_sciml.workflows.batch.folder import begin_batch
from napari_sciml.workflows.batch.inputs import Named, find_images, means_one
from napari_sciml.workflows.batch.result import (
    BatchResult,
    Each,
    done_with_all,
    say_all,
)
from napari_sciml.workflows.filling.files import fill_file

ENDING = ""


def is_for_one(images: Sequence[Path], out: Path, say: Say) -> bool:
    """Whether a single image is meant; see `means_one`."""
    return means_one(images, out, lambda: find_images(images), say)


def fill_files(
    images: Named,
    out: str | Path,
    *,
    config: FillConfig | None = None,
    resume: bool = False,
    overwrite: bool = False,
    say: Say | None = None,
    report: Report | None = None,
    each: Each | None = None,
    **shared: Any,
) -> BatchResult:
    """Fill many images, a folder each; see `predict_files`.

    Parameters
    ----------
    images
        Files, folders and patterns, as in `find_images`.
    out
        Folder to write; see `begin_batch`.
    config
        Settings; see `FillConfig`.
    resume
        Leave out what is done.
    overwrite
        Do all again that an earlier run has done.
    say, report, each
        As in `predict_files`.
    **shared
        What all have in common: ``mask``, ``center``, ``beamstop``, ``model``,
        ``threads`` of `napari_sciml.workflows.filling.files.fill_file`.

    Returns
    -------
    BatchResult
        What became of each file.

    Raises
    ------
    InputError
        When the folder cannot be used, or nothing is named.
    """
    out, config = Path(out), config or FillConfig()
    found = find_images(images, out=out)
    named = [shared.get(name) for name in ("mask", "model", "beamstop")]
    given = [path for path in named if isinstance(path, Path)]
    folder = begin_batch(
        out,
        "fill",
        found.paths,
        named=(*found.named, *given),
        ending=ENDING,
        resume=resume,
        overwrite=overwrite,
    )
    say_all(say, found.told)

    def run(image: Path, target: Path, told: Report) -> dict[str, Any]:
        return fill_file(image, target, config=config, report=told, **shared)

    settings = {**config.model_dump(mode="json"), **_plain(shared)}
    step = Step("fill", "filling", run, settings, beside=lambda _: given)
    return done_with_all(step, folder, resume=resume, report=report, each=each)


def _plain(shared: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in shared.items() if key != "threads"}
    return {k: str(v) if isinstance(v, Path) else v for k, v in kept.items()}
