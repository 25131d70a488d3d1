"""CPU seconds from strokes to a picture of a slice, without a screen: one command.

    python benchmarks/first_picture.py [--shape 96 256 256] [--strokes 8] [--threads 1]

Runs the very job of the Train dock on a phantom: two first strokes on the middle slice,
then one stroke at a time. Prints CPU seconds of the job's thread (torch with one thread
does all there) from the strokes to the first picture of all of the slice, to the one by
both stages of trees, and from each further stroke to a new picture.
"""

import argparse
import time
from collections.abc import Iterator

import numpy as np

from napari_sciml.annotation.changes import LabelChange
from napari_sciml.annotation.feed import LabelFeed
from napari_sciml.prediction.blockwise import BlockPredicted
from napari_sciml.prediction.viewport import Viewport, ViewportMailbox
from napari_sciml.samples.phantom import PhantomConfig, make_phantom
from napari_sciml.training.config import TrainingConfig
from napari_sciml.training.events import ModelReady
from napari_sciml.workflows.training.live import learn

ROUNDS = 10


class Painter:
    """Paints short strokes of one class on a slice."""

    def __init__(self, truth: np.ndarray, z: int) -> None:
        self.truth, self.z = truth > 0, z
        self.rng = np.random.default_rng(1)
        self.revision = 0

    def stroke(self, value: int) -> LabelChange:
        """Up to 60 voxels of the class round a random place."""
        own = np.argwhere(self.truth[self.z] == (value == 2))
        middle = own[self.rng.integers(len(own))]
        near = own[np.argsort(((own - middle) ** 2).sum(1))[:60]]
        places = np.ravel_multi_index((self.z, *near.T), self.truth.shape)
        self.revision += 1
        return LabelChange(
            self.revision, np.sort(places), np.full(len(near), value, np.uint8)
        )


class Watch:
    """Follows the job, and sees when the slice is covered by the model at hand."""

    def __init__(self, events: Iterator, view: Viewport) -> None:
        self.events, self.view = events, view
        self.covered = np.zeros([p.stop for p in view.region[1:]], bool)
        self.kind, self.revision = "", 0

    def until_picture(self, revision: int) -> Iterator[tuple[str, float]]:
        """Yields kind and CPU seconds at each whole picture; the last is final."""
        began = time.thread_time()
        for event in self.events:
            if isinstance(event, ModelReady):
                self.covered[:] = False
                self.revision, self.kind = event.revision, event.kind
            if not isinstance(event, BlockPredicted):
                continue
            hasty = getattr(event, "hasty", False)  # older versions have none
            z, *plane = event.tile.core
            if not hasty and self.revision < revision:
                continue
            if z.start <= self.view.region[0].start < z.stop:
                self.covered[tuple(plane)] = True
            if self.covered.all():
                self.covered[:] = False
                kind = "first look" if hasty else self.kind
                yield kind, time.thread_time() - began
                if not hasty:
                    return


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", type=int, nargs=3, default=(96, 256, 256))
    parser.add_argument("--strokes", type=int, default=8)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    phantom = make_phantom(PhantomConfig(shape=tuple(given.shape), seed=5))
    z = given.shape[0] // 2
    region = (slice(z, z + 1), slice(0, given.shape[1]), slice(0, given.shape[2]))
    view = Viewport(region, (float(z), given.shape[1] / 2, given.shape[2] / 2))
    painter, feed = Painter(phantom.labels, z), LabelFeed(None, ("background", "fiber"))
    config = TrainingConfig(threads=given.threads)
    watch = Watch(learn(phantom.image, feed, config, view=ViewportMailbox(view)), view)
    for _ in range(5):  # import, and warm up
        next(watch.events)
    for value in (1, 2):
        feed.put(painter.stroke(value))
    for kind, seconds in watch.until_picture(painter.revision):
        print(f"First strokes to picture ({kind}): {seconds:.2f} CPU s")
    waits: dict[str, list[float]] = {}
    for number in range(given.strokes):
        for _ in range(ROUNDS):
            next(watch.events)
        feed.put(painter.stroke(1 + number % 2))
        for kind, seconds in watch.until_picture(painter.revision):
            waits.setdefault(kind, []).append(seconds)
    for kind, found in waits.items():
        print(
            f"New stroke to picture ({kind}): median {np.median(found):.2f}, "
            f"worst {max(found):.2f} CPU s"
        )


if __name__ == "__main__":
    main()
