"""What the Train dock says, without a window."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from napari_sciml.images.tiles import Tile
from napari_sciml.plugin.state.evidence import caution, unknown_classes
from napari_sciml.plugin.state.model import Model, kind_of
from napari_sciml.plugin.state.prediction_volume import PredictionVolume
from napari_sciml.plugin.train.words import (
    tell_checkpoint,
    tell_predicted,
    tell_scores,
    tell_shown,
)
from napari_sciml.prediction.blockwise import BlockPredicted
from napari_sciml.training.evaluation.calibration import Calibration
from napari_sciml.training.evaluation.metrics import Scores

NAMES = ("background", "fiber")


@dataclass
class Stub:
    """As much of an ensemble as words need."""

    trust: float = 0.0
    forest: Any = "trees"
    members: list[int] = field(default_factory=lambda: [1, 2, 3, 4, 5])
    class_names: tuple[str, ...] = NAMES


def model(
    trust: float = 0.0,
    *,
    dice: tuple[float, ...] | None = (0.98, 0.9),
    expected: tuple[float, ...] | None = None,
    **more: Any,
) -> Model:
    scores = None if dice is None else Scores(0.1, 0.1, dice, 50)
    judged = None
    if expected is not None:
        judged = Calibration(1.0, (0.0, 0.0), (0.98, 0.02), expected, None, None)
    settings = {"revision": 3, "scores": scores, "calibration": judged, **more}
    return Model(Stub(trust), **settings)


@pytest.mark.parametrize(
    ("trust", "steps", "expected"),
    [
        (0.0, 40, "You see trees."),
        (0.3, 230, "You see trees and 5 networks, 230 steps."),
        (1.0, 230, "You see 5 networks, 230 steps."),
        (0.3, 0, "You see trees and 5 networks."),
    ],
)
def test_says_what_is_shown(trust, steps, expected) -> None:
    one = model(trust, steps=steps)
    assert tell_shown(one, one) == expected
    assert tell_shown(one, None) == expected
    assert "earlier model" in tell_shown(one, model())
    assert tell_shown(None, None) == ""


def test_no_contradiction_in_one_line() -> None:
    line = tell_scores(model(dice=(0.98, 0.0), expected=(0.99, 0.81)))
    assert "fiber 0.00" in line
    assert "fiber: not known yet, paint a few more strokes of it." in line
    assert "expected Dice" not in line
    assert "% fiber" not in line


def test_too_few_held_out_strokes() -> None:
    line = tell_scores(model(expected=(0.99, np.nan)))
    assert line.endswith("fiber: not known yet, paint a few more strokes of it.")
    assert "expected Dice" not in line
    line = tell_scores(model(expected=(0.99, 0.81)))
    assert line.endswith("In the image: about 2 % fiber, expected Dice 0.81.")
    line = tell_scores(model(dice=None))
    assert line == (
        "background, fiber: not known yet, paint a few more strokes of each."
    )


def test_a_loaded_model_knows_what_its_file_says() -> None:
    def loaded(record):
        return model(dice=None, revision=None, loaded=record)

    assert unknown_classes(loaded({})) == ()
    assert unknown_classes(loaded({"expected_dice": {"background": 0.9}})) == ("fiber",)
    assert caution(loaded({"expected_dice": {"background": 0.9}}), "background") == ""
    assert unknown_classes(None) == ()


def test_tells_how_much_is_predicted() -> None:
    volume = PredictionVolume((10, 10, 10), NAMES)
    assert tell_predicted(None) == tell_predicted(volume) == ""
    for depth, expected in ((1, "10 %"), (2, "20 %"), (10, "")):
        volume.write(block((slice(0, depth), slice(0, 10), slice(0, 10))))
        assert volume.share == volume.known.mean() == depth / 10
        assert (expected in tell_predicted(volume)) is True
    volume.outdate()
    assert tell_predicted(volume) == ""
    assert tell_predicted(SimpleNamespace(share=0.004)) == (
        "Predicted so far: 0.4 % of the image."
    )
    assert "99 %" in tell_predicted(SimpleNamespace(share=0.9999))


def block(core: tuple[slice, ...]) -> BlockPredicted:
    sizes = [part.stop - part.start for part in core]
    values = np.full((2, *sizes), 0.5, np.float32)
    return BlockPredicted(Tile(core, core), values, values, values[0], 1, 1)


def test_rows_of_the_history() -> None:
    trees = model(kind="trees").checkpoint()
    assert tell_checkpoint(trees).endswith("· trees")
    both = model(0.3, kind="ensemble").checkpoint()
    assert tell_checkpoint(both).endswith("Dice 0.90 · trees + networks")
    assert kind_of("instant") == kind_of("trees") == "trees"
    assert kind_of("ensemble") == "ensemble"
