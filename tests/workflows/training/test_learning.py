"""The endless job without Qt: it learns while labels come, and shows itself."""

import numpy as np
import pytest

from napari_sciml.annotation.changes import LabelChange
from napari_sciml.annotation.feed import LabelFeed
from napari_sciml.errors import InputError
from napari_sciml.prediction.blockwise import BlockPredicted
from napari_sciml.prediction.viewport import Viewport, ViewportMailbox
from napari_sciml.training.config import TrainingConfig
from napari_sciml.training.data.image_sample import spread_over
from napari_sciml.training.evaluation.calibration import EXPECTED
from napari_sciml.training.events import (
    Activity,
    LabelsUpdated,
    ModelReady,
    TrainingStep,
)
from napari_sciml.workflows.training.live import TrainingControl, learn

SHAPE = (16, 32, 32)
CLASSES = ("background", "fiber")
MOST = 20_000


def bar() -> np.ndarray:
    image = np.random.default_rng(0).normal(0, 0.2, SHAPE).astype(np.float32)
    image[:, 12:20] += 2
    return image


def stroke(revision: int, z: int, y: int, value: int) -> LabelChange:
    places = np.ravel_multi_index((z, y, np.arange(4, 28)), SHAPE)
    return LabelChange(revision, places, np.full(24, value, np.uint8))


def painted() -> LabelChange:
    labels = np.zeros(SHAPE, np.uint8)
    labels[4:12:2, 15, 4:28] = 2
    labels[4:12:2, 4, 4:28] = labels[4:12:2, 27, 4:28] = 1
    places = np.flatnonzero(labels)
    return LabelChange(1, places, labels.ravel()[places])


def view(z: int = 3) -> ViewportMailbox:
    region = (slice(z, z + 1), slice(0, SHAPE[1]), slice(0, SHAPE[2]))
    return ViewportMailbox(Viewport(region, (float(z), 16.0, 16.0)))


def start(feed: LabelFeed, control=None, seconds: float = 600.0, image=None):
    config = TrainingConfig(members=2, crop=16, seconds=seconds, threads=1)
    given = bar() if image is None else image
    return learn(given, feed, config, view=view(), control=control)


def until(events, wanted):
    """All events up to the first wanted one, and that."""
    seen = []
    for _, event in zip(range(MOST), events, strict=False):
        seen.append(event)
        if event is not None and wanted(event):
            return seen
    raise AssertionError("it never came")


def is_model(event) -> bool:
    return isinstance(event, ModelReady)


def test_trees_answer_before_the_first_step() -> None:
    events = start(LabelFeed(painted(), CLASSES))
    seen = until(events, is_model)
    assert seen[-1].kind == "trees"
    assert seen[-1].revision == 1
    assert not any(isinstance(event, TrainingStep) for event in seen)
    block = until(events, lambda e: isinstance(e, BlockPredicted))[-1]
    assert block.tile.core[0] == slice(3, 4)
    assert block.model == seen[-1].number


def test_waits_for_two_classes_and_then_begins() -> None:
    feed = LabelFeed(None, CLASSES)
    events = start(feed)
    waiting = until(events, lambda e: isinstance(e, Activity))[-1]
    assert waiting.kind == "waiting"
    assert "two classes" in waiting.reason
    feed.put(stroke(1, 4, 15, 2))
    assert not any(is_model(next(events)) for _ in range(3))
    feed.put(stroke(2, 4, 4, 1))
    assert until(events, is_model)[-1].revision == 2


def test_new_labels_are_taken_in_between_two_rounds() -> None:
    feed = LabelFeed(painted(), CLASSES)
    events = start(feed)
    until(events, lambda e: isinstance(e, TrainingStep))
    feed.put(stroke(2, 13, 15, 2))
    feed.put(stroke(3, 13, 4, 1))
    seen = until(events, lambda e: isinstance(e, LabelsUpdated))
    assert seen[-1].revision == 3
    steps = [e for e in seen if isinstance(e, TrainingStep)]
    assert len(steps) <= 1
    assert seen[-1].round == 1
    model = until(events, is_model)[-1]
    assert (model.revision, model.round) == (3, 1)


def test_settles_calibrates_predicts_everything_and_wakes() -> None:
    feed = LabelFeed(painted(), CLASSES)
    events = start(feed, seconds=0.3)
    model = until(events, lambda e: is_model(e) and e.settled)[-1]
    assert model.calibration is not None
    # A quarter of the image is bar, and more of the blocks that are looked at.
    blocks = spread_over(bar(), 12, EXPECTED[3], np.random.default_rng([0, 1]))
    share = np.mean([(bar()[block] > 1).mean() for block in blocks])
    assert model.calibration.shares[1] == pytest.approx(share, abs=0.05)
    seen = until(events, lambda e: isinstance(e, BlockPredicted) and e.done == e.total)
    assert seen[-1].model == model.number
    assert [next(events) for _ in range(3)][-1] is None
    feed.put(stroke(2, 13, 15, 2))
    assert until(events, lambda e: isinstance(e, TrainingStep))


def test_pause_predicts_but_does_not_train() -> None:
    control = TrainingControl()
    feed = LabelFeed(painted(), CLASSES)
    events = start(feed, control)
    until(events, is_model)
    control.paused = True
    before = until(events, lambda e: isinstance(e, Activity) and e.kind == "paused")
    feed.put(stroke(2, 13, 15, 2))
    seen = [next(events) for _ in range(40)]
    assert not any(isinstance(e, TrainingStep | LabelsUpdated) for e in seen)
    predicted = np.zeros(SHAPE, bool)
    for block in (e for e in before + seen if isinstance(e, BlockPredicted)):
        predicted[block.tile.core] = True
    assert predicted.all()
    control.paused = False
    assert until(events, lambda e: isinstance(e, LabelsUpdated))[-1].revision == 2


def test_shows_an_earlier_model_when_asked() -> None:
    control = TrainingControl()
    events = start(LabelFeed(painted(), CLASSES), control, seconds=0.3)
    first = until(events, is_model)[-1]
    until(events, lambda e: is_model(e) and e.settled)
    control.paused, control.model = True, (first.number, first.ensemble)
    block = until(
        events, lambda e: isinstance(e, BlockPredicted) and e.model == first.number
    )[-1]
    assert block.tile.core[0] == slice(3, 4)


def test_is_a_generator_that_stops_cleanly() -> None:
    events = start(LabelFeed(painted(), CLASSES))
    until(events, lambda e: isinstance(e, TrainingStep))
    events.close()
    with pytest.raises(StopIteration):
        next(events)


def test_an_image_with_nan_is_refused_at_once() -> None:
    image = bar()
    image[1, 2, 3] = np.nan
    with pytest.raises(InputError, match="NaN"):
        next(start(LabelFeed(painted(), CLASSES), image=image))
