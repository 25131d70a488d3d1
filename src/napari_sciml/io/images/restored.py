"""How restored images are marked, so that who works on one is told."""

from collections.abc import Mapping
from typing import Any

RESTORED = "napari-sciml restored"
"""Software tag of a TIFF file."""
KIND = "restored"
"""In the attributes of an OME-Zarr."""


def caution_of_tiff(software: Any, name: str) -> tuple[str, ...]:
    """A caution where the tag says that a file is restored."""
    return (_caution(name),) if software == RESTORED else ()


def caution_of_zarr(attributes: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """A caution where the attributes of a group say so."""
    ours = attributes.get("napari_sciml")
    restored = isinstance(ours, Mapping) and ours.get("kind") == KIND
    return (_caution(name),) if restored else ()


def _caution(name: str) -> str:
    return (
        f"{name} is a restored image, which may lack structure that went with the "
        "noise, and networks were measured to find fibers better in raw images: prefer "
        "the raw image."
    )
