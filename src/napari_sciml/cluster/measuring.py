"""Fibers of a mask, with the blocks looked at by workers."""

from pathlib import Path
from typing import Any

from napari_sciml.cluster.client import connect
from napari_sciml.cluster.executor import Workers
from napari_sciml.fibers.config import FiberConfig
from napari_sciml.io.results.outputs import check_output
from napari_sciml.progress import Say
from napari_sciml.workflows.pipeline import measure_mask


def measure_somewhere(
    mask: Path,
    out: Path,
    config: FiberConfig,
    *,
    scheduler: str | None = None,
    image: Path | None = None,
    probability: Path | None = None,
    overwrite: bool = False,
    say: Say = lambda _: None,
    **given: Any,
) -> dict[str, Any]:
    """`measure_mask` in this process, or by blocks with workers of a cluster.

    Raises
    ------
    InputError
        As `measure_mask` and `connect`.
    """
    given |= {
        "image": image,
        "probability": probability,
        "overwrite": overwrite,
        "say": say,
    }
    if scheduler is None:
        return measure_mask(mask, out, config, **given)
    # Before there is a cluster to wait for.
    inputs = (mask, image, probability)
    check_output(out, "fibers", inputs=inputs, overwrite=overwrite, folder=True)
    with connect(scheduler, gpu=False) as client:

        def start(scratch: Path) -> Workers:
            return Workers(client, scratch, say)

        return measure_mask(mask, out, config, start=start, **given)
