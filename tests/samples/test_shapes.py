"""Pictures of four shapes: each is what its kind says."""

import numpy as np
import pytest
from napari.layers import Layer
from skimage.measure import euler_number, perimeter

from napari_sciml.samples.contribute import shapes
from napari_sciml.samples.shapes import SHAPES, ShapesConfig, make_shapes


@pytest.fixture(scope="module")
def clean():
    return make_shapes(ShapesConfig(count=60, noise=0, seed=5))


def test_each_kind_has_its_form(clean) -> None:
    for image, kind in zip(clean.images > 0.5, clean.kinds, strict=True):
        name = SHAPES[kind]
        assert euler_number(image) == (0 if name == "annulus" else 1)
        roundness = 4 * np.pi * image.sum() / perimeter(image) ** 2
        if name == "circle":
            assert roundness > 0.9
        elif name != "annulus":
            assert roundness < 0.85
        assert not image[[0, -1]].any()
        assert not image[:, [0, -1]].any()


def test_the_seed_decides_and_noise_is_as_asked(clean) -> None:
    again = make_shapes(ShapesConfig(count=60, noise=0, seed=5))
    np.testing.assert_array_equal(again.images, clean.images)
    noisy = make_shapes(ShapesConfig(count=60, noise=0.1, seed=5))
    assert (noisy.images - clean.images).std() == pytest.approx(0.1, rel=0.02)
    assert set(clean.kinds) == {0, 1, 2, 3}


def test_the_sample_is_a_layer_of_frames() -> None:
    (entry,) = shapes()
    layer = Layer.create(*entry)
    assert layer.name == "Shapes"
    assert len(layer.metadata["kinds"]) == len(layer.data)
    assert layer.axis_labels[0] == "shape"
