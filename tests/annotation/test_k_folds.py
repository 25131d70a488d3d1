import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_sciml.annotation.split import hold_out, k_folds
from napari_sciml.annotation.strokes import find_strokes
from napari_sciml.errors import InputError


def split(labels, folds=4, gap=2, seed=0, **options):
    rng = np.random.default_rng(seed)
    return k_folds(labels, folds=folds, gap=gap, rng=rng, **options)


def present(labels):
    return set(np.unique(labels)) - {0}


def check_a_split(labels, train, held_out, gap):
    """What holds for every split, however it was made."""
    for part in (train, held_out):
        assert part.dtype == labels.dtype
        assert np.array_equal(part[part > 0], labels[part > 0])
    assert present(train) == present(labels)
    window = np.ones((2 * gap + 1,) * labels.ndim)
    assert not train[ndimage.binary_dilation(held_out > 0, window)].any()


@pytest.mark.parametrize("by", ["strokes", "blocks"])
def test_what_always_holds(annotations, by):
    @settings(deadline=None, max_examples=100)
    @given(
        annotations,
        st.integers(2, 5),
        st.integers(0, 4),
        st.integers(0, 99),
        st.sampled_from([4, 8, 32]),
    )
    def check(labels, folds, gap, seed, edge):
        before = labels.copy()
        found = split(labels, folds, gap, seed, by=by, edge=edge)
        assert np.array_equal(labels, before)
        assert len(found) == folds
        for train, held_out in found:
            check_a_split(labels, train, held_out, gap)
        assert sum((held_out > 0).astype(int) for _, held_out in found).max() <= 1
        again = split(labels, folds, gap, seed, by=by, edge=edge)
        for a, b in zip(found, again, strict=True):
            assert all(map(np.array_equal, a, b))

    check()


@pytest.mark.parametrize("edge", [4, 32])
def test_hold_out_by_blocks_what_always_holds(annotations, edge):
    @settings(deadline=None, max_examples=100)
    @given(
        annotations,
        st.sampled_from([0.0, 0.1, 0.5, 0.95]),
        st.integers(0, 4),
        st.integers(0, 99),
    )
    def check(labels, fraction, gap, seed):
        rng = np.random.default_rng(seed)
        train, held_out = hold_out(
            labels, fraction=fraction, gap=gap, rng=rng, by="blocks", edge=edge
        )
        check_a_split(labels, train, held_out, gap)
        if fraction == 0:
            assert np.array_equal(train, labels)

    check()


@st.composite
def far_apart(draw):
    """Strokes of many lengths, ten rows apart: no gap reaches another."""
    count = draw(st.integers(4, 14))
    labels = np.zeros((10 * count, 60), np.uint8)
    for row in range(count):
        labels[10 * row, : draw(st.integers(1, 60))] = 1 + row % 2
    return labels


@settings(deadline=None, max_examples=60)
@given(far_apart(), st.integers(2, 6), st.integers(0, 4), st.integers(0, 99))
def test_every_stroke_is_held_out_once(labels, folds, gap, seed):
    found = split(labels, folds, gap, seed)
    assert np.array_equal(sum(held_out for _, held_out in found), labels)
    for value in present(labels):
        sizes = [int((held_out == value).sum()) for _, held_out in found]
        strokes = [len(s) for s in find_strokes(labels) if s.label == value]
        pieces = [
            len(piece)
            for _, held_out in found
            for piece in find_strokes(held_out)
            if piece.label == value
        ]
        # Dealt the largest first: folds differ by no more than one piece.
        assert max(sizes) - min(sizes) <= max(pieces)
        small = [n for n in strokes if n <= sum(strokes) / folds]
        whole = sorted(n for n in pieces if n in small)
        assert set(small) <= set(whole)


def test_a_single_stroke_a_class_is_cut_into_the_folds():
    labels = np.zeros((40, 100), np.uint8)
    labels[5], labels[30, :50] = 1, 2
    found = split(labels, folds=5, gap=3)
    assert np.array_equal(sum(held_out for _, held_out in found), labels)
    for train, held_out in found:
        assert [(held_out == value).sum() for value in (1, 2)] == [20, 10]
        assert (train == 1).sum() in (80 - 3, 80 - 6)


def test_a_class_too_small_to_be_split_is_never_held_out():
    labels = np.zeros((60, 60), np.uint8)
    labels[::6, :20] = 1
    labels[50, 50] = 2
    for by in ("strokes", "blocks"):
        for train, held_out in split(labels, by=by, edge=16):
            assert train[50, 50] == 2
            assert not (held_out == 2).any()


