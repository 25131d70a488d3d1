"""What a long prediction will do, settled before it starts."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from napari_sciml.errors import InputError, first_line
from napari_sciml.images.intensity import IntensityScale, estimate_intensity
from napari_sciml.images.tiles import Region, grid
from napari_sciml.images.volume import Volume
from napari_sciml.io.results.block_grid import (
    block_and_chunk,
    place_in_words,
    pyramid_steps,
)

if TYPE_CHECKING:
    from napari_sciml.networks.ensemble import Ensemble

SUFFIX = ".unfinished"
SHARE_OF_MEMORY = 0.8
"""Of what is free, that a prediction may use where nothing is said."""

_SETTLED = {
    "model_sha256": "model",
    "image_sha256": "image",
    "level": "level of the image",
    "block": "size of the blocks",
    "half": "precision",
    "offset": "intensity scale",
    "scale": "intensity scale",
    "device": "device",
}
"""What the numbers depend on, in words."""


class PredictionPlan(BaseModel):
    """Which blocks are predicted by which model, and where they go.

    It can be sent to another process or written as JSON. Two runs of the same plan
    on machines of the same kind write the same bytes.
    """

    model_config = ConfigDict(frozen=True)

    model: Path = Field(description="Folder of the model; absolute.")
    model_sha256: str = Field(description="Of its weights and its description.")
    image: Path = Field(description="File or folder of the image; absolute.")
    level: int = Field(0, description="Of a multiscale image; 0 = full resolution.")
    image_sha256: str = Field(description="Of its shape, type and sampled blocks.")
    out: Path = Field(description="OME-Zarr that will be there in the end; absolute.")
    shape: tuple[int, ...]
    axes: tuple[str, ...]
    voxel_size: tuple[float, ...]
    unit: str
    class_names: tuple[str, ...]
    block: int = Field(description="Edge of a block in voxels, a multiple of chunk.")
    chunk: int = Field(description="Edge of what is compressed as one.")
    half: bool = Field(description="Whether networks compute in bfloat16.")
    intensity: Literal["model", "image"] = "model"
    offset: float | tuple[float, ...] = Field(description="Of the intensity scale.")
    scale: float | tuple[float, ...] = Field(description="Of the intensity scale.")
    device: str = Field(description="cpu, cuda or mps.")
    memory: int | None = Field(
        None, description="Bytes that a process needs; none = not looked into."
    )
    cautions: tuple[str, ...] = Field(
        (), description="What a person should know before he trusts the result."
    )

    @property
    def folder(self) -> Path:
        """Where everything is until it is whole."""
        return self.out.with_name(self.out.name + SUFFIX)

    @property
    def store(self) -> Path:
        """The OME-Zarr that grows, in `folder`."""
        return self.folder / self.out.name

    @property
    def intensity_scale(self) -> IntensityScale:
        """Map of the gray values that the networks get."""
        return IntensityScale(self.offset, self.scale)

    @cached_property
    def blocks(self) -> tuple[Region, ...]:
        """Parts of the image that make it up, in C order; each is a shard on disk."""
        return tuple(grid(self.shape, self.block))

    @cached_property
    def levels(self) -> tuple[tuple[int, ...], ...]:
        """Steps along each axis of the levels of the pyramid; ones for the first."""
        return pyramid_steps(self.shape)

    def level_shape(self, level: int) -> tuple[int, ...]:
        """Voxels of a level of the pyramid."""
        steps = self.levels[level]
        return tuple(-(-n // step) for n, step in zip(self.shape, steps, strict=True))

    def differences(self, other: "PredictionPlan") -> list[str]:
        """In words, what would make the numbers of two plans differ."""
        words = [
            word
            for name, word in _SETTLED.items()
            if getattr(self, name) != getattr(other, name)
        ]
        return list(dict.fromkeys(words))

    def fingerprint(self) -> str:
        """Hash of all that the numbers depend on."""
        settled = self.model_dump(mode="json", include=set(_SETTLED))
        return hashlib.sha256(json.dumps(settled, sort_keys=True).encode()).hexdigest()


def plan_prediction(
    model: str | Path,
    image: str | Path,
    out: str | Path,
    *,
    level: int = 0,
    block: int | None = None,
    half: bool = False,
    intensity: Literal["model", "image"] = "model",
    device: str = "auto",
    memory: float | None = None,
) -> PredictionPlan:
    """Settle what a prediction will do; reads a few blocks of the image.

    Parameters
    ----------
    model, image, out
        Model folder, image and the OME-Zarr to write.
    level
        Of a multiscale image; 0 = full resolution.
    block
        Longest edge of a block in voxels; 128 in 3D and 512 in 2D by default. It is
        made a little smaller where that gives whole chunks.
    half
        Compute in bfloat16, where that is native.
    intensity
        The scale of the gray values: that of the model, from the image that it was
        trained on, or one that is estimated from samples of this image.
    device
        "auto", "cpu", "cuda" or "mps".
    memory
        Bytes that a process may use. Without an edge of the blocks they are made
        small enough for it; by default most of the memory that is free may be used.

    Raises
    ------
    InputError
        When model and image cannot be read or do not fit each other, or there is not
        enough memory.
    """
    from napari_sciml.io.images.reading import open_volume
    from napari_sciml.io.models.folder import load_model

    return plan_for(
        load_model(model),
        open_volume(image, level=level),
        out,
        model=model,
        image=image,
        level=level,
        block=block,
        half=half,
        intensity=intensity,
        device=device,
        memory=memory,
    )


def plan_for(
    ensemble: "Ensemble",
    volume: Volume,
    out: str | Path,
    *,
    model: str | Path,
    image: str | Path,
    level: int = 0,
    block: int | None = None,
    half: bool = False,
    intensity: Literal["model", "image"] = "model",
    device: str = "auto",
    memory: float | None = None,
) -> PredictionPlan:
    """Settle what a prediction will do, of a model and an image at hand.

    Parameters
    ----------
    ensemble, volume
        Model and image.
    out, level, block, half, intensity, device, memory
        As in `plan_prediction`.
    model, image
        Where they come from, for the record.

    Raises
    ------
    InputError
        As in `plan_prediction`.
    """
    from napari_sciml.networks.device import has_fast_bfloat16, resolve_device
    from napari_sciml.project.image_identity import hash_blocks

    check_fit(ensemble, volume.data, image)
    with reading(image):
        identity = hash_blocks(volume.data)
        scale = _scale(ensemble, volume.data, intensity)
    where = resolve_device(device)
    longest, need = _fitting_block(ensemble, volume.data, block, memory)
    edge, chunk = block_and_chunk(longest, volume.ndim)
    return PredictionPlan(
        model=Path(model).resolve(),
        model_sha256=model_identity(ensemble),
        image=Path(image).resolve(),
        level=level,
        image_sha256=identity,
        out=Path(out).resolve(),
        shape=volume.shape,
        axes=volume.axes,
        voxel_size=volume.voxel_size,
        unit=volume.unit,
        class_names=ensemble.class_names,
        cautions=volume.cautions,
        block=edge,
        chunk=chunk,
        half=half and has_fast_bfloat16(where),
        intensity=intensity if scale is ensemble.intensity else "image",
        offset=scale.offset,
        scale=scale.scale,
        device=where.type,
        memory=need,
    )


def _scale(
    ensemble: "Ensemble", image: Any, intensity: Literal["model", "image"]
) -> IntensityScale:
    """The scale that the model sees an image with."""
    if intensity == "image":
        return estimate_intensity(image)
    return ensemble.intensity.for_image(image)


def _fitting_block(
    ensemble: "Ensemble", data: Any, block: int | None, bound: float | None
) -> tuple[int, int | None]:
    """Edge of the blocks, and the bytes that they need where that matters."""
    import psutil

    from napari_sciml.prediction.blockwise import DEFAULT_BLOCK
    from napari_sciml.prediction.memory import block_memory, largest_block

    edge = block or DEFAULT_BLOCK[ensemble.dims]
    if bound is None and max(data.shape) <= edge:
        return edge, None
    needed = block_memory(ensemble, data)
    if block is None:
        free = SHARE_OF_MEMORY * psutil.virtual_memory().available
        edge = largest_block(needed, data.shape, bound or free, edge)
    need = needed.peak(edge, data.shape)
    if bound is not None and need > bound:
        raise InputError(
            f"Blocks of {edge} voxels need {need / 1e9:.1f} GB of memory, but only "
            f"{bound / 1e9:.1f} GB may be used: give a smaller --block, or none."
        )
    return edge, need


@contextmanager
def reading(image: str | Path, region: Region | None = None) -> Iterator[None]:
    """Say in one sentence which part of an image cannot be read."""
    try:
        yield
    except (MemoryError, InputError):
        raise
    except Exception as error:  # readers raise whatever a broken file leads to
        place = "" if region is None else f" at {place_in_words(region)}"
        raise InputError(
            f"{image} cannot be read{place} and may be damaged ({first_line(error)}); "
            "copy it again, then go on with --resume."
        ) from error


def check_fit(ensemble: "Ensemble", data: Any, image: str | Path) -> None:
    """Make sure that a model is for images like this one.

    Raises
    ------
    InputError
        Tells both numbers of axes, or of channels.
    """
    if len(data.shape) != ensemble.dims:
        raise InputError(
            f"The model was trained on {ensemble.dims}D images and cannot predict "
            f"{image}, which has the shape {tuple(data.shape)}."
        )
    ensemble.check_channels(data)


def model_identity(ensemble: "Ensemble") -> str:
    """Hash of all of a model that its answers depend on."""
    from napari_sciml.io.models.folder import weights_sha256
    from napari_sciml.networks.ensemble_description import describe_ensemble

    known = [weights_sha256(ensemble), describe_ensemble(ensemble)]
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()
