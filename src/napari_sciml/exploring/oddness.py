"""Which patches are unlike all others, and which differ most from each other."""

import numpy as np

from napari_sciml.exploring.maps import fitted_rows
from napari_sciml.progress import Steps

NEIGHBOR = 10
CHUNK = 2_000
SUGGESTED = 10


def neighbor_distance(latent: np.ndarray, *, seed: int = 0) -> Steps[np.ndarray]:
    """Distance of each patch to its 10th neighbor in the latent space.

    Of more than 20,000 patches, neighbors are looked for among as many, chosen by the
    seed.

    Parameters
    ----------
    latent
        ``(n, d)``.
    seed
        Of the choice.

    Yields
    ------
    float
        Share that is done.

    Returns
    -------
    ndarray
        ``(n,)`` float32; the median is 1, where it is not 0.
    """
    import torch

    rows = fitted_rows(len(latent), seed)
    every = torch.from_numpy(np.ascontiguousarray(latent, np.float32))
    known = every[torch.from_numpy(rows)]
    is_known = np.zeros(len(latent), bool)
    is_known[rows] = True
    rank = min(NEIGHBOR, len(rows) - 1)
    found = np.empty(len(latent), np.float32)
    for start in range(0, len(latent), CHUNK):
        part = slice(start, start + CHUNK)
        with torch.inference_mode():
            away = torch.cdist(every[part], known)
            nearest = away.topk(rank + 1, largest=False).values.numpy()
        # The nearest of a known patch is itself.
        own = is_known[part].astype(int)
        found[part] = nearest[np.arange(len(nearest)), rank - 1 + own]
        yield min(1.0, (start + CHUNK) / len(latent))
    return over_median(found)


def over_median(values: np.ndarray) -> np.ndarray:
    """Divide by the median, so that 1 is the usual; as it is where that is 0."""
    middle = float(np.median(values))
    return np.asarray(values / (middle or 1.0), np.float32)


def farthest_first(
    latent: np.ndarray, count: int = SUGGESTED, *, near: np.ndarray | None = None
) -> np.ndarray:
    """Choose patches each of which is as far as can be from those before it.

    Parameters
    ----------
    latent
        ``(n, d)``.
    count
        How many; fewer where no others differ.
    near
        Indices of patches that are known already; none = begin at the middle of all.

    Returns
    -------
    ndarray
        Indices, in the order of the choice.

    References
    ----------
    Gonzalez, Theoretical Computer Science 38 (1985) 293.
    """
    known = latent.mean(0)[None] if near is None or not len(near) else latent[near]
    away = np.full(len(latent), np.inf)
    for row in known:
        away = np.minimum(away, _distances(latent, row))
    chosen: list[int] = []
    while len(chosen) < count and away.max() > 0:
        chosen.append(int(away.argmax()))
        away = np.minimum(away, _distances(latent, latent[chosen[-1]]))
    return np.array(chosen, np.intp)


def _distances(latent: np.ndarray, row: np.ndarray) -> np.ndarray:
    return np.linalg.norm(latent - row, axis=1)
