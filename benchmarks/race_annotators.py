"""Simulated people who paint for `race.py`; none of them knows the methods.

- `Corrector` paints one short stroke along the middle of the largest error of a random
  slice;
- `Bold` paints long and wide strokes on errors at random, large ones more often, stays
  on a slice for a while, and sometimes paints what is right already;
- `Sampler` corrects nothing: whole cross-sections of fibers and wandering strokes in
  the background, all in advance.

They paint only where the truth is known, and what they paint is true.
"""

import numpy as np
from race_cases import Case
from scipy import ndimage

BACKGROUND, FIBER = 1, 2
Place = tuple[int, int]


class Annotator:
    """What all have in common: a brush, and two strokes of each class to begin with."""

    corrects = True
    length, width = (20, 20), (3, 3)

    def __init__(self, case: Case, seed: int) -> None:
        self.truth, self.known = case.truth, case.known
        self.slices = case.slices
        self.rng = np.random.default_rng([seed, *type(self).__name__.encode()])
        self.labels = np.zeros(case.truth.shape, np.uint8)
        self.strokes = 0
        self.z = int(self.slices[0])

    def start(self, strokes: int) -> None:
        """Paint on a slice with many fibers, before anything is shown."""
        content = self.truth[self.slices].sum((1, 2))
        order = self.slices[np.argsort(content, kind="stable")]
        self.z = int(order[len(order) * 3 // 4])
        for _ in range(2):
            self.stroke(self._one_part(self._allowed(FIBER)), FIBER)
            self.stroke(self._box(), BACKGROUND)

    def next_slice(self) -> int:
        """Where the person looks now."""
        self.z = int(self.rng.choice(self.slices))
        return self.z

    def correct(self, found: np.ndarray) -> None:
        """Paint one stroke, given the mask that is shown on the slice."""
        wrong = (found != self.truth[self.z]) & self.known[self.z]
        where = self.choose(wrong) if wrong.any() else self.confirm()
        value = FIBER if self.truth[self.z][where].mean() > 0.5 else BACKGROUND
        self.stroke(where & self._allowed(value), value)

    def choose(self, wrong: np.ndarray) -> np.ndarray:
        """One of the wrong regions."""
        raise NotImplementedError

    def confirm(self) -> np.ndarray:
        """Somewhere that is right already, of either class."""
        wanted = FIBER if self.rng.random() < 0.5 else BACKGROUND
        where = self._allowed(wanted)
        return self._one_part(where if where.any() else self.known[self.z])

    def stroke(self, where: np.ndarray, value: int) -> None:
        """Walk along the middle of a region with the brush; counts, if it paints."""
        if not where.any():
            return
        path = self.walk(where, int(self.rng.integers(*self.length, endpoint=True)))
        mark = np.zeros(where.shape, bool)
        mark[tuple(np.array(path).T)] = True
        width = int(self.rng.choice(np.arange(self.width[0], self.width[1] + 1, 2)))
        mark = ndimage.binary_dilation(mark, np.ones((width, width)))
        self.labels[self.z][mark & self._allowed(value)] = value
        self.strokes += 1

    def walk(self, where: np.ndarray, length: int) -> list[Place]:
        """Places along the ridge of a region, from where it is about widest."""
        padded = np.pad(where, 1)  # the border of the picture is a border, too
        depth = ndimage.distance_transform_edt(padded)[1:-1, 1:-1]
        begin = (depth + 0.5 * self.rng.random(depth.shape)) * where
        place = tuple(int(i) for i in np.unravel_index(begin.argmax(), depth.shape))
        path, seen = [place], {place}
        while len(path) <= length:
            near = [p for p in _around(place, where) if p not in seen]
            if not near:
                break
            place = max(near, key=lambda p: depth[p] + 0.2 * self.rng.random())
            path.append(place)
            seen.update(near)  # never back beside the way it came
        return path

    def _allowed(self, value: int) -> np.ndarray:
        return (self.truth[self.z] == (value == FIBER)) & self.known[self.z]

    def _one_part(self, where: np.ndarray) -> np.ndarray:
        parts, count = ndimage.label(where)
        return parts == 1 + int(self.rng.integers(max(count, 1)))

    def _box(self) -> np.ndarray:
        """A flat box in the open background."""
        here = self._allowed(BACKGROUND)
        far = ndimage.distance_transform_edt(~self.truth[self.z]) * here
        places = np.argwhere(far > min(4, far.max() - 1e-6))
        y, x = places[self.rng.integers(len(places))]
        box = np.zeros(here.shape, bool)
        box[max(0, y - 3) : y + 4, max(0, x - 12) : x + 13] = True
        return box & here & (far > min(2, far[y, x] - 1e-6))


def _around(place: Place, where: np.ndarray) -> list[Place]:
    """Neighbors of a place that lie in a region."""
    y, x = place
    height, width = where.shape
    near = [(y + i, x + j) for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j]
    return [p for p in near if 0 <= p[0] < height and 0 <= p[1] < width and where[p]]


class Corrector(Annotator):
    """Careful: always the largest error."""

    def choose(self, wrong: np.ndarray) -> np.ndarray:
        """The largest."""
        parts, count = ndimage.label(wrong)
        sizes = ndimage.sum_labels(wrong, parts, range(1, count + 1))
        return parts == 1 + int(np.argmax(sizes))


class Bold(Annotator):
    """Quick: long, wide strokes where an error meets the eye, or where none is."""

    length, width = (15, 60), (3, 7)
    right_already, stays = 0.2, 0.5

    def next_slice(self) -> int:
        """Every other stroke is on the slice of the last."""
        return self.z if self.rng.random() < self.stays else super().next_slice()

    def choose(self, wrong: np.ndarray) -> np.ndarray:
        """Any, the more likely the larger; or what is right."""
        if self.rng.random() < self.right_already:
            return self.confirm()
        parts, count = ndimage.label(wrong)
        sizes = ndimage.sum_labels(wrong, parts, range(1, count + 1))
        return parts == 1 + int(self.rng.choice(count, p=sizes / sizes.sum()))


class Sampler(Annotator):
    """Paints in advance, like somebody who follows a protocol."""

    corrects = False
    length = (20, 60)
    fibers = 0.4

    def start(self, strokes: int) -> None:
        """All strokes, on random slices."""
        # A slice may hold no fibers, so more turns than strokes are allowed.
        for _ in range(20 * strokes):
            if self.strokes >= strokes:
                break
            self.next_slice()
            if self.strokes < self.fibers * strokes:
                self._section()
            else:
                self._wander()

    def _section(self) -> None:
        """The whole cross-section of a fiber, or 400 pixels of it."""
        where = self._allowed(FIBER)
        if not where.any():
            return
        part = self._one_part(where)
        places = np.argwhere(part)
        start = places[self.rng.integers(len(places))]
        order = np.argsort(np.abs(places - start).sum(1), kind="stable")[:400]
        self.labels[self.z][tuple(places[order].T)] = FIBER
        self.strokes += 1

    def _wander(self) -> None:
        """A brush that wanders through the background and lifts at fibers."""
        free = self._allowed(BACKGROUND)
        if not free.any():
            return
        places = np.argwhere(free)
        place = places[self.rng.integers(len(places))].astype(float)
        angle = self.rng.uniform(0, 2 * np.pi)
        mark = np.zeros(free.shape, bool)
        for _ in range(int(self.rng.integers(*self.length))):
            y, x = np.round(place).astype(int)
            if not (0 <= y < len(free) and 0 <= x < free.shape[1] and free[y, x]):
                break
            mark[y, x] = True
            angle += 0.35 * self.rng.normal()
            place += [np.sin(angle), np.cos(angle)]
        mark = ndimage.binary_dilation(mark, np.ones((3, 3))) & free
        self.labels[self.z][mark] = BACKGROUND
        self.strokes += 1


ANNOTATORS: dict[str, type[Annotator]] = {
    "corrector": Corrector,
    "bold": Bold,
    "sampler": Sampler,
}
