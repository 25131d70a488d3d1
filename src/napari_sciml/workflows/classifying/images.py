"""Images and patches of files in the numbers that classes are learned from."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_sciml.errors import InputError
from napari_sciml.io.images.reading import open_volume
from napari_sciml.progress import Report, exhaust

if TYPE_CHECKING:
    from napari_sciml.classification.described import ClassModel, Described


@dataclass(frozen=True)
class InNumbers:
    """An image in numbers."""

    numbers: np.ndarray
    axes: int
    channels: int


def describe_all(paths: Sequence[Path], report: Report) -> dict[Path, InNumbers]:
    """Describe whole images; tells the report 90 % of what there is to do."""
    rows = {}
    for number, image in enumerate(paths):
        report(0.9 * number / len(paths), image.name)
        rows[image] = described_file(image)
    return rows


def asked_of(model: "ClassModel", path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of an image, or of its patches, and where these lie."""
    if model.of.kind == "images":
        row = described_file(path)
        check_one(path, row, model.of, "what the model was learned from")
        return row.numbers[None], np.zeros((1, model.of.axes))
    from napari_sciml.exploring.front import describe_front
    from napari_sciml.exploring.patches import PatchGrid
    from napari_sciml.images.channels import channels_of
    from napari_sciml.workflows.classifying.patches import scaling_of

    volume, of = open_volume(path), model.of
    seen = InNumbers(np.zeros(0), volume.ndim, channels_of(volume.data))
    check_one(path, seen, of, "what the model was learned from")
    try:
        grid = PatchGrid.of(
            volume.data, patch=of.patch, stride=of.stride, dims=of.dims, least=1
        )
        spacing = volume.voxel_size[-of.dims :]
        numbers = exhaust(describe_front(grid, spacing))
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    return scaling_of(of).apply(numbers).astype(np.float32), grid.places()


def described_file(path: Path) -> InNumbers:
    """Describe a whole image."""
    from napari_sciml.classification.description import describe_image
    from napari_sciml.images.channels import channels_of

    volume = open_volume(path)
    try:
        numbers = describe_image(volume.data)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    return InNumbers(numbers, volume.ndim, channels_of(volume.data))


def check_one(path: Path, row: InNumbers, of: "Described", what: str) -> None:
    """Refuse an image of another kind.

    Raises
    ------
    InputError
        With one sentence.
    """
    if (row.axes, row.channels) != (of.axes, of.channels):
        raise InputError(
            f"{path} has other axes or channels than {what}: leave it out."
        )
