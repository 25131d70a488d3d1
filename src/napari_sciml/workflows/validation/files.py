"""Validate a model on files: by labels that it has not seen, or fold by fold."""

from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from napari_sciml.errors import InputError
from napari_sciml.progress import Report, Say, exhaust, map_progress
from napari_sciml.workflows.validation.inputs import (
    ValidationFiles,
    ValidationInputs,
    are_own_labels,
    settings_of,
    trained_on_these,
)
from napari_sciml.workflows.validation.record import (
    figures_record,
    fold_records,
    over_folds,
    suspicious_rows,
)
from napari_sciml.workflows.validation.writing import write_validation

if TYPE_CHECKING:
    from napari_sciml.training.evaluation.labels import Pieces

T = TypeVar("T")


def validate_model(
    files: ValidationFiles,
    *,
    device: str = "auto",
    threads: int | None = None,
    say: Say = lambda _: None,
    report: Report,
) -> dict[str, Any]:
    """Judge a model by labels that it was not trained on.

    Parameters
    ----------
    files
        What is read, and the folder for ``validation.json``, ``strokes.csv`` and the
        reliability diagram.
    device, threads
        Where to compute.
    say, report
        Get sentences before the work starts, and the progress.

    Returns
    -------
    dict
        All numbers, JSON-able.

    Raises
    ------
    InputError
        When files cannot be read or do not fit together.
    """
    from napari_sciml.networks.device import default_threads, use_threads
    from napari_sciml.workflows.validation.arrays import validating

    given = ValidationInputs.read(files)
    doubts = trained_on_these(given.record, files, given.volume)
    for caution in (*given.cautions, *doubts):
        say(caution)
    use_threads(threads or default_threads())
    ensemble, image = given.ensemble, given.volume.data
    steps = validating(ensemble, image, given.annotation, device=device)
    found = _followed(steps, report, "asking about the strokes")
    numbers = figures_record(
        found.class_names, found.report, found.intervals, found.pieces
    )
    cautions = [*given.cautions, *doubts, *_left_out(found.left_out)]
    return _finished(files, numbers, found.pieces, found.class_names, cautions)


def cross_check_model(
    files: ValidationFiles,
    *,
    folds: int,
    seconds: float | None = None,
    device: str = "auto",
    threads: int | None = None,
    say: Say = lambda _: None,
    report: Report,
) -> dict[str, Any]:
    """Train models like a given one, each without some strokes, and judge it by these.

    Parameters
    ----------
    files, device, threads, say, report
        As in `validate_model`; ``folds.csv`` and ``suspicious_strokes.csv`` are
        written, too.
    folds
        Number of trainings.
    seconds
        Of each; by default as long as the model was trained.

    Returns
    -------
    dict
        All numbers, JSON-able.

    Raises
    ------
    InputError
        When files cannot be read or do not fit together, there are fewer strokes than
        folds, or the settings of the model are not known.
    """
    import numpy as np

    from napari_sciml.annotation.scribbles import as_scribbles
    from napari_sciml.training.cross_validation import cross_check
    from napari_sciml.training.evaluation.figures import intervals_of, report_of
    from napari_sciml.training.evaluation.labels import join

    given = ValidationInputs.read(files)
    names, labels = given.ensemble.class_names, as_scribbles(given.annotation)
    config = settings_of(given.record, seconds=seconds, device=device, threads=threads)
    strokes = len(labels.strokes())
    _check_folds(folds, strokes)
    before = given.before
    if before is None and are_own_labels(given.record, files, given.volume):
        before = config.before
    config = config.model_copy(update={"before": before})
    cautions = [*given.cautions, *_correcting(strokes, config.before)]
    for caution in cautions:
        say(caution)
    steps = cross_check(
        given.volume.data, labels, config, folds=folds, class_names=names
    )
    checked = _followed(steps, report, f"{folds} trainings")
    pieces = join([one.pieces for one in checked])
    known = [one.shares for one in checked if one.shares is not None]
    prior = None
    if known and not pieces.dense:
        prior = np.maximum(np.mean(known, axis=0), 1e-6).tolist()
    numbers = figures_record(
        names, report_of(pieces, prior), intervals_of(pieces, prior), pieces
    )
    by_fold = fold_records(checked, names)
    numbers |= {
        "folds": by_fold,
        "over_folds": over_folds(by_fold, names),
        "suspicious_strokes": suspicious_rows(pieces, names),
    }
    return _finished(files, numbers, pieces, names, cautions)


def _check_folds(folds: int, strokes: int) -> None:
    if folds > strokes:
        raise InputError(
            f"{strokes} strokes cannot be dealt into {folds} folds: paint more, or "
            "ask for fewer folds."
        )


def _correcting(strokes: int, before: int | None) -> tuple[str, ...]:
    """Say what held-out corrections cannot tell."""
    if before is None or before >= strokes:
        return ()
    return (
        f"{strokes - before} of {strokes} strokes correct a prediction, so they lie "
        "where models are wrong: expect the whole image to be better than these "
        "figures.",
    )


def _finished(
    files: ValidationFiles,
    numbers: dict[str, Any],
    pieces: "Pieces",
    names: Sequence[str],
    cautions: list[str],
) -> dict[str, Any]:
    """Write what was found where it is wanted, and give it back."""
    record = {
        "model": str(files.model),
        "image": str(files.image),
        "labels": str(files.labels),
        **numbers,
        "cautions": cautions,
    }
    if files.out is None:
        return record
    write_validation(files.out, record, pieces, names)
    return {"validation": str(files.out), **record}


def _followed(steps: Generator[Any, None, T], report: Report, words: str) -> T:
    """Do all steps, and tell how far they are: each is a share or has one."""

    def tell(step: Any) -> None:
        if step is not None:
            report(getattr(step, "fraction", step), words)

    return exhaust(map_progress(steps, tell))


def _left_out(voxels: int) -> tuple[str, ...]:
    if not voxels:
        return ()
    return (
        f"{voxels:,} labeled voxels were not compared: there are so many that blocks "
        "from all over the image were chosen.",
    )
