"""Explore arrays: in a script at once, or beside a living window as a job."""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_sciml.errors import InputError
from napari_sciml.exploring.config import ExploreConfig, Grouping
from napari_sciml.exploring.groups import cluster_steps
from napari_sciml.exploring.patches import PatchGrid, WholeImages
from napari_sciml.exploring.result import Explored, ExploreStep
from napari_sciml.exploring.session import explore_steps
from napari_sciml.io.atomic import atomic_path
from napari_sciml.io.provenance import provenance
from napari_sciml.io.results.explored_files import (
    image_shape,
    read_exploration,
    read_names,
    write_exploration,
)
from napari_sciml.progress import exhaust, map_progress
from napari_sciml.workflows.classifying.kept import read_examples, write_classes
from napari_sciml.workflows.exploring.files import summary_of

if TYPE_CHECKING:
    import numpy as np

    from napari_sciml.exploring.objects import Objects
    from napari_sciml.networks.ensemble import Ensemble
    from napari_sciml.networks.image_model import ImageModel
    from napari_sciml.workflows.classifying.patches import SortedPatches


def embed(
    images: Any,
    *,
    model: "Ensemble | ImageModel | None" = None,
    config: ExploreConfig | None = None,
    spacing: Sequence[float] | None = None,
) -> Explored:
    """Describe patches of an image, or several images, and map them to a plane.

    Parameters
    ----------
    images
        Array ``(y, x)`` or ``(z, y, x)``, whose patches are points; or a list of at
        least 20, each of which is one.
    model
        Trained ensemble, or an autoencoder that was trained before. With one and no
        settings, it describes.
    config
        See `ExploreConfig`; none = fixed filters.
    spacing
        Edges of a voxel, one an axis of the image; none = all alike.

    Returns
    -------
    Explored
        Places, descriptions (``latent``), the ``plane``, ``clusters`` and ``oddness``.

    Raises
    ------
    InputError
        When there are fewer than 20 patches, they are all alike, hold NaN, or do not
        fit the model.
    """
    if config is None and model is not None:
        from napari_sciml.networks.ensemble import Ensemble

        ensemble = isinstance(model, Ensemble)
        config = ExploreConfig(describe="model" if ensemble else "autoencoder")
    return exhaust(explore_steps(images, config, model=model, spacing=spacing))


@dataclass(frozen=True, eq=False)
class ExploredPatches:
    """An exploration is done."""

    explored: Explored


@dataclass(frozen=True)
class ExplorationRead:
    """An exploration was read from a folder.

    Attributes
    ----------
    explored, folder
        What was read, and where.
    names
        Of the image of each point.
    examples
        Numbers of the points that were examples of classes.
    """

    explored: Explored
    folder: Path
    names: tuple[str, ...] = ()
    examples: Mapping[str, "np.ndarray"] = field(default_factory=dict)


def explore(
    images: Any,
    config: ExploreConfig,
    *,
    model: "Ensemble | ImageModel | None" = None,
    spacing: Sequence[float] | None = None,
    enough: Callable[[], bool] = lambda: False,
) -> Generator[ExploreStep | ExploredPatches, None, None]:
    """Explore, leaving a core to the viewer; see `explore_steps`."""
    from napari_sciml.networks.device import default_threads, use_threads

    use_threads(default_threads(viewer=True))
    found = yield from explore_steps(
        images, config, model=model, spacing=spacing, enough=enough
    )
    yield ExploredPatches(found)


@dataclass(frozen=True, eq=False)
class Regrouped:
    """There are other clusters."""

    explored: Explored


@dataclass(frozen=True)
class ExplorationWritten:
    """A folder is written."""

    folder: Path


def regroup(
    explored: Explored, grouping: Grouping
) -> Generator[ExploreStep | Regrouped, None, None]:
    """Look for other clusters in a map that there is."""
    found = yield from map_progress(
        cluster_steps(explored.plane, grouping, seed=explored.config.seed),
        lambda _: ExploreStep(0.5, "looking for clusters"),
    )
    config = explored.config.model_copy(update={"clusters": grouping})
    yield Regrouped(replace(explored, clusters=found, config=config))


def write(
    explored: Explored,
    patches: "PatchGrid | WholeImages | Objects",
    folder: Path,
    voxel_size: Sequence[float],
    unit: str,
    names: Sequence[str],
    examples: Mapping[str, "np.ndarray"] | None = None,
    found: "SortedPatches | None" = None,
) -> Generator[ExploreStep | ExplorationWritten, None, None]:
    """Write the folder that the command writes, and what is sorted into classes."""
    yield ExploreStep(0.0, "writing")
    several = isinstance(patches, WholeImages)
    images = patches.images if isinstance(patches, WholeImages) else [patches.image]
    record = summary_of(explored, images) | {"names": list(names)}
    with atomic_path(folder) as part:
        part.mkdir()
        write_exploration(
            explored,
            part,
            patches,
            voxel_size=voxel_size,
            unit=unit,
            names=names if several else names[:1],
            record=record | {"provenance": provenance(config=explored.config)},
        )
        if examples:
            of = list(names) if several else list(names[:1]) * len(explored)
            write_classes(part, explored, of, examples, found)
    yield ExplorationWritten(folder)


def read(
    folder: Path, shape: tuple[int, ...]
) -> Generator[ExploreStep | ExplorationRead, None, None]:
    """Read such a folder for an image.

    Raises
    ------
    InputError
        When it is none, or was made of another image.
    """
    yield ExploreStep(0.0, "reading")
    explored = read_exploration(folder)
    found = image_shape(folder)
    if not explored.several and found != shape:
        raise InputError(
            f"{folder} was made of an image of shape {found}, not of one of shape "
            f"{shape}: choose the image that was explored first."
        )
    names, examples = read_names(folder), read_examples(folder, len(explored))
    yield ExplorationRead(explored, folder, tuple(names), examples)
