import numpy as np
import pytest
from scipy import ndimage

KINDS = {"white": (0, 0, 0), "slice": (0, 1, 1), "3d": (1, 1, 1)}


@pytest.fixture(scope="session")
def scene():
    """A slope, a bar and some balls, and noise of a kind on them, as float32."""

    def make(kind="white", shape=(24, 64, 64), sd=10.0, seed=0, contrast=60.0):
        rng = np.random.default_rng(seed)
        place = np.indices(shape)
        clean = 200 + 0.2 * place[-1]
        x = shape[-1] // 3
        clean[..., x : x + 6] += contrast
        for where in np.random.default_rng(9).uniform(0.1, 0.9, (6, len(shape))):
            middle = (where * shape).reshape(-1, *[1] * len(shape))
            clean[((place - middle) ** 2).sum(0) < 25] += contrast
        clean = ndimage.gaussian_filter(clean, 0.7)
        if kind == "camera":
            noisy = rng.poisson(clean) + rng.normal(0, 2, shape)
        else:
            sigma = KINDS[kind][-len(shape) :]
            noise = ndimage.gaussian_filter(rng.normal(size=shape), sigma)
            noisy = clean + sd * noise / noise.std()
        return noisy.astype(np.float32), clean.astype(np.float32)

    return make
