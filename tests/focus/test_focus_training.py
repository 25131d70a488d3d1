"""Training on own images, and the model files."""

import json

import numpy as np
import pytest
import torch

from napari_sciml.errors import InputError
from napari_sciml.focus.config import FocusTrainingConfig
from napari_sciml.focus.model import CARD, load_focus, pretrained
from napari_sciml.focus.networks.mlp_ensemble import JUDGES
from napari_sciml.focus.networks.network import (
    IN_FOCUS_ODDS,
    FocusNet,
    ranked_probability_score,
    tile_features,
)
from napari_sciml.focus.rating.features import (
    BINS,
    other_texture,
    radial_spectrum,
    standardize,
    steady_spectrum,
)
from napari_sciml.focus.training.session import (
    FocusStep,
    FocusTrained,
    split_images,
    train_focus,
)
from napari_sciml.focus.training.synthesis import TileMaker


@pytest.fixture(scope="module")
def trained(sharp):
    config = FocusTrainingConfig(steps=3, batch=8, device="cpu", threads=1)
    return list(train_focus(sharp, config))


def test_training_steps_and_ends_with_a_model(trained, sharp):
    assert [type(event) for event in trained] == [FocusStep] * 3 + [FocusTrained]
    assert [event.fraction for event in trained[:3]] == [1 / 3, 2 / 3, 1.0]
    model = trained[-1].model
    assert model.card["trained_on"] == "5 images"
    assert model.card["held_out"]["tiles"] > 100
    assert model.rate(sharp[0]).level.shape == (3, 3)


def test_saved_model_rates_the_same(trained, sharp, tmp_path):
    model = trained[-1].model
    model.save(tmp_path / "focus")
    again = load_focus(tmp_path / "focus")
    assert again.card["settings"]["steps"] == 3
    np.testing.assert_array_equal(
        again.rate(sharp[0]).probabilities, model.rate(sharp[0]).probabilities
    )


def test_judges_are_trained_each_and_averaged_after(sharp):
    generator = torch.Generator().manual_seed(0)
    tiles, _ = TileMaker(sharp, generator).batch(8)
    network = FocusNet().train()
    assert network(tiles).shape == (JUDGES * 8, 11)
    logits = network.eval()(tiles)
    features, _ = tile_features(tiles)
    normed = network.judges.norm(features).clamp(-6, 6)
    each = [torch.softmax(head(normed), 1) for head in network.judges.heads]
    mean = torch.stack(each).mean(0)
    mean[:, :3] *= IN_FOCUS_ODDS
    mean = mean / mean.sum(1, keepdim=True)
    torch.testing.assert_close(torch.softmax(logits, 1), mean)


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("flipped", [False, True])
def test_a_tile_that_is_turned_or_flipped_looks_the_same(sharp, turns, flipped):
    generator = torch.Generator().manual_seed(0)
    tiles, _ = TileMaker(sharp, generator).batch(32)
    turned = torch.rot90(tiles, turns, (2, 3))
    turned = turned.flip(3) if flipped else turned
    torch.testing.assert_close(
        tile_features(turned)[0], tile_features(tiles)[0], atol=1e-4, rtol=0
    )


@pytest.mark.parametrize("edge", [83, 84])
def test_rings_hold_the_whole_plane_of_frequencies(edge):
    noise = torch.randn(2, 1, edge, edge, generator=torch.Generator().manual_seed(0))
    line = torch.hann_window(edge, periodic=False)
    power = torch.fft.fft2(noise[:, 0] * line * line[:, None]).abs() ** 2
    fy = torch.fft.fftfreq(edge)
    ring = (torch.hypot(fy[:, None], fy) / 0.5 * BINS).long()
    expected = torch.stack([power[:, ring == k].mean(1) for k in range(1, BINS - 1)], 1)
    found = 10 ** (radial_spectrum(noise) - 1.5) * edge**2
    torch.testing.assert_close(found[:, 1:-1], expected, rtol=1e-3, atol=1e-3 * edge)


