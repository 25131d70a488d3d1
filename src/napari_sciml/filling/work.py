"""A stack of frames while it is filled."""

from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from napari_sciml.errors import InputError
from napari_sciml.filling.center import find_beamstop, find_center
from napari_sciml.filling.checks import check_image, checked_center
from napari_sciml.filling.config import FillConfig
from napari_sciml.filling.expected import Gaps, expected
from napari_sciml.filling.frame import Frame
from napari_sciml.filling.gaps import check_mask
from napari_sciml.filling.methods import Filler, Method, Recipe, all_of_symmetry
from napari_sciml.filling.polar import ring_numbers
from napari_sciml.filling.result import Filled, FillStep
from napari_sciml.filling.scores import Calibration, squares
from napari_sciml.filling.trial import (
    Tested,
    Trial,
    ceiling_of,
    choose,
    judge,
    make_trials,
)
from napari_sciml.progress import map_progress, subrange

if TYPE_CHECKING:
    from napari_sciml.networks.image_model import ImageModel

T = TypeVar("T")

TESTED = 2
"""Frames of a stack that are tested, spread evenly."""
LEARNED = 8
"""Frames that networks learn from."""
LOST = 0.05
"""Share of the photons from which on a wrong sum is told."""
VAGUE = 0.3
"""Correlation of an image with its mirror image below which the center is a guess."""


