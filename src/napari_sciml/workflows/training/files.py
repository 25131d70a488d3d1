"""Train on files, and go on after an interruption."""

import math
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
    labeled_by_image,
)

if TYPE_CHECKING:
    from napari_sciml.training.config import TrainingConfig
    from napari_sciml.training.evaluation.calibration import Calibration
    from napari_sciml.training.events import Snapshot
    from napari_sciml.training.state import TrainingState

OVER_CHANCE = 0.1
"""Of the held-out strokes, mean over classes, by which an answer is no mere chance."""
FEW_STEPS = 120
"""With fewer steps than this networks have hardly begun to learn: on a phantom 66 of
them gave an instance F1 of 0.09, 190 one of 0.89."""


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
    from napari_sciml.training.events import Snapshot
    from napari_sciml.training.live import describe
    from napari_sciml.training.session import train
    from napari_sciml.training.start import verdict

    inputs = [*inputs_of(scans), *(() if start is None else (start,))]
    check_output(out, "model", inputs=inputs, overwrite=overwrite, folder=True)
    check_target(checkpoint_of(out), folder=True)
    given = TrainingFiles.read(
        scans, class_names=class_names, ignore=ignore, mapping=mapping
    )
    names = given.class_names
    for caution in given.cautions:
        say(caution)
    config = given.settings(config)
    if resume:
        start = start or start_of_training(out)
        state = read_state(folder_to_resume(out))
    settings = config.model_dump(mode="json")
    checkpoint = Checkpoint(out, settings, start, say)
    known = None if start is None else read_start(start)
    last: Snapshot | None = None
    for event in train(
        given.image,
        given.annotation,
        config,
        class_names=names,
        start=known,
        resume=state,
    ):
        if isinstance(event, Snapshot):
            last = event
            checkpoint.update(event)
        if event is not None:
            report(event.fraction, _scores_in_words(last, names))
    if last is None:
        raise RuntimeError("the training ended without a model")
    summary = {
        "model": str(out),
        "network": config.network.kind,
        "members": config.members,
        "answers": describe(
            last.ensemble.trust, config.members, last.state.members[0].steps
        ),
        "labeled_voxels": {names[v - 1]: n for v, n in sorted(given.counts.items())},
        "images": describe_images(given, last),
        "start": known and verdict(known.name, bool(last.goes_on)),
        **describe_training(last, names),
        "hint": hint_of_few_steps(config, last.state.members[0].steps),
        "cautions": [*given.cautions, *caution_of_chance(last)],
    }
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
        record |= calibration_record(last.calibration, names)
    with checkpoint.named():
        save_model(last.ensemble, out, record=record, state=last.state)
    checkpoint.remove()
    return summary


def describe_training(last: "Snapshot", names: Sequence[str]) -> dict[str, Any]:
    """What a person wants to know about a training that is over."""
    scores, calibration = last.scores, last.calibration
    return {
        "training_seconds": round(last.seconds, 1),
        "steps": last.state.members[0].steps,
        "held_out_loss": scores and scores.loss,
        "held_out_dice": scores and _named(names, scores.dice),
        "estimated_share": calibration and _named(names, calibration.shares),
        "expected_dice": calibration and _named(names, calibration.expected_dice),
    }


def describe_images(
    given: TrainingFiles, last: "Snapshot"
) -> dict[str, dict[str, Any]] | None:
    """Of several images, what each one has to do with the model."""
    if len(given.scans) == 1:
        return None
    return {
        str(scan.image): {
            "labeled_voxels": count,
            "held_out_dice": scores and _named(given.class_names, scores.dice),
        }
        for scan, count, scores in zip(
            given.scans, labeled_by_image(given), last.by_image, strict=True
        )
    }


def caution_of_chance(last: "Snapshot") -> tuple[str, ...]:
    """Say where the strokes that were kept aside are told apart by chance only."""
    report = last.calibration and last.calibration.report
    if not report:
        return ()
    found = [recall for recall in report.recall if math.isfinite(recall)]
    if len(found) < 2 or sum(found) / len(found) > 1 / len(found) + OVER_CHANCE:
        return ()
    return (
        f"Of the strokes that were kept aside {sum(found) / len(found):.0%} are put "
        f"into the right one of {len(found)} classes, as if by chance, so do not rely "
        "on the Dice that is expected: look whether the image shows these classes, "
        "paint more strokes, or train longer.",
    )


def hint_of_few_steps(config: "TrainingConfig", steps: int) -> str | None:
    """What to do where the seconds were over before anything was learned."""
    if config.steps is not None or config.patience is not None or steps >= FEW_STEPS:
        return None
    return (
        f"only {steps} {'step' if steps == 1 else 'steps'} of each network fitted into "
        f"{config.seconds:g} s, so {_what_answers(config)}: give it more --seconds, or "
        "end what else is running."
    )


def _what_answers(config: "TrainingConfig") -> str:
    return "trees answer nearly alone" if config.trees else "expect little"


def calibration_record(
    calibration: "Calibration", names: Sequence[str]
) -> dict[str, Any]:
    """What the model file keeps of a calibration."""
    record: dict[str, Any] = {
        "estimated_share": _named(names, calibration.shares),
        "expected_dice": _named(names, calibration.expected_dice),
    }
    if calibration.conformal is not None:
        record["calibration"] = calibration.conformal.model_dump(mode="json")
        record["calibration_unit"] = calibration.unit
    if calibration.report is not None:
        record["held_out"] = calibration.report.as_dict(names)
    return record


def _named(names: Sequence[str], values: Sequence[float]) -> dict[str, float]:
    """By class, to three digits; what is not known is left out."""
    pairs = zip(names, values, strict=True)
    return {name: float(f"{v:.3g}") for name, v in pairs if math.isfinite(v)}


def _scores_in_words(snapshot: Any, names: Sequence[str]) -> str:
    if snapshot is None or snapshot.scores is None:
        return ""
    dice = _named(names, snapshot.scores.dice)
    return "held-out Dice: " + ", ".join(
        f"{n} {value:.2f}" for n, value in dice.items()
    )
