"""Many files on the workers of one cluster, to which is connected once."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

from napari_sciml.cluster.client import connect
from napari_sciml.cluster.executor import Workers
from napari_sciml.cluster.prediction import device_of_workers, predict_on_workers
from napari_sciml.executor import Executor, Start
from napari_sciml.progress import Say
from napari_sciml.workflows.batch.predictions import PredictOne
from napari_sciml.workflows.prediction.files import predict_image


@contextmanager
def predicting_on(scheduler: str | None, say: Say) -> Iterator[PredictOne]:
    """Predict one image after the other with the blocks on the workers of a cluster.

    Parameters
    ----------
    scheduler
        Address as of `connect`; None = in this process.
    say
        Called with what a person should know of the workers.

    Raises
    ------
    InputError
        As `connect` and `device_of_workers`.
    """
    if scheduler is None:
        yield predict_image
        return
    with connect(scheduler) as client:

        def predict_one(
            model: Path,
            image: Path,
            out: Path,
            *,
            device: str = "auto",
            threads: int | None = None,
            **given: Any,
        ) -> dict[str, Any]:
            return predict_image(
                model,
                image,
                out,
                device=device_of_workers(client) if device == "auto" else device,
                blocks=partial(predict_on_workers, client, threads=threads, say=say),
                **given,
            )

        yield predict_one


@contextmanager
def working_on(scheduler: str | None, say: Say) -> Iterator[Start | None]:
    """Do blocks of one file after the other on the workers of a cluster.

    Parameters
    ----------
    scheduler, say
        As of `predicting_on`.

    Raises
    ------
    InputError
        As `connect`. Nothing needs a GPU.
    """
    if scheduler is None:
        yield None
        return
    with connect(scheduler, gpu=False) as client:

        def start(folder: Path | None) -> nullcontext[Executor]:
            return nullcontext(Workers(client, folder, say))

        yield start
