"""Crops in which trees tell the class of every voxel."""

import numpy as np
import pytest
import torch

from napari_sciml.annotation.scribbles import as_scribbles
from napari_sciml.images.mosaic import frame_at
from napari_sciml.networks.ensemble import Ensemble
from napari_sciml.networks.scale_space import ScaleSpace
from napari_sciml.progress import exhaust
from napari_sciml.training.data.augmentation_config import AugmentationConfig
from napari_sciml.training.data.channels import ChannelCache
from napari_sciml.training.data.lessons import EVERY, MOST, Lessons, taught_loss
from napari_sciml.training.data.sampling import Batch
from napari_sciml.training.data.targets import IGNORE

GAP = 3


@pytest.fixture(scope="module")
def school(fibers, grow_trees):
    """Image, labels that are trained on and held out, trees of the former."""
    kept = {}

    def make(dims):
        if dims not in kept:
            image, labels, _ = fibers(dims)
            held = np.zeros_like(labels)
            held[(..., slice(40, 60))[:dims]] = labels[(..., slice(40, 60))[:dims]]
            trained = np.where(held > 0, 0, labels)
            kept[dims] = image, trained, held, grow_trees(image, labels).trees
        return kept[dims]

    return make


def lessons_of(school, dims=2, *, seed=0, edge=24, augmentation=None):
    image, trained, held, trees = school
    from napari_sciml.images.intensity import estimate_intensity

    ensemble = Ensemble(
        [],
        front=ScaleSpace(dims, (1.0,)),
        intensity=estimate_intensity(image),
        class_names=("background", "fiber"),
    )
    lessons = Lessons(
        ChannelCache(image, ensemble),
        edges=(edge,) * dims,
        augmentation=augmentation or AugmentationConfig(),
        spacing=None,
        gap=GAP,
        seed=seed,
    )
    lessons.assign(as_scribbles(trained), as_scribbles(held))
    lessons.use(trees)
    return lessons


def rounds(lessons, count, start=0):
    for round_ in range(start, start + count):
        exhaust(lessons.prepare(round_))
    return lessons


def same(a, b):
    return a._stock.keys() == b._stock.keys() and all(
        torch.equal(getattr(a._stock[n], part), getattr(b._stock[n], part))
        for n in a._stock
        for part in ("channels", "shares", "known")
    )


@pytest.mark.parametrize("dims", [2, 3])
def test_the_same_seed_gives_the_same_lessons(school, dims):
    made = [rounds(lessons_of(school(dims), dims, edge=16), 30) for _ in "ab"]
    assert len(made[0]) == 30 // EVERY
    assert same(*made)
    other = rounds(lessons_of(school(dims), dims, edge=16, seed=1), 30)
    assert not same(made[0], other)


def test_what_was_drawn_before_does_not_matter(school):
    plain, drawn = (rounds(lessons_of(school(2)), EVERY) for _ in "ab")
    drawn.draw(5, np.random.default_rng(3))
    assert same(rounds(plain, EVERY, EVERY), rounds(drawn, EVERY, EVERY))


@pytest.mark.parametrize("count", [0, 1, EVERY, 33, EVERY * MOST, EVERY * MOST + 41])
def test_catching_up_gives_the_same_stock(school, count):
    straight = rounds(lessons_of(school(2), edge=8), count)
    late = lessons_of(school(2), edge=8)
    exhaust(late.catch_up(count))
    assert same(straight, late)
    assert same(rounds(straight, 12, count), rounds(late, 12, count)), "and goes on"
    assert len(straight) <= MOST


def test_without_trees_there_is_nothing(school):
    lessons = lessons_of(school(2))
    lessons._trees = None
    assert not len(rounds(lessons, 20))
    batch = Batch(torch.zeros(1), torch.zeros(1))
    draw = lessons.taught(lambda size, rng: batch)
    rng = np.random.default_rng(0)
    assert all(draw(1, rng) is batch for _ in range(10))


