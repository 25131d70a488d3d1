"""The trees of a training: grown from its strokes, and teachers of its networks."""

from collections.abc import Generator, Sequence
from functools import partial

import numpy as np

from napari_sciml.annotation.scribbles import Scribbles
from napari_sciml.images.intensity import is_far
from napari_sciml.images.mosaic import frames_of
from napari_sciml.networks.ensemble import FLOOR, Ensemble
from napari_sciml.networks.trees.examples import Examples
from napari_sciml.training.config import TrainingConfig
from napari_sciml.training.data.channels import ChannelCache
from napari_sciml.training.data.image_sample import ImageSample
from napari_sciml.training.data.lessons import Lessons
from napari_sciml.training.evaluation.validation_set import ValidationSet
from napari_sciml.training.known_fibers import KNOWN_CUT, KNOWN_STROKES, KnownFibers
from napari_sciml.training.start import Start, StartEvaluator
from napari_sciml.training.trees import GrownTrees, TreeGrower
from napari_sciml.uncertainty.consensus import offsets_for_shares
from napari_sciml.uncertainty.cut import (
    LEANING,
    USUAL_CUT,
    Steadied,
    class_offsets,
    sampling_of,
)
from napari_sciml.uncertainty.steadiness import SteadyShares

MOST_TRUST = 0.5
"""Weight of all networks together at most."""
LEARNED = 150
"""Steps after which networks count in full, as far as evidence does not say more."""
PRESUMED = 0.3
"""Weight that networks are presumed to deserve then."""
STROKES = 12
"""Held-out strokes whose evidence counts as much as this presumption."""
LEAST_SAMPLING = 0.15
"""Below, strokes are no sample at all."""
WEIGHTS = np.linspace(0, MOST_TRUST, 11)


