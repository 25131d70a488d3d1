"""Explore image files: what the command line runs."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sciml.errors import InputError
from napari_sciml.exploring.config import ExploreConfig
from napari_sciml.exploring.result import Explored
from napari_sciml.exploring.session import cut, explore_steps
from napari_sciml.images.channels import ChannelImage, channels_of
from napari_sciml.images.room import bytes_of
from napari_sciml.images.volume import Volume, unique
from napari_sciml.io.atomic import atomic_path
from napari_sciml.io.images.reading import open_volume
from napari_sciml.io.models.folder import load_model
from napari_sciml.io.models.image_model import load_image_model, read_task
from napari_sciml.io.provenance import provenance
from napari_sciml.io.results.explored_files import write_exploration
from napari_sciml.io.results.outputs import check_output
from napari_sciml.progress import Report, Say, exhaust, map_progress

if TYPE_CHECKING:
    from napari_sciml.networks.ensemble import Ensemble
    from napari_sciml.networks.image_model import ImageModel

HELD_SHARE = 0.25
"""Of the free memory that an image may take: patches overlap, and each is read again
where it is not held."""


def explore_files(
    images: Sequence[Path],
    out: Path,
    *,
    config: ExploreConfig | None = None,
    model: Path | None = None,
    threads: int | None = None,
    overwrite: bool = False,
    report: Report,
    say: Say = lambda _: None,
) -> dict[str, Any]:
    """Explore the patches of an image, or several images, into a folder.

    It gets ``patches.csv``, ``latent.npy``, ``map.png``, ``grid.png``,
    ``summary.json`` and, where an autoencoder learned, ``model``.

    Parameters
    ----------
    images
        One file whose patches are explored, or several of which each is a point; any
        format of `open_volume`.
    out
        Folder to write.
    config
        See `ExploreConfig`.
    model
        Folder of a model: one that was trained on strokes, to describe by, or one that
        an earlier run of this wrote.
    threads
        Of the CPU; all but what the machine needs.
    overwrite
        Replace what another command wrote there.
    report, say
        Told the share that is done; get cautions.

    Returns
    -------
    dict
        The summary, and where it was written.
    """
    from napari_sciml.networks.device import default_threads, use_threads

    config = config or ExploreConfig()
    inputs = [*images, model]
    check_output(out, "exploration", inputs=inputs, overwrite=overwrite, folder=True)
    used = None if model is None else _load(model, config)
    volumes = [open_volume(path) for path in images]
    cautions = unique(*(volume.cautions for volume in volumes))
    for caution in cautions:
        say(caution)
    use_threads(threads or default_threads())
    data = [_held(volume) for volume in volumes]
    spacing = volumes[0].voxel_size
    events = explore_steps(data, config, model=used, spacing=spacing)
    found = exhaust(
        map_progress(events, lambda step: report(step.fraction, step.doing))
    )
    for caution in found.cautions:
        say(caution)
    first = volumes[0]
    about = summary_of(found, data) | {"cautions": [*cautions, *found.cautions]}
    made = provenance(images=list(images), model=model, config=config)
    with atomic_path(out) as part:
        part.mkdir()
        write_exploration(
            found,
            part,
            cut(data, config, used),
            voxel_size=first.voxel_size,
            unit=first.unit,
            names=[path.name for path in images],
            record=about | {"provenance": made},
        )
    return about | {"out": str(out)}


def summary_of(found: Explored, images: Sequence[Any]) -> dict[str, Any]:
    """Tell how many patches there are, and what they fall into."""
    numbers, counts = np.unique(found.clusters, return_counts=True)
    named = {
        "in none" if number < 0 else f"cluster {number}": int(count)
        for number, count in zip(numbers, counts, strict=True)
    }
    shape = () if found.several else tuple(images[0].shape)
    return {
        "images": len(images) if found.several else None,
        "shape": list(shape) or None,
        "patches": None if found.several else len(found),
        "described_by": found.config.describe,
        "numbers": found.latent.shape[1],
        "correlation": found.correlation,
        "map": found.map,
        "clusters": named,
        "oddest": float(found.oddness.max()),
    }


def _load(path: Path, config: ExploreConfig) -> "Ensemble | ImageModel":
    if config.describe == "front":
        raise InputError(
            "The fixed filters need no model: leave it out, or describe by model or "
            "autoencoder."
        )
    if config.describe == "model":
        return load_model(path)
    return load_image_model(path, "embed")


def describe_of(model: Path) -> str:
    """Tell which description a model is for: "model" or "autoencoder"."""
    return "model" if read_task(model) is None else "autoencoder"


def _held(volume: Volume) -> Any:
    """The image in memory where it is not large."""
    import psutil

    data = volume.data
    need = bytes_of(volume.shape, data.dtype) * channels_of(data)
    if need > HELD_SHARE * psutil.virtual_memory().available:
        return data
    values = np.asarray(data[(slice(None),) * volume.ndim])
    return ChannelImage(values) if channels_of(data) > 1 else values
