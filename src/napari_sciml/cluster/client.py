"""A connection to Dask's scheduler, somewhere or on this machine."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from napari_sciml.errors import InputError

LOCAL = "local"
"""Instead of an address: start workers on this machine for as long as needed."""

HERE = "127.0.0.1"
"""Whoever reaches a scheduler can run code: a local one listens here only."""

ANSWER, PATIENCE = 15.0, 60.0
"""Seconds to wait for the scheduler, and for its first worker."""


@contextmanager
def connect(
    address: str,
    *,
    workers: int | None = None,
    gpu: bool = True,
    patience: float = PATIENCE,
) -> Iterator[Any]:
    """A ``distributed.Client`` with at least one worker.

    Parameters
    ----------
    address
        Of a scheduler, such as ``tcp://10.0.0.1:8786``; a scheduler file; or "local":
        a worker for each GPU of this machine, or for each core where it has none.
    workers
        How many, where they are local.
    gpu
        Whether the work is for GPUs; else there is a local worker for each core.
    patience
        Seconds to wait for the scheduler and its first worker.

    Raises
    ------
    InputError
        When Dask's scheduler is not installed, nothing answers, or no worker comes.
    """
    distributed = _distributed()
    place = (
        _local_cluster(workers, gpu) if address == LOCAL else _given_scheduler(address)
    )
    with place as where:
        try:
            # Not the default one: layers of dask arrays would be computed there, too.
            client = distributed.Client(
                timeout=min(ANSWER, patience), set_as_default=False, **where
            )
        except (OSError, TimeoutError, ValueError) as error:
            raise InputError(
                f"There is no Dask scheduler at {address}: start one with 'dask "
                "scheduler' and give the address that it prints."
            ) from error
        try:
            _wait_for_worker(client, patience)
            yield client
        finally:
            client.close()


def _distributed() -> Any:
    try:
        import distributed
    except ImportError as error:
        raise InputError(
            "Dask's scheduler is not installed: pip install 'napari-sciml[cluster]'."
        ) from error
    return distributed


@contextmanager
def _given_scheduler(address: str) -> Iterator[dict[str, Any]]:
    yield {"scheduler_file" if address.endswith(".json") else "address": address}


@contextmanager
def _local_cluster(workers: int | None, gpu: bool) -> Iterator[dict[str, Any]]:
    """A process a worker, and a GPU of its own for each where there are any."""
    import torch
    from distributed import Nanny, Scheduler, SpecCluster

    from napari_sciml.networks.device import default_threads

    gpus = torch.cuda.device_count() if gpu else 0
    count = workers or gpus or default_threads()
    spec = {
        number: {
            "cls": Nanny,
            "options": {
                "host": HERE,
                "nthreads": 1,
                "silence_logs": logging.ERROR,
                "env": {"CUDA_VISIBLE_DEVICES": str(number % gpus)} if gpus else {},
            },
        }
        for number in range(count)
    }
    scheduler = {
        "cls": Scheduler,
        "options": {"host": HERE, "dashboard_address": f"{HERE}:0"},
    }
    with SpecCluster(
        workers=spec, scheduler=scheduler, silence_logs=logging.ERROR
    ) as cluster:
        yield {"address": cluster}


def _wait_for_worker(client: Any, patience: float) -> None:
    try:
        client.wait_for_workers(1, timeout=patience)
    except TimeoutError as error:
        raise InputError(
            f"The scheduler at {client.scheduler.address} has no workers: start some "
            "with 'dask worker ADDRESS --nthreads 1' where napari-sciml is installed."
        ) from error
