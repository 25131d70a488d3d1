"""Nothing that a training holds grows with the volume."""

import numpy as np

from napari_sciml.annotation.changes import LabelChange
from napari_sciml.annotation.scribbles import Scribbles
from napari_sciml.training.live import LiveTraining

SHAPE = (6000, 6000, 6000)
"""216 GB of labels, if anything were to make them dense."""


def strokes(rows, revision):
    """Lines beside and on a bright band of the image, ten voxels apart."""
    starts = [(3000, 3000 + 10 * row, 40 if row % 2 else 90) for row in rows]
    first = np.ravel_multi_index(np.transpose(starts), SHAPE)
    indices = (first[:, None] + np.arange(12)).ravel()
    values = np.repeat([1 + row % 2 for row in rows], 12).astype(np.uint8)
    return LabelChange(revision, indices, values)


def test_strokes_in_a_volume_that_fits_no_memory(tiny_config):
    line = np.random.default_rng(0).normal(size=SHAPE[-1]).astype(np.float32)
    line[30:60] += 3
    labels = Scribbles.empty(SHAPE).changed(strokes(range(12), 1))
    config = tiny_config(3, bootstrap=True)
    names = ("background", "fiber")
    training = LiveTraining(np.broadcast_to(line, SHAPE), labels, config, names)
    list(training.advance())
    training.update_labels([strokes(range(12, 15), 2)])
    list(training.advance())
    assert len(training.labels) == 15 * 12
    assert len(training.trainer.validation)
