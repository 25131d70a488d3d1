"""Covering blocks: as brute force, in crops, and better than chance."""

import numpy as np
import pytest

from napari_sciml.errors import InputError
from napari_sciml.explaining.config import ExplainConfig
from napari_sciml.explaining.occlusion import cover_all, local_mean, occlude
from napari_sciml.explaining.panel import Panel, log_odds
from napari_sciml.explaining.place import Blocks, region_at
from napari_sciml.images.intensity import IntensityScale
from napari_sciml.networks.build import build_network
from napari_sciml.networks.config import TUNetConfig
from napari_sciml.networks.ensemble import Ensemble
from napari_sciml.networks.scale_space import ScaleSpace
from napari_sciml.prediction.blockwise import predict
from napari_sciml.progress import exhaust

SHAPES = {2: (61, 47), 3: (19, 26, 23)}
PLACES = {2: [(30, 20), (0, 46), (60, 3)], 3: [(9, 12, 11), (0, 25, 0)]}


def raw(shape):
    return np.random.default_rng(0).integers(0, 255, shape).astype(np.float32)


def odds(ensemble, image, core):
    """Of the second class, by a prediction of the whole image."""
    shares = predict(ensemble, image).mean.astype(np.float64)[:, *core]
    shares = shares.reshape(len(shares), -1).mean(1)
    return np.log(shares[1] / (1 - shares[1]))


def by_brute_force(ensemble, image, core, blocks):
    window = image[blocks.window]
    change, before = np.zeros(blocks.counts), odds(ensemble, image, core)
    for number, region in blocks.inside:
        covered = image.copy()
        covered[region] = window.mean()
        change[number] = before - odds(ensemble, covered, core)
    return change


def by_crops(ensemble, image, core, blocks):
    return exhaust(occlude(Panel(ensemble, image), core, blocks, 1)).change


def compare(ensemble, image, at, **config):
    core = region_at(at, image.shape)
    blocks = Blocks.around(core, ensemble, image.shape, ExplainConfig(**config))
    found = by_crops(ensemble, image, core, blocks)
    np.testing.assert_allclose(
        found, by_brute_force(ensemble, image, core, blocks), atol=1e-3
    )
    assert np.abs(found).max() > 1e-2


@pytest.mark.parametrize(
    ("dims", "at"), [(dims, at) for dims, places in PLACES.items() for at in places]
)
def test_networks_answer_as_by_brute_force(make_ensemble, dims, at) -> None:
    compare(make_ensemble(dims), raw(SHAPES[dims]), at, blocks=5, edge=4)


def test_a_region_is_explained_by_its_mean(make_ensemble) -> None:
    compare(make_ensemble(2), raw(SHAPES[2]), (slice(20, 23), slice(5, 8)), edge=3)


@pytest.mark.parametrize("at", [(30, 20), (0, 95)])
def test_trees_and_networks_answer_as_by_brute_force(mixed_model, at) -> None:
    image, _, ensemble = mixed_model(2)
    compare(ensemble, image, at, blocks=5)


def test_a_network_that_pools_answers_as_by_brute_force() -> None:
    front = ScaleSpace(2, (1.0,))
    config = TUNetConfig(depth=2, base=4)
    network = build_network(
        config, in_channels=front.channels, classes=2, dims=2, seed=0
    )
    ensemble = Ensemble(
        [network],
        front=front,
        intensity=IntensityScale(120, 0.02),
        class_names=("background", "fiber"),
    )
    compare(ensemble, raw((50, 60)), (25, 31), blocks=3)


def test_blocks_that_nobody_sees_are_not_laid(make_ensemble) -> None:
    ensemble, config = make_ensemble(2), ExplainConfig(blocks=31, edge=5)
    core = region_at((30, 20), SHAPES[2])
    blocks = Blocks.around(core, ensemble, SHAPES[2], config)
    far = ensemble.halo[0]
    assert (blocks.counts[0] - 2) * 5 // 2 <= far <= blocks.counts[0] * 5 // 2


def test_the_map_has_a_value_for_each_voxel(make_ensemble) -> None:
    ensemble = make_ensemble(2)
    core = region_at((2, 44), SHAPES[2])
    blocks = Blocks.around(core, ensemble, SHAPES[2], ExplainConfig(blocks=3))
    assert blocks.window == (slice(0, 10), slice(37, 47))
    values = np.arange(9.0).reshape(3, 3)
    spread = blocks.spread(values)
    assert spread.shape == (10, 10)
    for number, region in blocks.inside:
        inner = tuple(
            slice(a.start - b.start, a.stop - b.start)
            for a, b in zip(region, blocks.window, strict=True)
        )
        assert (spread[inner] == values[number]).all()


def test_the_most_important_blocks_matter_more_than_others(tree_case) -> None:
    """Deletion: a tenth of the blocks, chosen by the map and by chance."""
    rng = np.random.default_rng(0)
    image, _, truth, ensemble = tree_case(2)
    panel, falls = Panel(ensemble, image), []
    for at in rng.permutation(np.argwhere(truth))[:15]:
        core = region_at(at.tolist(), image.shape)
        blocks = Blocks.around(core, ensemble, image.shape, ExplainConfig(blocks=7))
        change = exhaust(occlude(panel, core, blocks, 1)).change
        regions = [region for _, region in blocks.inside]
        own = np.array([change[number] for number, _ in blocks.inside])
        count = max(1, len(regions) // 10)
        best = [regions[n] for n in np.argsort(-own)[:count]]
        chance = [regions[n] for n in rng.permutation(len(regions))[:count]]
        falls.append([fall(panel, core, blocks, chosen) for chosen in (best, chance)])
    important, random = np.mean(falls, axis=0)
    assert important > 2 * max(random, 0.05)


def fall(panel, core, blocks, regions):
    tile = panel.tile(core)
    gray = panel.read(tile)
    gone = cover_all(gray, tile, regions, local_mean(panel, blocks))
    found = []
    for version in (gray[None], gone):
        answers = exhaust(panel.answer(exhaust(panel.look(version, tile)), core))
        found.append(log_odds(answers, panel.weights, 1)[0])
    return found[0] - found[1]


@pytest.mark.parametrize(
    ("at", "sentence"),
    [
        ((3, 4, 5), "has 2 axes, but the place (3, 4, 5) has 3"),
        ((61, 3), "(61, 3) lies outside of the image of shape (61, 47)"),
        ((-1, 3), "lies outside"),
        ((slice(5, 5), 3), "lies outside"),
        ((slice(0, 20), slice(0, 20)), "400 voxels, and more than 125"),
    ],
)
def test_a_place_that_is_none_is_told(at, sentence) -> None:
    with pytest.raises(InputError) as raised:
        region_at(at, SHAPES[2])
    assert sentence in str(raised.value)
