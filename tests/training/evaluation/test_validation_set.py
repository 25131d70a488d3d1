"""Parts of an image with held-out labels: which, how many, and what they see."""

import numpy as np
import pytest
import torch

from napari_sciml.annotation.scribbles import as_scribbles
from napari_sciml.networks.build import build_network
from napari_sciml.networks.config import TUNetConfig
from napari_sciml.training.data.channels import ChannelCache
from napari_sciml.training.data.targets import IGNORE
from napari_sciml.training.evaluation import validation_set as module
from napari_sciml.training.evaluation.validation_set import ValidationSet


class Counting:
    """An image that knows how often it was read."""

    def __init__(self, values):
        self.values, self.reads = values, 0
        self.shape, self.ndim, self.dtype = values.shape, values.ndim, values.dtype

    def __getitem__(self, region):
        self.reads += 1
        return self.values[region]


def dotted(shape, step):
    labels = np.zeros(shape, np.uint8)
    labels[tuple(slice(2, None, step) for _ in shape)] = 1
    return labels


def test_the_image_is_read_when_it_is_needed(gray_ensemble):
    labels = dotted((600, 600), 100)
    image = Counting(np.zeros(labels.shape, np.float32))
    test = ValidationSet(
        as_scribbles(labels), ChannelCache(image, gray_ensemble(2)), 100
    )
    assert len(test) == len(test.truth) == len(test.strokes) == 36
    assert image.reads == 0
    steps = test.prepare()
    next(steps)
    assert image.reads == 1
    assert len(test.batches) == 36
    assert next(steps, "ended") == "ended"


@pytest.mark.parametrize("dims", [2, 3])
def test_many_parts_are_capped_and_keep_every_class(gray_ensemble, dims):
    labels = dotted({2: (82, 82), 3: (82, 82, 82)}[dims], 8 * dims - 8)
    rare = tuple(np.argwhere(labels)[77])
    labels[rare] = 2
    cache = ChannelCache(np.zeros(labels.shape, np.float32), gray_ensemble(dims))
    edge = 8 * dims - 8
    given = as_scribbles(labels)
    tests = [ValidationSet(given, cache, edge, seed=seed) for seed in (0, 0, 1)]
    assert [len(t.batches) for t in tests] == [module.CELLS] * 3
    assert [np.bincount(t.truth)[1] for t in tests] == [1, 1, 1]
    found = [t.strokes.tolist() for t in tests]
    assert found[0] == found[1] != found[2]


def test_large_parts_are_capped_by_their_voxels(gray_ensemble, monkeypatch):
    labels = dotted((400, 400), 50)
    cache = ChannelCache(np.zeros(labels.shape, np.float32), gray_ensemble(2))
    whole = ValidationSet(as_scribbles(labels), cache, 50).batches
    size = max(batch.targets.numel() for batch in whole)
    monkeypatch.setattr(module, "VOXELS", 10 * size)
    assert (
        10 <= len(ValidationSet(as_scribbles(labels), cache, 50).batches) < len(whole)
    )


def test_parts_are_answered_like_the_whole_image(gray_ensemble):
    """Networks that pool: a part has to start at a multiple of their stride."""
    rng = np.random.default_rng(0)
    image = rng.normal(size=(90, 90)).astype(np.float32)
    labels = np.zeros(image.shape, np.uint8)
    labels[37, 41:60], labels[53:70, 33] = 1, 2
    model = gray_ensemble(2)
    config = TUNetConfig(depth=2, base=4)
    network = build_network(config, in_channels=1, classes=2, dims=2, seed=0)
    model.networks[0] = network
    assert model.stride > 1
    assert network.radius <= module.MARGIN[2]
    test = ValidationSet(as_scribbles(labels), ChannelCache(image, model), 64)
    steps = test.logits(model)
    waits = 0
    while True:
        try:
            next(steps)
            waits += 1
        except StopIteration as stop:
            found = stop.value
            break
    assert waits == 2 * len(test.batches)
    with torch.inference_mode():
        whole = model.logits(0, model.channels(torch.from_numpy(image))).numpy()
    expected = [whole[:, labels == value] for value in (1, 2)]
    for value in (1, 2):
        ours = found[0][test.truth == value - 1]
        a, b = np.sort(ours, 0), np.sort(expected[value - 1].T, 0)
        assert np.allclose(a, b, atol=1e-4)


def test_slices_are_read_one_by_one(gray_ensemble):
    model = gray_ensemble(3)
    model.front.spacing = (1e9, 1.0, 1.0)
    labels = np.zeros((9, 64, 64), np.uint8)
    labels[3, 5, 5:9] = labels[4, 5, 5:9] = 1
    image = np.zeros(labels.shape, np.float32)
    test = ValidationSet(as_scribbles(labels), ChannelCache(image, model), (1, 64, 64))
    assert [batch.targets.shape[1] for batch in test.batches] == [1, 1]
    assert all((batch.targets != IGNORE).sum() == 4 for batch in test.batches)
