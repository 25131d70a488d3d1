"""Both stages of trees on blocks of an image."""

import json

import numpy as np
import pytest
import torch

from napari_sciml.errors import InputError
from napari_sciml.images.intensity import estimate_intensity
from napari_sciml.images.tiles import grid, with_halo
from napari_sciml.networks.trees import forest_block, two_stage
from napari_sciml.networks.trees.forest import Forest
from napari_sciml.networks.trees.two_stage import GROUPS, Context, TwoStageForest


@pytest.fixture(scope="module")
def grown(fibers, grow_trees):
    """Gray values as the trees see them, the trees, and the true mask."""
    kept = {}

    def make(dims, spacing=None, classes=2):
        key = (dims, spacing, classes)
        if key not in kept:
            image, labels, truth = fibers(dims)
            if classes == 3:
                labels[..., -6:][labels[..., -6:] == 1] = 3
            trees = grow_trees(image, labels, classes=classes, spacing=spacing).trees
            gray = torch.from_numpy(estimate_intensity(image).apply(image))
            kept[key] = gray, trees, truth
        return kept[key]

    return make


def ask(trees, gray, core, shape):
    tile = with_halo(core, trees.halo, shape)
    *waits, found = trees.probabilities(gray[tile.read], tile, shape)
    assert all(wait is None for wait in waits)
    return found


def whole(trees, gray):
    return ask(trees, gray, tuple(slice(0, n) for n in gray.shape), gray.shape)


SPACINGS = {2: (None, (1.0, 2.0)), 3: (None, (2.5, 1.0, 1.0), (1e9, 1.0, 1.0))}
CASES = [(dims, spacing) for dims in (2, 3) for spacing in SPACINGS[dims]]


@pytest.mark.parametrize(("dims", "spacing"), CASES)
def test_blocks_are_parts_of_the_whole_exactly(grown, dims, spacing):
    gray, trees, _ = grown(dims, spacing)
    expected = whole(trees, gray)
    assert expected.shape == (trees.members, 2, *gray.shape)
    edges = {2: (40, 33), 3: (17, 36, 13)}[dims]
    for core in grid(gray.shape, edges):
        assert np.array_equal(ask(trees, gray, core, gray.shape), expected[:, :, *core])


@pytest.mark.parametrize("voxels", [1, 5000])
def test_slabs_do_not_matter(grown, monkeypatch, voxels):
    gray, trees, _ = grown(3)
    expected = whole(trees, gray)
    monkeypatch.setattr(forest_block, "SLAB", voxels)
    assert np.array_equal(whole(trees, gray), expected)


@pytest.mark.parametrize(("dims", "spacing"), CASES)
def test_a_hasty_answer_is_that_of_the_first_stage(grown, dims, spacing):
    gray, trees, _ = grown(dims, spacing)
    expected = whole(trees, gray)[:GROUPS]
    for core in grid(gray.shape, {2: (40, 33), 3: (17, 36, 13)}[dims]):
        tile = with_halo(core, trees.bank.reach, gray.shape)
        found = trees.hasty_probabilities(gray[tile.read], tile, gray.shape)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected[:, :, *core], atol=1e-6)


@pytest.mark.parametrize("classes", [2, 3])
def test_answers_are_probabilities(grown, classes):
    gray, trees, _ = grown(3, None, classes)
    found = whole(trees, gray)
    assert found.dtype == np.float32
    assert found.min() >= 0
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-5)
    assert trees.members == 2 * GROUPS == len(found)
    assert all(not np.array_equal(found[0], other) for other in found[1:])


@pytest.mark.parametrize("dims", [2, 3])
def test_settled_voxels_change_little(grown, monkeypatch, dims):
    """Where the first group is sure, the rest would hardly say anything else."""
    gray, trees, truth = grown(dims)
    short = whole(trees, gray).mean(0)
    monkeypatch.setattr(forest_block, "SETTLED", 2.0)
    full = whole(trees, gray).mean(0)
    assert np.abs(short - full).mean() < 0.02
    assert ((short[1] > 0.5) != (full[1] > 0.5)).mean() < 0.01
    assert dice(short[1] > 0.5, truth) > dice(full[1] > 0.5, truth) - 0.02


