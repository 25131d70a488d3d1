"""Whether what was removed from an image was noise, or structure with it."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from napari_sciml.restoration.sampling import BLOCK, blocks_of

TOLD = 0.1
"""Difference of correlations from which on it is told."""
FLAT, STRUCTURED = 0.25, 0.05
"""Shares of the blocks that are called flat, and structured: structure is rare."""
DETAIL = 3.0
"""Structure is what is finer than this many voxels (sd of a Gaussian)."""
FEWEST = 8


@dataclass(frozen=True)
class Removed:
    """What was measured of image - restored.

    Attributes
    ----------
    sd
        Of what was removed, in gray values.
    flat, structured
        Autocorrelation at lag 1 (mean over the axes) where the restored image is
        flat, and where it has the most structure.
    with_structure
        Correlation of what was removed with the fine structure of the restored image,
        in the structured parts, less that in the flat ones.
    """

    sd: float
    flat: float
    structured: float
    with_structure: float

    @property
    def structure_went(self) -> bool:
        """Whether structure was removed with the noise.

        Noise knows nothing of structure: what was removed looks alike in flat and in
        structured parts unless structure is in it.
        """
        more = self.structured - self.flat
        return max(more, self.with_structure) > TOLD

    @property
    def sentence(self) -> str:
        """The test in words."""
        if not self.sd > 0:
            return "Nothing was removed."
        found = (
            f"autocorrelation {self.structured:.2f} in structured parts against "
            f"{self.flat:.2f} in flat ones, correlation with structure "
            f"{self.with_structure:.2f}"
        )
        if self.structure_went:
            return f"What was removed shows structure: {found}."
        return f"What was removed looks like noise: {found}."


def removed_report(image: np.ndarray, restored: np.ndarray) -> Removed:
    """Test what was removed from an image, or from samples of a large one.

    Parameters
    ----------
    image, restored
        Same shape, ``(y, x)`` or ``(z, y, x)``.
    """
    kept = restored.astype(np.float64)
    gone = image.astype(np.float64) - kept
    blocks = list(zip(*_blocks(gone, kept), strict=True))
    if not blocks or not gone.std() > 0:
        return Removed(float(gone.std()), 0.0, 0.0, 0.0)
    blocks.sort(key=lambda parts: float(parts[1].std()))
    half = max(1, len(blocks) // 2)
    few, many = (
        min(max(FEWEST, round(share * len(blocks))), half)
        for share in (STRUCTURED, FLAT)
    )
    flat, structured = blocks[:many], blocks[-few:]
    lags = [_lag(group) for group in (flat, structured)]
    ties = [_tie(group) for group in (flat, structured)]
    return Removed(float(gone.std()), lags[0], lags[1], ties[1] - ties[0])


def _blocks(gone: np.ndarray, kept: np.ndarray) -> tuple[list[np.ndarray], ...]:
    """Of what was removed, and of the structure that was kept."""
    thick = [min(DETAIL, n / 4) for n in gone.shape]
    detail = kept - ndimage.gaussian_filter(kept, thick, mode="nearest")
    ndim = len(BLOCK[gone.ndim])
    return blocks_of(gone, ndim), blocks_of(detail, ndim)


def _lag(group: list[tuple[np.ndarray, ...]]) -> float:
    """Autocorrelation at lag 1 of what was removed, over all axes and blocks."""
    found = []
    for gone, _ in group:
        rest = gone - gone.mean()
        power = float((rest**2).mean())
        for axis in range(rest.ndim) if power > 0 else ():
            ahead = np.moveaxis(rest, axis, 0)
            if len(ahead) > 1:
                found.append(float((ahead[1:] * ahead[:-1]).mean()) / power)
    return float(np.mean(found)) if found else 0.0


def _tie(group: list[tuple[np.ndarray, ...]]) -> float:
    """Correlation of what was removed with the structure, over all blocks."""
    gone = np.concatenate([(g - g.mean()).ravel() for g, _ in group])
    kept = np.concatenate([(k - k.mean()).ravel() for _, k in group])
    norm = float(np.sqrt((gone**2).sum() * (kept**2).sum()))
    return float((gone * kept).sum()) / norm if norm > 0 else 0.0
