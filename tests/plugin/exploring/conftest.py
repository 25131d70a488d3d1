"""The dock on an image."""

import numpy as np
import pytest


@pytest.fixture
def slices() -> np.ndarray:
    return np.random.default_rng(0).normal(100, 10, (6, 48, 64)).astype(np.float32)


@pytest.fixture
def opened(viewer, open_dock, slices):
    """Open the dock on an image, with a quick map."""

    def open_on(image=None, **options):
        image = slices if image is None else image
        viewer.add_image(image, name="scan", **options)
        dock = open_dock("Explore")
        dock.form.map.setCurrentIndex(dock.form.map.findData("pca"))
        dock.form.patch.setValue(8)
        dock.form.stride.setValue(4)
        return dock

    return open_on


@pytest.fixture
def explored(opened, patience):
    def press(image=None, **options):
        dock = opened(image, **options)
        dock.start.click()
        patience(lambda: not dock.session.exploring.doing)
        assert dock.error.text() == ""
        return dock

    return press
