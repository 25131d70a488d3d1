"""Intervals of the score on held-out strokes."""

import numpy as np

from napari_sciml.training.evaluation.figures import ENOUGH, dice_intervals


def answers(right: np.ndarray, truth: np.ndarray) -> np.ndarray:
    said = np.where(right, truth, 1 - truth)
    return np.eye(2)[said] * 0.8 + 0.1


def test_strokes_are_counted_and_few_tell_nothing() -> None:
    truth = np.array([0, 0, 1, 1, 1, 0])
    strokes = np.array([3, 3, 5, 5, 9, 11])
    units, intervals = dice_intervals(answers(truth == truth, truth), truth, strokes)
    assert units == (2, 2)
    assert intervals == (None, None)


def test_interval_is_that_of_strokes_not_of_voxels() -> None:
    """Each stroke is right or wrong as a whole: as wide as of so many coins."""
    rng = np.random.default_rng(0)
    strokes = np.repeat(np.arange(60), 50)
    truth = (strokes % 2).astype(int)
    lucky = rng.random(60) < 0.8
    told = answers(lucky[strokes], truth)
    units, (_, fiber) = dice_intervals(told, truth, strokes)
    assert units == (30, 30)
    said = told.argmax(1)
    dice = 2 * ((said == 1) & (truth == 1)).sum() / ((said == 1).sum() + truth.sum())
    assert fiber[0] < dice < fiber[1]
    alone = dice_intervals(told[::50], truth[::50], strokes[::50])[1][1]
    np.testing.assert_allclose(fiber, alone, atol=1e-9)
    assert 0.1 < fiber[1] - fiber[0] < 0.4
    assert units[0] >= ENOUGH