class FillWork:
    """An image while it is filled."""

    def __init__(
        self, frames: np.ndarray, gaps: np.ndarray, config: FillConfig
    ) -> None:
        self._images, self._gaps, self._config = frames, gaps, config
        self._always = np.asarray(gaps.all(axis=0))
        self._cautions: list[str] = []
        self._model: ImageModel | None = None

    def find(self, center: Sequence[float] | None, beamstop: Any) -> None:
        """Find beamstop and center, as far as they are not given."""
        shape = self._always.shape
        known: np.ndarray = ~self._always
        seen = (~self._gaps).sum(axis=0)
        total = np.where(self._gaps, 0, self._images).sum(axis=0)
        mean = (total / np.maximum(seen, 1)).astype(np.float32)
        self.beamstop = np.zeros(shape, bool)
        if isinstance(beamstop, str) and beamstop == "auto":
            self.beamstop = find_beamstop(mean, known)
        elif beamstop is not None:
            self.beamstop = check_mask(shape, beamstop) & known
        if center is None:
            self.center, alike = find_center(mean, known & ~self.beamstop)
            if alike < VAGUE:
                self._cautions.append(
                    "The image is hardly like itself on both sides of any point "
                    f"(correlation {alike:.2f}): check the center."
                )
        else:
            self.center = checked_center(center, shape)
        self.frames = [
            Frame(
                image,
                ~gap & ~self.beamstop,
                gap | self.beamstop,
                self.center,
                across=self._config.symmetry,
            )
            for image, gap in zip(self._images, self._gaps, strict=True)
        ]

    def choose(
        self, model: "ImageModel | None"
    ) -> Generator[FillStep, None, tuple[Recipe, Tested]]:
        """Test what may fill, and choose the best."""
        config, picked = self._config, self._picked(TESTED)
        trials = [make_trials(frame, self._pattern(frame)) for frame in picked]
        if config.method != "symmetry":
            self._model = model or (yield from self._train(picked, trials))
        best = Recipe(Method.NETWORK, model=self._model)
        if config.method != "network":
            every = all_of_symmetry(config.symmetry)
            best = yield from told(choose(every, trials), 0.8, "testing")
        if config.method == "auto":
            network = Recipe(Method.NETWORK, model=self._model)
            both = Recipe(Method.MEAN, best.rule, self._model)
            every = [best, network, both]
            best = yield from told(choose(every, trials), 0.85, "testing")
        tested = yield from told(judge(best, trials), 0.88, "testing")
        return best, tested

    def _train(
        self, picked: Sequence[Frame], trials: Sequence[Sequence[Trial]]
    ) -> Generator[FillStep, None, "ImageModel"]:
        from napari_sciml.filling.network import train_filler

        learned = self._picked(LEARNED)
        known = [frame.known.copy() for frame in learned]
        # What the test hides must not be learned.
        for frame, of_frame in zip(picked, trials, strict=True):
            for number, other in enumerate(learned):
                if other is frame:
                    known[number] &= ~np.any([t.hidden for t in of_frame], axis=0)
        images = [frame.image for frame in learned]
        centers = [frame.center for frame in learned]
        gaps = self._pattern(learned[0])
        steps = train_filler(images, known, centers, gaps, self._config)
        shares = subrange(0.1, 0.75, steps)
        return (
            yield from map_progress(shares, lambda done: FillStep(done, "training"))
        )

    def _picked(self, count: int) -> list[Frame]:
        """Some frames, spread evenly."""
        return [self.frames[place] for place in self._places(count)]

    def _places(self, count: int) -> list[int]:
        places = np.linspace(0, len(self.frames) - 1, min(count, len(self.frames)))
        return [int(place) for place in places]

    def _pattern(self, frame: Frame) -> np.ndarray:
        """Gaps to move; the beamstop only where there are no others."""
        gaps = frame.wanted & ~self.beamstop
        return gaps if gaps.any() else frame.wanted

    def fill(
        self, frame: Frame, recipe: Recipe, calibration: Calibration
    ) -> Generator[None, None, tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Fill a frame: image, deviation and source."""
        filler = Filler(frame, frame.known, frame.wanted)
        values, spread, source = yield from filler.fill(recipe)
        # Behind a beamstop of whose ring nothing is known, the direct beam would be
        # made up.
        source[self._blind(frame)[frame.wanted]] = 0
        made = source > 0
        image, std = frame.image.copy(), np.zeros_like(frame.image)
        where = np.zeros(image.shape, np.uint8)
        where[frame.wanted] = source
        filled = where > 0
        image[filled] = values[made]
        std[filled] = np.maximum(calibration.spread(values), spread)[made]
        return image, std, where

    def _filled(self, out: Sequence[np.ndarray]) -> Gaps:
        """What was filled into the gaps of the frames that were tested."""
        pixels, means = [], []
        for place in self._places(TESTED):
            gaps = self._pattern(self.frames[place]) & (out[2][place] > 0)
            pixels.append(out[0][place][gaps])
            if gaps.any():
                means.append(squares(out[0][place], out[0][place], gaps).filled)
        return Gaps(np.concatenate(pixels), np.concatenate(means or pixels))

    def _blind(self, frame: Frame) -> np.ndarray:
        ring = ring_numbers(frame.grid.radius)
        known = np.bincount(ring[frame.known], minlength=int(ring.max()) + 1) > 0
        return np.asarray(self.beamstop & ~known[ring])

    def _ceiling(self, second: Any) -> float | None:
        """Give the correlation that shot noise lets anything reach."""
        if second is None:
            return None
        other = check_image(second)
        if other.shape[1:] != self._images.shape[1:]:
            raise InputError(
                f"The second exposure has the shape {other.shape[1:]}, but the image "
                f"has {self._images.shape[1:]}: give two of the same detector."
            )
        return ceiling_of(self.frames[0], other[0], self._pattern(self.frames[0]))

    def result(
        self,
        shape: Sequence[int],
        out: Sequence[np.ndarray],
        recipe: Recipe,
        tested: Tested,
        second: Any,
    ) -> Filled:
        """Put together what was found."""
        image, std, source = (array.reshape(shape) for array in out)
        figures, errors = expected(tested.places, self._filled(out))
        photons = figures["photons"]
        if photons is not None and abs(photons) > LOST:
            self._cautions.append(
                f"By the test, filled gaps hold {photons:+.0%} photons: leave filled "
                "pixels out of sums of counts, or try another method."
            )
        return Filled(
            image=image,
            std=std,
            filled_mask=source > 0,
            source=source,
            gaps=self._gaps.reshape(shape),
            beamstop=self.beamstop,
            center=self.center,
            scores={**figures, **tested.held, "ceiling": self._ceiling(second)},
            errors=errors,
            places=len(tested.places),
            method=recipe.words,
            cautions=tuple(self._cautions),
            model=self._model,
        )


def told(
    steps: Generator[None, None, T], fraction: float, doing: str
) -> Generator[FillStep, None, T]:
    """Say what is done whenever a step is."""
    return (yield from map_progress(steps, lambda _: FillStep(fraction, doing)))
