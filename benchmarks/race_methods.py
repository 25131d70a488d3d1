"""What `race.py` lets race: the package, and pixel classifiers that it must beat.

Every method learns from labels (0 = not painted, 1 = background, 2 = fiber), shows the
mask of a slice, and answers for the whole volume. How long that takes is measured
outside; channels that are computed once count as set-up.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from race_cases import Case
from scipy import ndimage

GROUPS, TREES = 10, 100
WIDE, NARROW = (1, 2, 4, 8, 16), (1, 2, 4, 8)


@dataclass(frozen=True)
class Answer:
    """Probabilities of fiber in a volume ``(z, y, x)``.

    Attributes
    ----------
    deviation
        Over the members of an ensemble, or None.
    sure
        What the method is sure of.
    cut
        From which probability on it takes a voxel for fiber itself.
    kind
        Which of its models answered.
    """

    mean: np.ndarray
    deviation: np.ndarray | None
    sure: np.ndarray
    cut: float = 0.5
    kind: str = ""


class Method:
    """The face that a race sees."""

    cpu_elsewhere = 0.0
    """CPU seconds of other processes so far."""

    def learn(self, labels: np.ndarray, rounds: int) -> None:
        """Take all labels; train for so many rounds, where that means anything."""
        raise NotImplementedError

    def slice(self, z: int) -> np.ndarray:
        """Mask that is shown of a slice."""
        raise NotImplementedError

    def volume(self) -> Answer:
        """Answer for all of it."""
        raise NotImplementedError

    def close(self) -> None:
        """Give back what it holds."""


class Forest(Method):
    """100 trees on the multi-scale filters of scikit-image, as in Labkit or ilastik."""

    extra = False

    def __init__(self, case: Case, seed: int, threads: int) -> None:
        self.seed, self.threads, self.flat = seed, threads, case.flat
        self.features = self.channels(case.image[0] if case.flat else case.image)
        if case.flat:
            self.features = self.features[None]

    def channels(self, image: np.ndarray) -> np.ndarray:
        """``(..., channel)`` of a volume or picture."""
        from skimage.feature import multiscale_basic_features

        image = image.astype(np.float32)
        return multiscale_basic_features(image, sigma_min=1, sigma_max=8)

    def learn(self, labels: np.ndarray, rounds: int) -> None:
        """Grow new trees."""
        painted = labels > 0
        self.model = self.grow(self.features[painted], labels[painted], self.seed)

    def grow(self, rows: np.ndarray, labels: np.ndarray, seed: int) -> Any:
        """The classifier; its first class is background."""
        from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier

        kind = ExtraTreesClassifier if self.extra else RandomForestClassifier
        model = kind(TREES, n_jobs=self.threads, random_state=seed)
        return model.fit(rows, labels)

    def slice(self, z: int) -> np.ndarray:
        """As people use it: from one half on."""
        return self.probability(self.features[z]) > 0.5

    def probability(self, features: np.ndarray) -> np.ndarray:
        """Of fiber, by all trees."""
        rows = features.reshape(-1, features.shape[-1])
        return self.model.predict_proba(rows)[:, 1].reshape(features.shape[:-1])

    def volume(self) -> Answer:
        """With the deviation of ten small forests: single trees deviate too much."""
        groups = np.stack([self._groups(part) for part in self.features], 1)
        mean, deviation = groups.mean(0), groups.std(0, ddof=1)
        return Answer(mean, deviation, mean - deviation > 0.5)

    def _groups(self, features: np.ndarray) -> np.ndarray:
        """Probabilities of ten groups of trees in a slice, ``(group, y, x)``."""
        rows = np.ascontiguousarray(
            features.reshape(-1, features.shape[-1]), np.float32
        )
        out = np.zeros((GROUPS, len(rows)), np.float32)
        for number, tree in enumerate(self.model.estimators_):
            leaves = tree.tree_.predict(rows).reshape(len(rows), -1)
            out[number % GROUPS] += leaves[:, -1] / leaves.sum(1)
        out *= GROUPS / len(self.model.estimators_)
        return out.reshape(GROUPS, *features.shape[:-1])


class ExtraForest(Forest):
    """Extremely randomized trees on the same filters."""

    extra = True


class Trees(Forest):
    """The strong rival: channels that trees can split on, and a second look at context.

    Gray values, gradients and the sorted eigenvalues of Hessian and structure tensor up
    to wide scales; leaves of three voxels. A second stage sees the probabilities of the
    first round about as well, out-of-bag where something was painted.
    """

    def channels(self, image: np.ndarray) -> np.ndarray:
        """As `strong_channels`."""
        return strong_channels(image)

    def grow(self, rows: np.ndarray, labels: np.ndarray, seed: int) -> Any:
        """Bagged extremely randomized trees with leaves of three voxels."""
        from sklearn.ensemble import ExtraTreesClassifier

        model = ExtraTreesClassifier(
            TREES,
            min_samples_leaf=3,
            bootstrap=True,
            oob_score=_accuracy,
            n_jobs=self.threads,
            random_state=seed,
        )
        return model.fit(rows, labels)

    def learn(self, labels: np.ndarray, rounds: int) -> None:
        """Both stages."""
        if not hasattr(self, "plain"):
            self.plain = self.features
        painted = labels > 0
        self.model = self.grow(self.plain[painted], labels[painted], self.seed)
        first = self.probability(self.plain)
        votes = self.model.oob_decision_function_[:, 1]
        first[painted] = np.where(np.isfinite(votes), votes, first[painted])
        self.features = np.concatenate([self.plain, self.context(first)], -1)
        self.model = self.grow(self.features[painted], labels[painted], self.seed + 1)

    def context(self, first: np.ndarray) -> np.ndarray:
        """Probabilities of the first stage, blurred, least and largest round about."""
        one = [1 if self.flat else 3, 3, 3]
        along = [0 if self.flat else 1, 1, 1]
        blurs = [
            ndimage.gaussian_filter(first, [sigma * a for a in along])
            for sigma in (1, 2, 4)
        ]
        extremes = [
            ndimage.minimum_filter(first, one),
            ndimage.maximum_filter(first, one),
        ]
        return np.stack([first, *blurs, *extremes], -1).astype(np.float32)


def _accuracy(truth: np.ndarray, found: np.ndarray) -> float:
    """Scikit-learn votes out-of-bag only for the sake of a score."""
    return float((truth == found).mean())


def strong_channels(image: np.ndarray) -> np.ndarray:
    """Channels ``(..., channel)`` whose scale does not depend on the gray values."""
    from skimage.feature import (
        hessian_matrix,
        hessian_matrix_eigvals,
        structure_tensor,
        structure_tensor_eigenvalues,
    )

    gray = image.astype(np.float32)
    gray = (gray - np.median(gray)) / (gray.std() + 1e-6)
    found = [gray]
    for sigma in WIDE:
        found.append(ndimage.gaussian_filter(gray, sigma))
        if sigma < WIDE[-1]:
            found.append(sigma * ndimage.gaussian_gradient_magnitude(gray, sigma))
    for sigma in NARROW:
        second = hessian_matrix(gray, sigma, use_gaussian_derivatives=False)
        found.extend(sigma**2 * hessian_matrix_eigvals(second))
        if sigma < NARROW[-1]:
            tensor = structure_tensor(gray, sigma)
            found.extend(np.sqrt(structure_tensor_eigenvalues(tensor).clip(0)))
    return np.stack(found, -1).astype(np.float32)


class Ours(Method):
    """What the viewer would show, through the headless session of the package."""

    def __init__(self, case: Case, seed: int, threads: int) -> None:
        from napari_sciml import LiveSession

        self.flat = case.flat
        self.session = LiveSession(
            case.image[0] if self.flat else case.image,
            classes=("background", "fiber"),
            seed=seed,
            threads=threads,
        )
        self.cut = 0.5

    def learn(self, labels: np.ndarray, rounds: int) -> None:
        """As the dock does between two strokes."""
        self.session.update(labels[0] if self.flat else labels)
        self.session.advance(rounds)

    def slice(self, z: int) -> np.ndarray:
        """What is seen of a slice."""
        region = None if self.flat else (slice(z, z + 1),) + (slice(None),) * 2
        found = self.session.predict(region)
        mean = np.asarray(found.mean[1])
        return (mean if self.flat else mean[0]) > getattr(found, "cut", 0.5)

    def volume(self) -> Answer:
        """With the mask that *Keep what is sure* would keep."""
        found = self.session.predict()
        sure = np.asarray(self.session.confident("fiber")) > 0
        shape = (1, *sure.shape) if self.flat else sure.shape
        return Answer(
            np.asarray(found.mean[1]).reshape(shape),
            np.asarray(found.std[1]).reshape(shape),
            sure.reshape(shape),
            float(getattr(found, "cut", 0.5)),
            str(getattr(found, "kind", "")),
        )


def _dlsia(case: Case, seed: int, threads: int) -> Method:
    # Starting it may make a virtual environment: only when it is asked for.
    from race_dlsia import Dlsia

    return Dlsia(case, seed, threads)


METHODS: dict[str, Callable[[Case, int, int], Method]] = {
    "ours": Ours,
    "trees": Trees,
    "et": ExtraForest,
    "rf": Forest,
    "dlsia": _dlsia,
}
