"""What the window says at the end of `flow_by_mouse.py`, beside what is true."""

from typing import Any

import numpy as np
from flow_people import Scene

NAMES = (
    *("shown_line", "quality_line", "doubt_line", "next_line"),
    *("held_out_scores", "k_words", "rule", "sure_share", "sure_caution"),
    *("fiber_summary", "fiber_caution", "fiber_message", "error_line"),
)


def compare(dock: Any, scene: Scene) -> dict[str, Any]:
    """All that is said, and the figures that it is measured by."""
    return {"said": said(dock), "figures": figures(dock, scene)}


def said(dock: Any) -> dict[str, str]:
    """Every line of text that is not empty, by its name."""
    from qtpy.QtWidgets import QLabel

    found = {}
    for label in dock.findChildren(QLabel):
        if label.objectName() in NAMES and label.text() and not label.isHidden():
            found[label.objectName()] = label.text()
    return found


def figures(dock: Any, scene: Scene) -> dict[str, Any]:
    """What the program believes (``said_``), and what is so (``true_``)."""
    session = dock.session
    volume, model = session.prediction.probabilities, session.prediction.model
    if volume is None or model is None:
        return {}
    found: dict[str, Any] = {}
    if model.scores is not None:
        found["said_held_out_dice"] = _round(model.scores.dice[1])
        if model.scores.intervals and model.scores.intervals[1]:
            found["said_interval"] = [_round(v) for v in model.scores.intervals[1]]
        if model.scores.strokes:
            found["held_out_strokes"] = list(model.scores.strokes)
    if model.calibration is not None:
        found["said_expected_dice"] = _round(model.calibration.expected_dice[1])
        found["said_share"] = _round(model.calibration.shares[1], 4)
    mean = np.asarray(volume.mean[1], np.float32)
    mean = mean[None] if mean.ndim == 2 else mean
    known = np.asarray(volume.known).reshape(mean.shape)
    tested, truth = scene.tested & known, scene.truth
    found["predicted"] = _round(volume.share)
    found["judged_at"] = [model.judged, model.revision]
    found["true_share"] = _round(truth[tested].mean(), 4)
    found["true_dice"] = _round(dice(mean[tested] > 0.5, truth[tested]))
    best = max(
        (dice(mean[tested] > t, truth[tested]), t) for t in np.arange(0.1, 0.95, 0.05)
    )
    found["best_dice_at_any_threshold"] = [_round(v) for v in best]
    mask = session.sure._mask
    if mask is not None:
        sure = np.reshape(mask, mean.shape)[tested] > 0
        kept, true = sure.sum(), truth[tested]
        found["sure_share"] = _round(sure.mean(), 4)
        found["sure_precision"] = _round((sure & true).sum() / max(kept, 1))
        found["sure_dice"] = _round(dice(sure, true))
    labels = session.workspace.annotation.layer
    if labels is not None:
        painted = np.reshape(np.asarray(labels.data), mean.shape)
        here = (painted > 0) & scene.known
        wrong = (painted[here] == 2) != truth[here]
        found["painted_voxels"] = int((painted > 0).sum())
        found["painted_wrong"] = _round(wrong.mean())
    return found | _fibers(session, scene)


def _fibers(session: Any, scene: Scene) -> dict[str, Any]:
    result = session.fibers.result
    if result is None:
        return {}
    table = result.table
    found = {
        "fibers": len(table),
        "median_length": _round(table["length"].median(), 1),
        "median_diameter": _round(table["diameter"].median(), 1),
        "at_border": int(table["touches_border"].sum()),
    }
    if scene.instances is not None:
        from napari_sciml.fibers.geometry.measure import measure_fibers

        true = measure_fibers(scene.instances)
        found["true_fibers"] = len(true)
        found["true_median_length"] = _round(true["length"].median(), 1)
    return found


def dice(found: np.ndarray, truth: np.ndarray) -> float:
    """Overlap of two masks."""
    both = found.sum() + truth.sum()
    return 2 * float((found & truth).sum()) / both if both else float("nan")


def _round(value: float, digits: int = 3) -> float:
    return round(float(value), digits)
