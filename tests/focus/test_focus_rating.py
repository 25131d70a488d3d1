"""Tiles, results and what is said of an image."""

import numpy as np
import pandas as pd
import pytest
import torch

from napari_sciml.errors import InputError
from napari_sciml.focus.colors import focus_colors, legend
from napari_sciml.focus.model import FocusModel, pretrained
from napari_sciml.focus.networks.network import FocusNet
from napari_sciml.focus.overlay import overlay
from napari_sciml.focus.rating.measures import MEASURES, measure_tiles
from napari_sciml.focus.rating.result import (
    FocusResult,
    certainty,
    pool,
    tile_certainties,
)
from napari_sciml.focus.training.optics import blur, disk_psf


@pytest.fixture(scope="module")
def model():
    return pretrained()


def _noisy(image, photons=500.0):
    rng = np.random.default_rng(0)
    image = (image - image.min()) / np.ptp(image)
    return (rng.poisson(np.clip(image, 0, None) * photons + 5) + 100).astype(np.uint16)


def _result(p, shape=(84, 84)):
    """A result of one row of tiles per plane."""
    p = np.asarray(p, np.float32)
    xs = np.arange(p.shape[-2]) * 84
    blank = np.zeros(p.shape[:-1], bool)
    return FocusResult(p, np.array([0]), xs, 84, (84, 84 * len(xs)), blank)


def _sure(*levels):
    return np.eye(11, dtype=np.float32)[list(levels)]


def test_certainty_and_pooling_are_those_of_the_reference():
    tiles = np.array([[1 / 3, 1 / 3, 1 / 3], [0, 0.2, 0.8]])
    np.testing.assert_allclose(pool(tiles), [0, 0.2, 0.8], atol=1e-9)
    found = {k: round(v, 3) for k, v in tile_certainties(tiles, None).items()}
    expected = {"mean": 0.272, "max": 0.545, "aggregate": 0.545, "weighted": 0.545}
    assert found == expected


def test_certainty_is_zero_for_even_and_one_for_sure():
    assert certainty(np.full(11, 1 / 11)) == pytest.approx(0)
    assert certainty(np.eye(11)[3]) == 1


def test_pooling_by_product_multiplies():
    np.testing.assert_allclose(
        pool(np.array([[0.5, 0.5], [0.2, 0.8]]), "product"), [0.2, 0.8]
    )


@pytest.mark.parametrize("shape", [(84, 84), (200, 300), (2, 100, 90), (2, 3, 84, 84)])
def test_every_shape_and_pixel_is_rated(model, shape):
    image = np.random.default_rng(0).integers(0, 900, shape).astype(np.uint16)
    result = model.rate(image, device="cpu")
    rows, columns = (-(-n // 84) for n in shape[-2:])
    assert result.probabilities.shape == (*shape[:-2], rows, columns, 11)
    np.testing.assert_allclose(result.probabilities.sum(-1), 1, atol=1e-5)
    assert np.isfinite(result.as_image(result.expected)).all()
    assert len(result.to_dataframe()) == result.level.size


def test_batches_do_not_change_the_result(model, sharp):
    image = _noisy(sharp[0])
    one = model.rate(image, batch=1, device="cpu").probabilities
    all_ = model.rate(image, device="cpu").probabilities
    np.testing.assert_allclose(one, all_, atol=1e-4)


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32, np.float64])
def test_gain_offset_and_dtype_do_not_matter(model, sharp, dtype):
    image = _noisy(sharp[0])
    plain = model.rate(image, device="cpu").expected
    changed = model.rate((image.astype(np.float64) * 3 + 500).astype(dtype))
    np.testing.assert_allclose(changed.expected, plain, atol=0.05)


def test_blur_raises_the_level(model, sharp):
    levels = []
    for diameter in (1, 10, 19, 28):
        image = np.mean(
            [
                float(model.rate(_noisy(blur(s, disk_psf(diameter)))).image().expected)
                for s in sharp[:3]
            ]
        )
        levels.append(image)
    assert levels == sorted(levels)
    assert levels[-1] - levels[0] > 4


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((200, 200), np.uint8),
        np.full((200, 200), 7.5),
        np.full((200, 200), np.nan, np.float32),
        np.random.default_rng(0).poisson(120, (252, 252)).astype(np.uint16),
    ],
    ids=["black", "even", "nan", "noise"],
)
def test_blank_images_are_undetermined(model, image):
    result = model.rate(image, device="cpu")
    whole = result.image()
    assert result.blank.all()
    assert whole.undetermined
    assert np.isnan(whole.level)
    assert not result.out_of_focus().any()


@pytest.mark.filterwarnings("error")
def test_numpy_says_nothing_of_a_nan_that_signals(model, sharp):
    """Damaged files hold such; a viewer would show the warning to its user."""
    image = _noisy(sharp[0][:168, :168]).astype(np.float32)
    image.view(np.uint32)[3, 3] = 0x7F800001
    result = model.rate(image, device="cpu")
    np.testing.assert_array_equal(result.unusable, [[True, False], [False, False]])
    assert overlay(image, result).shape == (168, 168, 3)
    assert np.isnan(measure_tiles(image)["tenengrad"][0])


