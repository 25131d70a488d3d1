"""From an image to what restores it: measure, choose, train or calibrate."""

from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import Any, cast

from napari_sciml.errors import InputError
from napari_sciml.images.intensity import estimate_intensity, is_far
from napari_sciml.progress import map_progress
from napari_sciml.restoration.choice import (
    check_partner,
    choose_axis,
    choose_method,
    doubts,
)
from napari_sciml.restoration.classical import (
    FILTERS,
    choose_strength,
)
from napari_sciml.restoration.config import Learned, Method, RestoreConfig
from napari_sciml.restoration.noise import NoiseReport, noise_report
from napari_sciml.restoration.restorers import (
    FilterRestorer,
    NetworkRestorer,
    Restorer,
)
from napari_sciml.restoration.stabilizing import StabilizedImage, measure_stabilizer

METHOD_WORDS: dict[str, str] = {
    "pixel": "blind pixel: a network foretells hidden pixels from their neighbors",
    "slice": "blind slice: a network foretells slices from their neighbors",
    "pairs": "pairs: a network foretells the second scan",
    "supervised": "supervised: a network foretells the clean images",
    "tv": "total variation, its strength by the measured noise",
    "nlm": "non-local means, its strength by the measured noise",
    "gaussian": "Gaussian, its width by the measured noise",
}


@dataclass(frozen=True)
class Chosen:
    """The noise was measured, and a method chosen.

    Attributes
    ----------
    report
        Of the noise.
    method
        Never "auto".
    axis
        Across which slices a network looks.
    cautions
        Where the measurement speaks against what was asked for.
    """

    report: NoiseReport
    method: Method
    axis: int
    cautions: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """What will be done, for a person."""
        return METHOD_WORDS[self.method]


@dataclass(frozen=True)
class Prepared:
    """All that is needed to restore.

    Attributes
    ----------
    chosen
        What was measured and chosen.
    restorer
        Restores blocks.
    """

    chosen: Chosen
    restorer: Restorer


@dataclass(frozen=True)
class Learning:
    """A step of the training, or of the search for a strength.

    Attributes
    ----------
    fraction
        Share that is done, 0 to 1.
    words
        What is going on.
    restorer
        What there is up to now; None for a filter.
    """

    fraction: float
    words: str
    restorer: NetworkRestorer | None = None


def choose(
    image: Any, config: RestoreConfig, *, second: Any = None, clean: Any = None
) -> Chosen:
    """Measure the noise and settle the method; at most two seconds.

    Parameters
    ----------
    image, second, clean
        Array-likes ``(y, x)`` or ``(z, y, x)``: to restore; a second scan; the truth.
    config
        Settings.

    Raises
    ------
    InputError
        As `noise_report`, `choose_method`, `choose_axis` and `check_partner`.
    """
    report = noise_report(image)
    method = choose_method(
        config.method, report, second=second is not None, clean=clean is not None
    )
    axis = choose_axis(config.axis, method, report)
    if second is not None:
        check_partner(image, second, "The second scan")
    if clean is not None:
        check_partner(image, clean, "The clean image", noise=False)
    return Chosen(report, method, axis, doubts(method, report, axis))


def prepare(
    image: Any,
    chosen: Chosen,
    config: RestoreConfig,
    *,
    second: Any = None,
    clean: Any = None,
) -> Generator[Learning, None, Prepared]:
    """Train networks, or choose the strength of a filter.

    Parameters
    ----------
    image, second, clean, config
        As of `choose`.
    chosen
        What that gave.

    Yields
    ------
    Learning
        Each step.
    """
    from napari_sciml.restoration.learning import (
        RestoreStep,
        middle_of,
        train_restorer,
    )

    report, method = chosen.report, chosen.method
    stabilizer = measure_stabilizer(image) if report.independent else None
    partner = second if second is not None else clean
    if stabilizer is not None:
        image = StabilizedImage(image, stabilizer)
        if partner is not None:
            partner = StabilizedImage(partner, stabilizer)
        report = noise_report(image)
    if method in FILTERS:
        yield Learning(0.0, "choosing the strength")
        strength = config.strength
        if strength is None:
            strength = choose_strength(
                method, middle_of(image), report, config.seed
            ).value
        yield Learning(1.0, f"strength {strength:g}")
        made = FilterRestorer(method, strength, report.sd, stabilizer=stabilizer)
        return Prepared(chosen, made)
    steps = train_restorer(
        image,
        report,
        cast("Learned", method),
        config,
        partner=partner,
        axis=chosen.axis,
    )

    def learned(step: RestoreStep) -> Learning:
        words = f"network {step.member + 1} of {config.members}"
        now = replace(step.restorer, stabilizer=stabilizer)
        return Learning(step.fraction, words, now)

    found = yield from map_progress(steps, learned)
    return Prepared(chosen, replace(found, stabilizer=stabilizer))


def with_model(image: Any, restorer: NetworkRestorer) -> Prepared:
    """Use a model that was trained before.

    Raises
    ------
    InputError
        When it is for images of other axes, or the image cannot be judged.
    """
    report = noise_report(image)
    flat = restorer.sight.context == 0
    if flat != (len(report.shape) == 2):
        raise InputError(
            f"The model restores {'planes' if flat else 'volumes'}, but the image has "
            f"{len(report.shape)} axes: choose another model, or train one."
        )
    told = doubts(cast("Method", restorer.method), report, restorer.axis)
    stabilizer = restorer.stabilizer
    seen = image if stabilizer is None else StabilizedImage(image, stabilizer)
    if is_far(restorer.model.intensity, estimate_intensity(seen)):
        told += (
            "The gray values differ much from those that the model was trained on: "
            "train on this image rather.",
        )
    method = cast("Method", restorer.method)
    return Prepared(Chosen(report, method, restorer.axis, told), restorer)
