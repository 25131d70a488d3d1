"""A scene, and when its work is done, for tests in a real window."""

from typing import Any

import numpy as np


def bright_bar(shape: tuple[int, ...] = (16, 32, 32)) -> tuple[np.ndarray, np.ndarray]:
    """A bar that is brighter than the rest, and strokes on both."""
    rng = np.random.default_rng(0)
    image = rng.normal(0, 0.2, shape).astype(np.float32)
    image[..., 12:20, :] += 2
    labels = np.zeros(shape, np.uint8)
    where = (slice(4, 12, 2),) if len(shape) == 3 else ()
    labels[(*where, 15, slice(4, 28))] = 2
    labels[(*where, 4, slice(4, 28))] = labels[(*where, 27, slice(4, 28))] = 1
    return image, labels


def is_settled(session: Any) -> bool:
    """Whether the training waits for more labels, with the whole image predicted."""
    from napari_sciml.plugin.train.status import Phase

    training, volume = session.training, session.prediction.probabilities
    waiting = training.phase is Phase.WAITING and training.settled
    return waiting and volume is not None and volume.complete
