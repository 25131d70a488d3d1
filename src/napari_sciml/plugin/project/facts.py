"""What a project has to know about layers, and layers as a project knows them."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image

from napari_sciml.annotation.classes import ClassTable
from napari_sciml.errors import InputError
from napari_sciml.plugin.layers.images import PLACE, voxel_size
from napari_sciml.project.checkpoint import Checkpoint
from napari_sciml.project.file import ClassEntry
from napari_sciml.project.image_identity import ImageIdentity

if TYPE_CHECKING:
    from napari_sciml.plugin.state.model import Model
    from napari_sciml.project.autosave_work import MakeCheckpoint


def image_facts(layer: Image) -> dict[str, Any]:
    """Keywords of `napari_sciml.project.image_identity.identify`."""
    place = {name: getattr(layer, name) for name in PLACE}
    place["affine"] = layer.affine.affine_matrix
    facts = {"name": layer.name, "rgb": bool(layer.rgb), "place": place}
    source = layer.source.path
    if source is not None:
        path = Path(source)
        facts["source"] = path.absolute() if path.exists() else source
    try:
        edges, unit = voxel_size(layer)
    except InputError:  # sheared axes have none
        return facts
    return {**facts, "voxel_size": edges, "unit": unit}


def layer_arguments(image: ImageIdentity) -> dict[str, Any]:
    """Keywords of ``viewer.add_image`` that put an image back where it lay."""
    place = {
        name: tuple(value) if name in ("units", "axis_labels") else np.asarray(value)
        for name, value in image.place.items()
        if name in (*PLACE, "affine")
    }
    return {"name": image.name, "rgb": image.rgb, **place}


def class_entries(table: ClassTable) -> tuple[ClassEntry, ...]:
    """The classes as a project keeps them."""
    return tuple(ClassEntry(name=c.name, color=c.color) for c in table.classes)


def class_table(entries: tuple[ClassEntry, ...]) -> ClassTable:
    """The classes of a project; InputError where they make no sense."""
    table = ClassTable.of([entry.name for entry in entries])
    for label, entry in enumerate(entries, start=1):
        if entry.color:
            table = table.recolored(label, entry.color)
    return table


def checkpoint_to_store(checkpoint: Checkpoint, model: "Model") -> "MakeCheckpoint":
    """Describe a model for the disk; the work is left to whoever calls the result."""
    return lambda: replace(checkpoint, record=model.record())
