import time

import numpy as np
import pytest

from napari_sciml.errors import InputError
from napari_sciml.images.channels import ChannelImage
from napari_sciml.images.lazy import LazyArray
from napari_sciml.restoration.choice import choose_axis, choose_method
from napari_sciml.restoration.noise import noise_report


@pytest.mark.parametrize(
    ("kind", "family"), [("white", "pixel"), ("slice", "slice"), ("camera", "pixel")]
)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_each_kind_of_noise_has_its_method(scene, kind, family, seed):
    report = noise_report(scene(kind, seed=seed)[0])
    assert choose_method("auto", report) == family


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_noise_that_is_correlated_everywhere_is_refused(scene, seed):
    report = noise_report(scene("3d", seed=seed)[0])
    assert not report.trusted
    with pytest.raises(InputError, match=r"no method that learns .* tv, nlm or gauss"):
        choose_method("auto", report)


@pytest.mark.parametrize(("shape", "kind"), [((24, 64, 64), "white"), ((96, 96), "3d")])
def test_level_and_correlation_are_those_of_the_noise(scene, shape, kind):
    report = noise_report(scene(kind, shape=shape, sd=12.0)[0])
    assert report.sd == pytest.approx(12, rel=0.25)
    expected = 0.78 if kind == "3d" else 0.0
    assert [lags[0] for lags in report.correlation] == pytest.approx(
        [expected] * len(shape), abs=0.2
    )


def test_slices_may_be_independent_along_another_axis(scene):
    noisy, _ = scene("slice", shape=(64, 96, 96))
    turned = np.moveaxis(noisy, 0, 2)
    report = noise_report(turned)
    assert choose_method("auto", report) == "slice"
    assert report.axes[choose_axis("auto", "slice", report)] == "x"


class Endless(LazyArray):
    """White noise of a size that no memory holds; counts what is read."""

    read = 0

    def _read(self, key):
        shape = [
            len(range(*part.indices(n)))
            for part, n in zip(key, self.shape, strict=True)
        ]
        self.read += int(np.prod(shape))
        return np.random.default_rng(0).normal(100, 5, shape)


def test_a_volume_of_any_size_takes_two_seconds():
    image = Endless((20_000, 20_000, 20_000), np.dtype(np.float32))
    start = time.process_time()
    report = noise_report(image)
    assert time.process_time() - start < 2
    assert image.read < 2**22
    assert report.sd == pytest.approx(5, rel=0.05)


def test_the_sentence_says_what_can_be_trusted(scene):
    said = noise_report(scene("slice")[0]).sentence
    assert "correlated over" in said
    assert "in y, x" in said
    assert "slices along z can be used" in said


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda a: np.full_like(a, 7), "constant"),
        (lambda a: np.where(a > a.mean(), np.nan, a), "NaN or infinite"),
        (lambda a: ChannelImage(np.stack([a] * 3, -1)), "3 channels"),
        (lambda a: a[:1], "too small"),
        (lambda a: a[:, :8, :8], "too small"),
        (lambda a: a[None], "4 axes"),
    ],
)
def test_what_cannot_be_judged_is_refused(scene, change, words):
    with pytest.raises(InputError, match=words):
        noise_report(change(scene()[0]))


def test_dead_pixels_and_masked_parts_are_not_its_noise(scene):
    counts = np.random.default_rng(0).poisson(20.0, (256, 256)).astype(np.int32)
    counts[100:117] = -1
    counts[:, 40:47] = -2
    masked = scene()[0]
    masked[:, :24] = 0
    assert noise_report(counts).independent
    assert noise_report(masked).sd == pytest.approx(10, rel=0.15)


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("dfnn_focus_stack/mitochondria_stack_y80-760_x160-400.tif", ("pixel",)),
        ("quanfima_polymer3d/polymer3d_128.tif", ()),
        ("trailmap_axons/train_volume.tif", ()),
        ("musclex_pilatus_saxs/P40_1_3_00000.tif", ("pixel",)),
    ],
)
def test_real_images(shared_data, name, family):
    from napari_sciml.io.images.reading import open_volume

    report = noise_report(open_volume(shared_data / name).data)
    assert (report.trusted[:1]) == family
