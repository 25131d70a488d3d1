"""Fill the gaps of an image or a stack: find, test, choose, fill."""

from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sciml.errors import InputError
from napari_sciml.filling.checks import check_image, check_values
from napari_sciml.filling.config import FillConfig
from napari_sciml.filling.gaps import check_mask, find_gaps
from napari_sciml.filling.result import Filled, FillStep
from napari_sciml.filling.work import FillWork, told
from napari_sciml.progress import exhaust

if TYPE_CHECKING:
    from napari_sciml.networks.image_model import ImageModel


def fill_steps(
    image: Any,
    mask: Any = None,
    *,
    config: FillConfig | None = None,
    center: Sequence[float] | None = None,
    beamstop: Any = "auto",
    model: "ImageModel | None" = None,
    second: Any = None,
) -> Generator[FillStep, None, Filled]:
    """Fill gaps as a generator that tells what it does and can be closed.

    Parameters
    ----------
    image
        Counts ``(y, x)``, or a stack ``(t, y, x)`` of frames of one setting.
    mask
        Not 0 in the gaps, ``(y, x)`` or for each frame; none = `find_gaps`.
    config
        Settings; see `FillConfig`.
    center
        ``(y, x)`` in pixels, of the direct beam; none = it is found.
    beamstop
        "auto" = its shadow is found; None = there is none; or a mask ``(y, x)``.
    model
        Networks that were trained before, instead of new ones.
    second
        Another exposure of the same, for the ceiling that shot noise sets.

    Raises
    ------
    InputError
        When nothing can be filled, in one sentence.
    """
    config = config or FillConfig()
    frames = check_image(image)
    gaps = check_mask(np.shape(image), _found(image) if mask is None else mask)
    gaps = gaps.reshape(frames.shape)
    check_values(frames, gaps)
    yield FillStep(0.0, "looking for beamstop and center")
    work = FillWork(frames, gaps, config)
    work.find(center, beamstop)
    yield FillStep(0.1, "testing")
    recipe, tested = yield from work.choose(model)
    kinds = (np.float32, np.float32, np.uint8)
    out = [np.zeros(frames.shape, kind) for kind in kinds]
    for number, frame in enumerate(work.frames):
        steps = work.fill(frame, recipe, tested.calibration)
        done = 0.9 + 0.1 * number / len(frames)
        parts = yield from told(steps, done, "filling")
        for array, part in zip(out, parts, strict=True):
            array[number] = part
    return work.result(np.shape(image), out, recipe, tested, second)


def fill_gaps(image: Any, mask: Any = None, **kwargs: Any) -> Filled:
    """Fill the gaps of a detector; see `fill_steps` for the parameters.

    Returns
    -------
    Filled
        Image, uncertainty, mask, center and the scores of the test, which is always
        made: on gaps moved to where the truth is known.
    """
    return exhaust(fill_steps(image, mask, **kwargs))


def _found(image: Any) -> np.ndarray:
    gaps = find_gaps(image)
    if not gaps.any():
        raise InputError(
            "The image has no gap that could be found: give a mask of what is missing, "
            "or leave it as it is."
        )
    return gaps
