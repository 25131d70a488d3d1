"""Sort what was explored: patches, fibers or whole images, from a few of them."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_sciml.classification.config import COVERAGE, MOST_EXAMPLES
from napari_sciml.classification.described import ClassModel, Described
from napari_sciml.classification.folds import Where
from napari_sciml.classification.learning import (
    Classified,
    ImageClasses,
    learn_classes,
)
from napari_sciml.errors import InputError
from napari_sciml.exploring.front import NUMBERS
from napari_sciml.exploring.oddness import farthest_first
from napari_sciml.exploring.result import Explored
from napari_sciml.exploring.scaling import Scaling
from napari_sciml.images.channels import channels_of
from napari_sciml.networks.scale_space import ScaleSpace
from napari_sciml.progress import exhaust, subrange

Examples = Mapping[str, np.ndarray]
"""Numbers of points by the class that they are examples of."""
UNSURE, UNSURE_SHARE, LEAST_UNSURE = 10, 0.05, 40
"""Points to look at next: so many of the least certain, which differ most."""


@dataclass(frozen=True, eq=False)
class SortedPatches:
    """What was explored, sorted into classes.

    Attributes
    ----------
    model
        What was learned, or loaded.
    of
        What the model can be asked about elsewhere; None where it cannot.
    found
        What is said of each point.
    rows
        By which each was judged ``(n, d)``.
    coverage
        Share of points whose possible classes shall hold the true one.
    learned
        Whether the model was learned from examples here.
    """

    model: ImageClasses
    of: Described | None
    found: Classified
    rows: np.ndarray
    coverage: float
    learned: bool = True

    @property
    def sentence(self) -> str:
        """Tell a person how good it is."""
        told = self.model.held_out.sentence
        if not self.found.promises:
            few = f"Too few examples to promise {self.coverage:.0%}"
            return f"{told} {few}: every class is possible everywhere."
        unsure = int((self.found.sets.sum(1) != 1).sum())
        return f"{told} At {self.coverage:.0%}, the class of {unsure:,} is not sure."


NO_MODEL = (
    "Only what was learned of patches described by fixed filters, or of whole images, "
    "can be kept as a model: explore so."
)


def classify(
    explored: Explored,
    examples: Examples,
    *,
    images: Sequence[Any] = (),
    coverage: float = COVERAGE,
    seed: int = 0,
) -> SortedPatches:
    """Sort what was explored into classes, from examples.

    Parameters
    ----------
    explored
        As `napari_sciml.embed` gives it.
    examples
        For each class the numbers of some points.
    images
        What was explored; only needed where each point is an image.
    coverage
        Share of points whose possible classes shall hold the true one.
    seed
        Of the trees.

    Raises
    ------
    InputError
        When there are too few examples, or they do not fit.
    """
    steps = sort_steps(explored, examples, images, coverage=coverage, seed=seed)
    return exhaust(steps)


def sort_steps(
    explored: Explored,
    examples: Examples,
    images: Sequence[Any] = (),
    *,
    coverage: float = COVERAGE,
    seed: int = 0,
    rows: np.ndarray | None = None,
) -> Generator[float, None, SortedPatches]:
    """Sort in steps; see `classify`.

    Parameters
    ----------
    explored, examples, images, coverage, seed
        As of `classify`.
    rows
        Of an earlier result, of the same exploration.
    """
    chosen, labels = _chosen(explored, examples)
    if rows is None:
        rows = yield from subrange(0, 0.4, rows_of(explored, images))
    learning = learn_classes(
        rows[chosen], labels, where=_where(explored, chosen), seed=seed
    )
    model = yield from subrange(0.4, 0.9, learning)
    found = yield from subrange(0.9, 1, model.classify_steps(rows, coverage))
    return SortedPatches(model, described(explored, images), found, rows, coverage)


def apply_steps(
    explored: Explored,
    model: ClassModel,
    images: Sequence[Any] = (),
    *,
    coverage: float = COVERAGE,
) -> Generator[float, None, SortedPatches]:
    """Sort what was explored by a model that was learned elsewhere.

    Raises
    ------
    InputError
        When it is for something else.
    """
    own = described(explored, images)
    _check_same(own, model.of)
    if explored.several:
        rows = yield from subrange(0, 0.8, rows_of(explored, images))
    else:
        assert explored.scaling is not None
        raw = explored.latent * explored.scaling.spread + explored.scaling.center
        rows = scaling_of(model.of).apply(raw).astype(np.float32)
    asked = model.classes.classify_steps(rows, coverage)
    found = yield from subrange(0.8, 1, asked)
    return SortedPatches(model.classes, model.of, found, rows, coverage, learned=False)


def rows_of(
    explored: Explored, images: Sequence[Any]
) -> Generator[float, None, np.ndarray]:
    """Give the numbers by which points are told apart.

    Whole images are described as the command does it, so that a model fits both.
    """
    if not explored.several:
        return explored.latent
    from napari_sciml.classification.description import describe_image

    rows = []
    for done, image in enumerate(images, start=1):
        rows.append(describe_image(image))
        yield done / len(images)
    if len(rows) != len(explored):
        raise InputError(
            f"There are {len(rows)} images, but {len(explored)} were explored: give "
            "the same."
        )
    return np.stack(rows)


def described(explored: Explored, images: Sequence[Any]) -> Described | None:
    """Tell what a model learned here can be asked about elsewhere; None = nothing."""
    config, scaling, axes = explored.config, explored.scaling, explored.places.shape[1]
    if explored.several:
        return Described(kind="images", axes=axes, channels=channels_of(images[0]))
    if explored.objects or scaling is None:
        return None
    alone = NUMBERS * ScaleSpace(config.dims or 2).channels
    return Described(
        kind="patches",
        axes=axes,
        channels=len(scaling.center) // alone,
        dims=config.dims or 2,
        patch=config.patch,
        stride=config.stride,
        center=tuple(scaling.center.tolist()),
        spread=tuple(scaling.spread.tolist()),
    )


def check_kept(of: Described | None) -> Described:
    """Give what a model is for, where it can be used elsewhere.

    Raises
    ------
    InputError
        Where it cannot.
    """
    if of is None:
        raise InputError(NO_MODEL)
    return of


def scaling_of(of: Described) -> Scaling:
    """How a model wants descriptions scaled."""
    return Scaling(np.array(of.center), np.array(of.spread))


def unsure(
    explored: Explored, found: Classified, examples: Examples, count: int = UNSURE
) -> np.ndarray:
    """Choose points whose class is least certain and which differ from each other.

    Returns
    -------
    ndarray
        Their numbers, the least certain first; none of them is an example.
    """
    certainty = found.certainty.astype(np.float64)
    for rows in examples.values():
        certainty[rows] = np.inf
    most = max(LEAST_UNSURE, round(UNSURE_SHARE * len(certainty)))
    free = np.flatnonzero(np.isfinite(certainty))
    least = free[np.argsort(certainty[free], kind="stable")][:most]
    if not len(least):
        return least
    chosen = least[farthest_first(explored.latent[least], count)]
    return chosen[np.argsort(certainty[chosen], kind="stable")]


def _chosen(explored: Explored, examples: Examples) -> tuple[np.ndarray, list[str]]:
    """Numbers of the examples that are learned from, and the class of each."""
    chosen: list[np.ndarray] = []
    labels: list[str] = []
    for name, given in examples.items():
        rows = np.unique(np.asarray(given, np.intp))
        if len(rows) and not 0 <= rows[0] <= rows[-1] < len(explored):
            raise InputError(
                f"The examples of '{name}' must be numbers from 0 to "
                f"{len(explored) - 1}."
            )
        if len(rows) > MOST_EXAMPLES:
            spread = np.linspace(0, len(rows) - 1, MOST_EXAMPLES)
            rows = rows[spread.round().astype(int)]
        chosen.append(rows)
        labels += [name] * len(rows)
    together = np.concatenate(chosen) if chosen else np.zeros(0, np.intp)
    if not len(together):
        raise InputError(
            "There are no examples yet: give some of two classes at least."
        )
    if len(np.unique(together)) < len(together):
        raise InputError("A point is an example of two classes: take it out of one.")
    order = np.argsort(together)  # so that it does not matter who came first
    return together[order], [labels[n] for n in order]


def _where(explored: Explored, chosen: np.ndarray) -> Where | None:
    """Patches of one image have neighbors; images, fibers and stacked pictures not."""
    if explored.several or explored.objects:
        return None
    flat = [axis for axis, edge in enumerate(explored.size) if edge > 1]
    if all(np.ptp(explored.places[:, axis]) == 0 for axis in flat):
        return None
    return Where(explored.places, float(max(explored.size)))[chosen]


def _check_same(own: Described | None, wanted: Described) -> None:
    if own is None:
        raise InputError(
            "Only patches described by fixed filters, and whole images, can be sorted "
            "by a model of before: explore so."
        )
    names = ["kind", "axes", "channels"]
    names += ["dims", "patch"] if wanted.kind == "patches" else []
    for name in names:
        here, there = getattr(own, name), getattr(wanted, name)
        if here != there:
            raise InputError(
                f"The model sorts {wanted.kind} with {name} {there}, but here it is "
                f"{here}: explore so, or choose another model."
            )
