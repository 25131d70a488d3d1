import numpy as np
import pytest
import torch

from napari_sciml.networks.smsnet import build_smsnet
from napari_sciml.training.member import Member
from napari_sciml.training.sampling import IGNORE, Batch


@pytest.fixture
def make_member(tiny_network):
    def make(dims=2, learning_rate=1e-2):
        network = build_smsnet(
            tiny_network, in_channels=3, classes=2, dims=dims, seed=0
        )
        return Member(
            network,
            weights=torch.ones(2),
            learning_rate=learning_rate,
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
    member = make_member(dims)
    losses = [member.step(problem(dims, seed), seed / 60) for seed in range(60)]
    assert member.steps == 60
    assert np.mean(losses[-10:]) < 0.5 * np.mean(losses[:5])


def test_best_state_is_kept(make_member):
    """A rate so high that the last states are not the best ones."""
    member, test = make_member(learning_rate=1.0), [problem(2, 1000)]
    seen = []
    for seed in range(30):
        member.step(problem(2, seed), 0.1)
        seen.append(member.evaluate(test).loss)
    assert np.argmin(seen) < 29
    assert member.best.loss == min(seen)
    member.network.load_state_dict(member.best_state)
    assert member.evaluate(test).loss == min(seen)


def test_several_test_crops_are_scored_together(make_member):
    member = make_member()
    tests = [problem(2, seed, edge) for seed, edge in [(1, 16), (2, 9)]]
    found = member.evaluate(tests)
    assert found.voxels == sum(int((t.targets != IGNORE).sum()) for t in tests)


def test_last_state_where_nothing_is_held_out(make_member):
    member = make_member()
    member.step(problem(2), 0.0)
    assert member.evaluate([]) is None
    assert member.best is None
    for name, value in member.network.state_dict().items():
        assert torch.equal(member.best_state[name], value)


def test_best_state_does_not_move_with_the_network(make_member):
    member = make_member()
    member.evaluate([problem(2)])
    kept = {name: value.clone() for name, value in member.best_state.items()}
    member.step(problem(2), 0.5)
    assert all(torch.equal(kept[name], value) for name, value in kept.items())
    assert any(
        not torch.equal(kept[name], value)
        for name, value in member.network.state_dict().items()
    )


@pytest.mark.parametrize("dims", [2, 3])
def test_channels_out_of_sight_of_all_labels_do_not_matter(make_member, dims):
    members = make_member(dims), make_member(dims)
    edge = members[0].network.radius + 8
    plain = problem(dims, edge=edge)
    targets = torch.full_like(plain.targets, IGNORE)
    targets[:, :4] = plain.targets[:, :4]
    spoiled = plain.channels.clone()
    spoiled[:, :, members[0].network.radius + 4 :] = 1e3
    for member, channels in zip(members, (plain.channels, spoiled), strict=True):
        for _ in range(3):
            member.step(Batch(channels, targets), 0.5)
    for a, b in zip(
        members[0].network.parameters(), members[1].network.parameters(), strict=True
    ):
        assert torch.allclose(a, b, atol=1e-5)
