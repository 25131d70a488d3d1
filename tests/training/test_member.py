import copy
from itertools import count

import numpy as np
import pytest
import torch

from napari_sciml.networks.sparse.smsnet import build_smsnet
from napari_sciml.training.config import TrainingConfig
from napari_sciml.training.data.sampling import Batch
from napari_sciml.training.data.targets import IGNORE
from napari_sciml.training.evaluation.metrics import score
from napari_sciml.training.member import Member


@pytest.fixture
def make_member(tiny_network):
    """A member that is given the batches 0, 1, 2 … of a problem, or always one."""

    def make(dims=2, batches=None, **settings):
        config = TrainingConfig(network=tiny_network, optimizer=settings)
        network = build_smsnet(
            tiny_network, in_channels=3, classes=2, dims=dims, seed=0
        )
        drawn = (problem(dims, seed) for seed in count())
        return Member(
            network,
            draw=lambda size, rng: batches or next(drawn),
            weights=torch.ones(2),
            config=config,
            rng=np.random.default_rng(0),
        )

    return make


def problem(dims, seed=0, edge=16):
    """Classes differ by two units of the first channel; a third is labeled."""
    generator = torch.Generator().manual_seed(seed)
    channels = torch.randn((1, 3, *[edge] * dims), generator=generator)
    targets = (channels[:, 0] > 0).long()
    channels[:, 0] = 2 * targets - 1 + 0.3 * channels[:, 1]
    targets[torch.rand(targets.shape, generator=generator) > 1 / 3] = IGNORE
    return Batch(channels, targets)


@pytest.mark.parametrize("dims", [2, 3])
def test_loss_falls(make_member, dims):
    member = make_member(dims, learning_rate=1e-2)
    losses = [member.step(step / 60) for step in range(60)]
    assert member.steps == 60
    assert np.mean(losses[-10:]) < 0.5 * np.mean(losses[:5])


def test_best_state_is_kept(make_member):
    """A rate so high that the last states are not the best ones."""
    member, test = make_member(learning_rate=1.0), [problem(2, 1000)]
    seen = []
    for _ in range(30):
        member.step(0.1)
        seen.append(member.evaluate(test).error)
    assert np.argmin(seen) < 29
    assert member.best.error == min(seen)
    assert member.evaluations_since_best == 29 - np.argmin(seen)
    network = copy.deepcopy(member.network)
    network.load_state_dict(member.best_state)
    logits = network(test[0].channels).movedim(1, -1)
    rows = logits.detach().flatten(0, -2).softmax(-1)
    truth = test[0].targets.flatten()
    assert score(rows, truth).error == pytest.approx(min(seen), rel=0.05)


def test_several_test_crops_are_scored_together(make_member):
    member = make_member()
    tests = [problem(2, seed, edge) for seed, edge in [(1, 16), (2, 9)]]
    found = member.evaluate(tests)
    assert found.voxels == sum(int((t.targets != IGNORE).sum()) for t in tests)


def test_last_state_where_nothing_is_held_out(make_member):
    member = make_member(learning_rate=1e-2)
    before = member.best_state
    member.step(0.0)
    assert member.evaluate([]) is None
    assert member.best is None
    for name, value in member.network.state_dict().items():
        # The average has gone most of the way already.
        left = (member.best_state[name] - value).abs().max()
        assert left <= 0.2 * (before[name] - value).abs().max() + 1e-7


def test_best_state_does_not_move_with_the_network(make_member):
    member = make_member()
    member.evaluate([problem(2)])
    kept = {name: value.clone() for name, value in member.best_state.items()}
    member.step(0.5)
    assert all(torch.equal(kept[name], value) for name, value in kept.items())
    assert any(
        not torch.equal(kept[name], value)
        for name, value in member.network.state_dict().items()
    )


@pytest.mark.parametrize("dims", [2, 3])
def test_channels_out_of_sight_of_all_labels_do_not_matter(make_member, dims):
    radius = make_member(dims).network.radius
    edge = radius + 8
    plain = problem(dims, edge=edge)
    targets = torch.full_like(plain.targets, IGNORE)
    targets[:, :4] = plain.targets[:, :4]
    spoiled = plain.channels.clone()
    spoiled[:, :, radius + 4 :] = 1e3
    members = [make_member(dims, Batch(c, targets)) for c in (plain.channels, spoiled)]
    for member in members:
        for _ in range(3):
            member.step(0.5)
    for a, b in zip(
        members[0].network.parameters(), members[1].network.parameters(), strict=True
    ):
        assert torch.allclose(a, b, atol=1e-5)


