"""Corrections by hand: right numbers, and always a way back."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from napari_sciml.errors import InputError
from napari_sciml.fibers.editing import FiberEdits
from napari_sciml.fibers.geometry.measure import measure_fibers, measuring_steps
from napari_sciml.fibers.geometry.remeasure import find_boxes
from napari_sciml.progress import exhaust

SIZE = (2.0, 1.0, 1.5)


def rods() -> np.ndarray:
    """Three rods that touch, one apart, a speck, and one that leaves the image."""
    labels = np.zeros((14, 24, 40), np.uint8)
    labels[2:6, 2:6, 3:37] = 1
    labels[2:6, 6:10, 3:37] = 2
    labels[6:10, 4:8, 8:30] = 3
    labels[9:13, 14:18, 0:28] = 5
    labels[1:4, 20, 5] = 9
    return labels


def edits_of(labels: np.ndarray, probability=None) -> FiberEdits:
    size = SIZE[-labels.ndim :]
    steps = measuring_steps(labels, voxel_size=size, probability=probability)
    found = exhaust(steps)
    return FiberEdits(
        labels,
        found.table,
        found.lines,
        find_boxes(labels),
        voxel_size=size,
        probability=probability,
    )


def assert_right(edits: FiberEdits, but: tuple[str, ...] = ()) -> None:
    """The table is that of the labels as they are."""
    fresh = measure_fibers(
        edits.labels,
        voxel_size=SIZE[-edits.labels.ndim :],
        probability=edits._probability.reshape(edits.labels.shape)
        if edits._probability is not None
        else None,
    )
    kept = [name for name in fresh if name not in but]
    pd.testing.assert_frame_equal(edits.table[kept], fresh[kept], rtol=1e-6)
    assert len(edits.lines) == len(edits.table)


def test_deletes() -> None:
    edits = edits_of(rods())
    edit = edits.delete([3, 5])
    assert edit.text == "delete fibers 3 and 5"
    assert edits.table["label"].tolist() == [1, 2, 9]
    assert edits.table["contacts"].tolist() == [1, 1, 0]
    assert set(np.unique(edits.labels)) == {0, 1, 2, 9}
    assert_right(edits, but=("spacing",))


def test_merges_to_the_lowest_number() -> None:
    probability = np.random.default_rng(0).random(rods().shape)
    edits = edits_of(rods(), probability)
    edits.merge([3, 2])
    assert edits.table["label"].tolist() == [1, 2, 5, 9]
    assert edits.table["contacts"].tolist() == [1, 1, 0, 0]
    assert_right(edits, but=("spacing",))


def test_merging_what_lies_in_a_row_adds_the_lengths() -> None:
    labels = np.zeros((9, 9, 60), np.uint8)
    labels[3:6, 3:6, 2:28] = 1
    labels[3:6, 3:6, 28:58] = 2
    edits = edits_of(labels)
    before = edits.table["length"].sum()
    edits.merge([1, 2])
    assert edits.table["length"].item() == pytest.approx(before, rel=0.02)
    assert_right(edits)


@pytest.mark.parametrize("place", [(4, 4, 12), (11, 0, 12)], ids=["inside", "beside"])
def test_cuts_across_the_center_line(place: tuple[int, int, int]) -> None:
    edits = edits_of(rods())
    edits.cut(1, place)
    assert edits.table["label"].tolist() == [1, 2, 3, 5, 9, 10]
    cut = np.argwhere(edits.labels == 10)
    # The smaller part, up to the place, is the new fiber.
    assert (cut.min(0)[2], cut.max(0)[2]) == (3, pytest.approx(12, abs=1))
    assert_right(edits, but=("spacing",))


def test_cutting_an_end_off_says_where_to_click() -> None:
    edits = edits_of(rods())
    with pytest.raises(InputError, match="farther from the end"):
        edits.cut(5, (11, 16, 39))
    assert not edits.undo_text
    assert np.array_equal(edits.labels, rods())


def test_painting_is_taken_in() -> None:
    edits = edits_of(rods())
    old = rods()
    edits.labels[2:6, 2:6, 20:22] = 0  # a gap
    edits.labels[1:3, 10:13, 30:38] = 12  # a new fiber
    edits.labels[1:4, 20, 5] = 0  # one is gone
    position = np.flatnonzero(edits.labels != old)
    edits.painted(position, old.reshape(-1)[position])
    assert edits.table["label"].tolist() == [1, 2, 3, 5, 12]
    assert_right(edits, but=("spacing",))
    painted = edits.labels.copy()
    edits.undo()
    assert np.array_equal(edits.labels, old)
    assert edits.table["label"].tolist() == [1, 2, 3, 5, 9]
    edits.redo()
    assert np.array_equal(edits.labels, painted)


def test_strokes_that_change_nothing_are_no_edits() -> None:
    edits = edits_of(rods())
    assert edits.painted(np.array([0, 1]), np.array([0, 0], np.uint8)) is None
    assert not edits.undo_text


@pytest.mark.parametrize(
    ("act", "sentence"),
    [
        (lambda e: e.delete([]), "Choose a fiber first"),
        (lambda e: e.delete([4]), "no fiber 4 any more"),
        (lambda e: e.merge([1]), "two fibers or more"),
        (lambda e: e.cut(4, (0, 0, 0)), "no fiber 4 any more"),
    ],
)
def test_says_what_is_missing(act, sentence: str) -> None:
    edits = edits_of(rods())
    with pytest.raises(InputError, match=sentence):
        act(edits)
    assert np.array_equal(edits.labels, rods())


def test_new_numbers_find_room() -> None:
    labels = np.where(rods() == 9, np.uint8(255), rods())
    edits = edits_of(labels)
    edits.cut(1, (4, 4, 20))
    assert edits.labels.max() == 256
    edits.undo()
    assert np.array_equal(edits.labels, labels)


def test_all_can_be_deleted_and_brought_back() -> None:
    edits = edits_of(rods())
    table = edits.table
    edits.delete(table["label"])
    assert not edits.labels.any()
    assert len(edits.table) == len(edits.lines) == 0
    edits.undo()
    pd.testing.assert_frame_equal(edits.table, table, check_exact=True)


def test_images_too() -> None:
    edits = edits_of(rods()[4])
    edits.cut(2, (7, 20))
    assert edits.table["label"].tolist() == [1, 2, 3]
    edits.merge([1, 3])
    assert_right(edits, but=("spacing",))


def test_nothing_to_undo() -> None:
    edits = edits_of(rods())
    assert edits.undo() is None
    assert edits.redo() is None


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["delete", "merge", "cut", "paint", "undo", "redo"]),
        st.integers(0, 2**31),
    ),
    min_size=1,
    max_size=8,
)


def act_on(edits: FiberEdits, what: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    names = edits.table["label"].to_numpy()
    if what in ("undo", "redo"):
        getattr(edits, what)()
    elif what == "paint":
        low = [int(rng.integers(0, n - 1)) for n in edits.labels.shape]
        box = tuple(slice(a, a + int(rng.integers(1, 7))) for a in low)
        before = edits.labels.copy()
        edits.labels[box] = int(rng.choice([0, 1, 2, 77]))
        position = np.flatnonzero(edits.labels != before)
        edits.painted(position, before.reshape(-1)[position])
    elif what == "cut" and len(names):
        name = int(rng.choice(names))
        place = rng.choice(np.argwhere(edits.labels == name))
        edits.cut(name, place.tolist())
    elif len(names):
        count = min(len(names), 2 if what == "merge" else 1)
        getattr(edits, what)(rng.choice(names, count, replace=False).tolist())


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(acts=ACTS)
# Two strokes that leave a body whose center line shrinks to a point.
@example(acts=[("paint", 1), ("paint", 408)])
def test_undo_after_anything_restores_all(acts: list[tuple[str, int]]) -> None:
    edits = edits_of(rods())
    table, lines = edits.table, edits.lines
    for what, seed in acts:
        try:
            act_on(edits, what, seed)
        except InputError:
            continue
    assert_right(edits, but=("spacing",))
    last, labels = edits.table, edits.labels.copy()
    steps = 0
    while edits.undo():
        steps += 1
    assert np.array_equal(edits.labels, rods())
    pd.testing.assert_frame_equal(edits.table, table, check_exact=True)
    np.testing.assert_array_equal(edits.lines, lines)
    for _ in range(steps):
        edits.redo()
    assert np.array_equal(edits.labels, labels)
    pd.testing.assert_frame_equal(edits.table, last, check_exact=True)
