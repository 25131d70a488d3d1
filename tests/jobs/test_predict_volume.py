"""The live job without Qt: training that shows itself at work."""

import sys

import numpy as np
import pytest

from napari_sciml.errors import InputError
from napari_sciml.jobs.live import (
    View,
    ViewTarget,
    describe_device,
    predict_volume,
    train_and_predict,
)
from napari_sciml.prediction.blockwise import BlockPredicted, predict
from napari_sciml.training.config import TrainingConfig
from napari_sciml.training.events import Snapshot, TrainingStep

SHAPE = (16, 32, 32)


def bright_bar() -> tuple[np.ndarray, np.ndarray]:
    """A bar that is brighter than the rest, and strokes on both."""
    rng = np.random.default_rng(0)
    image = rng.normal(0, 0.2, SHAPE).astype(np.float32)
    image[:, 12:20] += 2
    labels = np.zeros(SHAPE, np.uint8)
    labels[4:12:2, 15, 4:28] = 2
    labels[4:12:2, 4, 4:28] = labels[4:12:2, 27, 4:28] = 1
    return image, labels


def slice_view(z: int) -> View:
    region = (slice(z, z + 1), slice(0, SHAPE[1]), slice(0, SHAPE[2]))
    return View(region, (float(z), 16.0, 16.0))


def short(steps: int = 6, **settings: object) -> TrainingConfig:
    return TrainingConfig(
        steps=steps, members=2, batch=1, crop=16, snapshot_seconds=1e-6, **settings
    )


def test_predicts_the_shown_slice_while_training_then_everything() -> None:
    image, labels = bright_bar()
    target = ViewTarget(slice_view(3))
    events = list(train_and_predict(image, labels, short(), view=target, revision=41))
    kinds = [type(event) for event in events if event is not None]
    last = max(i for i, kind in enumerate(kinds) if kind is Snapshot)
    live = [e for e in events if isinstance(e, BlockPredicted)]
    assert BlockPredicted in kinds[:last]
    assert live[0].tile.core == slice_view(3).region
    assert kinds[last + 1 :] == [BlockPredicted] * (len(kinds) - last - 1)
    assert live[-1].done == live[-1].total
    snapshots = [e for e in events if isinstance(e, Snapshot)]
    assert {s.revision for s in snapshots} == {41}
    assert snapshots[-1].fraction == 1


def test_training_goes_on_while_a_slice_is_predicted() -> None:
    image, labels = bright_bar()
    events = train_and_predict(image, labels, short(), view=ViewTarget(slice_view(3)))
    kinds = [type(event) for event in events if event is not None]
    first = kinds.index(Snapshot)
    between = kinds[first : kinds.index(BlockPredicted, first)]
    # A member of the ensemble has predicted after each of these steps.
    assert between.count(TrainingStep) >= 2


def test_follows_the_view() -> None:
    image, labels = bright_bar()
    target = ViewTarget(slice_view(3))
    seen = []
    for event in train_and_predict(image, labels, short(12), view=target):
        if isinstance(event, BlockPredicted):
            seen.append(event.tile.core[0].start)
            target.look_at(slice_view(9))
        if isinstance(event, Snapshot) and event.fraction == 1:
            break
    assert seen[0] == 3
    assert set(seen[1:]) == {9}


def test_without_a_view_it_only_trains() -> None:
    image, labels = bright_bar()
    events = train_and_predict(image, labels, short(), view=ViewTarget())
    for event in events:
        assert not isinstance(event, BlockPredicted)
        if isinstance(event, Snapshot) and event.fraction == 1:
            break


@pytest.fixture(scope="module")
def ensemble():
    image, labels = bright_bar()
    for event in train_and_predict(image, labels, short(2), view=ViewTarget()):
        if isinstance(event, Snapshot) and event.fraction == 1:
            return event.ensemble
    raise AssertionError


def test_volume_starts_at_the_view_and_equals_plain_prediction(ensemble) -> None:
    image, _ = bright_bar()
    target = ViewTarget(View(slice_view(15).region, (15.0, 31.0, 31.0)))
    mean = np.full((2, *SHAPE), np.nan, np.float32)
    blocks = [b for b in predict_volume(ensemble, image, target, block=16) if b]
    for block in blocks:
        mean[:, *block.tile.core] = block.mean
    assert [b.done for b in blocks] == list(range(1, len(blocks) + 1))
    assert {b.total for b in blocks} == {len(blocks)}
    assert blocks[0].tile.core[1].stop == SHAPE[1]
    assert blocks[0].tile.core[2].stop == SHAPE[2]
    np.testing.assert_allclose(mean, predict(ensemble, image).mean, atol=1e-5)


def test_volume_turns_to_where_the_user_goes(ensemble) -> None:
    image, _ = bright_bar()
    target = ViewTarget(View(slice_view(0).region, (0.0, 0.0, 0.0)))
    starts = []
    for block in predict_volume(ensemble, image, target, block=16):
        if block is not None:
            starts.append((block.tile.core[1].start, block.tile.core[2].start))
            target.look_at(View(slice_view(0).region, (0.0, 31.0, 31.0)))
    assert starts[:2] == [(0, 0), (16, 16)]


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda i, x: (i, np.zeros_like(x)), "paint at least two classes"),
        (lambda i, x: (i, np.minimum(x, 1)), "paint at least two classes"),
        (lambda i, x: (np.where(x > 0, np.nan, i), x), "NaN"),
        (lambda i, x: (i[1:], x), "same shape"),
    ],
    ids=["empty", "one class", "nan", "other shape"],
)
def test_bad_input_is_said_before_the_first_step(spoil, sentence: str) -> None:
    image, labels = spoil(*bright_bar())
    with pytest.raises(InputError, match=sentence):
        next(train_and_predict(image, labels, short(), view=ViewTarget()))


def test_device_is_told_in_words() -> None:
    assert describe_device("cpu").startswith("CPU, ")
    with pytest.raises(InputError, match="no device"):
        describe_device("abacus")


def test_needs_no_qt() -> None:
    import subprocess

    code = (
        "import sys, napari_sciml.jobs.live; print({'qtpy','torch'} & {*sys.modules})"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert out.stdout.strip() == "set()"
