"""Filling beside a living window: find gaps, fill and write, as jobs."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from napari_sciml.filling.checks import check_image
from napari_sciml.filling.config import FillConfig
from napari_sciml.filling.gaps import find_gaps
from napari_sciml.filling.result import Filled, FillStep
from napari_sciml.filling.session import fill_steps


@dataclass(frozen=True)
class GapsFound:
    """Pixels without a value, bool of the image's shape."""

    gaps: np.ndarray


@dataclass(frozen=True)
class GapsFilled:
    """An image without gaps, and the image as it was read.

    Attributes
    ----------
    filled
        What came out.
    image
        Of which.
    """

    filled: Filled
    image: np.ndarray


@dataclass(frozen=True)
class FillingWritten:
    """A filling lies on the disk."""

    path: Path


def look_for_gaps(image: Any) -> Generator[FillStep | GapsFound, None, None]:
    """Find gaps; see `find_gaps`."""
    yield FillStep(0.0, "looking for gaps")
    data = np.asarray(image)
    check_image(data)
    yield GapsFound(find_gaps(data))


def fill(
    image: Any,
    mask: Any,
    config: FillConfig,
    center: Sequence[float] | None = None,
) -> Generator[FillStep | GapsFilled, None, None]:
    """Fill gaps, leaving a core to the viewer; see `fill_steps`."""
    if config.method != "symmetry":
        from napari_sciml.networks.device import default_threads, use_threads

        use_threads(default_threads(viewer=True))
    data = np.asarray(image)
    filled = yield from fill_steps(data, mask, config=config, center=center)
    yield GapsFilled(filled, data)


def write(
    save: Callable[[Path], Any], path: Path
) -> Generator[FillStep | FillingWritten, None, None]:
    """Write a filling; it is there whole, or not at all."""
    yield FillStep(0.0, "writing")
    save(path)
    yield FillingWritten(path)
