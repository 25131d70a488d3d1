"""Distributions that are fitted to lengths."""

import warnings

import numpy as np
import pytest

from napari_sciml.fibers.statistics.length_fit import density


@pytest.mark.parametrize(
    ("shape", "scale"), [(1e9, 12.0), (3.0, 1e-300), (2.0, 0.0), (400.0, 1e-5)]
)
@pytest.mark.parametrize("family", ["weibull", "lognormal"])
def test_the_density_of_a_needle_is_a_number(family, shape, scale) -> None:
    places = np.linspace(0, 50, 101)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not np.isnan(density(family, places, shape, scale)).any()