def dice(answer, truth):
    return 2 * (answer & truth).sum() / (answer.sum() + truth.sum())


@pytest.mark.parametrize("dims", [2, 3])
def test_the_second_stage_is_better_than_the_first(grown, dims):
    gray, trees, truth = grown(dims)
    found = whole(trees, gray)[:, 1]
    first, second = (
        dice(part.mean(0) > 0.5, truth) for part in (found[:GROUPS], found[GROUPS:])
    )
    assert second > first - 0.01
    assert second > 0.8


def test_nothing_beyond_the_halo_is_looked_at(grown):
    gray, trees, _ = grown(2)
    shape, core = gray.shape, (slice(0, 5), slice(40, 50))
    spoiled = gray.clone()
    inside = with_halo(core, trees.halo, shape).read
    mask = torch.ones(shape, dtype=torch.bool)
    mask[inside] = False
    spoiled[mask] = 1e3
    before, after = whole(trees, gray), whole(trees, spoiled)
    assert mask.any()
    assert np.array_equal(before[:, :, *core], after[:, :, *core])


@pytest.mark.parametrize(("dims", "spacing"), CASES)
def test_stored_as_json_and_arrays(grown, dims, spacing):
    gray, trees, _ = grown(dims, spacing)
    description = json.loads(json.dumps(trees.description()))
    copy = TwoStageForest.from_description(description)
    copy.load_state_dict(trees.state_dict())
    assert copy.description() == trees.description()
    assert np.array_equal(whole(copy, gray), whole(trees, gray))


def test_slices_far_apart_are_asked_one_by_one(grown):
    gray, trees, _ = grown(3, (1e9, 1.0, 1.0))
    assert trees.halo[0] == 0
    expected, spoiled = whole(trees, gray), gray.clone()
    spoiled[5] = 1e3
    changed = (whole(trees, spoiled) != expected).any((0, 1, 3, 4))
    assert np.flatnonzero(changed).tolist() == [5]


def test_stages_that_do_not_fit(grown):
    _, trees, _ = grown(2)
    first, second = trees.first, trees.second
    sizes = {"features": second.features, "classes": 2}
    for wrong in (
        (second, second),
        (first, first),
        (first, Forest([1] * (GROUPS + 1), **sizes)),
        (first, Forest([1] * GROUPS, features=second.features, classes=3)),
    ):
        with pytest.raises(InputError, match="damaged"):
            TwoStageForest(*wrong, dims=2)
    with pytest.raises(InputError, match="damaged"):
        TwoStageForest(first, second, dims=3)


@pytest.mark.parametrize("classes", [2, 3, 4])
@pytest.mark.parametrize(("dims", "spacing"), [*CASES, (3, (30.0, 1.0, 1.0))])
def test_context_is_as_wide_as_it_says(grown, dims, spacing, classes):
    bank = two_stage.FilterBank(dims, spacing=spacing)
    context = Context(bank, classes, spacing)
    axis = np.random.default_rng(0).normal(size=(dims, 50))
    axis /= np.linalg.norm(axis, axis=0)
    places = context.offsets(axis)
    assert places.shape[::2] == (50, dims)
    assert not places[:, 0].any(), "the voxel itself comes first"
    assert (np.abs(places).max((0, 1)) <= context.reach).all()
    answers = np.random.default_rng(1).random((*places.shape[:2], classes))
    found = context.of_points(answers)
    assert found.shape == (50, context.channels)
    assert np.array_equal(context.of_points(answers[:1]), found[:1])


def test_context_does_not_know_ahead_from_behind(grown):
    """The axis of a tube has no sign, so the context must not depend on it."""
    context = Context(two_stage.FilterBank(3), 2, None)
    axis = np.random.default_rng(0).normal(size=(3, 20))
    axis /= np.linalg.norm(axis, axis=0)
    image = np.random.default_rng(1).random((40, 40, 40, 2))
    found = [
        context.of_points(image[tuple(np.moveaxis(context.offsets(a) + 20, 2, 0))])
        for a in (axis, -axis)
    ]
    assert np.array_equal(*found)
