"""Lessons from images of any size: crops that are cut out when they are needed."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from napari_sciml.errors import InputError
from napari_sciml.images.tiles import Region
from napari_sciml.training.whole_images.pairs import Pairs

TEST_CROPS = 64
"""At most, of the test."""


class Lesson(NamedTuple):
    """A crop, what should come out of it, and where that is known.

    Attributes
    ----------
    inputs, targets, mask
        ``(c, …)`` each; see `Pairs`.
    """

    inputs: np.ndarray
    targets: np.ndarray
    mask: np.ndarray


Teach = Callable[[Lesson, np.random.Generator], Lesson]
"""Makes the lesson of a crop: hides parts of it, adds noise, swaps channels …"""


class CropSet:
    """A `PairSource` of random crops of images, which are read only where cropped.

    Nothing is copied or converted as a whole: lazy arrays stay lazy, integers stay
    integers until they are in a crop.

    Parameters
    ----------
    images
        Array-likes ``(c, …)`` with one to three axes of space; each may have its own
        size.
    targets
        What should come out of each, ``(c', …)``; none = the images.
    masks
        Where that is known, ``(1, …)`` or as the targets; none = everywhere.
    size
        Edge of a crop in voxels; less where an image is smaller.
    holdout
        Share that is kept aside as a test: whole images where there are several, else
        the far end of the longest axis. Where both parts would not hold a crop,
        nothing is kept aside.
    turns
        Whether crops are flipped along all axes, and turned in the plane of the last
        two.
    teach
        Makes the lesson of a crop; none = the crop as it is.
    seed
        Decides what is kept aside, and the test.

    Raises
    ------
    InputError
        When there are no images, or they do not fit together.
    """

    def __init__(
        self,
        images: Sequence[Any],
        targets: Sequence[Any] | None = None,
        masks: Sequence[Any] | None = None,
        *,
        size: int = 64,
        holdout: float = 0.2,
        turns: bool = True,
        teach: Teach | None = None,
        seed: int = 0,
    ) -> None:
        targets = images if targets is None else targets
        _check(images, targets, masks)
        known = masks or [None] * len(images)
        self._images = [*zip(images, targets, known, strict=True)]
        self._dims = images[0].ndim - 1
        shapes = [image.shape[1:] for image in images]
        self._size = tuple(min(size, *edges) for edges in zip(*shapes, strict=True))
        self._turns, self._teach = turns, teach
        self._seed = seed
        rng = np.random.default_rng(seed)
        self._train, self._test = _split(shapes, self._size, holdout, rng)

    def __len__(self) -> int:
        """Crops side by side that the part to learn from has room for, at least 16."""
        room = sum(np.prod(_lengths(part)) for _, part in self._train)
        return max(16, int(room / np.prod(self._size)))

    def draw(self, rng: np.random.Generator, count: int) -> Pairs:
        """Draw crops; large images come more often."""
        return self._draw(self._train, rng, count, turns=self._turns)

    def held_out(self) -> Pairs | None:
        """Give crops of what is never drawn from."""
        if not self._test:
            return None
        rng = np.random.default_rng((self._seed, 1))
        room = sum(np.prod(_lengths(part)) for _, part in self._test)
        count = min(TEST_CROPS, max(4, int(2 * room / np.prod(self._size))))
        return self._draw(self._test, rng, count, turns=False)

    def _draw(
        self, parts: "_Parts", rng: np.random.Generator, count: int, *, turns: bool
    ) -> Pairs:
        weight = np.array([np.prod(_lengths(part)) for _, part in parts], float)
        chosen = rng.choice(len(parts), count, p=weight / weight.sum())
        lessons = [self._lesson(parts[i], rng, turns=turns) for i in chosen]
        inputs, targets, masks = map(np.stack, zip(*lessons, strict=True))
        return Pairs(inputs, targets, masks)

    def _lesson(
        self, where: tuple[int, Region], rng: np.random.Generator, *, turns: bool
    ) -> Lesson:
        image, part = where
        starts = [
            int(rng.integers(side.start, side.stop - edge + 1))
            for side, edge in zip(part, self._size, strict=True)
        ]
        region = [slice(s, s + n) for s, n in zip(starts, self._size, strict=True)]
        change = self._draw_change(rng) if turns else _unchanged
        inputs, targets, mask = self._images[image]
        gray = _cut(inputs, region)
        wanted = gray if targets is inputs else _cut(targets, region)
        known = np.ones((1, *self._size), np.float32)
        known = known if mask is None else _cut(mask, region)
        lesson = Lesson(*map(change, (gray, wanted, known)))
        return lesson if self._teach is None else self._teach(lesson, rng)

    def _draw_change(
        self, rng: np.random.Generator
    ) -> Callable[[np.ndarray], np.ndarray]:
        flips = tuple(a for a in range(1, self._dims + 1) if rng.random() < 0.5)
        square = self._dims > 1 and self._size[-1] == self._size[-2]
        swap = square and rng.random() < 0.5

        def change(crop: np.ndarray) -> np.ndarray:
            turned = np.flip(crop, flips)
            return np.ascontiguousarray(turned.swapaxes(-1, -2) if swap else turned)

        return change


_Parts = list[tuple[int, Region]]
"""Numbers of images, and which part of them."""


def _unchanged(crop: np.ndarray) -> np.ndarray:
    return crop


def _cut(image: Any, region: Sequence[slice]) -> np.ndarray:
    return np.asarray(image[:, *region]).astype(np.float32)


def _lengths(part: Region) -> list[int]:
    return [side.stop - side.start for side in part]


def _whole(shape: Sequence[int]) -> Region:
    return tuple(slice(0, n) for n in shape)


def _split(
    shapes: Sequence[Sequence[int]],
    size: Sequence[int],
    holdout: float,
    rng: np.random.Generator,
) -> tuple[_Parts, _Parts]:
    """What is learned from, and what is kept aside."""
    every = [(i, _whole(shape)) for i, shape in enumerate(shapes)]
    if holdout == 0:
        return every, []
    if len(every) > 1:
        order = [every[i] for i in rng.permutation(len(every))]
        count = min(max(1, round(holdout * len(every))), len(every) - 1)
        return order[count:], order[:count]
    axis = int(np.argmax(np.subtract(shapes[0], size)))
    length, edge = shapes[0][axis], size[axis]
    if length < 2 * edge:
        return every, []
    cut = max(edge, min(round((1 - holdout) * length), length - edge))
    parts = [list(every[0][1]), list(every[0][1])]
    parts[0][axis], parts[1][axis] = slice(0, cut), slice(cut, length)
    return [(0, tuple(parts[0]))], [(0, tuple(parts[1]))]


def _check(
    images: Sequence[Any], targets: Sequence[Any], masks: Sequence[Any] | None
) -> None:
    if not len(images):
        raise InputError("There are no images to learn from: give at least one.")
    for name, others in (("targets", targets), ("masks", masks)):
        if others is None:
            continue
        if len(others) != len(images):
            raise InputError(
                f"There are {len(images)} images but {len(others)} {name}: give one "
                "each."
            )
        for image, other in zip(images, others, strict=True):
            if image.shape[1:] != other.shape[1:]:
                raise InputError(
                    f"An image of the shape {tuple(image.shape)} does not fit {name} "
                    f"of the shape {tuple(other.shape)}."
                )
    kinds = {(image.ndim, image.shape[0]) for image in images}
    if len(kinds) > 1 or not 2 <= images[0].ndim <= 4 or 0 in images[0].shape:
        raise InputError(
            "The images must all have the axes c and one to three of space, with as "
            "many channels each."
        )
