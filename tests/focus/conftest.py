import numpy as np
import pytest

from napari_sciml.focus.training.textures import texture


@pytest.fixture(scope="session")
def sharp() -> list[np.ndarray]:
    """Six made-up images in focus."""
    rng = np.random.default_rng(5)
    return [texture(rng, 220) for _ in range(6)]
