"""Blurs that training draws from."""

import numpy as np
import pytest
import torch

from napari_sciml.focus.levels import LEVELS, TILE
from napari_sciml.focus.model import pretrained
from napari_sciml.focus.training.blur_bank import (
    CROP,
    FAMILY_SHARES,
    FAR_LEVELS,
    FAR_WIDTH,
    MARGIN,
    BlurBank,
    psf_bank,
)
from napari_sciml.focus.training.optics import PSF_WIDTH, airy_psf, blur, disk_psf
from napari_sciml.focus.training.synthesis import TileMaker

CPU = torch.device("cpu")
NEAR = tuple(range(LEVELS))


@pytest.mark.parametrize(
    ("levels", "width"), [(NEAR, PSF_WIDTH), (FAR_LEVELS, FAR_WIDTH)]
)
def test_psfs_sum_to_one_and_grow(levels, width):
    bank = psf_bank(levels, width).unflatten(0, (-1, len(levels)))
    assert len(bank) == len(FAMILY_SHARES)
    torch.testing.assert_close(bank.sum((2, 3)), torch.ones(bank.shape[:2]))
    line = torch.arange(width) - width // 2
    square = (line[:, None] ** 2 + line[None, :] ** 2).float()
    second_moment = (bank * square).sum((2, 3))
    assert (second_moment.diff(dim=1) > 0).all()


@pytest.mark.parametrize(
    ("levels", "width"), [(NEAR, PSF_WIDTH), (FAR_LEVELS, FAR_WIDTH)]
)
def test_crops_are_blurred_as_by_plain_convolution(levels, width):
    crop = np.random.default_rng(0).random((CROP, CROP)).astype(np.float32)
    disks = torch.tensor([4])  # the family of disks
    tile = BlurBank(levels, width, CPU).blur(
        torch.from_numpy(crop)[None], disks, torch.tensor([2]), torch.zeros(1)
    )
    more = width // 2 - MARGIN
    padded = np.pad(crop, more, mode="reflect")
    whole = blur(padded, disk_psf(1 + 3 * levels[2], width))
    at = slice(MARGIN + more, MARGIN + more + TILE)
    np.testing.assert_allclose(tile[0], whole[at, at], atol=1e-5)


def test_haze_mixes_in_light_from_far():
    crops = torch.rand(1, CROP, CROP, generator=torch.Generator().manual_seed(0))
    bank = BlurBank(NEAR, PSF_WIDTH, CPU)
    sharp, half, veiled = (
        bank.blur(crops, torch.tensor([0]), torch.tensor([0]), torch.tensor([share]))
        for share in (0.0, 0.5, 1.0)
    )
    torch.testing.assert_close(half, (sharp + veiled) / 2)
    assert veiled.std() < 0.1 * sharp.std()


@pytest.mark.parametrize("diameter", [37, 46, 61, 91])
def test_what_is_blurred_beyond_the_last_level_stays_at_its_end(sharp, diameter):
    """Planes further out must not look sharper again."""
    rng = np.random.default_rng(0)
    psf = airy_psf(151, z=diameter * 0.65)
    expected = []
    for image in sharp[2:5]:  # those with enough contrast left
        far = blur(image / image.max(), psf)
        photons = rng.poisson(np.maximum(far, 0) * 2000 + 20)
        shot = photons + rng.normal(0, 3, far.shape) + 100
        expected.append(pretrained().rate(shot.round(), device="cpu").image().expected)
    assert np.mean(expected) > 8.5


def test_tiles_of_the_last_level_are_blurred_up_to_and_beyond_it(monkeypatch):
    white = [np.random.default_rng(0).random((200, 200))]
    contrast = {}
    for share in (0.0, 1.0):
        monkeypatch.setattr("napari_sciml.focus.training.synthesis.FAR_SHARE", share)
        generator = torch.Generator().manual_seed(0)
        maker = TileMaker(white, generator, blanks=0, noise=False)
        tiles, levels = maker.batch(128)
        spread = tiles.std(dim=(1, 2, 3))
        contrast[share] = [spread[levels == k].mean() for k in (9, 10)]
    assert contrast[1.0][0] == contrast[0.0][0]
    assert contrast[1.0][1] < 0.7 * contrast[0.0][1]
