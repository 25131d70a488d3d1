import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_sciml.filling.lessons import CHANNELS, look
from napari_sciml.filling.pattern import (
    ACROSS,
    Pattern,
    across_without,
    ring_without,
)
from napari_sciml.filling.polar import Grid
from napari_sciml.filling.symmetry import PolarFill, Rule
from scattering import CENTER, module_gaps, pattern


def pattern_of(known=None, across=True):
    counts = pattern()[0].astype(np.float32)
    known = np.ones(counts.shape, bool) if known is None else known
    return counts, Pattern(counts, known, CENTER, across=across)


@given(st.integers(0, 2**32 - 1), st.integers(0, 100), st.integers(0, 140))
def test_hidden_pixels_do_not_count_in_their_ring(seed, top, left):
    counts, maps = pattern_of()
    region = (slice(top, top + 60), slice(left, left + 60))
    hidden = np.zeros(counts.shape, bool)
    hidden[region] = np.random.default_rng(seed).random((60, 60)) < 0.3
    mean, there = ring_without(maps[:, *region], hidden[region], least=5)
    # As if they had never been known.
    _, without = pattern_of(~hidden)
    nothing = np.zeros((60, 60), bool)
    expected, possible = ring_without(without[:, *region], nothing, least=5)
    assert np.array_equal(there, possible)
    np.testing.assert_allclose(mean, expected, rtol=1e-4)


def test_the_other_side_of_a_symmetric_pattern_is_like_this_one():
    _, expected = pattern()
    maps = Pattern(
        expected.astype(np.float32), np.ones(expected.shape, bool), CENTER, across=True
    )[:, :, :]
    y, x = np.ogrid[: expected.shape[0], : expected.shape[1]]
    inside = (abs(y - CENTER[0]) < 60) & (abs(x - CENTER[1]) < 85)
    far = inside & (np.hypot(y - CENTER[0], x - CENTER[1]) > 20)
    # Averaged over 2 pixels, so the edges of rings are a little softer.
    assert np.corrcoef(maps[ACROSS][far], expected[far])[0, 1] > 0.99


def test_hidden_pixels_are_not_looked_at_across_the_center():
    counts, maps = pattern_of()
    region = (slice(45, 105), slice(70, 130))
    hidden = np.zeros(counts.shape, bool)
    hidden[60:64, 75:128] = True
    there = across_without(maps[:, *region], hidden[region])
    lost = np.zeros(counts.shape, bool)
    lost[region] = ~there
    y, x = np.nonzero(hidden[region])
    opposite = np.round(2 * np.array(CENTER)).astype(int)[:, None] - (y + 45, x + 70)
    inside = ((opposite >= [[45], [70]]) & (opposite < [[105], [130]])).all(axis=0)
    assert lost[tuple(opposite[:, inside])].all()
    assert not lost[50:56].any()
    away = (slice(20, 50), slice(110, 140))
    assert across_without(maps[:, *away], hidden[away]).all()


def test_no_symmetry_means_that_the_other_side_is_not_seen():
    _, maps = pattern_of(across=False)
    inputs, _ = look(maps[:, :, :], module_gaps())
    assert inputs.shape[0] == CHANNELS
    assert not inputs[-2:].any()


def test_bright_spots_stay_as_sharp_as_their_counts_allow():
    rng = np.random.default_rng(0)
    expected = np.full((121, 141), 2.0)
    for y, x in ((40, 50), (80, 90)):  # across the center (60, 70) from each other
        expected[y - 2 : y + 3, x - 2 : x + 3] = 900
    image = rng.poisson(expected).astype(np.float32)
    known = np.ones(image.shape, bool)
    known[38:43] = False
    wide = PolarFill(image, known, ~known, Grid.around((60.0, 70.0), image.shape))
    # Spots are a few pixels of many: the noise of counts is 1 all the same.
    spot = expected[~known] > 2
    lost = {}
    for photons in (100.0, math.inf):
        values, _ = wide.fill(Rule(64, across=True, photons=photons))
        lost[photons] = values[spot].sum() / expected[~known][spot].sum() - 1
        dark = values[expected[~known] == 2]
        assert np.median(dark) == pytest.approx(2, rel=0.1)
    assert abs(lost[100.0]) < 0.15
    assert lost[math.inf] < -0.6
