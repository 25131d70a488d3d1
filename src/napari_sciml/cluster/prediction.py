"""Predict the blocks of a plan on workers."""

import json
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from napari_sciml.cluster.client import connect
from napari_sciml.cluster.tasks import run_tasks
from napari_sciml.errors import InputError
from napari_sciml.io.provenance import json_text
from napari_sciml.io.results.prediction_tiff import output_places
from napari_sciml.progress import Say
from napari_sciml.workflows.prediction.blocks import BlockWritten, predict_block
from napari_sciml.workflows.prediction.files import predict_image
from napari_sciml.workflows.prediction.plan import PredictionPlan
from napari_sciml.workflows.prediction.run import PredictionRun

_ONE_AT_A_TIME = threading.Lock()
"""The memory that is announced is that of one block: threads of a worker share it."""


def predict_on_workers(
    client: Any,
    run: PredictionRun,
    *,
    threads: int | None = None,
    say: Say = lambda _: None,
) -> Iterator[BlockWritten | None]:
    """Have the blocks that are left predicted and written by workers.

    Each worker opens model, image and output once. Who is lost on the way leaves
    nothing half done: its blocks are done again elsewhere, to the same bytes.

    Parameters
    ----------
    client
        A ``distributed.Client``.
    run
        The output; only this process writes down what is done.
    threads
        Of torch in each worker; those of the worker by default.
    say
        Called with what a person should know.

    Yields
    ------
    BlockWritten or None
        Of a block that is on the disk and written down. None is a chance to stop.

    Raises
    ------
    InputError
        As `predict_block`.
    """
    plan = json_text(run.plan)
    arguments = [(plan, index, threads) for index in run.left]
    for ended in run_tasks(client, _predict_one, arguments, name="block", say=say):
        run.heartbeat()
        if ended is not None:
            run.record(ended[1].index)
        yield ended and ended[1]


def predict_somewhere(
    model: Path,
    image: Path,
    out: Path,
    *,
    scheduler: str | None = None,
    device: str = "auto",
    threads: int | None = None,
    overwrite: bool = False,
    say: Say = lambda _: None,
    **given: Any,
) -> dict[str, Any]:
    """`predict_image` in this process, or with the blocks on the workers of a cluster.

    Raises
    ------
    InputError
        As `predict_image`, `connect` and `device_of_workers`.
    """
    if scheduler is None:
        return predict_image(
            model, image, out, device=device, threads=threads, say=say, **given
        )
    # Before there is a cluster to wait for.
    output_places(out, (model, image), overwrite=overwrite)
    with connect(scheduler) as client:
        return predict_image(
            model,
            image,
            out,
            device=device_of_workers(client) if device == "auto" else device,
            say=say,
            blocks=partial(predict_on_workers, client, threads=threads, say=say),
            **given,
        )


def device_of_workers(client: Any) -> str:
    """The device that all workers have: "cuda" where each has a GPU, or "cpu", "mps".

    Raises
    ------
    InputError
        When some have another one: the numbers would depend on who does a block.
    """
    found = sorted(set(client.run(_own_device).values()))
    if len(found) > 1:
        raise InputError(
            f"The workers have different devices ({', '.join(found)}): choose one with "
            "--device, or start workers of one kind only."
        )
    return found[0]


def _own_device() -> str:
    from napari_sciml.networks.device import resolve_device

    return resolve_device("auto").type


def _predict_one(plan: str, index: int, threads: int | None) -> BlockWritten:
    from distributed import get_worker

    threads = threads or get_worker().state.nthreads
    with _ONE_AT_A_TIME:
        settled = PredictionPlan.model_validate(json.loads(plan))
        return predict_block(settled, index, threads=threads)
