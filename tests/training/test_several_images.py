"""Learn from several images at once."""

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from napari_sciml.annotation.changes import LabelChange
from napari_sciml.errors import InputError
from napari_sciml.images.mosaic import Mosaic
from napari_sciml.images.tiles import Tile
from napari_sciml.networks.ensemble import Ensemble
from napari_sciml.networks.trees.two_stage import TwoStageForest
from napari_sciml.prediction.blockwise import predict
from napari_sciml.progress import exhaust
from napari_sciml.training.data.channels import ChannelCache
from napari_sciml.training.data.gathering import gathered
from napari_sciml.training.live import LiveTraining
from napari_sciml.training.session import train_to_end
from overlap import dice

CLASSES = ("background", "fiber")


def same(one: Ensemble, other: Ensemble) -> bool:
    a, b = one.state_dict(), other.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def halves(image, labels):
    """Two images, with one stroke of each class in each."""
    middle = image.shape[0] // 2
    return [image[:middle], image[middle:]], [labels[:middle], labels[middle:]]


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("several", ["lists", "pairs"])
def test_one_image_in_a_list_is_that_image(toy, tiny_config, dims, several):
    image, labels, _ = toy(dims)
    given = ([image], [labels]) if several == "lists" else ([(image, labels)],)
    alone = train_to_end(image, labels, config=tiny_config(dims))
    assert same(alone, train_to_end(*given, config=tiny_config(dims)))


@pytest.mark.parametrize("dims", [2, 3])
def test_a_mosaic_of_one_image_is_learned_as_that_image(toy, tiny_config, dims):
    image, labels, _ = toy(dims)
    mosaic, scribbles = gathered([image, image[:8] * 0 + 1], [labels, labels[:8] * 0])
    del mosaic.parts[1]
    alone = train_to_end(image, labels, config=tiny_config(dims))
    assert same(alone, train_to_end(mosaic, scribbles, config=tiny_config(dims)))


@pytest.mark.parametrize("dims", [2, 3])
def test_each_image_is_seen_as_if_it_were_alone(toy, gray_ensemble, dims):
    image, _, _ = toy(dims)
    others = [image[:10], image[5:25]]
    mosaic = Mosaic(others)
    ensemble = gray_ensemble(dims, (1.0, 2.0))
    together = ChannelCache(mosaic, ensemble)
    for part, one in zip(mosaic.parts, others, strict=True):
        region = tuple(slice(0, n) for n in one.shape)
        alone = ChannelCache(one, ensemble).channels(region)
        assert torch.equal(together.channels(part.frame), alone)


@pytest.mark.parametrize("dims", [2, 3])
def test_learns_from_both_of_two_images(toy, tiny_config, dims):
    """Background in one, the tube in the other: neither could be learned alone."""
    image, labels, truth = toy(dims)
    only = [np.where(labels == value, labels, 0) for value in (1, 2)]
    # Of another size, and with other gray values.
    images = [image, 50.0 * image[:-3] + 1e4]
    ensemble = train_to_end(images, [only[0], only[1][:-3]], config=tiny_config(dims))
    assert ensemble.intensity.per_image
    assert isinstance(ensemble.forest, TwoStageForest)
    for seen in (image, 3000 + 7 * image):  # the gray scale of a third one
        found = predict(ensemble, seen).mean[1]
        assert roc_auc_score(truth.reshape(-1), found.reshape(-1)) > 0.95


def test_same_seed_same_weights(toy, tiny_config):
    image, labels, _ = toy(2)
    pairs = list(zip(*halves(image, labels), strict=True))
    found = [train_to_end(pairs, config=tiny_config(2, seed=3)) for _ in range(2)]
    assert same(*found)


def test_an_image_that_joins_a_live_training_counts_at_once(toy, tiny_config):
    image, labels, truth = toy(2)
    first = np.where(labels == 1, labels, 0)
    first[10:14, 30:34] = 2  # a wrong idea of the tube, far too little
    mosaic, scribbles = gathered([image, image[:16]], [first, labels[:16] * 0])
    training = LiveTraining(mosaic, scribbles, tiny_config(2), CLASSES)
    exhaust(training.advance())
    number = mosaic.add(image[:, 4:])
    own = labels[:, 4:].reshape(-1)
    places = np.flatnonzero(own)
    change = LabelChange(1, mosaic.to_space(number, places), own[places])
    training.update_labels([change])
    for _ in range(8):
        exhaust(training.advance())
    ensemble = exhaust(training.ready())
    mean = predict(ensemble, image).mean
    found = mean[1] > mean[0]
    assert dice(found, truth) > 0.8


def test_a_small_image_makes_all_crops_small(toy, tiny_config):
    image, labels, _ = toy(2)
    ensemble = train_to_end(
        [image, image[:9, :20]], [labels, labels[:9, :20]], config=tiny_config(2)
    )
    assert np.isfinite(predict(ensemble, image[:9, :20]).mean).all()


def test_an_image_of_one_gray_value_is_named(toy, tiny_config):
    image, labels, _ = toy(2)
    with pytest.raises(InputError, match="Image 2: "):
        train_to_end([image, image * 0], [labels, labels], config=tiny_config(2))


@pytest.mark.parametrize("dims", [2, 3])
def test_trees_answer_in_a_frame_as_in_an_image(toy, tiny_config, dims):
    image, labels, _ = toy(dims)
    trees = train_to_end(image, labels, config=tiny_config(dims)).forest
    gray = torch.from_numpy(image[:12])
    alone = tuple(slice(0, n) for n in image[:12].shape)
    moved = (slice(5120, 5132), *alone[1:])
    found = [
        list(trees.probabilities(gray, Tile(region, region), region))[-1]
        for region in (alone, moved)
    ]
    assert np.array_equal(*found)
