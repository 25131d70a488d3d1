import numpy as np
import pytest
from scipy import ndimage

from napari_sciml.images.components import connected_components

SHAPES = [((64, 67), 4, 1), ((1, 300), 8, 2), ((1, 1, 300), 26, 3)]
SHAPES += [((64, 67), 8, 2), ((20, 24, 27), 6, 1)]
SHAPES += [((20, 24, 27), 18, 2), ((20, 24, 27), 26, 3)]


@pytest.mark.parametrize(("shape", "connectivity", "order"), SHAPES)
def test_the_same_partition_as_another_library(
    shape: tuple[int, ...], connectivity: int, order: int
) -> None:
    rng = np.random.default_rng(0)
    structure = ndimage.generate_binary_structure(len(shape), order)
    for _ in range(60):
        mask = ndimage.gaussian_filter(rng.random(shape), 1) > 0.5
        labels = connected_components(mask, connectivity)
        expected, count = ndimage.label(mask, structure)
        assert labels.max() == count
        pairs = np.unique(np.stack([labels.ravel(), expected.ravel()]), axis=1)
        assert pairs.shape[1] == count + 1
