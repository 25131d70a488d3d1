"""Labeled voxels as the members see them: what another voxel is compared with."""

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np

from napari_sciml.annotation.scribbles import Scribbles
from napari_sciml.errors import InputError
from napari_sciml.explaining.features import Features, features_of
from napari_sciml.explaining.panel import Panel
from napari_sciml.explaining.patches import Patches, ask_patches, patch_size, take_patch
from napari_sciml.images.tiles import Region

MOST_VOXELS = 64
"""Labeled voxels that are looked at: each costs some milliseconds."""
LEAST_VOXELS = 12
CHANNEL_VOXELS = 2**22
"""Of all patches together: of networks that look far, fewer voxels are looked at."""
ASKED = 16
"""Voxels of a class whose channels are exchanged."""


@dataclass(frozen=True)
class Lessons:
    """Voxels as the members see them.

    Attributes
    ----------
    places
        ``(n, dims)``.
    classes
        ``(n,)`` class indices.
    strokes
        ``(n,)`` number of the stroke that each belongs to.
    features
        By which they are compared.
    asked
        Positions of those whose channels are exchanged.
    patches
        What the members see of these.
    labeled
        Whether a person has labeled them; otherwise they are some of the voxels round
        a place, and the classes are what the model says.
    """

    places: np.ndarray
    classes: np.ndarray
    strokes: np.ndarray
    features: Features
    asked: np.ndarray
    patches: Patches
    labeled: bool


def check_labels(labels: Scribbles, panel: Panel) -> None:
    """Make sure that labels fit image and model.

    Raises
    ------
    InputError
        When they do not, or there are none.
    """
    names = panel.ensemble.class_names
    if labels.shape != panel.shape:
        raise InputError(
            f"The labels have shape {labels.shape}, but the image has {panel.shape}: "
            "give those that were painted on this image."
        )
    if not len(labels):
        raise InputError(
            "There are no labels: paint strokes first, or explain without labels."
        )
    most = int(labels.values.max())
    if most > len(names):
        raise InputError(
            f"The labels hold the value {most}, but the model knows the classes "
            f"{', '.join(names)} (1 to {len(names)}) only."
        )


def choose_voxels(labels: Scribbles, most: int, seed: int) -> np.ndarray:
    """Choose labeled voxels: of all classes alike, and of each from many strokes.

    Parameters
    ----------
    labels
        The strokes.
    most
        How many at most.
    seed
        Decides which voxels of a stroke.

    Returns
    -------
    ndarray
        Their positions, ascending.
    """
    order = np.random.default_rng(seed).permutation(len(labels))
    turn = _turn(labels.stroke_numbers[order])
    order = order[np.argsort(turn, kind="stable")]
    turn = _turn(labels.values[order])
    return np.sort(order[np.argsort(turn, kind="stable")][:most])


def _turn(groups: np.ndarray) -> np.ndarray:
    """How many of its group come before each."""
    by_group = np.argsort(groups, kind="stable")
    turn = np.empty(len(groups), np.intp)
    sizes = np.bincount(groups)
    turn[by_group] = np.concatenate([np.arange(size) for size in sizes])
    return turn


def learn(panel: Panel, labels: Scribbles, seed: int) -> Generator[None, None, Lessons]:
    """Look at labeled voxels; yields often."""
    chosen = choose_voxels(labels, _most(panel), seed)
    places = labels.voxels[chosen]
    classes = labels.values[chosen].astype(np.intp) - 1
    asked = _some_of_each(classes)
    features, patches = yield from _looked_at(panel, places, asked)
    strokes = labels.stroke_numbers[chosen]
    return Lessons(places, classes, strokes, features, asked, patches, labeled=True)


def look_around(
    panel: Panel, window: Region, seed: int
) -> Generator[None, None, Lessons]:
    """Look at some voxels of a window, where no labels are at hand; yields often."""
    sizes = [part.stop - part.start for part in window]
    total, rng = int(np.prod(sizes)), np.random.default_rng(seed)
    flat = rng.choice(total, min(2 * ASKED, _most(panel), total), replace=False)
    places = np.stack(np.unravel_index(np.sort(flat), sizes), axis=1)
    places += [part.start for part in window]
    number = np.arange(len(places))
    features, patches = yield from _looked_at(panel, places, number)
    answers = yield from ask_patches(panel, patches)
    shares = np.einsum("m,mnc->nc", panel.weights, np.exp(answers))
    said = shares.argmax(1)
    return Lessons(places, said, number, features, number, patches, labeled=False)


def _most(panel: Panel) -> int:
    if not panel.networks:
        return MOST_VOXELS
    return min(MOST_VOXELS, max(LEAST_VOXELS, CHANNEL_VOXELS // patch_size(panel)))


def _looked_at(
    panel: Panel, places: np.ndarray, asked: np.ndarray
) -> Generator[None, None, tuple[Features, Patches]]:
    """Features of all voxels, and patches of those that are asked again."""
    features, kept = [], []
    step = panel.at_once(patch_size(panel))
    for start in range(0, len(places), step):
        parts = []
        for number in range(start, min(start + step, len(places))):
            parts.append((yield from take_patch(panel, places[number])))
            if number in asked:
                kept.append(parts[-1])
        features.append((yield from features_of(panel, Patches.of_all(parts))))
    return Features.of_all(features), Patches.of_all(kept)


def _some_of_each(classes: np.ndarray) -> np.ndarray:
    """Positions of some of each class, spread evenly."""
    chosen = []
    for label in np.unique(classes):
        own = np.flatnonzero(classes == label)
        spread = np.linspace(0, len(own) - 1, min(ASKED, len(own)))
        chosen.append(own[spread.astype(int)])
    return np.sort(np.concatenate(chosen))
