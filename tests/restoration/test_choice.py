import numpy as np
import pytest
from scipy import ndimage

from napari_sciml.errors import InputError
from napari_sciml.restoration.choice import (
    check_partner,
    choose_axis,
    choose_method,
    doubts,
    measured_shift,
)
from napari_sciml.restoration.noise import noise_report


def test_a_second_scan_and_clean_images_decide(scene):
    report = noise_report(scene("3d")[0])
    assert choose_method("auto", report, second=True) == "pairs"
    assert choose_method("auto", report, clean=True) == "supervised"


@pytest.mark.parametrize(
    ("method", "given", "words"),
    [
        ("pairs", {}, "learns from a second scan"),
        ("supervised", {}, "learns from clean images"),
        ("pixel", {"second": True}, "no use for a second scan"),
        ("auto", {"second": True, "clean": True}, "not both"),
    ],
)
def test_what_is_given_must_fit_the_method(scene, method, given, words):
    with pytest.raises(InputError, match=words):
        choose_method(method, noise_report(scene()[0]), **given)


def test_a_smooth_image_is_left_as_it_is(scene):
    report = noise_report(scene(sd=0.2)[0])
    for method in ("auto", "tv", "pixel"):
        with pytest.raises(InputError, match="nothing to remove"):
            choose_method(method, report)


def test_too_few_slices(scene):
    report = noise_report(scene("slice", shape=(2, 64, 64))[0])
    with pytest.raises(InputError, match="2 slices along z only"):
        choose_axis("z", "slice", report)
    with pytest.raises(InputError, match="no slices"):
        choose_axis("auto", "slice", noise_report(scene(shape=(64, 64))[0]))


def test_doubts_are_told_where_noise_speaks_against_a_method(scene):
    report = noise_report(scene("3d")[0])
    assert "blind pixel" in doubts("pixel", report, 0)[0]
    assert "correlated" in doubts("slice", report, 0)[0]
    assert not doubts("pixel", noise_report(scene()[0]), 0)
    assert not doubts("slice", noise_report(scene("slice")[0]), 0)


def test_a_good_second_scan_passes(scene):
    check_partner(scene(seed=1)[0], scene(seed=2)[0], "The second scan")


@pytest.mark.parametrize("shift", [(0, 3, 0), (2, 0, -2), (0, 0, 1.6)])
def test_a_shifted_scan_is_refused_and_the_shift_told(scene, shift):
    one, clean = scene(seed=1)
    other = ndimage.shift(clean, shift, order=1, mode="nearest")
    other = other + np.random.default_rng(5).normal(0, 10, one.shape)
    assert measured_shift(one.astype(float), other) == pytest.approx(shift, abs=0.5)
    with pytest.raises(InputError, match=r"shifted .* voxels: register"):
        check_partner(one, other, "The second scan")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda a: a[:, :-1], "same shape"),
        (lambda a: a.copy(), "is the same as the image"),
        (lambda a: a * 1.1 + 3, "The noise of the second scan is that of the image"),
        (lambda a: np.where(a > a.mean(), np.nan, a), "NaN or infinite"),
    ],
)
def test_what_is_no_second_scan(scene, change, words):
    image = scene()[0]
    with pytest.raises(InputError, match=words):
        check_partner(image, change(image), "The second scan")
