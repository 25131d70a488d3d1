"""Make a model of a project again from its strokes."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_sciml.annotation.changes import LabelChange, merged
from napari_sciml.annotation.scribbles import Scribbles
from napari_sciml.errors import InputError
from napari_sciml.images.channels import ChannelImage
from napari_sciml.io.models.folder import save_model, weights_sha256
from napari_sciml.io.models.start import read_start
from napari_sciml.io.provenance import provenance
from napari_sciml.io.results.outputs import check_output
from napari_sciml.progress import Report, exhaust
from napari_sciml.project.checkpoint import Checkpoint
from napari_sciml.project.folder import Project
from napari_sciml.project.image import open_image_at
from napari_sciml.project.image_identity import ImageIdentity
from napari_sciml.project.runs import Run, run_of

if TYPE_CHECKING:
    from napari_sciml.networks.ensemble import Ensemble
    from napari_sciml.training.live import LiveTraining
    from napari_sciml.training.start import Start

Taken = tuple[int, int, LabelChange]
"""Round, revision, and how the labels differ from those taken before."""

ROUNDS_APART = 200_000
"""Rounds after the last new label; a training in the viewer ends after some 2500."""
CHANNEL_AXES = ("c", "ch", "channel", "channels")


def replay_project(
    folder: Path,
    number: int | None = None,
    *,
    image: Path | None = None,
    out: Path | None = None,
    overwrite: bool = False,
    report: Report,
) -> dict[str, Any]:
    """Train a model of a project again, and compare it with the one that is there.

    Parameters
    ----------
    folder
        Of the project.
    number
        Of the model; the newest if not given.
    image
        File of the image, where the project cannot find it.
    out
        Model folder to write; none if not given.
    report
        Called with the progress.

    Returns
    -------
    dict
        Whether the weights are the same, and how far apart they are.

    Raises
    ------
    InputError
        When the project does not hold what is needed, or the image is missing.
    """
    project = Project.open(folder)
    if out is not None:
        check_output(
            out, "model", inputs=(folder, image), overwrite=overwrite, folder=True
        )
    entry = _entry(project, number)
    run = run_of(project.runs(), entry.run)
    if run.left_out:
        raise InputError(
            f"Training {entry.run} left out strokes on what is out of focus, and the "
            "project does not tell which: its models cannot be made again."
        )
    schedule = replay_schedule(project, run, entry.revision)
    _check_rounds([*(taken[0] for taken in schedule), entry.round])
    data = project.open_image() if image is None else _opened(project, image)
    made = train_again(_as_pixels(data, project), run, schedule, entry, report)
    if out is not None:
        record = provenance(
            project=folder, model=entry.number, config=run.started.settings
        )
        save_model(made, out, record=record)
    return {
        "project": str(folder),
        "model": entry.number,
        "kind": entry.kind,
        "revision": entry.revision,
        "rounds": entry.round,
        "labels_taken": len(schedule),
        **_compared(entry, made),
        "written": None if out is None else str(out),
    }


def replay_schedule(
    project: Project, run: Run, revision: int | None = None
) -> list[Taken]:
    """List what a training took over, and when.

    Parameters
    ----------
    project
        With the journal of strokes.
    run
        The training.
    revision
        Of the annotation, up to which; all that was taken if not given.

    Returns
    -------
    list of (round, revision, LabelChange)
        The first change is one of an empty annotation.

    Raises
    ------
    InputError
        When the journal does not reach as far, or does not fit the image.
    """
    reading = project.strokes()
    changes = list(reading.changes(project.description.labels_shape))
    taken = [t for t in run.taken if revision is None or t[1] <= revision]
    if not taken or (revision is not None and taken[-1][1] != revision):
        raise InputError(
            f"Training {run.started.run} never took revision {revision} of the labels: "
            "this model cannot be made again."
        )
    if taken[-1][1] > reading.revision:
        raise InputError(
            f"The project has lost strokes: they end with revision {reading.revision}, "
            f"but the training has seen {taken[-1][1]}."
        )
    schedule, after = [], 0
    for round_, upto in taken:
        end = after
        while end < len(changes) and changes[end].revision <= upto:
            end += 1
        if end > after:
            change = _with_revision(merged(changes[after:end]), upto)
            schedule.append((round_, upto, change))
        after = end
    if not schedule:
        raise InputError(
            f"The strokes of the project begin after revision {taken[-1][1]}, the last "
            "one that the training has seen: this model cannot be made again."
        )
    return schedule


def train_again(
    image: Any,
    run: Run,
    schedule: Sequence[Taken],
    entry: Checkpoint,
    report: Report,
) -> "Ensemble":
    """Go through a training as it went, up to a model.

    Parameters
    ----------
    image
        Array-like, as it was trained on.
    run, schedule
        What the training was told, and when it took which labels.
    entry
        The model.
    report
        Called with the progress.
    """
    from napari_sciml.networks.device import use_threads
    from napari_sciml.training.config import TrainingConfig
    from napari_sciml.training.live import LiveTraining

    # Earlier trainings knew nothing of fibers.
    settings = {"known_fibers": False, **run.started.settings}
    config = TrainingConfig.model_validate(settings)
    if run.started.threads is not None:
        use_threads(run.started.threads)
    labels = Scribbles.empty(image.shape).changed(schedule[0][2])
    training = LiveTraining(
        image,
        labels,
        config,
        run.started.class_names,
        start=_start(run),
        before=run.started.before,
    )
    exhaust(training.advance())
    for round_, _, change in schedule[1:]:
        _advance(training, round_, report, of=entry.round)
        training.update_labels([change])
        exhaust(training.advance())
    _advance(training, entry.round, report)
    return exhaust(training.ready())


def _start(run: Run) -> "Start | None":
    """The model that a training began with, if it is still what it was."""
    if run.started.start is None:
        return None
    folder, identity = run.started.start
    found = read_start(Path(folder))
    if found.identity != identity:
        raise InputError(
            f"Training {run.started.run} began with the model {folder}, which is "
            "another one now: this model cannot be made again."
        )
    return found


def _advance(
    training: "LiveTraining", round_: int, report: Report, *, of: int | None = None
) -> None:
    """Train up to a round, as `napari_sciml.workflows.training.live` did."""
    last = round_ if of is None else of
    while training.round < round_:
        exhaust(training.advance())
        report(training.round / max(1, last), f"round {training.round} of {last}")


def _check_rounds(rounds: Sequence[int]) -> None:
    """Refuse what would be trained for ever, or back in time."""
    for before, after in pairwise((0, *rounds)):
        if not 0 <= after - before <= ROUNDS_APART:
            raise InputError(
                f"The project says that round {after} came after round {before} of the "
                "training, with no new label between them, which no training does: it "
                "is damaged, so this model cannot be made again."
            )


def _entry(project: Project, number: int | None) -> Checkpoint:
    if number is not None:
        return project.models.entry(number)
    entries = project.models.entries()
    if not entries:
        raise InputError(f"{project.folder} has no model yet: nothing to make again.")
    return entries[-1]


def _opened(project: Project, image: Path) -> Any:
    if not image.exists():
        raise InputError(f"{image} does not exist; check the path of the image.")
    return open_image_at(image, project.description.image)


def _as_pixels(data: Any, project: Project) -> Any:
    """The image as the training saw it: channels are no axis."""
    known = project.description.image
    axis = _channel_axis(known)
    if known.rgb:
        return ChannelImage(data, -1, channels=3)
    return data if axis is None else ChannelImage(data, axis)


def _channel_axis(image: ImageIdentity) -> int | None:
    labels = [str(x).strip().lower() for x in image.place.get("axis_labels", ())]
    return next((i for i, x in enumerate(labels) if x in CHANNEL_AXES), None)


def _with_revision(change: LabelChange, revision: int) -> LabelChange:
    return LabelChange(revision, change.indices, change.values)


def _compared(entry: Checkpoint, made: "Ensemble") -> dict[str, Any]:
    """How far the weights are from those of the project."""
    sha256 = weights_sha256(made)
    stored, own = entry.load().state_dict(), made.state_dict()
    fit = stored.keys() == own.keys() and all(
        stored[name].shape == own[name].shape for name in stored
    )
    largest = None
    if fit:
        pairs = [(stored[name].double(), own[name].cpu().double()) for name in stored]
        largest = max(float((a - b).abs().max()) for a, b in pairs if a.numel())
    return {
        "same_weights": sha256 == entry.weights_sha256,
        "largest_difference": largest,
        "weights_sha256": sha256,
        "stored_sha256": entry.weights_sha256,
    }
