"""How much each voxel's gray value moves the networks: gradients over noisy copies.

References
----------
Smilkov et al., "SmoothGrad: removing noise by adding noise", arXiv:1706.03825 (2017).
"""

from collections.abc import Generator

import numpy as np
import torch
from torch import Tensor

from napari_sciml.explaining.occlusion import within
from napari_sciml.explaining.panel import Panel
from napari_sciml.images.tiles import Region, Tile

COPIES = 8
NOISE = 0.15
"""Standard deviation of the noise, in spreads of the gray values round the place."""


def salient(
    panel: Panel, core: Region, window: Region, index: int, seed: int
) -> Generator[None, None, np.ndarray]:
    """Find what the networks are sensitive to; trees have no gradient.

    Parameters
    ----------
    panel
        Members and image; one network at least counts.
    core
        The place.
    window
        Part of the image round it.
    index
        Of the class.
    seed
        Of the noise.

    Yields
    ------
    None
        After each copy.

    Returns
    -------
    ndarray
        float32 of ``window``: absolute value of the mean gradient of the log-odds of
        the class, by gray values of unit spread; of several channels the sum.
    """
    tile = panel.tile(core)
    gray = panel.read(tile)
    generator = torch.Generator().manual_seed(seed)
    spread = NOISE * float(gray.std(correction=0))
    total, count = torch.zeros_like(gray), 0
    for _ in range(COPIES):
        noise = torch.randn(gray.shape, generator=generator) * spread
        slope = _slope(panel, gray + noise.to(gray.device), tile, index)
        if bool(slope.isfinite().all()):  # a root of 0 has no slope
            total, count = total + slope, count + 1
        yield
    found = (total / max(1, count)).abs().sum(0)[within(window, tile)]
    out = np.zeros([part.stop - part.start for part in window], np.float32)
    # Beyond of what is read nothing matters.
    known = Tile(tile.read, window).inner
    inside = tuple(slice(max(0, part.start), part.stop) for part in known)
    out[inside] = found.cpu().numpy()
    return out


def _slope(panel: Panel, gray: Tensor, tile: Tile, index: int) -> Tensor:
    near, core = panel.near(tile.core), tile.core
    gray = gray.detach().requires_grad_()
    with torch.enable_grad():
        front = panel.ensemble.front(gray[None], Tile(near, tile.read).surround)
        total = gray.new_zeros(())
        for number in panel.networks:
            _, inner = panel.part_seen(number, core)
            part = panel.channels_for(number, front, core)
            found = panel.ensemble.log_probabilities(number, part)
            own = found[0][:, *inner].flatten(1).mean(1)
            rest = torch.cat([own[:index], own[index + 1 :]])
            total = total + own[index] - torch.logsumexp(rest, 0)
        mean = total / len(panel.networks)
        return torch.autograd.grad(mean, gray)[0]
