"""Single voxels are answered as in a block."""

import numpy as np
import pytest
import torch

from napari_sciml.images.intensity import estimate_intensity
from napari_sciml.images.tiles import with_halo
from napari_sciml.networks.trees.pointwise import ask_about, rows_around


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("place", ["corner", "middle", "edge"])
def test_a_voxel_is_answered_as_in_a_block(grow_trees, fibers, dims, place) -> None:
    image, labels, _ = fibers(dims)
    trees = grow_trees(image, labels).trees
    low = {"corner": 0, "middle": 15, "edge": image.shape[-1] - 3}[place]
    core = tuple(slice(low, low + 3) for _ in range(dims))
    tile = with_halo(core, trees.halo, image.shape)
    gray = torch.from_numpy(estimate_intensity(image).apply(image[tile.read]))
    *_, expected = trees.probabilities(gray, tile, image.shape)
    rows = rows_around(trees, gray[None], core, tile.read, image.shape)
    found = ask_about(trees, rows)
    blocks = expected.reshape(*expected.shape[:2], -1)
    np.testing.assert_allclose(found, np.moveaxis(blocks, 1, 2), atol=1e-5)
