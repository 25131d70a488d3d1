"""Train the members of an ensemble on different workers."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_sciml.cluster.client import connect
from napari_sciml.cluster.tasks import run_tasks
from napari_sciml.errors import InputError
from napari_sciml.io.images.label_map import LabelMap
from napari_sciml.io.results.outputs import check_output
from napari_sciml.progress import Report, Say
from napari_sciml.training.config import TrainingConfig
from napari_sciml.workflows.training.scans import Scan, inputs_of

if TYPE_CHECKING:
    from napari_sciml.training.state import TrainingState

SAID_EVERY = 1.0
"""Seconds between two messages of a worker."""


def train_somewhere(
    scans: Sequence[Scan],
    out: Path,
    config: TrainingConfig,
    *,
    scheduler: str | None = None,
    resume: bool = False,
    start: Path | None = None,
    class_names: Sequence[str] | None = None,
    ignore: Sequence[int] = (),
    mapping: LabelMap | None = None,
    overwrite: bool = False,
    say: Say = lambda _: None,
    report: Report,
) -> dict[str, Any]:
    """`train_model` in this process, or with the members on the workers of a cluster.

    Raises
    ------
    InputError
        As `train_model` and `connect`; or when a training is to go on with workers.
    """
    from napari_sciml.workflows.training.files import train_model

    given: dict[str, Any] = {
        "class_names": class_names,
        "ignore": ignore,
        "mapping": mapping,
        "start": start,
    }
    if scheduler is None:
        return train_model(
            scans,
            out,
            config,
            resume=resume,
            say=say,
            overwrite=overwrite,
            report=report,
            **given,
        )
    if resume:
        raise InputError(
            "A training goes on in one place only: leave out --scheduler or --resume."
        )
    inputs = [*inputs_of(scans), *(() if start is None else (start,))]
    check_output(out, "model", inputs=inputs, overwrite=overwrite, folder=True)
    with connect(scheduler) as client:
        state = train_members(client, scans, config, say=say, report=report, **given)
    return train_model(
        scans,
        out,
        config,
        state=state,
        overwrite=overwrite,
        report=report,
        **given,
    )


def train_members(
    client: Any,
    scans: Sequence[Scan],
    config: TrainingConfig,
    *,
    class_names: Sequence[str] | None = None,
    ignore: Sequence[int] = (),
    mapping: LabelMap | None = None,
    start: Path | None = None,
    say: Say = lambda _: None,
    report: Report,
) -> "TrainingState":
    """Train each member on some worker, from files that all of them can read.

    With a budget of steps the members are those of a training in one place, up to
    rounding that depends on the machine. With seconds, each has them for itself.

    Parameters
    ----------
    client
        A ``distributed.Client``.
    scans, config, class_names, ignore, mapping, start
        As in `napari_sciml.workflows.training.files.train_model`, which writes the
        model, with the result as ``state``.
    say, report
        Called with what a person should know, and with the progress.

    Raises
    ------
    InputError
        When the files cannot be used.
    """
    from napari_sciml.training.session import joined

    topic = f"napari-sciml-{time.time_ns()}"
    done = [0.0] * config.members

    def hear(event: tuple[float, tuple[int, float]]) -> None:
        number, fraction = event[1]
        done[number] = max(done[number], fraction)
        # A part of the bar is left for putting them together.
        report(0.95 * sum(done) / len(done), f"{config.members} members, each apart")

    client.subscribe_topic(topic, hear)
    files = [Scan(one.image.resolve(), one.labels.resolve()) for one in scans]
    names = None if class_names is None else tuple(class_names)
    start = None if start is None else start.resolve()
    given = (files, config.model_dump_json(), names, tuple(ignore), mapping, start)
    arguments = [(*given, number, topic) for number in range(config.members)]
    try:
        tasks = run_tasks(client, train_one, arguments, name="member", say=say)
        found = dict(ended for ended in tasks if ended is not None)
    finally:
        client.unsubscribe_topic(topic)
    return joined([found[number] for number in range(config.members)])


def train_one(
    scans: Sequence[Scan],
    settings: str,
    class_names: tuple[str, ...] | None,
    ignore: tuple[int, ...],
    mapping: LabelMap | None,
    start: Path | None,
    number: int,
    topic: str,
) -> "TrainingState":
    """What a worker does for a member."""
    from distributed import get_worker

    from napari_sciml.io.models.start import read_start
    from napari_sciml.training.session import train_member
    from napari_sciml.training.state import on_cpu
    from napari_sciml.workflows.training.scans import TrainingFiles

    worker = get_worker()
    config = TrainingConfig.model_validate_json(settings)
    if config.threads is None:
        config = config.model_copy(update={"threads": worker.state.nthreads})
    files = TrainingFiles.read(
        scans, class_names=class_names, ignore=ignore, mapping=mapping
    )
    training = train_member(
        files.image,
        files.annotation,
        files.settings(config),
        number,
        class_names=files.class_names,
        start=None if start is None else read_start(start),
    )
    said = 0.0
    while True:
        try:
            step = next(training)
        except StopIteration as stop:
            worker.log_event(topic, (number, 1.0))
            return on_cpu(stop.value)
        if step is not None and time.monotonic() - said > SAID_EVERY:
            said = time.monotonic()
            worker.log_event(topic, (number, step.fraction))
