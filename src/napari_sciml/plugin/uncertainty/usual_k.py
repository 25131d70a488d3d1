"""How many deviations are taken off, as long as nobody says otherwise."""

import math
import time
from typing import TYPE_CHECKING

import numpy as np

from napari_sciml.images.tiles import Region
from napari_sciml.uncertainty.threshold import KEPT, LARGEST_K, usual_k

if TYPE_CHECKING:
    from napari_sciml.plugin.state.prediction import Prediction
    from napari_sciml.plugin.state.workspace import Workspace

MOST_VOXELS = 200_000
"""That are looked at all over the image, and as many in the shown slice."""
REST_SECONDS = 2.0
"""Between two choices while a prediction comes in."""


class UsualK:
    """Chooses k by `usual_k`, from a sample of what is predicted.

    Parameters
    ----------
    workspace, prediction
        Have view, and what is predicted and not to be trusted.
    """

    def __init__(self, workspace: "Workspace", prediction: "Prediction") -> None:
        self._workspace, self._prediction = workspace, prediction
        self._chosen: float | None = None
        self._at = 0.0

    def forget(self) -> None:
        """Choose anew when it is asked for."""
        self._chosen = None

    def follow(self) -> None:
        """More is predicted: choose anew, but not all the time."""
        if time.monotonic() - self._at > REST_SECONDS:
            self.forget()

    def value(self, index: int, t: float) -> float:
        """Give k for the class at this place; cheap until `forget`."""
        if self._chosen is None:
            mean, std = self._sample(index)
            self._chosen = usual_k(mean, std, t=t) if len(mean) else LARGEST_K
            self._at = time.monotonic()
        return self._chosen

    def _sample(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Mean and deviation of a class at trusted voxels from all over the image.

        As long as little is predicted, there may be none among them; the shown slice
        is.
        """
        volume = self._prediction.probabilities
        if volume is None or index >= len(volume.mean):
            return np.empty(0), np.empty(0)
        parts = [_every(tuple(slice(0, n) for n in volume.shape))]
        shown = self._workspace.shown_region()
        if shown is not None and volume.share < 1:
            parts.append(_every(shown))
        means, deviations = [], []
        for part in parts:
            valid = np.asarray(self._prediction.valid[part])
            means.append(volume.mean[index][part][valid])
            deviations.append(volume.std[index][part][valid])
        return np.concatenate(means), np.concatenate(deviations)


def tell_k(k: float, t: float) -> str:
    """What the k that was chosen does."""
    least = "at least " if k >= LARGEST_K else ""
    over = "likelier than not" if t == 0.5 else f"over {t:.2f}"
    return f"chosen: keeps {least}{100 * KEPT:.0f} % of what is {over}"


def _every(region: Region) -> Region:
    """Voxels in equal steps along each axis, `MOST_VOXELS` at most."""
    sizes = [part.stop - part.start for part in region]
    steps = [1] * len(sizes)

    def counts() -> list[int]:
        return [-(-n // step) for n, step in zip(sizes, steps, strict=True)]

    while math.prod(counts()) > MOST_VOXELS:
        steps[int(np.argmax(counts()))] += 1
    # From the middle of a step: the first slice of a volume says least.
    return tuple(
        slice(min(part.start + step // 2, part.stop - 1), part.stop, step)
        for part, step in zip(region, steps, strict=True)
    )
