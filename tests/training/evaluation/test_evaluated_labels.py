"""What a model says about labels, stroke by stroke."""

import numpy as np
import pytest

from napari_sciml.annotation.scribbles import Scribbles
from napari_sciml.prediction.blockwise import predict
from napari_sciml.progress import exhaust
from napari_sciml.training.evaluation.figures import report_of
from napari_sciml.training.evaluation.labels import evaluate_labels


@pytest.fixture
def labeled():
    """An image of noise and some strokes of two classes."""
    rng = np.random.default_rng(0)
    image = rng.normal(100, 30, (30, 70, 60)).astype(np.float32)
    labels = np.zeros(image.shape, np.uint8)
    for number in range(10):
        z, y, x = rng.integers((0, 0, 0), (30, 60, 40))
        labels[z, y : y + 2, x : x + 9] = 1 + number % 2
    return image, labels


def test_it_is_what_a_prediction_says(make_ensemble, labeled) -> None:
    image, labels = labeled
    ensemble, scribbles = make_ensemble(3), Scribbles.from_dense(labels)
    mean = predict(ensemble, image).mean
    pieces = exhaust(evaluate_labels(ensemble, image, scribbles))
    assert not pieces.dense
    assert len(pieces) == len(scribbles.strokes())
    for index, stroke in enumerate(scribbles.strokes()):
        there = mean[:, *stroke.voxels.T]
        assert pieces.labels[index] == stroke.label - 1
        np.testing.assert_allclose(pieces.said[index], there.sum(1), rtol=1e-4)
        assert pieces.places[index].tolist() in stroke.voxels.tolist()
    chosen = mean.argmax(0)[labels > 0]
    right = (chosen == labels[labels > 0] - 1).mean()
    assert report_of(pieces).accuracy == pytest.approx(right)


def test_dense_labels_are_taken_by_blocks(make_ensemble, labeled) -> None:
    image, _ = labeled
    truth = np.where(image[..., ::-1] > 100, 2, 1).astype(np.uint8)
    truth[:, 20:60, 20:50] = 1
    pieces = exhaust(
        evaluate_labels(make_ensemble(3, members=1), image, Scribbles.from_dense(truth))
    )
    assert pieces.dense
    assert pieces.voxels.sum() == truth.size
    assert len(np.unique(pieces.clusters)) == 1 * 3 * 2


def test_a_share_of_the_work_is_told_often(make_ensemble, labeled) -> None:
    image, labels = labeled
    steps = list(evaluate_labels(make_ensemble(3), image, Scribbles.from_dense(labels)))
    assert steps == sorted(steps)
    assert steps[0] == 0
    assert steps[-1] < 1
