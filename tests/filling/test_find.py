import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_sciml.errors import InputError
from napari_sciml.filling.center import find_beamstop, find_center
from napari_sciml.filling.gaps import check_mask, find_gaps, width
from scattering import module_gaps, pattern, with_gaps


def test_codes_are_gaps_and_negative_data_are_not():
    counts, _ = pattern()
    gaps = module_gaps()
    image = with_gaps(counts, gaps)
    image[0, 0] = -1
    gaps[0, 0] = True
    assert np.array_equal(find_gaps(image), gaps)
    corrected = counts - 40.5
    assert not find_gaps(corrected).any()
    corrected[3, 4] = np.nan
    corrected[5, 6] = -np.inf
    assert np.argwhere(find_gaps(corrected)).tolist() == [[3, 4], [5, 6]]


@pytest.mark.parametrize("dtype", [np.uint16, np.uint32, np.int32])
def test_saturated_and_constant_lines(dtype):
    counts = pattern()[0].astype(dtype)
    counts[7, 9] = np.iinfo(dtype).max
    counts[:, 20:23] = 0
    found = find_gaps(counts)
    assert found[7, 9]
    assert found[:, 20:23].all()
    assert found.sum() == 1 + 3 * counts.shape[0]


def test_a_stack_is_looked_at_frame_by_frame():
    counts, _ = pattern()
    stack = np.stack([with_gaps(counts, module_gaps()), counts])
    found = find_gaps(stack)
    assert np.array_equal(found[0], module_gaps())
    assert not found[1].any()


@given(st.integers(40, 110), st.integers(60, 140), st.integers(0, 3))
@settings(max_examples=10, deadline=None)
def test_center_is_found_beside_gaps(y, x, seed):
    center = (y + 0.25, x - 0.4)
    counts, _ = pattern(center=center, seed=seed)
    found, correlation = find_center(counts.astype(np.float32), ~module_gaps())
    assert np.hypot(*np.subtract(found, center)) < 0.5
    assert correlation > 0.5


def test_beamstop_with_arm_is_found():
    counts, _ = pattern(shape=(300, 300), center=(150, 140), level=200)
    y, x = np.ogrid[:300, :300]
    stop = np.hypot(y - 150, x - 140) < 9
    stop |= (abs(x - 140) < 4) & (y > 150)
    image = np.where(stop, counts // 30, counts).astype(np.float32)
    gaps = np.zeros((300, 300), bool)
    gaps[220:227] = True
    found = find_beamstop(image, ~gaps)
    hidden = stop & ~gaps
    assert (found & hidden).sum() > 0.97 * hidden.sum()
    assert (found & ~stop).sum() < hidden.sum()


def test_no_beamstop_is_none():
    counts, _ = pattern()
    found = find_beamstop(counts.astype(np.float32), ~module_gaps())
    assert found.mean() < 0.002


GAPS = module_gaps()


@pytest.mark.parametrize(
    ("mask", "sentence"),
    [
        (np.zeros((160, 200)), "no gap"),
        (np.ones((160, 200)), "whole image"),
        (~GAPS, "invert it"),
        (GAPS[:-1], "same size"),
        (GAPS[None], "same size"),
        (np.arange(160)[:, None] // 60 * np.ones(200) == 1, "wider than a third"),
    ],
)
def test_masks_that_cannot_be_filled(mask, sentence):
    with pytest.raises(InputError, match=sentence) as caught:
        check_mask((160, 200), mask)
    assert "\n" not in str(caught.value)


def test_masks_of_stacks():
    one = check_mask((3, 160, 200), GAPS)
    assert one.shape == (3, 160, 200)
    each = np.stack([GAPS, GAPS, ~GAPS[::-1] & False])
    assert check_mask((3, 160, 200), each).sum() == 2 * GAPS.sum()


def test_width():
    assert width(GAPS) == pytest.approx(6, abs=1)