def test_another_texture_keeps_noise_power_and_signal(sharp):
    generator = torch.Generator().manual_seed(0)
    tiles, _ = TileMaker(sharp, generator, blanks=0).batch(64)
    features, _ = tile_features(tiles)
    same = other_texture(features, 0, 0, 2)
    torch.testing.assert_close(same, features, atol=0.02, rtol=0)
    other = other_texture(features, 0.3, 0.15, 2)
    for spectrum in (slice(BINS), slice(BINS, 2 * BINS)):
        assert (other[:, spectrum] - features[:, spectrum]).abs().max() > 0.1
    torch.testing.assert_close(other[:, 2 * BINS :], features[:, 2 * BINS :])
    assert torch.isfinite(other).all()


def test_what_is_no_model_is_refused(tmp_path):
    with pytest.raises(InputError, match="no focus model"):
        load_focus(tmp_path)


def test_the_same_seed_gives_the_same_weights(sharp):
    config = FocusTrainingConfig(
        network="spectrum", steps=2, batch=4, device="cpu", threads=1
    )
    first, second = (
        list(train_focus(sharp[:2], config))[-1].model.network.state_dict()
        for _ in range(2)
    )
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_training_can_be_closed(sharp):
    run = train_focus(sharp, FocusTrainingConfig(batch=4, device="cpu", threads=1))
    next(run)
    run.close()
    assert list(run) == []


def test_images_are_split_whole():
    train, held_out = split_images([f"image {i}" for i in range(10)], 0.2, seed=1)
    assert len(train) == 8
    assert len(held_out) == 2
    assert not set(train) & set(held_out)


@pytest.mark.parametrize(
    ("images", "words"),
    [
        ([], "at least one"),
        ([np.zeros((300, 300))], "No image with contrast"),
        ([np.random.default_rng(0).random((90, 90))], "No image with contrast"),
        ([np.zeros((3, 300, 300))], "must be"),
    ],
)
def test_images_that_cannot_teach_are_refused(images, words):
    with pytest.raises(InputError) as caught:
        next(train_focus(images, FocusTrainingConfig(device="cpu")))
    assert words in str(caught.value)


def test_made_tiles_have_noise_after_the_blur(sharp):
    generator = torch.Generator().manual_seed(0)
    tiles, levels = TileMaker(sharp, generator, blanks=0).batch(64)
    assert tiles.shape == (64, 1, 84, 84)
    assert set(levels.tolist()) == set(range(11))
    assert torch.isfinite(tiles).all()
    # Of the blurriest tiles too, neighbors differ.
    rough = (tiles[levels >= 9].diff(dim=-1) != 0).float().mean()
    assert rough > 0.3


def test_ranked_probability_score_counts_the_distance():
    sure = 50 * torch.eye(11)[[0, 0, 0]]
    scores = [
        float(ranked_probability_score(sure[:1], torch.tensor([k]))) for k in (0, 1, 10)
    ]
    np.testing.assert_allclose(scores, [0, 0.1, 1.0], atol=1e-6)


@pytest.mark.parametrize(("version", "told"), [(99, "newer"), (4, "older")])
def test_a_model_of_another_version_says_so(tmp_path, version, told):
    pretrained().save(tmp_path / "model")
    card = tmp_path / "model" / CARD
    written = json.loads(card.read_text())
    card.write_text(json.dumps({**written, "version": version}))
    with pytest.raises(InputError, match=f"{told} version of napari-sciml"):
        load_focus(tmp_path / "model")


def test_a_cell_at_the_rim_is_in_one_of_the_spectra():
    tile = torch.zeros(1, 1, 84, 84)
    tile[..., 40:46, :3] = 1
    scaled, _ = standardize(tile)
    assert (steady_spectrum(scaled) - radial_spectrum(scaled))[:, 2:].min() > 1


def test_noise_has_the_same_power_in_both_spectra():
    noise = torch.randn(64, 1, 84, 84, generator=torch.Generator().manual_seed(0))
    both = [spectrum(noise)[:, 3:] for spectrum in (radial_spectrum, steady_spectrum)]
    torch.testing.assert_close(both[0].mean(), both[1].mean(), atol=0.03, rtol=0)
    assert both[1].std() < 0.6 * both[0].std()