def test_half_of_the_batches_are_lessons(school):
    lessons = rounds(lessons_of(school(2)), 10)
    strokes = Batch(torch.zeros(1), torch.zeros(1))
    draw, rng = lessons.taught(lambda size, rng: strokes), np.random.default_rng(0)
    count = sum(draw(1, rng) is not strokes for _ in range(400))
    assert 150 < count < 250


def regions(lessons, count):
    return [lessons._place(number) for number in range(count)]


@pytest.mark.parametrize("dims", [2, 3])
def test_nothing_is_learned_near_what_is_held_out(school, dims):
    image, _, held, _ = school(dims)
    lessons = lessons_of(school(dims), dims, edge=20)
    near = np.zeros(image.shape, bool)
    for place in np.argwhere(held > 0):
        box = tuple(slice(max(0, p - GAP), p + GAP + 1) for p in place)
        near[box] = True
    learned = 0
    for region in regions(lessons, 60):
        known = lessons._known(region, frame_at(image, region))
        assert not (known & near[region]).any()
        learned += known.sum()
    assert learned > 0


def test_what_was_painted_is_known_better(school):
    _, trained, _, _ = school(2)
    lessons = rounds(lessons_of(school(2)), 60)
    checked = 0
    for number, lesson in lessons._stock.items():
        painted = trained[lessons._place(number)]
        shares = lesson.shares.numpy()
        np.testing.assert_allclose(shares.sum(0), 1, atol=1e-5)
        for value in (1, 2):
            assert (shares[value - 1][painted == value] == 1).all()
        checked += (painted > 0).sum()
    assert checked > 50


def test_every_other_lesson_is_round_a_label(school):
    _, trained, _, _ = school(2)
    lessons = lessons_of(school(2), edge=8)
    for region in regions(lessons, 40)[::2]:
        assert trained[region].any()
    corners = np.array([[part.start for part in r] for r in regions(lessons, 400)])
    assert (corners.min(0) < 8).all()
    assert (corners.max(0) > 80).all()


def test_crops_turn_with_their_answers(school):
    """Channels, shares and what is known stay in place to each other."""
    lessons = rounds(lessons_of(school(2)), 1)
    (lesson,) = lessons._stock.values()
    # Put the place of each pixel where it can be read off.
    shape = lesson.known.shape
    marks = torch.arange(shape.numel()).view(shape).float()
    lesson.shares[0], lesson.channels[0, 0] = marks, marks
    lesson.known[:] = marks % 3 == 0
    seen = set()
    for seed in range(40):
        batch = lessons.draw(1, np.random.default_rng(seed))
        assert torch.equal(batch.shares[0, 0], batch.channels[0, 0])
        assert torch.equal(batch.known[0], batch.channels[0, 0] % 3 == 0)
        assert (batch.targets == IGNORE).all()
        seen.add(tuple(batch.channels[0, 0].flatten()[[0, -1]].tolist()))
    assert len(seen) == 4, "all corners come first"
    still = AugmentationConfig(flips=False, turns=False)
    lessons = rounds(lessons_of(school(2), augmentation=still), 1)
    batch = lessons.draw(1, np.random.default_rng(0))
    assert torch.equal(batch.channels, lessons._stock[0].channels)


def test_loss_is_the_cross_entropy_of_known_voxels():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn((2, 3, 5, 4), generator=generator)
    truth = torch.randint(0, 3, (2, 5, 4), generator=generator)
    known = torch.rand((2, 5, 4), generator=generator) < 0.5
    sure = torch.nn.functional.one_hot(truth, 3).movedim(-1, 1).float()
    targets = torch.where(known, truth, IGNORE)
    expected = torch.nn.functional.cross_entropy(logits, targets, ignore_index=IGNORE)
    assert taught_loss(logits, sure, known) == pytest.approx(float(expected), rel=1e-5)
    nothing = taught_loss(logits, sure, torch.zeros_like(known))
    assert float(nothing) == 0
    # Least where the answer is the share.
    shares = torch.softmax(logits, 1)
    best = taught_loss(logits, shares, known)
    assert all(
        taught_loss(logits + noise, shares, known) > best
        for noise in torch.randn((5, 2, 3, 5, 4), generator=generator)
    )
