"""Sparse annotation as a person paints it in a slice viewer."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_sciml.errors import InputError
from napari_sciml.images.components import connected_components
from napari_sciml.samples.slices import View, choose_views, view_of
from napari_sciml.samples.strokes import (
    brush,
    centerline_path,
    outline_path,
    regions,
    starts,
    wiggly_path,
)

BACKGROUND, FIBER = 1, 2
MIN_BUDGET = 120
MAX_BUDGET = 2000
FIBER_SHARE = 0.28
RIM_SHARE = 0.4
"""Share of the background strokes' voxels that hug a fiber."""
STROKES = 9
"""At least so many strokes are meant a class: none may eat more of the budget."""
ROUNDS = 24
"""Views of the volume to open before the annotator gives up."""
KINDS = ("bright", "anywhere", "dark", "bright", "anywhere")

Labels = NDArray[np.uint8]


@dataclass
class _Page:
    """What the annotator works on: one annotation, and the room left round it."""

    truth: NDArray[np.bool_]
    annotation: Labels
    error_rate: float
    rng: np.random.Generator

    def paint(
        self, view: View, path: NDArray[np.int64], width: int, value: int, cap: int
    ) -> int:
        """Paint a stroke in a view; return the number of voxels, 0 if left out."""
        pixels = brush(path, width, view.shape)
        pixels = pixels[self._allowed(view, pixels, value)][:cap]
        index = view.volume_index(pixels)
        if len(pixels) < 3 or self._touches(index, value):
            return 0
        self.annotation[index] = value
        return len(pixels)

    def _allowed(
        self, view: View, pixels: NDArray[np.int64], value: int
    ) -> NDArray[np.bool_]:
        """Pixels of the stroke's class, and slips over the border if wanted."""
        index = view.volume_index(pixels)
        right = self.truth[index] == (value == FIBER)
        if self.error_rate > 0:
            right |= self.rng.random(len(pixels)) < self.error_rate
        return right & (self.annotation[index] == 0)

    def _touches(self, index: tuple[Any, ...], value: int) -> bool:
        """Whether another stroke of the class is next to these voxels.

        Strokes that do not touch can be held out whole.
        """
        around = np.stack(index, axis=-1)[:, None] + _neighbors(len(index))
        last = np.array(self.annotation.shape) - 1
        around = np.clip(around, 0, last).reshape(-1, len(index))
        return bool((self.annotation[tuple(around.T)] == value).any())


def scribble(
    labels: NDArray[Any],
    image: NDArray[Any] | None = None,
    *,
    budget: int = 1500,
    n_fibers: int = 12,
    error_rate: float = 0.0,
    seed: int = 0,
) -> Labels:
    """Annotate a few slices with strokes, as an expert does by hand.

    Strokes 1 to 3 pixels wide follow some fibers; others hug the outside of
    fibers, or wander across paste, bright grains and voids. Strokes of one class
    never touch each other, so that whole strokes can be held out for validation.

    Parameters
    ----------
    labels
        Truth, ``(z, y, x)`` or ``(y, x)``: a mask, or numbers of instances.
    image
        Gray values of the same shape. With them the annotator starts part of the
        background strokes at what is bright, and part at what is dark.
    budget
        Most voxels to label, 120 to 2000. Less is used where no room is left.
    n_fibers
        Most fibers that get strokes.
    error_rate
        Share of the brush pixels beyond a border that are not corrected; with 0 no
        voxel is labeled wrongly.
    seed
        Seed of all choices.

    Returns
    -------
    annotation
        uint8, shape of `labels`: 0 not annotated, 1 background, 2 fiber; two to
        three times as much background as fiber.

    Raises
    ------
    InputError
        Where the input cannot be annotated: other than 2D or 3D, no fiber or
        nothing else, tiny fibers, shapes that differ, a budget or rate out of
        bounds.
    """
    _check(labels, image, budget, n_fibers, error_rate)
    rng = np.random.default_rng(seed)
    instances = _some_instances(labels, n_fibers, rng)
    page = _Page(labels != 0, np.zeros(labels.shape, np.uint8), error_rate, rng)
    views = _views(instances, rng)
    fiber_budget = int(FIBER_SHARE * budget)
    seen, used = _paint_fibers(page, instances, views, fiber_budget)
    if not seen:
        raise InputError("The fibers are too small to paint: none has a stroke's room.")
    # A background in proportion, where the fibers did not use up their budget.
    background = min(budget - used, int(used * (1 / FIBER_SHARE - 1)) + 30)
    rim = _paint_rims(page, seen, int(RIM_SHARE * background))
    _paint_elsewhere(page, image, seen, background - rim)
    return page.annotation


