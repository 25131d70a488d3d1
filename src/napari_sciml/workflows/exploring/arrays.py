"""Explore arrays: in a script at once, or beside a living window as a job."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_sciml.exploring.config import ExploreConfig
from napari_sciml.exploring.result import Explored, ExploreStep
from napari_sciml.exploring.session import explore_steps
from napari_sciml.progress import result_of

if TYPE_CHECKING:
    from napari_sciml.networks.ensemble import Ensemble
    from napari_sciml.networks.image_model import ImageModel


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
    return result_of(explore_steps(images, config, model=model, spacing=spacing))


@dataclass(frozen=True, eq=False)
class ExploredPatches:
    """An exploration is done."""

    explored: Explored


@dataclass(frozen=True)
class ExplorationRead:
    """An exploration was read from a folder."""

    explored: Explored
    folder: Path


def explore(
    images: Any,
    config: ExploreConfig,
    *,
    model: "Ensemble | ImageModel | None" = None,
    spacing: Sequence[float] | None = None,
    enough: Callable[[], bool] = lambda: False,
) -> Generator[ExploreStep | ExploredPatches, None, None]:
    """Explore, leaving a core to the viewer; see `explore_steps`."""
    import torch

    from napari_sciml.networks.device import default_threads

    torch.set_num_threads(default_threads(viewer=True))
    found = yield from explore_steps(
        images, config, model=model, spacing=spacing, enough=enough
    )
    yield ExploredPatches(found)
