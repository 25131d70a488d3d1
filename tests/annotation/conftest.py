import numpy as np
import pytest
from hypothesis import strategies as st


@st.composite
def boxes(draw):
    """Boxes painted over each other: strokes that touch, dots, and bars."""
    dims = draw(st.sampled_from([2, 3]))
    labels = np.zeros(draw(st.tuples(*[st.integers(4, 24 // dims * 2)] * dims)), "u1")
    for _ in range(draw(st.integers(0, 8))):
        starts = [draw(st.integers(0, n - 1)) for n in labels.shape]
        sizes = [draw(st.sampled_from([1, 1, 2, 20])) for _ in labels.shape]
        box = tuple(slice(a, a + n) for a, n in zip(starts, sizes, strict=True))
        labels[box] = draw(st.integers(1, 3))
    return labels


@pytest.fixture(scope="session")
def annotations():
    """Hypothesis strategy: annotations of 2D and 3D images."""
    return boxes()