def _check(
    labels: NDArray[Any],
    image: NDArray[Any] | None,
    budget: int,
    n_fibers: int,
    error_rate: float,
) -> None:
    if labels.ndim not in (2, 3):
        raise InputError(
            f"The labels have {labels.ndim} axes: give (z, y, x) or (y, x)."
        )
    if image is not None and image.shape != labels.shape:
        raise InputError(
            f"The image {image.shape} and the labels {labels.shape} differ in shape: "
            "give two of the same volume."
        )
    if not MIN_BUDGET <= budget <= MAX_BUDGET:
        raise InputError(
            f"A budget of {budget} voxels cannot be used: "
            f"give {MIN_BUDGET} to {MAX_BUDGET}."
        )
    if n_fibers < 1 or not 0 <= error_rate <= 1:
        raise InputError("Give n_fibers of at least 1 and an error_rate of 0 to 1.")
    if not np.any(labels) or np.all(labels):
        raise InputError("The labels hold one class only: give fibers and background.")


def _neighbors(ndim: int) -> NDArray[np.int64]:
    """Offsets of the 3^n neighborhood."""
    return np.indices((3,) * ndim).reshape(ndim, -1).T - 1


def _some_instances(
    labels: NDArray[Any], count: int, rng: np.random.Generator
) -> NDArray[Any]:
    """The numbered fibers that will be painted, large ones likely, and no others.

    A mask is split into its connected pieces first.
    """
    if labels.dtype == np.bool_ or int(labels.max()) == 1:
        connectivity = 26 if labels.ndim == 3 else 8
        labels = connected_components(labels != 0, connectivity)
    numbers, sizes = np.unique(labels[labels != 0], return_counts=True)
    weight = sizes / sizes.sum()
    chosen = rng.choice(numbers, min(count, len(numbers)), replace=False, p=weight)
    return np.where(np.isin(labels, chosen), labels, 0)


def _views(instances: NDArray[Any], rng: np.random.Generator) -> Iterator[View]:
    """A 2D image has one view, to which one comes back again and again."""
    if instances.ndim == 2:
        return iter([view_of(instances.shape, None, 0)] * ROUNDS)
    return choose_views(instances, ROUNDS, rng)


def _paint_fibers(
    page: _Page,
    instances: NDArray[Any],
    views: Iterator[View],
    budget: int,
) -> tuple[list[tuple[View, NDArray[np.bool_]]], int]:
    """Strokes along fibers, some in each view.

    Returns the pieces of fiber that were painted, with their views, and the number
    of voxels.
    """
    rng, used, cap = page.rng, 0, budget // STROKES
    seen: list[tuple[View, NDArray[np.bool_]]] = []
    for view in views:
        for region in regions(view.slice_of(instances), rng):
            if used + 3 > budget:
                return seen, used
            path = centerline_path(region, rng)
            width = int(rng.integers(1, 4))
            n = page.paint(view, path, width, FIBER, min(cap, budget - used))
            if n:
                seen.append((view, region))
            used += n
    return seen, used


def _paint_rims(
    page: _Page,
    seen: list[tuple[View, NDArray[np.bool_]]],
    budget: int,
) -> int:
    """Background strokes right along the border of the painted fibers."""
    rng, used = page.rng, 0
    cap = max(8, budget // STROKES)
    for i in rng.permutation(len(seen)):
        if used + 3 > budget:
            break
        view, region = seen[i]
        path = outline_path(region, rng)
        width = int(rng.integers(1, 3))
        used += page.paint(view, path, width, BACKGROUND, min(cap, budget - used))
    return used


def _paint_elsewhere(
    page: _Page,
    image: NDArray[Any] | None,
    seen: list[tuple[View, NDArray[np.bool_]]],
    budget: int,
) -> int:
    """Wiggly background strokes: bright grains above all, voids, paste."""
    rng, used = page.rng, 0
    cap = max(8, budget // (2 * STROKES))
    views = list(dict.fromkeys(view for view, _ in seen))
    for i in range(12 * STROKES):
        if used + 3 > budget:
            break
        view = views[i % len(views)]
        truth = view.slice_of(page.truth)
        gray = None if image is None else view.slice_of(image)
        start = starts(gray, truth, KINDS[i % len(KINDS)], rng)
        path = wiggly_path(start, truth, rng)
        width = int(rng.integers(1, 4))
        used += page.paint(view, path, width, BACKGROUND, min(cap, budget - used))
    return used
