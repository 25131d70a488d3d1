"""How good a model is, in words that do not promise more than is known."""

from math import nan
from types import SimpleNamespace

import pytest

from napari_sciml.plugin.state.evidence import is_poor, quality, unknown_classes
from napari_sciml.plugin.state.model import Model
from napari_sciml.training.evaluation.calibration import Calibration
from napari_sciml.training.evaluation.metrics import Scores

NAMES = ("background", "fiber")


def model(dice=None, strokes=(), intervals=(), expected=None, **more) -> Model:
    scores = None
    if dice is not None:
        scores = Scores(0.1, 0.1, (0.98, dice), 50, strokes, intervals)
    judged = None
    if expected is not None:
        judged = Calibration(1.0, (0.0, 0.0), (0.9, 0.1), (0.99, expected), None, None)
    told = {"revision": 3, "scores": scores, "calibration": judged, **more}
    return Model(SimpleNamespace(class_names=NAMES), **told)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (
            model(0.87, (30, 12), (None, (0.75, 0.94)), expected=0.71),
            "Fiber: good on your strokes, Dice 0.87 (95 %: 0.75 to 0.94). In the "
            "whole image about 0.71 is expected.",
        ),
        (
            model(0.95, (9, 2), (None, None)),
            "Fiber: very good on your strokes, Dice 0.95, but only 2 held-out strokes "
            "of it can tell.",
        ),
        (
            model(0.6, (9, 1), ()),
            "Fiber: fair on your strokes, Dice 0.60, but only 1 "
            "held-out stroke of it can tell.",
        ),
        (
            model(0.61, (2, 4), (), expected=0.87),
            "Fiber: fair on your strokes, Dice 0.61, but only 4 held-out strokes of it "
            "can tell. In the whole image about 0.87 is expected, but your strokes do "
            "not bear that out.",
        ),
        (model(0.2), "Fiber: poor on your strokes, Dice 0.20."),
        (model(0.9, expected=nan), ""),
        (
            model(nan),
            "How well fiber is found is not known: no stroke of it could be held out.",
        ),
        (
            model(),
            "How well fiber is found is not known: no stroke of it could be held out.",
        ),
        (
            model(revision=None, loaded={}),
            "How well this model finds fiber here is not known: paint to see.",
        ),
        (None, ""),
    ],
)
def test_in_words(given, told) -> None:
    assert quality(given, "fiber") == told


@pytest.mark.parametrize(
    ("given", "poor"),
    [
        (None, False),
        (model(), False),
        (model(nan), False),
        (model(0.49), True),
        (model(0.5), False),
    ],
)
def test_poor(given, poor) -> None:
    assert is_poor(given, "fiber") is poor
    assert not is_poor(given, "void")


@pytest.mark.parametrize(
    ("dice", "expected", "judged", "unknown"),
    [
        (0.98, nan, 3, NAMES[1:]),  # looked at with these very strokes
        (0.98, nan, 2, ()),  # fewer strokes then; those kept aside tell by now
        (0.98, 0.9, 2, ()),
        (0.98, 0.9, 3, ()),
        (nan, nan, 2, NAMES[1:]),
        (0.2, nan, 2, NAMES[1:]),
        (0.2, 0.9, 3, NAMES[1:]),
    ],
)
def test_old_doubts_do_not_ask_for_strokes_for_ever(
    dice, expected, judged, unknown
) -> None:
    given = model(dice, (9, 9), (), expected=expected, judged=judged)
    assert unknown_classes(given) == unknown


def test_of_another_class_nothing_is_said() -> None:
    assert quality(model(0.9), "void") == ""
