"""What the Train dock says about the model at hand."""

from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

from napari_sciml.escape import for_html
from napari_sciml.plugin.state.evidence import not_known, unknown_classes
from napari_sciml.plugin.state.model import kind_of
from napari_sciml.project.checkpoint import Checkpoint

if TYPE_CHECKING:
    from napari_sciml.plugin.state.model import Model
    from napari_sciml.plugin.state.prediction_volume import PredictionVolume
    from napari_sciml.training.evaluation.calibration import Calibration


def tell_shown(model: "Model | None", newest: "Model | None") -> str:
    """Which model is on the screen.

    Parameters
    ----------
    model
        The one that is used.
    newest
        What the training has made last.
    """
    if model is None:
        return ""
    if model.source is not None:
        return f"You see {model.words} of {Path(model.source).name}, which was loaded."
    if model is not (newest or model):
        return "You see an earlier model from the history."
    return f"You see {model.words}. {model.began}".strip()


def tell_predicted(volume: "PredictionVolume | None") -> str:
    """How much of the image is predicted, as long as it is not all."""
    if volume is None or volume.share in (0, 1):
        return ""
    percent = min(99.0, 100 * volume.share)
    digits = f"{percent:.0f}" if percent >= 1 else f"{percent:.1g}"
    return f"Predicted so far: {digits} % of the image."


def tell_checkpoint(kept: Checkpoint) -> str:
    """What the row of a kept model shows."""
    parts = [f"{kept.time.astimezone():%H:%M:%S}"]
    if kept.loaded_from:
        parts.append(f"loaded from {kept.loaded_from}")
    if kept.revision is not None:
        parts.append(f"revision {kept.revision}")
    if kept.score is not None:
        parts.append(f"Dice {kept.score:.2f}")
    return " · ".join([*parts, _answers(kept)])


def _answers(kept: Checkpoint) -> str:
    if kind_of(kept.kind) == "trees":
        return "trees"
    alone = kept.ensemble is not None and kept.ensemble.forest is None
    return "networks" if alone else "trees + networks"


def tell_scores(model: "Model | None") -> str:
    """How good it is on held-out strokes, and what to expect in the image."""
    if model is None:
        return ""
    names, sentences = model.ensemble.class_names, []
    if model.scores is not None:
        pairs = zip(names, model.scores.dice, strict=True)
        known = [f"{name} {dice:.2f}" for name, dice in pairs if isfinite(dice)]
        if known:
            sentences.append(f"Held-out strokes (Dice): {', '.join(known)}.")
    unknown = unknown_classes(model)
    if model.calibration is not None:
        sentences.append(_in_the_image(model.calibration, names, unknown))
    if unknown:
        sentences.append(not_known(unknown))
    return " ".join(filter(None, sentences))


def tell_revision(model: "Model | None", now: int) -> str:
    """Whether the last stroke was learned from."""
    if model is None:
        return "No model yet."
    if model.revision is None:
        return "Model loaded from a folder."
    if model.revision == now:
        return f"Trained on revision {now}: all your strokes."
    return f"Trained on revision {model.revision}, you are at {now}."


def tell_key(colors: Mapping[str, str]) -> str:
    """The colors of our layers, as rich text."""
    return "<br>".join(
        f"<font color={color}>■</font> {for_html(meaning)}"
        for meaning, color in colors.items()
    )


def _in_the_image(
    calibration: "Calibration", names: Sequence[str], unknown: Sequence[str]
) -> str:
    """Share and expected overlap of the classes but the commonest."""
    rows = list(zip(names, calibration.shares, calibration.expected_dice, strict=True))
    rows.remove(max(rows, key=lambda row: row[1]))
    told = [
        f"about {100 * share:.2g} % {name}"
        + (f", expected Dice {dice:.2f}" if isfinite(dice) else "")
        for name, share, dice in rows
        if name not in unknown
    ]
    return f"In the image: {'; '.join(told)}." if told else ""
