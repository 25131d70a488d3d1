"""Brings an image into view that others hide."""

from collections.abc import Mapping, Sequence

import numpy as np
from napari.layers import Image, Labels, Layer

OPAQUE = ("opaque", "translucent", "translucent_no_depth")
"""Ways of blending that let nothing shine through at full opacity."""


def bring_into_view(
    image: Image,
    layers: Sequence[Layer],
    painted: Mapping[Image, Labels | None],
    results: Sequence[Layer] = (),
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
    results
        What was found on other images.
    """
    above = layers[layers.index(image) + 1 :]
    for other in above:
        if isinstance(other, Image) and _is_opaque(other) and _overlap(image, other):
            _let_be_seen(other, False)
    for result in results:
        if result not in painted.values() and _overlap(image, result):
            _let_be_seen(result, False)
    _let_be_seen(image, True)
    for other, annotation in painted.items():
        if annotation is None:
            continue
        if other is image:
            _let_be_seen(annotation, True)
        elif not other.visible or _overlap(image, other):
            _let_be_seen(annotation, False)


def _let_be_seen(layer: Layer, seen: bool) -> None:
    """Only where it changes: napari looks through all layers each time."""
    if layer.visible != seen:
        layer.visible = seen


def _is_opaque(image: Image) -> bool:
    return image.visible and image.blending in OPAQUE and image.opacity == 1


def _overlap(one: Layer, other: Layer) -> bool:
    """Whether they share a part of the world, by the axes that both have."""
    shared = min(one.ndim, other.ndim)
    a, b = (layer.extent.world[:, -shared:] for layer in (one, other))
    return bool(np.all((a[0] < b[1]) & (b[0] < a[1])))
