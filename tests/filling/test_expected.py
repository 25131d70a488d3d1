"""What a test in other places foretells of the gaps."""

import numpy as np
import pytest

from napari_sciml.filling.expected import Gaps, expected
from napari_sciml.filling.place import Place
from napari_sciml.filling.scores import squares


def place(seed, low, high, *, bias=1.0, width=0.05):
    """A filling that is off by some percent of counts between two levels."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:70, :210]
    real = low * (high / low) ** (x / 209)
    truth = rng.poisson(real).astype(np.float32)
    blocks = np.kron(rng.normal(0, width, (10, 30)), np.ones((7, 7)))
    filled = (real * bias * np.exp(blocks)).astype(np.float32)
    return Place.of(truth, filled, np.ones(real.shape, bool), np.hypot(y, x))


def gaps_of(one):
    return Gaps(one.filled, one.squares.filled)


TESTED = [place(seed, 20, 2000) for seed in range(6)]


@pytest.mark.parametrize(("low", "high"), [(20, 2000), (20, 60), (100, 400)])
def test_correlations_are_those_of_gaps_as_bright_as_they_are(low, high):
    here = place(99, low, high)
    told, errors = expected(TESTED, gaps_of(here))
    for name in ("error7", "cc7", "cc", "mae"):
        assert abs(told[name] - here.figures[name]) <= 2 * errors[name] + 0.02, name
    # The same fillings are worth 0.99 or 0.8, by how much the counts vary.
    assert told["cc7"] == pytest.approx(here.figures["cc7"], abs=0.06)


def test_photons_that_are_missing_in_all_places_are_missing_here():
    tested = [place(seed, 20, 2000, bias=0.9) for seed in range(6)]
    told, errors = expected(tested, gaps_of(place(99, 20, 200, bias=0.9)))
    assert told["photons"] == pytest.approx(-0.1, abs=0.02)
    assert errors["photons"] < 0.05


def test_places_that_differ_make_the_errors_wide():
    tested = [*TESTED[:5], place(7, 20, 2000, bias=0.6)]
    _, alike = expected(TESTED, gaps_of(TESTED[0]))
    _, wide = expected(tested, gaps_of(TESTED[0]))
    assert wide["photons"] > 5 * alike["photons"]
    assert wide["photons"] > 0.3


def test_one_place_tells_no_error():
    told, errors = expected(TESTED[:1], gaps_of(TESTED[1]))
    assert told["cc7"] > 0.9
    assert set(errors.values()) == {None}


def test_nothing_that_varies_has_no_correlation():
    flat = np.full((70, 70), 4, np.float32)
    whole = np.ones(flat.shape, bool)
    one = Place.of(flat, flat, whole, flat)
    told, _ = expected(
        [one, one], Gaps(flat.ravel(), squares(flat, flat, whole).filled)
    )
    assert told["cc"] is None
    assert told["photons"] == pytest.approx(0)


def test_gaps_without_light_have_no_share_of_photons():
    dark = np.zeros(100, np.float32)
    told, errors = expected(TESTED, Gaps(dark, dark[:10]))
    assert told["photons"] is None
    assert errors["photons"] is None
