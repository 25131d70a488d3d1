import numpy as np
import pytest

from napari_sciml.restoration.stabilizing import (
    StabilizedImage,
    Stabilizer,
    measure_stabilizer,
)


def photons(gain=2.0, offset=100.0, read=3.0, shape=(16, 128, 128), seed=0):
    """A camera on something that is three times as bright in one corner."""
    rng = np.random.default_rng(seed)
    clean = 40 + 80 * np.indices(shape)[2] / shape[2]
    counts = rng.poisson(clean) * gain + offset + rng.normal(0, read, shape)
    return np.rint(counts).astype(np.uint16), clean * gain + offset


def test_gain_and_base_are_those_of_the_camera():
    image, _ = photons()
    found = measure_stabilizer(image)
    assert found.gain == pytest.approx(2.0, rel=0.2)
    assert found.base + found.gain * 200 == pytest.approx(9 + 2 * 100, rel=0.2)
    noise = StabilizedImage(image, found)[...]
    parts = [part.std(axis=(0, 1)).mean() for part in np.array_split(noise, 4, 2)]
    assert parts == pytest.approx([1.0] * 4, abs=0.15)


@pytest.mark.parametrize("mean", [0.7, 3.0, 20.0, 300.0])
def test_no_photon_is_lost_on_the_way_there_and_back(mean):
    counts = np.random.default_rng(0).poisson(mean, 100_000)
    one = Stabilizer(1.0, 0.0)
    back = one.invert(one.apply(counts).mean(keepdims=True))
    assert back[0] == pytest.approx(mean, rel=0.015, abs=0.01)


def test_even_noise_and_noise_that_is_structure_are_left_alone(scene):
    for kind in ("white", "slice"):
        assert measure_stabilizer(scene(kind)[0]) is None
    assert measure_stabilizer(np.random.default_rng(0).normal(size=(40, 40))) is None


def test_a_counting_detector_is_known():
    counts = np.random.default_rng(0).poisson(2.0, (128, 128)).astype(np.int32)
    counts[60:64] = -1
    assert measure_stabilizer(counts) == Stabilizer(1.0, 0.0)


def test_an_error_grows_as_the_inverse_does():
    one = Stabilizer(2.0, 5.0)
    values = np.array([3.0, 10.0, 40.0])
    step = (one.invert(values + 0.01) - one.invert(values - 0.01)) / 0.02
    assert one.slope(values) == pytest.approx(step, rel=0.06)
