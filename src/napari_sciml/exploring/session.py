"""Explore: describe patches, map them to a plane, group them, and find odd ones."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sciml.errors import InputError
from napari_sciml.exploring.config import ExploreConfig
from napari_sciml.exploring.groups import cluster_steps
from napari_sciml.exploring.maps import choose_map, pca, project_steps
from napari_sciml.exploring.objects import Objects
from napari_sciml.exploring.oddness import neighbor_distance, over_median
from napari_sciml.exploring.patches import PatchGrid, WholeImages
from napari_sciml.exploring.result import Explored, ExploreStep
from napari_sciml.exploring.scaling import Scaling, centered, standardized
from napari_sciml.progress import map_progress

if TYPE_CHECKING:
    from napari_sciml.networks.ensemble import Ensemble
    from napari_sciml.networks.image_model import ImageModel

MAP_FROM, GROUPS_FROM, ODD_FROM = 0.5, 0.93, 0.96
"""Shares of the whole at which the map, the clusters and the odd ones begin."""


@dataclass(frozen=True, eq=False)
class _Described:
    latent: np.ndarray
    error: np.ndarray | None = None
    correlation: float | None = None
    encoder: "ImageModel | None" = None
    scaling: Scaling | None = None


def explore_steps(
    images: Any,
    config: ExploreConfig | None = None,
    *,
    model: "Ensemble | ImageModel | None" = None,
    spacing: Sequence[float] | None = None,
    enough: Callable[[], bool] = lambda: False,
) -> Generator[ExploreStep, None, Explored]:
    """Explore the patches of an image, or several images.

    Parameters
    ----------
    images
        Array-like ``(y, x)`` or ``(z, y, x)``, perhaps a `ChannelImage`; or a list of
        them, each of which is a point; or `Objects`, described by their measures.
    config
        See `ExploreConfig`.
    model
        Trained ensemble to describe by, or an autoencoder that has learned before.
    spacing
        Edges of a voxel, one an axis of the image; none = all alike.
    enough
        Asked now and then whether an autoencoder has learned enough.

    Yields
    ------
    ExploreStep
        What is done.

    Raises
    ------
    InputError
        When there are fewer than 20 patches, they are all alike, hold NaN, or do not
        fit the model.
    """
    config = config or ExploreConfig()
    kind, caution = choose_map(config.map)
    patches = cut(images, config, model)
    if not isinstance(patches, Objects):
        _check(patches, config, model)
    yield ExploreStep(0.0, "cutting patches")
    if isinstance(patches, Objects):
        found = _Described(standardized(patches.numbers))
    else:
        found = yield from _describe(patches, config, model, spacing, enough)
    seed = config.seed
    plane = yield from map_progress(
        project_steps(found.latent, kind=kind, seed=seed),
        _share(MAP_FROM, GROUPS_FROM, "making the map"),
    )
    groups = yield from map_progress(
        cluster_steps(plane, config.clusters, seed=seed),
        lambda _: ExploreStep(GROUPS_FROM, "looking for clusters"),
    )
    odd = yield from map_progress(
        neighbor_distance(found.latent, seed=seed),
        _share(ODD_FROM, 1.0, "looking for odd ones"),
    )
    if found.error is not None:
        odd = (odd + over_median(found.error)) / 2
    several = isinstance(patches, WholeImages)
    if isinstance(patches, PatchGrid):  # the model may have decided
        config = config.model_copy(update={"dims": patches.dims})
    return Explored(
        config=config,
        places=patches.places(),
        size=patches.edges if isinstance(patches, WholeImages) else patches.size,
        objects=isinstance(patches, Objects),
        latent=found.latent,
        plane=plane,
        clusters=groups,
        oddness=odd,
        map=kind,
        error=found.error,
        correlation=found.correlation,
        encoder=found.encoder,
        scaling=found.scaling,
        images=np.arange(len(patches)) if several else None,
        cautions=(caution,) if caution else (),
    )


def cut(
    images: Any, config: ExploreConfig, model: Any = None
) -> PatchGrid | WholeImages | Objects:
    """Cut an image into patches; take several images, or objects, as they are.

    Raises
    ------
    InputError
        When there are too few, or a patch is larger than the image.
    """
    if isinstance(images, Objects):
        return images
    if isinstance(images, list | tuple) and len(images) != 1:
        return WholeImages(images)
    image = images[0] if isinstance(images, list | tuple) else images
    dims = config.dims or int(getattr(model, "dims", 2))
    return PatchGrid.of(image, patch=config.patch, stride=config.stride, dims=dims)


def _check(patches: PatchGrid | WholeImages, config: ExploreConfig, model: Any) -> None:
    """Refuse a model that is for something else, before anything is done."""
    if config.describe == "model":
        from napari_sciml.exploring.seen import check_model
        from napari_sciml.networks.ensemble import Ensemble

        if not isinstance(model, Ensemble):
            raise InputError(
                "To describe patches by a model, give one that was trained on strokes."
            )
        check_model(patches, model)
    elif config.describe == "autoencoder" and model is not None:
        from napari_sciml.exploring.encoding import check_encoder

        check_encoder(model, patches)


def _describe(
    patches: PatchGrid | WholeImages,
    config: ExploreConfig,
    model: Any,
    spacing: Sequence[float] | None,
    enough: Callable[[], bool],
) -> Generator[ExploreStep, None, _Described]:
    if config.describe == "front":
        from napari_sciml.exploring.front import describe_front

        edges = None if spacing is None else tuple(spacing)[-len(patches.edges) :]
        steps = describe_front(patches, edges)
        numbers = yield from map_progress(
            steps, _share(0, MAP_FROM, "looking at patches")
        )
        scaling = Scaling.of(numbers)
        return _Described(scaling.apply(numbers).astype(np.float32), scaling=scaling)
    if config.describe == "model":
        return (yield from _by_model(patches, config, model))
    return (yield from _by_encoder(patches, config, model, enough))


def _by_model(
    patches: PatchGrid | WholeImages, config: ExploreConfig, model: Any
) -> Generator[ExploreStep, None, _Described]:
    from napari_sciml.exploring.seen import describe_by_model

    steps = describe_by_model(patches, model, device=config.device)
    words = _share(0, MAP_FROM, "asking the model")
    numbers, blocks = yield from map_progress(steps, words)
    return _Described(standardized(numbers, blocks=blocks))


def _by_encoder(
    patches: PatchGrid | WholeImages,
    config: ExploreConfig,
    model: Any,
    enough: Callable[[], bool],
) -> Generator[ExploreStep, None, _Described]:
    from napari_sciml.exploring.encoding import encode, train_encoder

    correlation = None
    if model is None:
        lessons = train_encoder(patches, config, enough)
        learned = yield from map_progress(lessons, _learning)
        model, correlation = learned.model, learned.correlation
    steps = encode(model, patches)
    words = _share(0.4, MAP_FROM, "describing patches")
    latent, error = yield from map_progress(steps, words)
    return _Described(centered(latent), error, correlation, model)


def _learning(step: Any) -> ExploreStep:
    loss = "" if step.loss is None else f", held-out loss {step.loss:.3g}"
    words = f"learning, {step.step} steps{loss}"
    sketch = None if step.latent is None else pca(step.latent)
    return ExploreStep(0.4 * step.fraction, words, learning=True, sketch=sketch)


def _share(low: float, high: float, doing: str) -> Callable[[float], ExploreStep]:
    return lambda done: ExploreStep(low + done * (high - low), doing)
