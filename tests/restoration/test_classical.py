import numpy as np
import pytest

from napari_sciml.images.tiles import grid, with_halo
from napari_sciml.restoration.classical import (
    FILTERS,
    STRENGTHS,
    apply_filter,
    choose_strength,
    filter_halo,
    like_noise,
)
from napari_sciml.restoration.noise import noise_report
from napari_sciml.restoration.removed import removed_report


@pytest.mark.parametrize("kind", ["white", "slice", "3d"])
def test_the_strength_is_nearly_the_best_there_is(scene, kind):
    noisy, clean = scene(kind, seed=3)
    report = noise_report(noisy)
    chosen = choose_strength("gaussian", noisy, report)
    errors = {
        s: float(((apply_filter("gaussian", noisy, s, report.sd) - clean) ** 2).mean())
        for s in STRENGTHS["gaussian"]
    }
    assert errors[chosen.value] < 1.15 * min(errors.values())
    assert chosen.risk * report.sd**2 == pytest.approx(errors[chosen.value], rel=0.5)


@pytest.mark.parametrize("method", ["tv", "nlm"])
def test_other_filters_bring_it_nearer_to_the_truth(scene, method):
    noisy, clean = scene("white", shape=(96, 96), seed=3)
    report = noise_report(noisy)
    chosen = choose_strength(method, noisy, report)
    kept = apply_filter(method, noisy, chosen.value, report.sd)
    assert ((kept - clean) ** 2).mean() < 0.5 * ((noisy - clean) ** 2).mean()


@pytest.mark.parametrize("method", FILTERS)
@pytest.mark.parametrize("shape", [(96, 120), (10, 64, 72)])
def test_a_block_is_filtered_as_the_whole_is(scene, method, shape):
    noisy, _ = scene("white", shape=shape)
    whole = apply_filter(method, noisy, 1.0, 10.0)
    halo = filter_halo(method, len(shape), 1.0)
    for core in grid(shape, 40):
        tile = with_halo(core, halo, shape)
        part = apply_filter(method, noisy[tile.read], 1.0, 10.0)[tile.inner]
        np.testing.assert_allclose(part, whole[core], atol=1e-3, rtol=0)


def test_drawn_noise_is_correlated_as_was_measured(scene):
    report = noise_report(scene("slice", shape=(40, 96, 96))[0])
    drawn = like_noise((32, 64, 64), report, np.random.default_rng(0))
    ahead = [np.mean(np.roll(drawn, 1, axis) * drawn) for axis in range(3)]
    measured = [lags[0] for lags in report.correlation]
    assert ahead == pytest.approx(measured, abs=0.1)


def test_what_was_removed_is_noise_or_shows_structure(scene):
    noisy, clean = scene("white", contrast=120.0)
    good = removed_report(noisy, clean)
    assert not good.structure_went
    assert "looks like noise" in good.sentence
    bad = removed_report(noisy, apply_filter("gaussian", noisy, 2.5, 10.0))
    assert bad.structure_went
    assert "shows structure" in bad.sentence
    assert removed_report(noisy, noisy).sentence == "Nothing was removed."
