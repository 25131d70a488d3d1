"""Brings an image into view that others hide."""

from collections.abc import Mapping, Sequence

import numpy as np
from napari.layers import Image, Labels, Layer

OPAQUE = ("opaque", "translucent", "translucent_no_depth")
"""Ways of blending that let nothing shine through at full opacity."""


def bring_into_view(
    image: Image, layers: Sequence[Layer], painted: Mapping[Image, Labels | None]
) -> None:
    """Show an image and its annotation, and hide what would lie over them.

    Parameters
    ----------
    image
        The one to be seen.
    layers
        In the order in which they are drawn.
    painted
        The annotation of each annotated image: strokes on another image would seem to
        be of this one.
    """
    above = layers[layers.index(image) + 1 :]
    for other in above:
        if isinstance(other, Image) and _is_opaque(other) and _overlap(image, other):
            other.visible = False
    image.visible = True
    for other, annotation in painted.items():
        if annotation is None:
            continue
        if other is image:
            annotation.visible = True
        elif not other.visible or _overlap(image, other):
            annotation.visible = False


def _is_opaque(image: Image) -> bool:
    return image.visible and image.blending in OPAQUE and image.opacity == 1


def _overlap(one: Layer, other: Layer) -> bool:
    """Whether they share a part of the world, by the axes that both have."""
    shared = min(one.ndim, other.ndim)
    a, b = (layer.extent.world[:, -shared:] for layer in (one, other))
    return bool(np.all((a[0] < b[1]) & (b[0] < a[1])))
