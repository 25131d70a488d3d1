"""Write what was measured for the paper."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from napari_sciml.fibers.plots import hammer_plot, length_histogram, rose_plot
from napari_sciml.storage.arrays import save_labels
from napari_sciml.storage.atomic import atomic_path

if TYPE_CHECKING:
    from napari_sciml.jobs.measuring import FibersMeasured


def export_fibers(result: "FibersMeasured", folder: Path) -> None:
    """Write fibers.csv, labels.tif, summary.json and two pictures, or nothing.

    Parameters
    ----------
    result
        From the job.
    folder
        To make; replaced where it is an older export.

    Raises
    ------
    InputError
        When it cannot be written.
    """
    with atomic_path(folder) as fresh:
        fresh.mkdir()
        result.table.to_csv(fresh / "fibers.csv", index=False)
        save_labels(fresh / "labels.tif", result.labels, result.voxel_size, result.unit)
        text = json.dumps(result.summary, indent=2)
        (fresh / "summary.json").write_text(text + "\n", "utf-8")
        length_histogram(result.table, result.unit).savefig(fresh / "lengths.png")
        flat = result.labels.ndim == 2
        directions = (rose_plot if flat else hammer_plot)(result.table)
        directions.savefig(fresh / "directions.png")
