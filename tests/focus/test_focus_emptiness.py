"""Empty fields are undetermined whatever they went through; scenes stay rated."""

import io

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage as ndi
from skimage import io as skio

from napari_sciml.focus.model import pretrained
from napari_sciml.focus.rating.emptiness import NoiseTest
from napari_sciml.focus.training.optics import airy_psf, blur

SHAPE = (336, 420)
ROWS, COLUMNS = np.mgrid[: SHAPE[0], : SHAPE[1]]


@pytest.fixture(scope="module")
def model():
    return pretrained()


def _noise(photons=400, seed=0):
    light = np.random.default_rng(seed).poisson(photons, SHAPE)
    return light.astype(np.float64)


def _jpeg(image, quality):
    low, high = image.min(), image.max()
    buffer = io.BytesIO()
    eight = np.round((image - low) / (high - low) * 255).astype(np.uint8)
    Image.fromarray(eight).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))


def _mosaic(image):
    """A color camera: one color a pixel, the others interpolated; their mean."""
    red = (ROWS % 2 == 0) & (COLUMNS % 2 == 0)
    blue = (ROWS % 2 == 1) & (COLUMNS % 2 == 1)
    cross = np.array([[0, 1, 0], [1, 4, 1], [0, 1, 0]]) / 4
    square = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]]) / 4
    kernels = (square, cross, square)
    planes = [image * red, image * ~(red | blue), image * blue]
    colors = [ndi.convolve(p, k) for p, k in zip(planes, kernels, strict=True)]
    return np.mean(np.round(colors), axis=0)


def _with_stripes(image):
    rng = np.random.default_rng(1)
    rows, columns = rng.normal(0, 8, (SHAPE[0], 1)), rng.normal(0, 8, (1, SHAPE[1]))
    return image + rows + columns


def _with_hot_pixels(image):
    return image + 600 * (np.random.default_rng(2).random(SHAPE) < 3e-4)


def _shaded():
    distance = ((ROWS - 150) / 336) ** 2 + ((COLUMNS - 230) / 420) ** 2
    return _noise(3000 * (1 - 0.8 * distance))


FILTERS = {
    "raw": lambda image: image,
    "median 3": lambda image: ndi.median_filter(image, 3),
    "median 5": lambda image: ndi.median_filter(image, 5),
    "mean 3": lambda image: ndi.uniform_filter(image, 3),
    "gaussian 2": lambda image: ndi.gaussian_filter(image, 2),
    "enlarged": lambda image: ndi.zoom(image[::2, ::2], 2, order=1),
    "cubic": lambda image: ndi.zoom(image[:224, :280], 1.5, order=3),
    "turned": lambda image: ndi.rotate(
        image, 3, reshape=False, order=1, mode="reflect"
    ),
    "mosaic": _mosaic,
    "jpeg 75": lambda image: _jpeg(image, 75),
    "despeckled jpeg": lambda image: _jpeg(ndi.median_filter(image, 3), 85),
}


@pytest.mark.situation(
    "Focus",
    "empty field, raw, denoised, resampled, turned, JPEG, color camera",
    "undetermined",
)
@pytest.mark.parametrize("name", FILTERS)
def test_an_empty_field_is_undetermined_whatever_it_went_through(model, name):
    result = model.rate(FILTERS[name](_noise()), device="cpu")
    assert result.image().undetermined
    assert result.certainty.max() < 0.25


@pytest.mark.parametrize(
    "image",
    [_noise(20), _with_stripes(_noise()), _with_hot_pixels(_noise()), _shaded()],
    ids=["dim", "stripes", "hot pixels", "shading"],
)
def test_so_is_a_despeckled_one_of_another_camera(model, image):
    image = ndi.median_filter(image, 3)
    assert model.rate(image, device="cpu").image().undetermined


def test_an_empty_stack_has_no_best_plane(model):
    stack = np.stack([ndi.median_filter(_noise(seed=n), 3) for n in range(3)])
    assert model.rate(stack, device="cpu").best_plane().index is None


def test_one_cell_in_a_despeckled_field_is_rated_alone(model):
    distance = np.hypot(ROWS - 120, COLUMNS - 130)
    cell = 300 * (distance < 14) + 80 * np.sin(COLUMNS / 2) * (distance < 14)
    field = ndi.median_filter(_noise(400 + ndi.gaussian_filter(cell, 1)), 3)
    blank = model.rate(field, device="cpu").blank
    np.testing.assert_array_equal(np.argwhere(~blank), [[1, 1]])


def _beads(count, sigma):
    rng = np.random.default_rng(4)
    light = np.zeros(SHAPE)
    light[rng.integers(0, SHAPE[0], count), rng.integers(0, SHAPE[1], count)] = 1
    light = ndi.gaussian_filter(light, sigma)
    return _noise(100 + 800 * light / light.max())


@pytest.mark.parametrize(
    "image",
    [_beads(300, 1.3), _beads(300, 4), _beads(40, 3), _beads(1500, 1.5)],
    ids=["beads", "blurred beads", "few beads", "many beads"],
)
@pytest.mark.parametrize("through", ["raw", "median 3", "turned", "jpeg 75"])
def test_made_up_scenes_lose_nothing(image, through):
    assert not _noise_in(FILTERS[through](image)).any()


def _noise_in(image):
    """Tiles of noise, if a network were sure of all."""
    rows, columns = (length // 84 for length in image.shape)
    image = np.asarray(image, float)[: 84 * rows, : 84 * columns]
    tiles = image.reshape(rows, 84, columns, 84).swapaxes(1, 2).reshape(-1, 84, 84)
    test = NoiseTest()
    test.add(tiles, np.ones(len(tiles), bool))
    return test.noise()


@pytest.mark.parametrize("change", [0, 2, 6, 10, "median 3", "turned", "jpeg 75"])
def test_real_fields_keep_their_tiles(shared_data, change):
    """In focus, blurred by the levels that the numbers tell, and filtered."""
    folder = shared_data / "in_focus_microscopy"
    if not folder.is_dir():
        pytest.skip(f"needs the images in {folder}")
    for name in ("ExampleFly_images_01_POS002_D", "17P1_POS0013_D_1UL"):
        image = skio.imread(next(folder.glob(f"{name}.*"))).astype(float)
        image = image[: SHAPE[0], : SHAPE[1]]
        if isinstance(change, str):
            changed = FILTERS[change](image)
        else:
            changed = blur(image, airy_psf(z=2.0 * change))
        assert not _noise_in(changed).any()


@pytest.mark.parametrize("edge", [42, 84, 168])
def test_tiles_of_any_edge_and_unsure_ones_are_taken(edge):
    noise = ndi.median_filter(_noise(), 3)[:168, :168]
    tiles = noise.reshape(168 // edge, edge, -1, edge).swapaxes(1, 2)
    tiles = tiles.reshape(-1, edge, edge)
    test = NoiseTest()
    test.add(tiles, np.zeros(len(tiles), bool))
    test.add(tiles, np.arange(len(tiles)) == 0)
    found = test.noise()
    assert found[len(tiles)]
    assert found.sum() == 1
