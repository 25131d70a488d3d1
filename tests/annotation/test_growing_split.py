"""Held-out strokes stay held out while the annotation grows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_sciml.annotation.growing_split import GrowingSplit
from napari_sciml.annotation.scribbles import Scribbles

SHAPE = (40, 60)


def split_of(fraction: float = 0.2, gap: int = 1) -> GrowingSplit:
    rng = np.random.default_rng(0)
    return GrowingSplit(SHAPE, fraction=fraction, gap=gap, rng=rng)


def updated(split: GrowingSplit, labels: np.ndarray) -> tuple[np.ndarray, ...]:
    return tuple(part.to_dense() for part in split.update(Scribbles.from_dense(labels)))


@given(
    strokes=st.lists(
        st.tuples(st.integers(0, 39), st.integers(0, 48), st.integers(1, 2)),
        min_size=2,
        max_size=25,
    )
)
@settings(max_examples=60, deadline=None)
def test_no_label_changes_sides(strokes: list[tuple[int, int, int]]) -> None:
    split, labels = split_of(), np.zeros(SHAPE, np.uint8)
    learned = np.zeros(SHAPE, bool)
    for row, column, label in strokes:
        labels[row, column : column + 12] = label
        trained, held_out = updated(split, labels)
        assert not (trained.astype(bool) & held_out.astype(bool)).any()
        for part in (trained, held_out):
            assert (part[part > 0] == labels[part > 0]).all()
        assert not (held_out.astype(bool) & learned).any()
        learned |= trained > 0
        for value in np.unique(labels[labels > 0]):
            assert (trained == value).any()


@pytest.mark.parametrize("fraction", [0.2, 0.4])
def test_about_the_fraction_of_many_strokes_is_held_out(fraction: float) -> None:
    split, labels = split_of(fraction), np.zeros(SHAPE, np.uint8)
    labels[0, :12] = 1
    updated(split, labels)
    for number in range(1, 40):
        row, column = number % 20 * 2, number // 20 * 20
        labels[row, column : column + 12] = 1
        _, held_out = updated(split, labels)
    share = np.count_nonzero(held_out) / np.count_nonzero(labels)
    assert share == pytest.approx(fraction, abs=0.1)


def test_what_is_painted_onto_a_stroke_goes_with_it() -> None:
    split, labels = split_of(0.5, gap=0), np.zeros(SHAPE, np.uint8)
    for row in range(0, 40, 4):
        labels[row, 10:20] = 1
    _, held_out = updated(split, labels)
    rows = np.flatnonzero(held_out.any(1))
    other = np.flatnonzero((labels > 0).any(1) & ~held_out.any(1))
    assert len(rows)
    assert len(other)
    labels[rows[0], 20:30] = labels[other[0], 20:30] = 1
    _, held_out = updated(split, labels)
    assert held_out[rows[0], 20:30].all()
    assert not held_out[other[0], 20:30].any()


def test_erased_labels_are_forgotten() -> None:
    split, labels = split_of(), np.zeros(SHAPE, np.uint8)
    labels[::4, 10:20] = 1
    updated(split, labels)
    labels[...] = 0
    trained, held_out = updated(split, labels)
    assert not trained.any()
    assert not held_out.any()
