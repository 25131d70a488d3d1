import numpy as np
import pytest

from napari_sciml.errors import InputError
from napari_sciml.filling.config import FillConfig
from napari_sciml.filling.place import Place
from napari_sciml.filling.polar import Grid
from napari_sciml.filling.session import FillStep, fill_gaps, fill_steps
from scattering import CENTER, module_gaps, pattern, with_gaps

QUICK = FillConfig(method="symmetry")
NETWORK = FillConfig(method="network", steps=2, members=2)


def filled_pattern(config=QUICK, **kwargs):
    counts, expected = pattern()
    image = with_gaps(counts, module_gaps())
    return fill_gaps(image, config=config, **kwargs), expected


def relative_error(filled, expected):
    gaps = filled.filled_mask
    return np.mean(np.abs(filled.image - expected)[gaps] / np.sqrt(expected[gaps]))


def test_symmetry_finds_what_was_hidden():
    filled, expected = filled_pattern()
    counts, gaps = pattern()[0], module_gaps()
    assert np.array_equal(filled.gaps, gaps)
    assert np.array_equal(filled.filled_mask, gaps)
    assert not filled.beamstop.any()
    assert np.array_equal(filled.image[~gaps], counts[~gaps])
    assert np.hypot(*np.subtract(filled.center, CENTER)) < 0.5
    # Shot noise of a counted pixel would be 0.8 of its root.
    assert relative_error(filled, expected) < 0.35
    assert filled.image[gaps].sum() == pytest.approx(expected[gaps].sum(), rel=0.04)
    assert filled.scores["cc7"] > 0.97
    assert abs(filled.scores["photons"]) < 0.02
    assert "CC7" in filled.verdict


def test_std_is_there_where_it_is_filled_and_holds():
    filled, _ = filled_pattern()
    assert (filled.std[filled.filled_mask] > 0).all()
    assert (filled.std[~filled.filled_mask] == 0).all()
    assert 0.5 < filled.scores["within_1_std"] < 0.85
    assert filled.scores["within_2_std"] > 0.85


def test_symmetry_can_be_switched_off():
    filled, expected = filled_pattern(FillConfig(method="symmetry", symmetry=False))
    assert "on the ring" in filled.method
    assert set(np.unique(filled.source)) <= {0, 2, 3}
    assert relative_error(filled, expected) < 0.4


def test_networks_fill_and_repeat():
    filled, _ = filled_pattern(NETWORK)
    again, _ = filled_pattern(NETWORK)
    assert np.array_equal(filled.image, again.image)
    assert (filled.source[filled.filled_mask] == 4).all()
    assert len(filled.model.networks) == 2
    used, _ = filled_pattern(FillConfig(method="network"), model=filled.model)
    assert np.array_equal(used.image, filled.image)


@pytest.mark.parametrize(
    ("config", "center"),
    [
        (QUICK, None),
        (FillConfig(method="symmetry", symmetry=False), None),
        (QUICK, (60.0, 20.0)),
        (FillConfig(method="network", steps=2, members=1), None),
        (FillConfig(method="network", steps=40, members=1), None),
    ],
    ids=["symmetry", "ring", "wrong center", "hardly taught", "network"],
)
def test_what_is_told_is_true_within_its_error(config, center):
    counts, gaps = pattern()[0], module_gaps()
    filled = fill_gaps(with_gaps(counts, gaps), config=config, center=center)
    radius = Grid.around(CENTER, gaps.shape).radius
    truth = Place.of(counts, filled.image, gaps, radius).figures
    assert filled.places == 6
    for name in ("error7", "cc7", "cc", "photons", "ring_error"):
        assert abs(truth[name] - filled.scores[name]) <= filled.errors[name], name
    assert f"photons {filled.scores['photons']:+.1%} ± " in filled.verdict


def test_auto_takes_what_does_best_in_the_test():
    auto, _ = filled_pattern(FillConfig(steps=3, members=1))
    symmetric, _ = filled_pattern()
    assert auto.method == symmetric.method
    assert np.array_equal(auto.image, symmetric.image)


def test_a_stack_with_a_changing_mask():
    counts, _ = pattern()
    other = pattern(seed=1)[0]
    masks = np.stack([module_gaps(), np.roll(module_gaps(), 15, 0)])
    filled = fill_gaps(np.stack([counts, other]), masks, config=QUICK)
    assert filled.image.shape == masks.shape
    assert np.array_equal(filled.filled_mask, masks)
    assert np.array_equal(filled.image[1][~masks[1]], other[~masks[1]])


def test_two_exposures_tell_the_ceiling():
    other = pattern(seed=5)[0]
    filled, _ = filled_pattern(second=other)
    assert 0.7 < filled.scores["ceiling"] < 1
    assert filled.scores["cc"] > filled.scores["ceiling"] - 0.05
    assert "ceiling" in filled.verdict


def test_steps_are_told_and_can_be_stopped():
    counts, _ = pattern()
    steps = fill_steps(with_gaps(counts, module_gaps()), config=NETWORK)
    seen = []
    for step in steps:
        assert isinstance(step, FillStep)
        seen.append(step.fraction)
        if step.doing == "training" and step.fraction > 0.3:
            break
    steps.close()
    assert seen == sorted(seen)


COUNTS = with_gaps(pattern()[0], module_gaps())


@pytest.mark.parametrize(
    ("image", "mask", "kwargs", "sentence"),
    [
        (pattern()[0], None, {}, "no gap"),
        (COUNTS, np.ones(COUNTS.shape), {}, "whole image"),
        (COUNTS, ~module_gaps(), {}, "invert it"),
        (COUNTS, module_gaps()[:-1], {}, "same size"),
        (np.stack([COUNTS] * 3, -1), None, {}, "color image"),
        (COUNTS[0], None, {}, "images \\(y, x\\) or stacks"),
        (COUNTS * np.nan, module_gaps(), {}, "NaN or infinite"),
        (COUNTS * 0, module_gaps(), {}, "same value"),
        (COUNTS, None, {"center": (1,)}, "two numbers"),
        (COUNTS, None, {"center": (np.nan, 1)}, "two numbers"),
        (COUNTS, None, {"center": (1e6, 1)}, "far outside"),
        (COUNTS, None, {"second": COUNTS[:-1]}, "second exposure"),
        (COUNTS, None, {"beamstop": np.ones((3, 3))}, "same size"),
    ],
)
def test_bad_input_is_one_sentence(image, mask, kwargs, sentence):
    with pytest.raises(InputError, match=sentence) as caught:
        fill_gaps(image, mask, config=QUICK, **kwargs)
    assert "\n" not in str(caught.value)


def test_a_center_outside_of_the_image_is_none_of_the_trouble():
    counts, expected = pattern(center=(-30.0, 100.0))
    filled = fill_gaps(
        with_gaps(counts, module_gaps()), config=QUICK, center=(-30.0, 100.0)
    )
    assert relative_error(filled, expected) < 0.5
    assert set(np.unique(filled.source)) <= {0, 1, 2, 3}