def test_one_bad_pixel_spoils_only_its_tile(model, sharp):
    image = _noisy(sharp[0][:168, :168]).astype(np.float32)
    image[3, 3] = np.inf
    blank = model.rate(image, device="cpu").unusable
    np.testing.assert_array_equal(blank, [[True, False], [False, False]])


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (np.zeros((50, 200)), "smaller than a tile"),
        (np.zeros(200), "(…, y, x)"),
        (np.zeros((90, 90), complex), "of numbers"),
    ],
)
def test_what_cannot_be_rated_is_said_plainly(image, words):
    model = FocusModel(FocusNet(), "focusnet")
    with pytest.raises(InputError) as caught:
        model.rate(image)
    assert words in str(caught.value)


def test_best_plane_is_the_one_of_lowest_level():
    result = _result(_sure(6, 3, 1, 2, 5)[:, None, None])
    best = result.best_plane()
    assert best.index == 2
    assert 2 < best.position < 2.5
    np.testing.assert_allclose(best.curve, [6, 3, 1, 2, 5])


def test_planes_without_information_are_no_best_planes():
    p = _sure(6, 3, 1)[:, None, None].copy()
    p[2] = 1 / 11
    best = _result(p).best_plane()
    assert best.index == 1
    assert np.isnan(best.curve[2])
    assert _result(np.full((2, 1, 1, 11), 1 / 11)).best_plane().index is None


def test_mask_holds_what_is_surely_out_of_focus():
    p = np.stack([_sure(1, 8), np.full((2, 11), 1 / 11)])[:, None]
    mask = _result(p).out_of_focus()
    assert mask.dtype == np.uint8
    assert mask.shape == (2, 84, 168)
    assert not mask[0, :, :84].any()
    assert mask[0, :, 84:].all()
    assert not mask[1].any()


def test_rectangles_surround_their_pixels():
    corners = _result(_sure(1, 8)[None]).rectangles()
    np.testing.assert_allclose(
        corners[1], [[-0.5, 83.5], [-0.5, 167.5], [83.5, 167.5], [83.5, 83.5]]
    )


def test_table_has_a_row_a_tile_in_order():
    table = _result(np.stack([_sure(1, 8), _sure(2, 3)])[:, None]).to_dataframe()
    assert table[["plane", "x", "level"]].values.tolist() == [
        [0, 0, 1], [0, 84, 8], [1, 0, 2], [1, 84, 3]
    ]  # fmt: skip
    assert table.p_in_focus.tolist() == [1, 0, 1, 0]


def test_colors_do_not_wrap_and_darken_with_doubt():
    colors = focus_colors(np.arange(11), 1.0)
    assert colors[0, 0] > 0.9 > colors[0, 2]  # red
    assert colors[10, 2] > 0.9 > colors[10, 0]  # blue
    assert len({tuple(c) for c in colors.round(3).tolist()}) == 11
    bright = focus_colors(4.0, np.array([0, 0.5, 1.0])).max(axis=-1, initial=0)
    assert (focus_colors(4.0, 0.0)[:3] < focus_colors(4.0, 1.0)[:3] + 1e-6).all()
    assert bright.shape == (3,)
    assert legend(5).shape == (5, 11, 4)


def test_overlay_frames_tiles_only():
    result = _result(_sure(0, 10)[None])
    picture = overlay(np.zeros((84, 168)), result)
    assert picture.shape == (84, 168, 3)
    assert picture[0, 0, 0] > 200 > picture[0, 0, 2]
    assert picture[0, -1, 2] > 200
    assert not picture[40, 40].any()


def test_measures_fall_with_blur(sharp):
    tables = [
        measure_tiles(np.stack([blur(s, disk_psf(d)) for s in sharp])).mean()
        for d in (1, 10)
    ]
    assert (tables[0] > tables[1]).all()
    assert list(tables[0].index) == list(MEASURES)


def test_measures_join_the_table_of_a_rating(model, sharp):
    stack = np.stack([_noisy(s) for s in sharp[:2]])
    table = model.rate(stack, stride=60).to_dataframe()
    joined = table.join(measure_tiles(stack, stride=60))
    assert isinstance(joined, pd.DataFrame)
    assert joined.notna().all().all()


def test_shipped_weights_are_small_and_have_a_card(model):
    size = sum(p.numel() for p in model.network.parameters()) * 4
    assert size < 1e6
    assert {"trained_on", "license", "held_out", "limits"} <= set(model.card)


def test_network_tells_nothing_of_an_even_tile():
    logits = FocusNet().eval()(torch.full((2, 1, 84, 84), 3.0))
    assert not logits.any()
