"""Lessons for networks that restore, made of the noisy image itself."""

from collections.abc import Sequence

import numpy as np

from napari_sciml.restoration.config import Learned
from napari_sciml.restoration.stacks import Sight
from napari_sciml.training.whole_images.pairs import Pairs

CROP = 48
HIDDEN = 0.25
"""Share of the pixels that are hidden in a lesson, of the method pixel."""
HELD_OUT = 48
NEIGHBORS = [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1) if y or x]


class RestoreLessons:
    """A `PairSource` of crops of slices, in which something is hidden.

    pixel: some pixels are replaced by the median of their neighbors, and the loss is
    taken there only (Noise2Void: Krull, Buchholz and Jug, CVPR 2019; the median is
    that of N2V2: Höck et al. 2022). slice: a slice is what comes out of its neighbors.
    pairs: the same slice of a second scan comes out (Noise2Noise: Lehtinen et al.,
    ICML 2018), either way round. supervised: the clean slice comes out.

    Parameters
    ----------
    method
        Which of them.
    parts
        float32 ``(z, y, x)`` each, scaled; a plane has one slice.
    partners
        For pairs and supervised: the same parts of the second scan or of the truth.
    sight
        What is seen.
    seed
        Of the test.
    """

    def __init__(
        self,
        method: Learned,
        parts: Sequence[np.ndarray],
        partners: Sequence[np.ndarray] | None,
        sight: Sight,
        seed: int = 0,
    ) -> None:
        self._method, self.sight, self._seed = method, sight, seed
        self._parts, self._partners = list(parts), list(partners or ())
        self._size = tuple(
            min(CROP, *(part.shape[axis] for part in parts)) for axis in (1, 2)
        )
        weights = np.array([part.size for part in parts], float)
        self._weights = weights / weights.sum()
        self._room = int(weights.sum() / np.prod(self._size))

    def __len__(self) -> int:
        """Crops side by side that there is room for, at least 64."""
        return max(64, self._room)

    def draw(self, rng: np.random.Generator, count: int) -> Pairs:
        """Draw crops from anywhere, flipped and turned."""
        stacks, targets = zip(*(self._crop(rng) for _ in range(count)), strict=True)
        stack, target = np.stack(stacks), np.stack(targets)
        if self._method == "pixel":
            stack, mask = hide_pixels(stack, self.sight.context, rng)
        else:
            mask = np.ones((count, 1, 1, 1), np.float32)
        inputs = self.sight.inputs(stack)
        return Pairs(inputs, target[:, None] - inputs[:, -1:], mask)

    def held_out(self) -> Pairs:
        """The same crops at each call.

        The noise of what is predicted is never seen by the network, so that crops need
        not lie apart from those that it learns from.
        """
        return self.draw(np.random.default_rng((self._seed, 7)), HELD_OUT)

    def _crop(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        number = int(rng.choice(len(self._parts), p=self._weights))
        part = self._parts[number]
        answer = self._partners[number] if self._partners else part
        if self._method == "pairs" and rng.random() < 0.5:
            part, answer = answer, part
        z = int(rng.integers(0, len(part)))
        y, x = (
            int(rng.integers(0, n - edge + 1))
            for n, edge in zip(part.shape[1:], self._size, strict=True)
        )
        where = slice(y, y + self._size[0]), slice(x, x + self._size[1])
        order = self.sight.slices(z, len(part))
        stack, target = part[order][:, *where], answer[z][where]
        return self._turned(stack, rng), self._turned(target, rng, again=True)

    def _turned(
        self, crop: np.ndarray, rng: np.random.Generator, *, again: bool = False
    ) -> np.ndarray:
        if not again:
            self._turn = rng.integers(0, 2, 4)
        z, y, x, swap = self._turn
        if z and crop.ndim == 3:
            crop = crop[::-1]
        crop = crop[..., :: -1 if y else 1, :: -1 if x else 1]
        square = self._size[0] == self._size[1]
        return crop.swapaxes(-1, -2) if swap and square else crop


def hide_pixels(
    stack: np.ndarray, center: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Replace pixels of one slice by the median of their neighbors.

    Parameters
    ----------
    stack
        ``(n, slices, y, x)``.
    center
        Number of the slice.
    rng
        Chooses `HIDDEN` of the pixels.

    Returns
    -------
    stack
        A copy.
    mask
        float32 ``(n, 1, y, x)``: 1 where a pixel is hidden.
    """
    stack = np.array(stack, np.float32)
    plane = stack[:, center]
    hidden = rng.random(plane.shape) < HIDDEN
    wider = np.pad(plane, ((0, 0), (1, 1), (1, 1)), mode="reflect")
    n, y, x = np.nonzero(hidden)
    around = [wider[n, y + 1 + dy, x + 1 + dx] for dy, dx in NEIGHBORS]
    plane[hidden] = np.median(around, axis=0)
    return stack, hidden[:, None].astype(np.float32)
