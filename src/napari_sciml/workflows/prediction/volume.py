"""Predict a volume of any size onto the disk, beside a viewer."""

import copy
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_sciml.images.tiles import Region
from napari_sciml.images.volume import Volume

if TYPE_CHECKING:
    from napari_sciml.networks.ensemble import Ensemble


NO_FILE = "model of the viewer"


@dataclass(frozen=True)
class ResultBegun:
    """There is a zarr to look at, which fills.

    Attributes
    ----------
    path
        Of the zarr.
    words
        What it will cost.
    cautions
        What a person should know before he trusts the result.
    """

    path: Path
    words: str
    cautions: tuple[str, ...] = ()


@dataclass(frozen=True)
class ResultGrew:
    """A block more is on the disk, or a part of the pyramid.

    Attributes
    ----------
    share
        Of the work that is done, 0 to 1.
    words
        How fast it goes and how long it will take.
    core
        The block; None for a part of the pyramid.
    """

    share: float
    words: str
    core: Region | None = None


@dataclass(frozen=True)
class ResultFinished:
    """The result is whole, under its own name.

    Attributes
    ----------
    path
        Of the zarr.
    """

    path: Path


Event = ResultBegun | ResultGrew | ResultFinished | None


def predict_to_disk(
    ensemble: "Ensemble",
    volume: Volume,
    out: str | Path,
    *,
    source: str | Path,
    record: Mapping[str, Any],
    device: str = "auto",
) -> Generator[Event, None, None]:
    """Predict a whole image into an OME-Zarr, or go on where it was stopped.

    Parameters
    ----------
    ensemble
        Trained networks; a copy is used.
    volume
        The image; read by blocks.
    out
        OME-Zarr to write.
    source
        What the image is called, or its path.
    record
        What is known of the model.
    device
        "auto", "cpu", "cuda" or "mps".

    Yields
    ------
    ResultBegun, ResultGrew, ResultFinished or None
        None is a chance to stop; what is done stays then, to go on with later.

    Raises
    ------
    InputError
        As `napari_sciml.workflows.prediction.run.PredictionRun`; also where the name
        ends like another kind of file.
    """
    from napari_sciml.io.models.fit import fit_cautions
    from napari_sciml.io.results.prediction_tiff import check_zarr_name
    from napari_sciml.networks.device import default_threads, use_threads
    from napari_sciml.training.evaluation.familiarity import share_outside
    from napari_sciml.workflows.prediction.blocks import BlockWorker
    from napari_sciml.workflows.prediction.facts import costs
    from napari_sciml.workflows.prediction.files import predict_here, run_to_end
    from napari_sciml.workflows.prediction.plan import plan_for
    from napari_sciml.workflows.prediction.run import PredictionRun, is_finished

    check_zarr_name(out)
    use_threads(default_threads(viewer=True))
    ensemble = copy.deepcopy(ensemble)
    plan = plan_for(ensemble, volume, out, model=NO_FILE, image=source, device=device)
    outside = share_outside(ensemble, volume.data)
    doubts = fit_cautions(record, ensemble.intensity, volume, outside)
    plan = plan.model_copy(update={"cautions": (*plan.cautions, *doubts)})
    yield None
    if is_finished(plan):
        yield ResultFinished(plan.out)
        return
    told: list[tuple[float, str]] = []

    def report(share: float, words: str) -> None:
        told.append((share, words))

    with PredictionRun(plan, resume=True, record=record) as run:
        yield ResultBegun(plan.store, " ".join(costs(plan)), plan.cautions)
        worker = BlockWorker(plan, ensemble=ensemble, image=volume.data)
        here = partial(predict_here, worker=worker)
        for written in run_to_end(run, report, blocks=here):
            core = None if written is None else plan.blocks[written.index]
            yield ResultGrew(*told.pop(), core) if told else None
    yield ResultFinished(plan.out)
