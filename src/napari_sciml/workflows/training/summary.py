"""What is told and kept of a training on files that is over."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from napari_sciml.workflows.training.scans import TrainingFiles, labeled_by_image

if TYPE_CHECKING:
    from napari_sciml.training.config import TrainingConfig
    from napari_sciml.training.evaluation.calibration import Calibration
    from napari_sciml.training.events import Snapshot
    from napari_sciml.training.start import Start

OVER_CHANCE = 0.1
"""Of the held-out strokes, mean over classes, by which an answer is no mere chance."""
FEW_STEPS = 120
"""With fewer steps than this networks have hardly begun to learn: on a phantom 66 of
them gave an instance F1 of 0.09, 190 one of 0.89."""


def summary_of(
    given: TrainingFiles,
    config: "TrainingConfig",
    known: "Start | None",
    last: "Snapshot",
) -> dict[str, Any]:
    """All that a command prints of a training.

    Parameters
    ----------
    given, config
        What it was trained on, and how.
    known
        The model that it began with.
    last
        What came of it.
    """
    from napari_sciml.training.live import describe
    from napari_sciml.training.start import verdict

    names, steps = given.class_names, last.state.members[0].steps
    return {
        "network": config.network.kind,
        "members": config.members,
        "answers": describe(last.ensemble.trust, config.members, steps),
        "labeled_voxels": {names[v - 1]: n for v, n in sorted(given.counts.items())},
        "images": describe_images(given, last),
        "start": known and verdict(known.name, bool(last.goes_on)),
        **describe_training(last, names),
        "hint": hint_of_few_steps(config, steps),
        "cautions": [*given.cautions, *caution_of_chance(last)],
    }


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


def scores_in_words(snapshot: Any, names: Sequence[str]) -> str:
    """The held-out Dice for a line of progress; empty as long as there is none."""
    if snapshot is None or snapshot.scores is None:
        return ""
    dice = _named(names, snapshot.scores.dice)
    return "held-out Dice: " + ", ".join(
        f"{n} {value:.2f}" for n, value in dice.items()
    )
