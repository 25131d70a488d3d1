import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import hsv_to_rgb

from napari_sciml.images.hsv import from_hsv

PART = st.floats(0, 1, allow_subnormal=False)


@given(hue=PART, saturation=PART, value=PART)
def test_colors_are_those_of_matplotlib(
    hue: float, saturation: float, value: float
) -> None:
    expected = hsv_to_rgb([hue, saturation, value])
    np.testing.assert_allclose(from_hsv(hue, saturation, value), expected, atol=1e-9)


def test_parts_fit_each_other_as_numpy_has_it() -> None:
    assert from_hsv(np.zeros((3, 1)), np.ones(4)).shape == (3, 4, 3)
