"""What File > Open Sample shows: napari's layer data tuples, without napari."""

from typing import Any

import numpy as np

from napari_sciml.annotation.classes import DEFAULT_CLASSES
from napari_sciml.samples.downloads import POLYMER, load
from napari_sciml.samples.phantom import PhantomConfig, make_phantom
from napari_sciml.samples.scribbles import scribble
from napari_sciml.samples.shapes import SHAPES, ShapesConfig, make_shapes

SHOWN_SHAPES = 500
"""Pictures of the sample, made in less than a second."""

LayerData = tuple[Any, dict[str, Any], str]


def fiber_concrete() -> list[LayerData]:
    """Fiber-concrete phantom with scribbles, and the true fibers, hidden.

    Returns
    -------
    layers
        Image "Fiber concrete", labels "Annotation" (uint8, ready to be painted on)
        and labels "True fibers", all with the voxel size as scale.
    """
    config = PhantomConfig()
    phantom = make_phantom(config)
    annotation = scribble(phantom.labels, phantom.image, seed=config.seed)
    place = _placed((phantom.voxel_size,) * 3, phantom.unit)
    image = {"name": "Fiber concrete", **place, **_contrast(phantom.image)}
    painted = {
        "name": "Annotation",
        "metadata": {"class_names": list(DEFAULT_CLASSES)},
        **place,
    }
    truth = {"name": "True fibers", "visible": False, **place}
    return [
        (phantom.image, image, "image"),
        (annotation, painted, "labels"),
        (phantom.labels, truth, "labels"),
    ]


def polymer_scaffold() -> list[LayerData]:
    """Real micro-CT of a polymer fiber scaffold, downloaded at the first time.

    Raises
    ------
    InputError
        Where it cannot be downloaded.
    """
    volume = load(POLYMER)
    options = {
        "name": "Polymer scaffold",
        "metadata": {"citation": POLYMER.citation},
        **_placed(volume.voxel_size, volume.unit),
        **_contrast(volume.data),
    }
    return [(volume.data, options, "image")]


def shapes() -> list[LayerData]:
    """Pictures of four shapes, one after the other, and their kinds.

    Returns
    -------
    layers
        Image "Shapes" ``(n, y, x)``; ``metadata["kinds"]`` has the name of each.
    """
    made = make_shapes(ShapesConfig(count=SHOWN_SHAPES))
    options = {
        "name": "Shapes",
        "metadata": {"kinds": [SHAPES[kind] for kind in made.kinds]},
        "axis_labels": ("shape", "y", "x"),
        "contrast_limits": (-0.2, 1.2),
    }
    return [(made.images, options, "image")]


def _placed(voxel_size: tuple[float, ...], unit: str) -> dict[str, Any]:
    """Keywords that put a layer at its place in the world."""
    axes = ("z", "y", "x")
    return {"scale": voxel_size, "units": (unit,) * 3, "axis_labels": axes}


def _contrast(image: np.ndarray) -> dict[str, Any]:
    """Limits that a few extreme voxels do not stretch."""
    low, high = np.quantile(image[::2, ::2, ::2], (0.001, 0.999))
    return {"contrast_limits": (float(low), float(high))}
