"""Write what was measured for the paper."""

from pathlib import Path
from typing import TYPE_CHECKING

from napari_sciml.storage.atomic import atomic_path
from napari_sciml.storage.fiber_files import FiberResult, write_fibers

if TYPE_CHECKING:
    from napari_sciml.jobs.measuring import FibersMeasured


def export_fibers(result: "FibersMeasured", folder: Path) -> None:
    """Write table, labels, numbers, pictures and a report, or nothing.

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
        write_fibers(
            fresh,
            FiberResult(
                result.labels,
                result.table,
                result.summary,
                result.voxel_size,
                result.unit,
            ),
        )