class Teacher:
    """Trees that are shown at once, and that networks learn from.

    Parameters
    ----------
    cache
        Image and ensemble.
    config
        Settings.

    Attributes
    ----------
    grown
        The trees; None before the first ones.
    trust
        Weight of all networks together beside them.
    lessons
        What networks learn from the trees.
    start
        Says whether a model to start with helps; None without one.
    """

    def __init__(
        self, cache: ChannelCache, config: TrainingConfig, start: Start | None = None
    ) -> None:
        ensemble, ndim = cache.ensemble, len(cache.image.shape)
        spacing = config.spacing_for(ndim)
        self.grower = TreeGrower(
            cache.image,
            ensemble.intensity,
            classes=len(ensemble.class_names),
            spacing=spacing,
            seed=config.seed,
            device=ensemble.device,
        )
        self.lessons = Lessons(
            cache,
            edges=config.crop_shape(ndim),
            augmentation=config.augmentation,
            spacing=spacing,
            gap=config.gap,
            seed=config.seed,
        )
        self.fibers = None
        if config.known_fibers:
            self.fibers = KnownFibers.of(
                ensemble.class_names, dims=ndim, channels=self.grower.channels
            )
        known = None if start is None else start.examples(ensemble.class_names)
        self.start = None
        if known is not None and start is not None:
            far = is_far(start.ensemble.intensity, ensemble.intensity)
            self.start = StartEvaluator(known, far=far, seed=config.seed)
        self.grown: GrownTrees | None = None
        self._counts_fibers = False
        self.trust = 0.0
        self._cache = cache
        self._seed = config.seed
        self._sample_anew()
        self._trained = Scribbles.empty(cache.image.shape)
        self._tested: np.ndarray | None = None

    def assign(self, trained: Scribbles, held_out: Scribbles) -> None:
        """Say what is learned from, and what is kept aside to validate."""
        self._trained, self._tested = trained, None
        if len(frames_of(self._cache.image)) != self._frames:
            self._sample_anew()
        self.lessons.assign(trained, held_out)

    def _sample_anew(self) -> None:
        """Look at a sample of all images that there are now."""
        self._frames = len(frames_of(self._cache.image))
        self._sample = ImageSample(self._cache.image, seed=self._seed)
        self._shares = SteadyShares()

    def grow(
        self, labels: Scribbles, *, sampling: float
    ) -> Generator[None, None, GrownTrees]:
        """Grow trees from all labels: bags tell what they are worth, not a test.

        Parameters
        ----------
        labels
            What was painted.
        sampling
            See `napari_sciml.uncertainty.cut.sampling_of`.
        """
        # Whether fibers are dark is asked of the channels of the strokes.
        yield from self.grower.look_at(labels)
        known, self._counts_fibers = self._known(labels)
        self.grown = yield from self.grower.grow(labels, known, correcting=1 - sampling)
        # Of the validation set more may be known now than when it was told.
        self._tested = None
        self.lessons.use(self.grown.trees)
        return self.grown

    def evaluate_start(self, labels: Scribbles) -> Generator[None, None, None]:
        """See whether what an earlier model learned from helps; yields often."""
        if self.start is not None:
            yield from self.grower.look_at(labels)
            self.start.evaluate(self.grower, labels)

    def _known(self, labels: Scribbles) -> tuple[Examples | None, bool]:
        """What counts besides the strokes, and whether it is of any fibers.

        What an earlier model learned from, where it fits, is worth more.
        """
        earlier = None if self.start is None else self.start.weighing(labels)
        if earlier is not None or self.fibers is None:
            return earlier, False
        known = self.fibers.weighing(self.grower, labels)
        return known, known is not None

    def offsets_for(
        self, prior: Sequence[float], ensemble: Ensemble
    ) -> Generator[None, None, np.ndarray]:
        """Find where to cut for known shares of the classes; yields often.

        Parameters
        ----------
        prior
            Shares of the classes in the image.
        ensemble
            Trees and networks, at even odds.

        Returns
        -------
        ndarray
            ``(class,)``, to be added to the logarithms of the probabilities.
        """
        members, weights = yield from self._sample.members(ensemble)
        return offsets_for_shares(np.log(members.clip(FLOOR)), prior, weights=weights)

    def offsets(
        self, sampling: float, *, steady: bool = False
    ) -> Generator[None, None, np.ndarray]:
        """Find where to cut: offsets of the classes' odds, ``(class,)``; yields often.

        Strokes that correct a picture say nothing about shares, but that these do not
        jump from one to the next.

        Parameters
        ----------
        sampling
            See `napari_sciml.uncertainty.cut.sampling_of`.
        steady
            Whether to keep the shares near what they were: the answer then depends on
            all answers before.
        """
        grown = self.grown
        assert grown is not None
        sampling = sampling if sampling >= LEAST_SAMPLING else 0.0
        alone = self.trees_alone()
        image = np.empty((0, grown.out_of_bag.shape[1]))
        if sampling:
            members, _ = yield from self._sample.members(alone, trees=True)
            image = members.mean(0)
        steadied: Steadied | None = None
        if steady:
            seen, _ = yield from self._sample.members(alone, trees=True, glance=True)
            steadied = partial(self._shares.steady, seen.mean(0))
        return class_offsets(
            image,
            grown.out_of_bag,
            grown.classes,
            sampling=sampling,
            leaning=LEANING[len(self._cache.image.shape)],
            usual=self.usual_cut,
            steadied=steadied,
        )

    @property
    def known_strokes(self) -> int:
        """Strokes painted in advance that what is known of fibers counts for."""
        return KNOWN_STROKES if self._counts_fibers else 0

    def cut_sampling(self, strokes: int, before: int | None) -> float:
        """How far all that trees learned from is like a sample, where a cut is chosen.

        Parameters
        ----------
        strokes, before
            As in `napari_sciml.uncertainty.cut.sampling_of`.
        """
        return sampling_of(strokes, before, known=self.known_strokes)

    @property
    def usual_cut(self) -> float:
        """Cut, as a logit, before the strokes tell more."""
        return KNOWN_CUT if self._counts_fibers else USUAL_CUT

    def trees_alone(self) -> Ensemble:
        """The trees, without any networks, at even odds."""
        assert self.grown is not None
        like = self._cache.ensemble
        return Ensemble(
            [],
            front=like.front,
            intensity=like.intensity,
            class_names=like.class_names,
            forest=self.grown.trees,
            trust=0.0,
        ).to(like.device)

    def weigh(
        self,
        networks: np.ndarray,
        validation: ValidationSet,
        steps: int,
        *,
        share: float,
    ) -> None:
        """Move the networks' weight towards where the held-out strokes want it.

        A mixture's Brier score on strokes that neither had seen chooses the weight,
        as far as there are enough of them, and their training time the rest.

        Parameters
        ----------
        networks
            ``(n, class)`` mean probabilities of the networks at the held-out voxels.
        validation
            The held-out labels.
        steps
            That each network has taken.
        share
            Of the way that is gone at once: a picture must not jump.
        """
        presumed = PRESUMED * min(1.0, steps / LEARNED)
        wanted = presumed
        known, trees = self.told(validation)
        if trees is not None and len(networks) and known.any():
            strokes, truth = validation.strokes[known], validation.truth[known]
            errors = [
                _brier(w * networks[known] + (1 - w) * trees, truth, strokes)
                for w in WEIGHTS
            ]
            best, count = WEIGHTS[int(np.argmin(errors))], len(np.unique(strokes))
            wanted = (count * best + STROKES * presumed) / (count + STROKES)
        self.trust += share * (float(wanted) - self.trust)

    def told(self, validation: ValidationSet) -> tuple[np.ndarray, np.ndarray | None]:
        """Which held-out voxels trees that never saw their strokes know, and how."""
        indices = validation.indices
        known = self.grower.knows(indices)
        if self._tested is None and known.any() and len(self._trained.counts) > 1:
            more, _ = self._known(self._trained)
            self._tested = self.grower.first_stage_answers(
                self._trained, indices[known], more
            )
        return known, self._tested


def _brier(p: np.ndarray, truth: np.ndarray, strokes: np.ndarray) -> float:
    """Brier score in which each stroke counts alike."""
    error = ((p - np.eye(p.shape[1])[truth]) ** 2).sum(1)
    _, number = np.unique(strokes, return_inverse=True)
    sums = np.bincount(number, error) / np.bincount(number)
    return float(sums.mean())
