"""The optics, against the numbers of the code of Yang et al. (2018)."""

import numpy as np
import pytest

from napari_sciml.focus.levels import defocus_of_level
from napari_sciml.focus.training.optics import (
    add_noise,
    airy_psf,
    blur,
    disk_psf,
    gaussian_psf,
    thick_psf,
)


@pytest.mark.parametrize(
    ("width", "z", "place", "value"),
    [(1, 0.0, (0, 0), 0.25), (1, 1.0, (0, 0), 0.20264), (3, 0.0, (0, 1), 0.00114255)],
)
def test_airy_psf_at_points_is_that_of_the_reference(width, z, place, value):
    psf = airy_psf(width, z=z, pixel=1.0, normalize=False)
    assert psf[place] == pytest.approx(value, abs=5e-6)


def test_airy_psf_of_large_pixels_is_nearly_a_point():
    psf = airy_psf(5, pixel=1.0)
    assert psf[2, 2] > 0.95
    psf[2, 2] = 0
    assert psf.max() < 0.01


def test_psfs_sum_to_one_and_are_even():
    for psf in (airy_psf(z=8.0), disk_psf(10), gaussian_psf(10), thick_psf(8.0, 2.0)):
        assert psf.shape == (51, 51)
        assert psf.sum() == pytest.approx(1)
        np.testing.assert_allclose(psf, psf[::-1, ::-1], atol=1e-12)
        np.testing.assert_allclose(psf, psf.T, atol=1e-12)


def _energy_diameter(psf):
    line = np.arange(51) - 25
    radius = np.hypot(line[:, None], line).ravel()
    order = radius.argsort(kind="stable")
    return 2 * radius[order][np.searchsorted(psf.ravel()[order].cumsum(), 0.8)]


def test_energy_diameters_of_the_levels_are_those_of_the_study():
    study = [0, 2.8, 5.7, 8.2, 10.2, 12.8, 16.0, 18.4, 20.9, 23.4, 26.1]
    found = [_energy_diameter(airy_psf(z=2.0 * k)) for k in range(11)]
    np.testing.assert_allclose(found, study, atol=0.1)


def test_gaussian_has_the_second_moment_of_the_disk():
    line = (np.arange(51) - 25.0) ** 2

    def moment(psf):
        return (psf * (line[:, None] + line)).sum()

    assert moment(gaussian_psf(16)) == pytest.approx(moment(disk_psf(16)), rel=0.03)


def test_level_in_micrometers_matches_the_planes_of_the_reference():
    z = [defocus_of_level(k, na=0.5, index=1.0, pixel=0.65) for k in (0, 1, 10)]
    np.testing.assert_allclose(z, [0, 1.95, 19.5])


def test_blur_keeps_an_even_image_and_its_shape():
    np.testing.assert_allclose(blur(np.full((60, 70), 3.0), disk_psf(13)), 3.0)


def test_noise_is_that_of_photons_above_the_offset():
    image = np.full((200, 200), 1100 / 65535)
    noisy = add_noise(image, np.random.default_rng(0), offset=100, read=3) * 65535
    assert noisy.mean() == pytest.approx(1100, abs=1)
    assert noisy.var() == pytest.approx(1000 + 9, rel=0.03)