def test_the_average_forgets_what_was_long_ago(make_member):
    member = make_member(learning_rate=1e-2)
    for _ in range(40):
        member.step(0.2)
    early = member.best_state
    for _ in range(400):
        member.step(1.0)  # hardly moves any more
    for name, value in member.network.state_dict().items():
        distance = (member.best_state[name] - value).norm()
        assert distance < 0.2 * (early[name] - value).norm() + 1e-6


@pytest.mark.parametrize("name", ["adamw", "adam", "sgd"])
def test_a_restored_member_takes_the_same_steps(make_member, name):
    straight, broken, restored = (make_member(2, problem(2), name=name) for _ in "abc")
    for member in (straight, broken):
        for step in range(6):
            member.step(step / 10)
        member.evaluate([problem(2, 5)])
    state = broken.state()
    for step in range(3):  # the state that was taken does not move with it
        broken.step(step / 10)
    restored.restore(state)
    for member in (straight, restored):
        for step in range(6, 10):
            member.step(step / 10)
        member.evaluate([problem(2, 5)])
    assert restored.steps == straight.steps == 10
    assert restored.best == straight.best
    for attribute in ("network", "average", "best"):
        ours, theirs = (getattr(m.state(), attribute) for m in (restored, straight))
        assert all(torch.equal(ours[key], theirs[key]) for key in theirs)


def test_accumulated_batches_count_as_one_large_batch(make_member):
    parts = [problem(2, seed) for seed in range(2)]
    for part in parts[1:]:  # the same number of labels: a mean is a mean of means
        labeled = (parts[0].targets != IGNORE) & (part.targets != IGNORE)
        for each in (parts[0], part):
            each.targets[~labeled] = IGNORE
    whole = Batch(*(torch.cat(t) for t in zip(*map(_pair, parts), strict=True)))
    together = make_member(2, whole, name="sgd", weight_decay=0)
    apart = make_member(2, None, name="sgd", weight_decay=0, accumulate=2)
    given = iter(parts)
    apart._draw = lambda size, rng: next(given)
    losses = [member.step(0.5) for member in (together, apart)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)
    pairs = zip(together.network.parameters(), apart.network.parameters(), strict=True)
    assert all(torch.allclose(a, b, atol=1e-4) for a, b in pairs)


def _pair(batch):
    return batch.channels, batch.targets


def spoiled(value):
    batch = problem(2)
    batch.channels[0, 0, 8, 8] = value
    return batch


def test_a_score_that_is_not_a_number_is_never_the_best(make_member):
    member, test = make_member(learning_rate=1e-2), [problem(2, 1000)]
    member.step(0.5)
    member.evaluate(test)
    best, kept = member.best, member.best_state
    for _ in range(3):
        member.step(0.5)
        member.evaluate([spoiled(np.nan)])
    assert member.best is best
    assert all(torch.equal(member.best_state[name], kept[name]) for name in kept)
    assert member.evaluations_since_best == 3


def test_no_first_best_without_a_number(make_member):
    member = make_member()
    member.evaluate([spoiled(np.nan)])
    assert member.best is None


@pytest.mark.parametrize("clip", [None, 1.0])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_step_that_cannot_be_computed_is_left_out(make_member, value, clip):
    member = make_member(2, spoiled(value), clip=clip)
    before = {name: v.clone() for name, v in member.network.state_dict().items()}
    assert not np.isfinite(member.step(0.5))
    assert member.steps == 1
    for name, then in before.items():
        assert torch.equal(member.network.state_dict()[name], then)
        assert torch.equal(member.best_state[name], then)


def test_weights_that_overflow_are_not_handed_out(make_member):
    member = make_member(name="sgd", learning_rate=100, clip=None, momentum=0.99)
    for _ in range(5):
        member.step(0.5)
        with torch.no_grad():  # as a rate far too high does
            next(member.network.parameters()).fill_(np.inf)
    member.step(0.5)
    states = (member.best_state, member.network.state_dict())
    assert all(v.isfinite().all() for state in states for v in state.values())
