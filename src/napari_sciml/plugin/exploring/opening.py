"""What the points of an exploration are in the viewer, also of one that was kept."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.layers import Image

from napari_sciml.errors import InputError
from napari_sciml.exploring.objects import Objects
from napari_sciml.exploring.patches import PatchGrid, WholeImages
from napari_sciml.exploring.result import Explored
from napari_sciml.exploring.session import cut
from napari_sciml.plugin.layers.images import pixels

if TYPE_CHECKING:
    from napari_sciml.plugin.state.workspace import Workspace

MISFIT = "The patches do not lie on this image as it is now: explore it again."


def patches_on(
    explored: Explored, layers: Sequence[Image], objects: Objects | None
) -> PatchGrid | WholeImages | Objects:
    """Give what shows the points.

    Parameters
    ----------
    explored
        The result.
    layers
        The image, or the images of which each is a point.
    objects
        What was explored; None where it was kept, and only the places are known.

    Raises
    ------
    InputError
        When it does not fit the images.
    """
    images: list[Any] = [pixels(layer) for layer in layers]
    if explored.objects:
        known = objects is not None and len(objects) == len(explored)
        at = Objects.at(images[0], explored.places, explored.size)
        made: PatchGrid | WholeImages | Objects = at
        if known and objects is not None:
            made = objects
    elif explored.several:
        made = WholeImages(images)
    else:
        made = cut(images[0], explored.config)
    if len(made) != len(explored):
        raise InputError(MISFIT)
    return made


def layers_called(workspace: "Workspace", names: Sequence[str]) -> list[Image]:
    """Find the open images that were explored, by the names of their files.

    Raises
    ------
    InputError
        When one is not open.
    """
    by_name: dict[str, Image] = {}
    for image in workspace.images:
        by_name.setdefault(Path(image.name).stem, image)
        by_name[image.name] = image
    found = []
    for name in names:
        image = by_name.get(name) or by_name.get(Path(name).stem)
        if image is None:
            raise InputError(
                f"The image '{name}' was explored, but is not open: open all images "
                "that were explored first."
            )
        found.append(image)
    return found
