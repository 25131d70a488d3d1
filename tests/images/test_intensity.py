import numpy as np
import pytest

from napari_sciml.errors import InputError
from napari_sciml.images.intensity import IntensityScale, estimate_intensity


class Recorder:
    """A volume that remembers what was read of it."""

    def __init__(self, shape):
        self.shape, self.ndim, self.reads = shape, len(shape), []

    def __getitem__(self, key):
        part = np.zeros(self.shape, np.uint8)[key]
        self.reads.append(part.shape)
        return part + len(self.reads)


@pytest.mark.parametrize("dtype", ["u1", "u2", "i2", "i4", "f2", "f4", "f8", "?"])
def test_apply_widens_every_type(dtype):
    values = np.array([[0, 1], [1, 0]]).astype(dtype)
    mapped = IntensityScale(offset=0.5, scale=4).apply(values)
    assert mapped.dtype == np.float32
    assert mapped.tolist() == [[-2, 2], [2, -2]]


@pytest.mark.parametrize("shape", [(60, 50), (20, 30, 25)])
@pytest.mark.parametrize(("gain", "shift"), [(1, 0), (250, 1000), (1e-3, -5)])
def test_any_scale_comes_out_the_same(shape, gain, shift):
    image = np.random.default_rng(0).normal(size=shape)
    raw = gain * image + shift
    mapped = estimate_intensity(raw).apply(raw)
    assert np.median(mapped) == pytest.approx(0, abs=1e-3)
    low, high = np.percentile(mapped, [2, 98])
    assert (high - low) / 2 == pytest.approx(1, abs=1e-3)
    reference = estimate_intensity(image).apply(image)
    assert np.allclose(mapped, reference, atol=1e-2)


def test_a_few_extreme_voxels_do_not_matter():
    image = np.random.default_rng(0).normal(100, 10, (64, 64))
    plain = estimate_intensity(image)
    image[0, :20], image[1, :20] = 65_535, -65_535
    spoiled = estimate_intensity(image)
    assert spoiled.offset == pytest.approx(plain.offset, abs=1)
    assert spoiled.scale == pytest.approx(plain.scale, rel=0.1)


@pytest.mark.parametrize("value", [0, 7, 65_535])
def test_constant_image(value):
    image = np.full((10, 10), value, np.uint16)
    assert not estimate_intensity(image).apply(image).any()


def test_nearly_constant_image():
    image = np.zeros((100, 100))
    image[:3, :3] = 5
    mapped = estimate_intensity(image).apply(image)
    assert np.isfinite(mapped).all()
    assert 1 < mapped.max() < 100


@pytest.mark.parametrize(
    ("shape", "blocks"), [((500, 600), 16), ((300, 200, 250), 64), ((40, 999), 4)]
)
def test_little_is_read(shape, blocks):
    recorder = Recorder(shape)
    estimate_intensity(recorder)
    assert len(recorder.reads) == blocks
    assert all(n in (32, 40) for read in recorder.reads for n in read)


def test_blocks_reach_all_corners():
    image = np.zeros((1000, 1000))
    image[-32:, -32:] = 1
    assert estimate_intensity(image).scale != 1


def test_a_large_offset_does_not_swallow_the_contrast() -> None:
    values = 1e8 + np.arange(3, dtype=np.float64).repeat(100)[None]
    mapped = estimate_intensity(values).apply(values)
    assert len(np.unique(mapped)) == 3


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kind", [np.uint16, np.uint32, np.uint64])
def test_numpy_says_nothing_of_what_is_refused(kind) -> None:
    """A NaN that signals makes numpy warn of the cast; a damaged file has such."""
    floats = {np.uint16: np.float16, np.uint32: np.float32, np.uint64: np.float64}
    good = np.ones((8, 8), floats[kind])
    bad = good.copy()
    infinite = np.array(np.inf, floats[kind]).view(kind)
    bad.view(kind)[3, 3] = infinite + kind(1)
    assert np.isnan(bad[3, 3])
    scale = estimate_intensity(good)
    for look in (scale.apply, estimate_intensity):
        with pytest.raises(InputError, match="NaN or infinite"):
            look(bad)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_no_numbers_are_refused(bad: float) -> None:
    values = np.ones((8, 8), np.float32)
    scale = estimate_intensity(values)
    values[3, 3] = bad
    with pytest.raises(InputError, match="NaN or infinite"):
        scale.apply(values)
    with pytest.raises(InputError, match="NaN or infinite"):
        estimate_intensity(values)
