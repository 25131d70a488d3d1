"""Intensity by the distance from the center, before and after gaps are filled."""

from pathlib import Path

import numpy as np
import pandas as pd

from napari_sciml.filling.result import Filled


def radial_profile(image: np.ndarray, filled: Filled) -> pd.DataFrame:
    """Average over rings of a pixel's width, over all frames of a stack.

    Parameters
    ----------
    image
        What was filled, ``(y, x)`` or ``(t, y, x)``.
    filled
        The result.

    Returns
    -------
    DataFrame
        ``radius`` in pixels; ``before``: mean of the known pixels; ``after``: of these
        and the filled ones; ``filled``: of the filled ones alone; and how many there
        are of both, ``pixels`` and ``filled_pixels``. NaN where there are none.
    """
    shape = image.shape[-2:]
    y, x = np.ogrid[: shape[0], : shape[1]]
    distance = np.hypot(y - filled.center[0], x - filled.center[1])
    radius = np.broadcast_to(np.round(distance).astype(np.intp), image.shape)
    known = ~filled.gaps & ~np.broadcast_to(filled.beamstop, image.shape)
    made = filled.filled_mask
    table = pd.DataFrame({"radius": np.arange(int(radius.max()) + 1)})
    for name, where in (("before", known), ("after", known | made), ("filled", made)):
        total, count = _rings(filled.image, radius, where, len(table))
        with np.errstate(invalid="ignore"):
            table[name] = total / count
        if name != "after":
            table["pixels" if name == "before" else "filled_pixels"] = count
    seen = (table["pixels"] + table["filled_pixels"]) > 0
    return table[seen].reset_index(drop=True)


def _rings(
    image: np.ndarray, radius: np.ndarray, where: np.ndarray, rings: int
) -> tuple[np.ndarray, np.ndarray]:
    ring = radius[where]
    total = np.bincount(ring, image[where].astype(np.float64), rings)
    return total, np.bincount(ring, minlength=rings)


def plot_profile(table: pd.DataFrame, path: Path) -> None:
    """Draw the profile as a picture."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot(table["radius"], table["before"], label="gaps left out", lw=2)
    axes.plot(table["radius"], table["after"], label="gaps filled", lw=1)
    axes.plot(table["radius"], table["filled"], ".", ms=2, label="filled pixels alone")
    axes.set(xlabel="distance from the center (pixels)", ylabel="mean intensity")
    if (table["before"].dropna() > 0).any():
        axes.set_yscale("log")
    axes.legend()
    figure.savefig(path, dpi=120)
