from functools import cache

import cc3d
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_sciml.errors import InputError
from napari_sciml.samples.phantom import Phantom, PhantomConfig, make_phantom
from napari_sciml.samples.scribbles import scribble


@cache
def phantom(edge: int, seed: int = 0) -> Phantom:
    return make_phantom(PhantomConfig(shape=(edge,) * 3, seed=seed))


def strokes(annotation: np.ndarray, value: int) -> int:
    connectivity = 26 if annotation.ndim == 3 else 8
    mask = annotation == value
    return int(cc3d.connected_components(mask, connectivity=connectivity).max())


def check(annotation: np.ndarray, truth: np.ndarray, budget: int) -> None:
    assert annotation.dtype == np.uint8
    assert annotation.shape == truth.shape
    assert set(np.unique(annotation)) == {0, 1, 2}
    assert np.all(truth[annotation == 2])
    assert not np.any(truth[annotation == 1])
    assert np.count_nonzero(annotation) <= budget


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    budget=st.integers(300, 2000),
    volume=st.integers(0, 3),
    with_image=st.booleans(),
)
def test_right_within_budget_and_in_strokes(
    seed: int, budget: int, volume: int, with_image: bool
) -> None:
    made = phantom(48, volume)
    image = made.image if with_image else None
    annotation = scribble(made.labels, image, budget=budget, seed=seed)
    check(annotation, made.labels > 0, budget)
    assert strokes(annotation, 1) >= 6
    assert strokes(annotation, 2) >= 6


@pytest.mark.parametrize("seed", range(5))
def test_default_annotation(seed: int) -> None:
    made = phantom(96)
    annotation = scribble(made.labels, made.image, seed=seed)
    check(annotation, made.labels > 0, 1500)
    counts = np.bincount(annotation.ravel())
    assert counts[1:].sum() > 900
    assert 1.8 < counts[1] / counts[2] < 3.3
    assert 6 <= len(np.unique(made.labels[annotation == 2])) <= 12
    # A handful of slices, not all over the volume.
    assert np.mean(annotation.any(axis=(1, 2))) < 1
    bright = made.image > np.quantile(made.image[made.labels > 0], 0.4)
    assert np.sum(bright & (annotation == 1)) > 50


def test_same_seed_same_strokes() -> None:
    made = phantom(48)
    one, two, three = (scribble(made.labels, made.image, seed=s) for s in (5, 5, 6))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, three)


def test_number_of_fibers_painted() -> None:
    made = phantom(96)
    annotation = scribble(made.labels, made.image, n_fibers=3)
    assert 1 <= len(np.unique(made.labels[annotation == 2])) <= 3


def test_some_background_hugs_the_fibers() -> None:
    made = phantom(96)
    annotation = scribble(made.labels, made.image)
    z, y, x = np.nonzero(annotation == 1)
    padded = np.pad(made.labels > 0, 2)
    near = [
        padded[a : a + 5, b : b + 5, c : c + 5].any()
        for a, b, c in zip(z, y, x, strict=True)
    ]
    assert 0.25 < np.mean(near) < 0.75


def test_masks_and_single_slices() -> None:
    made = phantom(96)
    mask = made.labels > 0
    check(scribble(mask, made.image), mask, 1500)
    for plane in (made.labels[48], mask[48]):
        annotation = scribble(plane, made.image[48], budget=600)
        check(annotation, plane > 0, 600)
        assert strokes(annotation, 1) >= 6


def test_one_network_gets_several_strokes() -> None:
    grid = np.zeros((160, 160), bool)
    grid[::20] = grid[:, ::20] = True
    grid = np.maximum(grid, np.roll(grid, 1, (0, 1)))
    annotation = scribble(grid, budget=500)
    check(annotation, grid, 500)
    assert strokes(annotation, 2) >= 6


def test_errors_only_if_wanted() -> None:
    made = phantom(48)
    truth = made.labels > 0
    annotation = scribble(made.labels, made.image, error_rate=0.3)
    wrong = np.sum((annotation == 2) & ~truth) + np.sum((annotation == 1) & truth)
    assert 0 < wrong < 0.3 * np.count_nonzero(annotation)


def bars() -> np.ndarray:
    labels = np.zeros((40, 40, 40), np.uint8)
    labels[:, 10:14, 10:14] = 1
    return labels


@pytest.mark.parametrize(
    ("labels", "options", "message"),
    [
        (bars(), {"budget": 50}, "budget of 50"),
        (bars(), {"budget": 2001}, "budget of 2001"),
        (bars(), {"n_fibers": 0}, "n_fibers"),
        (bars(), {"error_rate": 1.5}, "error_rate"),
        (bars(), {"image": np.zeros((4, 4, 4))}, "differ in shape"),
        (np.zeros((40, 40)), {}, "one class only"),
        (np.ones((40, 40)), {}, "one class only"),
        (np.eye(40, dtype=bool)[:1, :], {}, "too small to paint"),
        (np.zeros(40), {}, "1 axes"),
    ],
)
def test_bad_input(labels: np.ndarray, options: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        scribble(labels, **options)
