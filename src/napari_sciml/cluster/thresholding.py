"""Keep what is sure of a prediction, with the parts decided on by workers."""

from pathlib import Path
from typing import Any

from napari_sciml.cluster.client import connect
from napari_sciml.cluster.executor import Workers
from napari_sciml.io.results.arrays import check_array_suffix
from napari_sciml.io.results.outputs import check_output
from napari_sciml.progress import Report, Say
from napari_sciml.uncertainty.threshold import ThresholdConfig
from napari_sciml.workflows.thresholding.files import threshold_prediction


def threshold_somewhere(
    result: Path,
    out: Path,
    config: ThresholdConfig,
    *,
    scheduler: str | None = None,
    coverage: float | None = None,
    overwrite: bool = False,
    say: Say = lambda _: None,
    report: Report | None = None,
) -> dict[str, Any]:
    """`threshold_prediction` in this process, or with workers of a cluster.

    Raises
    ------
    InputError
        As `threshold_prediction` and `connect`.
    """
    given: dict[str, Any] = {
        "coverage": coverage,
        "overwrite": overwrite,
        "report": report,
    }
    if scheduler is None:
        return threshold_prediction(result, out, config, **given)
    # Before there is a cluster to wait for.
    check_output(out, "labels", inputs=[result], overwrite=overwrite)
    check_array_suffix(out)
    with connect(scheduler, gpu=False) as client:
        workers = Workers(client, say=say)
        return threshold_prediction(result, out, config, run=workers, **given)
