"""Single voxels are answered as in a block."""

import numpy as np
import pytest
import torch

from napari_sciml.images.intensity import estimate_intensity
from napari_sciml.images.tiles import with_halo
from napari_sciml.networks.trees.pointwise import (
    ask_about,
    rows_around,
    rows_of_pictures,
)


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


@pytest.mark.parametrize("low", [0, 15, 93])
def test_several_versions_are_seen_as_one_by_one(grow_trees, fibers, low) -> None:
    image, labels, _ = fibers(2)
    trees = grow_trees(image, labels).trees
    core = (slice(low, low + 3), slice(40, 42))
    tile = with_halo(core, trees.halo, image.shape)
    gray = torch.from_numpy(estimate_intensity(image).apply(image[tile.read]))
    versions = torch.stack([gray[None], gray[None] + 0.3, gray[None].flip(-1)])
    given = core, tile.read, image.shape
    expected = [rows_around(trees, one, *given) for one in versions]
    found = rows_of_pictures(trees, versions, *given)
    np.testing.assert_allclose(found, expected, atol=1e-4)
