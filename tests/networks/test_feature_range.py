"""The range of features that a model has seen, and what is outside of it."""

import pytest
import torch

from napari_sciml.errors import InputError
from napari_sciml.networks.ensemble_description import build_ensemble, describe_ensemble
from napari_sciml.networks.feature_range import FeatureRange


def test_range_leaves_out_a_thousandth_at_each_end() -> None:
    channels = torch.arange(10_000.0).flip(0).repeat(2, 1)
    found = FeatureRange.of(channels)
    assert found.low == (10, 10)
    assert found.high == (9989, 9989)


@pytest.mark.parametrize(
    ("voxel", "outside"),
    [
        ((0, 5), False),
        ((-0.9, 5), False),  # within the margin
        ((-1.1, 5), True),
        ((5, 26), True),  # one channel is enough
        ((11.1, 26), True),
    ],
)
def test_voxels_outside(voxel, outside) -> None:
    known = FeatureRange(low=(0, 0), high=(10, 20))
    channels = torch.tensor(voxel, dtype=torch.float32).view(2, 1, 1, 1)
    found = known.outside(channels)
    assert found.shape == (1, 1, 1)
    assert bool(found) is outside


def test_a_channel_that_never_changes_has_no_room() -> None:
    known = FeatureRange.of(torch.zeros(1, 7))
    assert known.outside(torch.tensor([[0.0, 1e-3]])).tolist() == [False, True]


def test_what_was_seen_in_either_image() -> None:
    one, other = FeatureRange(low=(0,), high=(1,)), FeatureRange(low=(-1,), high=(0.5,))
    assert one.joined(other) == FeatureRange(low=(-1,), high=(1,))


DAMAGED = {
    "no object": [1, 2],
    "no numbers": {"low": ["a"] * 6, "high": [1.0] * 6},
    "missing": {"low": [0.0] * 6},
    "too few": {"low": [0.0], "high": [1.0]},
    "other lengths": {"low": [0.0] * 6, "high": [1.0] * 5},
    "not finite": {"low": [0.0] * 6, "high": [float("inf")] * 6},
    "ends before it begins": {"low": [2.0] * 6, "high": [1.0] * 6},
}


@pytest.mark.parametrize("stored", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_range_is_refused(make_ensemble, stored) -> None:
    plain = describe_ensemble(make_ensemble(3, members=1))
    description = plain | {"familiar": stored}
    with pytest.raises(InputError, match="range of features should be one low and one"):
        build_ensemble(description)


def test_an_ensemble_keeps_it(make_ensemble) -> None:
    ensemble = make_ensemble(3, members=1)
    assert "familiar" not in describe_ensemble(ensemble)  # as of older models
    assert build_ensemble(describe_ensemble(ensemble)).familiar is None
    ensemble.familiar = FeatureRange(low=(0,) * 6, high=(1,) * 6)
    again = build_ensemble(describe_ensemble(ensemble))
    assert again.familiar == ensemble.familiar