def scattered(shape=(160, 160), seed=0):
    """Dots of two classes everywhere, a third in one half only."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(shape) < 0.05).astype(np.uint8)
    labels[rng.random(shape) < 0.02] = 2
    labels[: shape[0] // 2][rng.random((shape[0] // 2, *shape[1:])) < 0.02] = 3
    return labels


@pytest.mark.parametrize(
    ("shape", "edge"), [((160, 160), 12), ((160, 160), 16), ((40, 40, 40), 8)]
)
def test_blocks_are_held_out_whole(shape, edge):
    """There is a grid with all labels of each square held out, or none."""
    labels = scattered(shape)

    def is_whole(held_out, corner):
        moved = [
            np.pad(
                a > 0,
                [
                    (edge - c, -(n - c) % edge)
                    for c, n in zip(corner, shape, strict=True)
                ],
            )
            for a in (held_out, labels)
        ]
        cells = [n for length in moved[0].shape for n in (length // edge, edge)]
        inner = tuple(range(1, 2 * len(shape), 2))
        held, every = (a.reshape(cells).sum(inner) for a in moved)
        return ((held == 0) | (held == every)).all()

    found = split(labels, by="blocks", edge=edge, gap=1)
    corners = np.ndindex((edge,) * len(shape))
    assert any(all(is_whole(held, corner) for _, held in found) for corner in corners)


@pytest.mark.parametrize("by", ["strokes", "blocks"])
def test_classes_are_spread_evenly(by):
    labels = scattered()
    found = split(labels, folds=4, gap=1, by=by, edge=16)
    assert np.array_equal(sum(held_out for _, held_out in found), labels)
    for value in (1, 2, 3):
        shares = [(held == value).sum() / (labels == value).sum() for _, held in found]
        assert shares == pytest.approx([0.25] * 4, abs=0.06)


@pytest.mark.parametrize("fraction", [0.1, 0.25, 0.5])
def test_about_the_asked_share_of_each_class_by_blocks(fraction):
    labels = scattered()
    shares = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        held_out = hold_out(
            labels, fraction=fraction, gap=1, rng=rng, by="blocks", edge=16
        )[1]
        shares.append([(held_out == v).sum() / (labels == v).sum() for v in (1, 2, 3)])
    assert np.mean(shares, 0) == pytest.approx([fraction] * 3, abs=0.05)
    assert np.abs(np.array(shares) - fraction).max() < 0.12


def test_strokes_side_by_side_stay_together_by_blocks():
    """Pairs of strokes on one structure, 5 voxels apart, far from the next pair."""
    labels = np.zeros((30, 640), np.uint8)
    for pair in range(20):
        labels[10:14, 32 * pair : 32 * pair + 2] = 1 + pair % 2
        labels[10:14, 32 * pair + 5 : 32 * pair + 7] = 1 + pair % 2

    def parted(**options):
        count = 0
        for _, held_out in split(labels, folds=5, **options):
            a, b = (held_out[10, start::32] > 0 for start in (0, 5))
            count += int((a != b).sum())
        return count

    by_blocks = [parted(by="blocks", seed=seed) for seed in range(20)]
    by_strokes = [parted(by="strokes", seed=seed) for seed in range(20)]
    assert np.median(by_blocks) == 0
    assert np.median(by_strokes) > 20


def test_blocks_get_smaller_where_labels_are_few():
    labels = np.zeros((200, 200), np.uint8)
    labels[100:130, 50], labels[100:130, 60] = 1, 2
    for seed in range(20):
        found = split(labels, folds=2, gap=2, seed=seed, by="blocks")
        assert all(held_out.any() for _, held_out in found)


def test_seeds_deal_otherwise():
    labels = scattered((60, 60))
    for by in ("strokes", "blocks"):
        found = {
            split(labels, seed=seed, by=by, edge=16)[0][1].tobytes()
            for seed in range(10)
        }
        assert len(found) == 10


@pytest.mark.parametrize("folds", [-1, 0, 1])
def test_one_fold_is_no_split(folds):
    with pytest.raises(InputError, match="2 at least"):
        split(np.ones((4, 4), np.uint8), folds=folds)


def test_nothing_annotated():
    for by in ("strokes", "blocks"):
        for train, held_out in split(np.zeros((5, 6), np.uint8), by=by):
            assert not train.any()
            assert not held_out.any()
