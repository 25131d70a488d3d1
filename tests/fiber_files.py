"""A mask of fibers and the prediction that it might be of, as files."""

from pathlib import Path

import numpy as np
from scipy import ndimage

from napari_sciml.io.results.arrays import save_mask
from napari_sciml.io.results.predictions import PredictionStore


def write_fiber_files(
    folder: Path, mask: np.ndarray, size: tuple[float, float, float]
) -> None:
    """Write ``mask.zarr`` and ``p.zarr`` with voxels of a size in micrometers."""
    save_mask(folder / "mask.zarr", mask, size, "micrometer")
    store = PredictionStore.create(
        folder / "p.zarr",
        mask.shape,
        ("background", "fiber"),
        size,
        "micrometer",
        ("z", "y", "x"),
        [32] * 3,
        {},
    )
    noise = np.random.default_rng(0).random(mask.shape, np.float32) / 4
    # Part of the rim is likelier fiber than not, but not in the mask.
    likely = ndimage.binary_dilation(mask, iterations=2) & (noise < 0.2)
    mean = np.where(mask | likely, 1 - noise, noise)
    store.write(
        tuple(slice(0, n) for n in mask.shape),
        np.stack((1 - mean, mean)),
        np.stack((noise, noise)),
    )
