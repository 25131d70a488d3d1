"""Explain a voxel beside a living GUI."""

import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from napari_sciml.explaining.preparing import Preparation
    from napari_sciml.networks.ensemble import Ensemble

TOLD_SECONDS = 0.3
"""Between two words on how far it is."""
HALF = 16
"""Pixels on each side of a place that its picture shows."""


@dataclass(frozen=True)
class Pictures:
    """What the strokes that are told look like.

    Attributes
    ----------
    planes
        Of each, raw gray values ``(y, x)`` round its place; NaN outside of the image.
    """

    planes: tuple[np.ndarray, ...]


def why_in_view(
    ensemble: "Ensemble",
    image: Any,
    at: Sequence[int],
    prepared: "Preparation | None",
    *,
    alone: bool,
) -> Generator[Any, None, None]:
    """Explain a voxel; parameters and events as of `explain_steps`, and `Pictures`.

    ``alone``: nothing else computes, so that all cores may answer.
    """
    # Torch is imported here and not by whoever opens a dock.
    from napari_sciml.explaining.session import Explaining, Strokes, explain_steps
    from napari_sciml.networks.device import default_threads, use_threads

    use_threads(default_threads(viewer=not alone))
    told = 0.0
    for event in explain_steps(ensemble, image, at, prepared=prepared):
        if isinstance(event, Explaining):
            # To draw each of these would take as long as a part of the answer.
            if time.monotonic() - told < TOLD_SECONDS:
                yield None
                continue
            told = time.monotonic()
        yield event
        if isinstance(event, Strokes):
            yield Pictures(tuple(plane_round(image, s.place) for s in event.found))


def plane_round(image: Any, place: Sequence[int]) -> np.ndarray:
    """Gray values ``(y, x)`` of the plane round a voxel; NaN outside of the image.

    Parameters
    ----------
    image
        Array-like; of several channels the mean is taken.
    place
        The voxel, in the middle of what comes out.
    """
    read, into = [], []
    for at, length in zip(place[-2:], image.shape[-2:], strict=True):
        low, high = max(0, at - HALF), min(length, at + HALF + 1)
        read.append(slice(low, high))
        into.append(slice(low - at + HALF, high - at + HALF))
    leading = [slice(at, at + 1) for at in place[:-2]]
    values = np.asarray(image[(*leading, *read)], np.float32)
    plane = values[(0,) * len(leading)]
    found = np.full((2 * HALF + 1,) * 2, np.nan, np.float32)
    found[tuple(into)] = plane if plane.ndim == 2 else plane.mean(-1)
    return found
