"""Train on files, and go on after an interruption."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_sciml.io.atomic import check_target
from napari_sciml.io.images.label_map import LabelMap, map_in_words
from napari_sciml.io.models.fit import facts_of
from napari_sciml.io.models.folder import save_model
from napari_sciml.io.models.start import read_start
from napari_sciml.io.models.training_state import (
    checkpoint_of,
    folder_to_resume,
    read_state,
    settings_of_training,
    start_of_training,
)
from napari_sciml.io.provenance import provenance
from napari_sciml.io.results.outputs import check_output
from napari_sciml.progress import Report, Say
from napari_sciml.workflows.training.checkpoint import Checkpoint
from napari_sciml.workflows.training.scans import (
    Scan,
    TrainingFiles,
    facts_of_scans,
    inputs_of,
)
from napari_sciml.workflows.training.summary import (
    calibration_record,
    scores_in_words,
    summary_of,
)

if TYPE_CHECKING:
    from napari_sciml.training.config import TrainingConfig
    from napari_sciml.training.events import Snapshot
    from napari_sciml.training.start import Start
    from napari_sciml.training.state import TrainingState


def train_model(
    scans: Sequence[Scan],
    out: Path,
    config: "TrainingConfig",
    *,
    class_names: Sequence[str] | None = None,
    ignore: Sequence[int] = (),
    mapping: LabelMap | None = None,
    resume: bool = False,
    state: "TrainingState | None" = None,
    start: Path | None = None,
    overwrite: bool = False,
    say: Say = lambda _: None,
    report: Report,
) -> dict[str, Any]:
    """Train an ensemble on image files and their sparse labels.

    While it runs, ``OUT.checkpoint`` beside the model holds all that is needed to
    go on; it is removed once the model is there.

    Parameters
    ----------
    scans
        Files to read: one image with its labels, or several.
    out
        Folder to write.
    config
        Settings.
    class_names
        Names of the classes 1, 2 …; all of them, or None for the usual ones.
    ignore
        Label values that count as not annotated.
    mapping
        From values or colors of the labels to classes, as in
        `napari_sciml.io.images.reading.open_labels`.
    resume
        Go on with an interrupted training, or with that of a finished model.
    state
        Go on with this one, instead.
    start
        Folder of an earlier model to begin with, where that helps.
    say
        Gets sentences on the files, before the work starts.
    report
        Called with the progress.
    """
    inputs = [*inputs_of(scans), *(() if start is None else (start,))]
    check_output(out, "model", inputs=inputs, overwrite=overwrite, folder=True)
    check_target(checkpoint_of(out), folder=True)
    given = TrainingFiles.read(
        scans, class_names=class_names, ignore=ignore, mapping=mapping
    )
    for caution in given.cautions:
        say(caution)
    if resume:
        start = start or start_of_training(out)
        state = read_state(folder_to_resume(out))
        config = _as_begun(config, out)
    else:
        config = given.settings(config)
    settings = config.model_dump(mode="json")
    checkpoint = Checkpoint(out, settings, start, say)
    known = None if start is None else read_start(start)
    last = _trained(given, config, known, state, checkpoint, report)
    summary = {"model": str(out), **summary_of(given, config, known, last)}
    record = provenance(
        **facts_of_scans(given),
        ignored_labels=list(ignore),
        label_map=mapping and map_in_words(mapping),
    )
    record |= {"config": settings, "summary": summary}
    if known is not None:
        record["start"] = {
            "model": start and start.absolute(),
            "identity": known.identity,
            "fits": last.goes_on,
        }
    record |= facts_of(given.volumes[0])
    if last.calibration is not None:
        record |= calibration_record(last.calibration, given.class_names)
    with checkpoint.named():
        save_model(last.ensemble, out, record=record, state=last.state)
    checkpoint.remove()
    return summary


def _as_begun(config: "TrainingConfig", out: Path) -> "TrainingConfig":
    """What the labels told when the training began, whatever they tell now."""
    if config.before is not None:
        return config
    return config.model_copy(update={"before": settings_of_training(out).get("before")})


def _trained(
    given: TrainingFiles,
    config: "TrainingConfig",
    known: "Start | None",
    state: "TrainingState | None",
    checkpoint: Checkpoint,
    report: Report,
) -> "Snapshot":
    """Train to the end, each state kept as it comes."""
    from napari_sciml.training.events import Snapshot
    from napari_sciml.training.session import train

    last: Snapshot | None = None
    for event in train(
        given.image,
        given.annotation,
        config,
        class_names=given.class_names,
        start=known,
        resume=state,
    ):
        if isinstance(event, Snapshot):
            last = event
            checkpoint.update(event)
        if event is not None:
            report(event.fraction, scores_in_words(last, given.class_names))
    if last is None:
        raise RuntimeError("the training ended without a model")
    return last
