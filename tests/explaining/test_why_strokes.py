"""Strokes that look alike to the members, against all pairs by hand."""

import numpy as np
import pytest
import torch

from napari_sciml.annotation.scribbles import as_scribbles
from napari_sciml.explaining.features import before_last, features_of, weights_of
from napari_sciml.explaining.lessons import learn
from napari_sciml.explaining.panel import Panel
from napari_sciml.explaining.patches import take_patch
from napari_sciml.explaining.strokes import similar_strokes
from napari_sciml.networks.build import build_network
from napari_sciml.networks.config import MSDNetConfig, SMSNetConfig, TUNetConfig
from napari_sciml.progress import exhaust


def few_strokes(labels):
    """So few that all are looked at."""
    kept = np.zeros_like(labels)
    places = np.argwhere(labels)
    for place in places[:: len(places) // 40]:
        kept[tuple(place)] = labels[tuple(place)]
    return as_scribbles(kept)


def features_at(panel, at):
    return exhaust(features_of(panel, exhaust(take_patch(panel, np.array(at)))))


def by_hand(ensemble, image, strokes, at):
    """Likeness of all labeled voxels to one, from whole images of features."""
    gray = torch.from_numpy(ensemble.intensity.apply(image))
    places = np.vstack([strokes.voxels, at])
    total = np.zeros(len(strokes))
    with torch.inference_mode():
        channels = ensemble.channels(gray)
        for network in ensemble.members:
            rows = read_by_last(network, channels)[:, *places.T].numpy().T
            center, spread = rows[:-1].mean(0), rows[:-1].std(0)
            rows = (rows - center)[:, spread > 1e-6] / spread[spread > 1e-6]
            cosine = [
                row @ rows[-1] / (np.linalg.norm(row) * np.linalg.norm(rows[-1]))
                for row in rows[:-1]
            ]
            total += ensemble.network_weight * np.maximum(cosine, 0)
    return total


def read_by_last(network, channels):
    """States of the nodes that the output reads, by the plain recursion."""
    from napari_sciml.networks.sparse.executor import _forward, _sorted, channels_last

    every = [*network.weights, *network.biases, *network.readout, network.bias]
    weights = _sorted(network.plan, every)
    _, states = _forward(network.plan, channels_last(channels), weights, keep=True)
    return torch.cat([states[n] for n in network.plan.readers], 1)[0]


def test_networks_find_the_nearest_by_brute_force(make_ensemble, fibers) -> None:
    image, labels, _ = fibers(2)
    ensemble, strokes, at = make_ensemble(2), few_strokes(labels), (50, 40)
    panel = Panel(ensemble, image)
    lessons = exhaust(learn(panel, strokes, 0))
    assert len(lessons.places) == len(strokes)
    one = features_at(panel, at)
    found = similar_strokes(lessons, one, weights_of(panel), 1, 5)
    expected = by_hand(ensemble, image, strokes, at)
    inside = np.all((strokes.voxels > 8) & (strokes.voxels < 87), axis=1)
    for stroke in found:
        (n,) = np.flatnonzero((strokes.voxels == stroke.place).all(1))
        if inside[n]:  # at borders features are those of a patch with nothing around
            assert stroke.similarity == pytest.approx(expected[n], abs=0.03)
    best = np.sort(expected)[::-1][: len(found)]
    assert min(s.similarity for s in found) >= best[-1] - 0.05


def test_trees_find_the_nearest_by_brute_force(tree_case) -> None:
    image, labels, _, ensemble = tree_case(2)
    strokes, panel = few_strokes(labels), Panel(ensemble, image)
    lessons = exhaust(learn(panel, strokes, 0))
    one = exhaust(features_of(panel, exhaust(take_patch(panel, np.array((50, 40))))))
    found = similar_strokes(lessons, one, weights_of(panel), 1, 4)
    known = lessons.features.leaves
    shares = np.array(
        [sum(a == b for a, b in zip(row, one.leaves[0], strict=True)) for row in known]
    )
    expected = sorted(shares / known.shape[1], reverse=True)[:4]
    told = sorted((s.similarity for s in found), reverse=True)
    np.testing.assert_allclose(told, expected)
    trees = len(ensemble.forest.first.nodes) + len(ensemble.forest.second.nodes)
    assert known.shape[1] == trees


def test_a_voxel_is_most_like_itself(mixed_model) -> None:
    image, labels, ensemble = mixed_model(3)
    strokes, panel = few_strokes(labels), Panel(ensemble, image)
    lessons = exhaust(learn(panel, strokes, 0))
    own = lessons.places[7]
    one = features_at(panel, own)
    found = similar_strokes(lessons, one, weights_of(panel), lessons.classes[7], 1)
    assert found[0].place == tuple(own)
    assert found[0].similarity == pytest.approx(1, abs=1e-4)
    assert found[0].agrees


def test_wrong_ones_come_first_and_no_stroke_twice(tree_case) -> None:
    image, labels, _, ensemble = tree_case(2)
    strokes, panel = as_scribbles(labels), Panel(ensemble, image)
    lessons = exhaust(learn(panel, strokes, 0))
    one = exhaust(features_of(panel, exhaust(take_patch(panel, np.array((30, 40))))))
    found = similar_strokes(lessons, one, weights_of(panel), 1, 100)
    agrees = [stroke.agrees for stroke in found]
    assert agrees == sorted(agrees)
    assert {True, False} == set(agrees)
    numbers = {
        int(strokes.stroke_numbers[(strokes.voxels == s.place).all(1)][0])
        for s in found
    }
    assert len(numbers) == len(found) > 20
    assert "but labeled background" in found[0].words(ensemble.class_names)


@pytest.mark.parametrize(
    "config", [SMSNetConfig(), MSDNetConfig(layers=3), TUNetConfig(depth=2)]
)
def test_the_last_layer_reads_what_is_told(config) -> None:
    """The logits are a linear map of the features, whatever the network."""
    network = build_network(config, in_channels=4, classes=3, dims=2, seed=0)
    edge = 2 * network.radius + 25
    edge += -edge % network.stride
    generator = torch.Generator().manual_seed(0)
    channels = torch.randn((1, 4, edge, edge), generator=generator)
    with torch.inference_mode():
        found, logits = before_last(network, channels), network(channels)
    if found.shape[2] < edge:  # only the middle is computed
        cut = (edge - found.shape[2]) // 2
        logits = logits[:, :, cut : edge - cut]
    x = found[0].flatten(1).T.double()
    x = torch.cat([x, torch.ones(len(x), 1, dtype=x.dtype)], 1)
    y = logits[0].flatten(1).T.double()
    assert len(x) > 1.2 * x.shape[1]
    fitted = torch.linalg.lstsq(x, y, driver="gelsd").solution
    assert (x @ fitted - y).abs().max() < 1e-3 * y.abs().max()
