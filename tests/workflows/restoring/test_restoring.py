import numpy as np
import pytest

from napari_sciml.errors import InputError
from napari_sciml.images.tiles import grid
from napari_sciml.networks.config import TUNetConfig
from napari_sciml.restoration.config import RestoreConfig
from napari_sciml.workflows.restoring.arrays import (
    Restored,
    restore,
    restored_blocks,
    restoring,
)
from napari_sciml.workflows.restoring.preparing import Chosen, Learning

SMALL = {"network": TUNetConfig(depth=2, base=4), "steps": 30, "device": "cpu"}


@pytest.fixture(scope="module")
def noisy_scene():
    from scipy import ndimage

    def make(kind, shape=(12, 48, 56), seed=0):
        clean = np.full(shape, 200.0)
        clean[..., 20:26] += 60
        clean = ndimage.gaussian_filter(clean, 0.7)
        noise = np.random.default_rng(seed).normal(size=shape)
        sigma = {"white": 0, "slice": (0, 1, 1), "3d": 1}[kind]
        noise = ndimage.gaussian_filter(noise, sigma)
        return (clean + 10 * noise / noise.std()).astype(np.float32), clean

    return make


def error(image, clean):
    return float(((image - clean) ** 2).mean())


@pytest.mark.parametrize(
    ("kind", "method", "shape"),
    [
        ("white", "pixel", (12, 48, 56)),
        ("white", "pixel", (96, 96)),
        ("slice", "slice", (12, 48, 56)),
    ],
)
def test_auto_learns_from_the_image_alone(noisy_scene, kind, method, shape):
    noisy, clean = noisy_scene(kind, shape)
    found = restore(noisy, **SMALL)
    assert found.method == method
    assert error(found.image, clean) < 0.5 * error(noisy, clean)
    assert found.image.mean() == pytest.approx(noisy.mean(), rel=1e-5)
    assert found.std is None


@pytest.mark.parametrize("name", ["second", "clean"])
def test_a_partner_teaches_where_the_image_alone_cannot(noisy_scene, name):
    noisy, clean = noisy_scene("3d")
    partner = noisy_scene("3d", seed=1)[0] if name == "second" else clean
    found = restore(noisy, **{name: partner}, **SMALL)
    assert found.method == {"second": "pairs", "clean": "supervised"}[name]
    assert error(found.image, clean) < 0.6 * error(noisy, clean)


def test_auto_refuses_what_nobody_can_learn_from(noisy_scene):
    with pytest.raises(InputError, match="no method that learns"):
        restore(noisy_scene("3d")[0])


@pytest.mark.parametrize("method", ["gaussian", "tv", "nlm"])
def test_filters_go_by_the_measured_noise(noisy_scene, method):
    noisy, clean = noisy_scene("3d")
    found = restore(noisy, method=method)
    assert error(found.image, clean) < 0.8 * error(noisy, clean)
    assert found.image.mean() == pytest.approx(noisy.mean(), rel=1e-5)


@pytest.mark.parametrize("method", ["pixel", "slice", "gaussian"])
@pytest.mark.parametrize("axis", ["z", "x"])
def test_blocks_are_as_the_whole(noisy_scene, method, axis):
    noisy, _ = noisy_scene("white")
    settings = {**SMALL, "steps": 3, "members": 2}
    found = restore(noisy, method=method, axis=axis, **settings)
    whole = [slice(0, n) for n in noisy.shape]
    one = next(e for e in restored_blocks(noisy, found.restorer, [tuple(whole)]) if e)
    for core in grid(noisy.shape, (5, 17, 24)):
        blocks = restored_blocks(noisy, found.restorer, [core])
        part = next(e for e in blocks if e is not None).block
        np.testing.assert_allclose(part.mean, one.block.mean[core], rtol=1e-5)
        if part.std is not None:
            np.testing.assert_allclose(part.std, one.block.std[core], atol=1e-3)


def test_several_networks_tell_how_much_they_differ(noisy_scene):
    noisy, _ = noisy_scene("white")
    found = restore(noisy, members=2, **{**SMALL, "steps": 3})
    assert found.std.shape == noisy.shape
    assert (found.std >= 0).all()
    assert found.std.max() > 0


def test_events_come_in_order_and_a_seed_decides(noisy_scene):
    noisy, _ = noisy_scene("white")
    config = RestoreConfig(**{**SMALL, "steps": 3})
    events = [event for event in restoring(noisy, config) if event is not None]
    assert isinstance(events[0], Chosen)
    assert isinstance(events[1], Learning)
    assert events[1].restorer is not None
    assert isinstance(events[-1], Restored)
    again = restore(noisy, config=config)
    np.testing.assert_array_equal(events[-1].image, again.image)


def test_nan_anywhere_ends_it(noisy_scene):
    noisy, _ = noisy_scene("white", (12, 200, 200))
    noisy[5, 150, 40] = np.nan
    with pytest.raises(InputError, match="NaN"):
        restore(noisy, method="gaussian", strength=1.0)


def test_what_a_filter_does_to_structure_is_told(noisy_scene):
    noisy, _ = noisy_scene("white")
    found = restore(noisy, method="gaussian", strength=2.5)
    assert found.removed.structure_went
    assert "shows structure" in found.cautions[0]
