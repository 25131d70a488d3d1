"""Train an ensemble, as a generator that never stops the caller for long."""

import time
from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import Any

from napari_sciml.annotation.classes import DEFAULT_CLASSES
from napari_sciml.errors import InputError
from napari_sciml.networks.device import default_threads, use_threads
from napari_sciml.networks.ensemble import Ensemble
from napari_sciml.progress import exhaust
from napari_sciml.training.config import TrainingConfig
from napari_sciml.training.data.gathering import check_contrasts, gathered
from napari_sciml.training.events import Snapshot, TrainingStep
from napari_sciml.training.loop import Split, TrainingLoop
from napari_sciml.training.setup import MakeNetwork, check_config, checked_labels
from napari_sciml.training.start import Start
from napari_sciml.training.state import TrainingState


def train(
    image: Any,
    labels: Any = None,
    config: TrainingConfig | None = None,
    *,
    class_names: Sequence[str] = DEFAULT_CLASSES,
    revision: int = 0,
    make_network: MakeNetwork | None = None,
    split: Split | None = None,
    start: Start | None = None,
    resume: TrainingState | None = None,
) -> Generator[TrainingStep | Snapshot | None, None, Ensemble]:
    """Train an ensemble on a sparse annotation.

    Members take their steps in turn, so that all of them are usable at any
    time. Each keeps the state that did best on the held-out strokes.

    Parameters
    ----------
    image
        Array-like of raw gray values, ``(y, x)`` or ``(z, y, x)``. Only the
        parts round labels are read, and a few blocks for gray scale and shares. An
        image with several channels is a `napari_sciml.images.channels.ChannelImage`.
        A list of images trains on all; so does a list of pairs of an image and its
        labels.
    labels
        Annotation of the same shape, 0 = not annotated, 1, 2 … = classes; or the same
        as scribbles. Of several images a list of those of each.
    config
        Settings; see `TrainingConfig`.
    class_names
        Name of each class.
    revision
        Passed on to the snapshots.
    make_network
        Makes the members instead of ``config.network``: a function of input
        channels, classes and a seed; see `napari_sciml.networks.protocol`.
    split
        Labels to train on and labels held out, instead of drawing them.
    start
        An earlier model to begin with. What its trees learned from is learned again
        beside the strokes, and its networks go on, if that helps on strokes that it
        has not seen; otherwise all begins anew.
    resume
        State of an earlier training on the same labels with the same settings; all
        but the budget must be the same.

    Yields
    ------
    TrainingStep, Snapshot or None
        At least one event a step; the last one is a snapshot of the result. None is
        a chance to stop.

    Returns
    -------
    Ensemble
        The trained networks, in evaluation mode.

    Raises
    ------
    InputError
        When image and labels do not fit together, fewer than two classes are
        annotated, the image is the same gray all round them, or the state belongs to
        another training.
    """
    loop = _begin(
        image,
        labels,
        config,
        class_names,
        make_network=make_network,
        split=split,
        start=start,
    )
    if resume is not None:
        loop.restore(resume)
    yield from loop.prepare()
    every, last = loop.config.snapshot_seconds, time.monotonic()
    while not loop.is_over:
        yield from loop.round()
        if not loop.is_over and time.monotonic() - last > every:
            last = time.monotonic()
            yield loop.snapshot(revision)
    yield from loop.finish()
    final = loop.snapshot(revision)
    calibration = yield from loop.calibrate(final.ensemble)
    final = replace(final, fraction=1.0, calibration=calibration)
    yield final
    return final.ensemble


def train_member(
    image: Any,
    labels: Any,
    config: TrainingConfig,
    number: int,
    *,
    class_names: Sequence[str] = DEFAULT_CLASSES,
    make_network: MakeNetwork | None = None,
    split: Split | None = None,
    start: Start | None = None,
) -> Generator[TrainingStep | None, None, TrainingState]:
    """Train one member of an ensemble, where the others are trained elsewhere.

    With a budget of steps it learns exactly what it would learn among the others.
    With seconds it has them for itself.

    Parameters
    ----------
    image, labels, config, class_names, make_network, split, start
        As in `train`; the same for each member.
    number
        Of the member, from 0.

    Yields
    ------
    TrainingStep or None
        A step, or a chance to stop.

    Returns
    -------
    TrainingState
        Of this member alone. `joined` makes one of all, and with it as ``resume``
        `train` gives the ensemble.

    Raises
    ------
    InputError
        As `train`.
    """
    loop = _begin(
        image,
        labels,
        config,
        class_names,
        make_network=make_network,
        split=split,
        start=start,
        only=number,
    )
    yield from loop.prepare()
    while not loop.is_over:
        yield from loop.round()
    return loop.state()


def joined(states: Sequence[TrainingState]) -> TrainingState:
    """One state of members that were trained apart, in their order.

    Raises
    ------
    InputError
        When they did not learn from the same image and labels.
    """
    if len({state.fingerprint for state in states}) > 1:
        raise InputError(
            "The members were not trained on the same image and labels: make sure "
            "that all workers see the same files."
        )
    return TrainingState(
        tuple(member for state in states for member in state.members),
        max(state.seconds for state in states),
        states[0].fingerprint,
    )


def _begin(
    image: Any,
    labels: Any,
    config: TrainingConfig | None,
    class_names: Sequence[str],
    **kwargs: Any,
) -> TrainingLoop:
    config = config or TrainingConfig()
    image, labels = gathered(image, labels)
    scribbles = checked_labels(image, labels, class_names)
    check_contrasts(image, scribbles)
    check_config(config, image.ndim, len(class_names))
    use_threads(config.threads or default_threads())
    return TrainingLoop(image, scribbles, config, class_names, **kwargs)


def train_to_end(image: Any, labels: Any = None, **kwargs: Any) -> Ensemble:
    """Run `train` without looking at its events."""
    return exhaust(train(image, labels, **kwargs))
