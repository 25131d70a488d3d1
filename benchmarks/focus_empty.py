"""Empty fields that were filtered, and what real fields lose by the test for them."""

import io
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from PIL import Image
from scipy import ndimage as ndi
from skimage import io as skio
from skimage import restoration

from napari_sciml.focus.model import FocusModel
from napari_sciml.focus.training.optics import airy_psf, blur

Rows = list[dict[str, Any]]
Array = np.ndarray[Any, Any]
SHAPE = (420, 504)
Y, X = np.mgrid[: SHAPE[0], : SHAPE[1]]


def cameras(seed: int) -> dict[str, Array]:
    """Fields of seven cameras with nothing in them."""
    rng = np.random.default_rng(seed)
    stripes = rng.normal(0, 8, (SHAPE[0], 1)) + rng.normal(0, 8, (1, SHAPE[1]))
    dark = ((Y - 200) / SHAPE[0]) ** 2 + ((X - 270) / SHAPE[1]) ** 2
    hot = 600.0 * (rng.random(SHAPE) < 3e-4)
    return {
        "400 photons": rng.poisson(400, SHAPE).astype(float),
        "20 photons": rng.poisson(20, SHAPE).astype(float),
        "2 photons, read noise": rng.poisson(2, SHAPE) + rng.normal(100, 1.5, SHAPE),
        "8 bits": np.round(rng.normal(120, 4, SHAPE)),
        "stripes": rng.poisson(400, SHAPE) + stripes,
        "shading": rng.poisson(3000 * (1 - 0.9 * dark)).astype(float),
        "hot pixels": rng.poisson(400, SHAPE) + hot,
    }


def _jpeg(image: Array, quality: int) -> Array:
    low, high = np.percentile(image, [0.1, 99.9])
    eight = np.clip(np.round((image - low) / max(high - low, 1e-9) * 200 + 20), 0, 255)
    buffer = io.BytesIO()
    Image.fromarray(eight.astype(np.uint8)).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))


def _mosaic(image: Array) -> Array:
    y, x = np.indices(image.shape)
    red, blue = (y % 2 == 0) & (x % 2 == 0), (y % 2 == 1) & (x % 2 == 1)
    cross = np.array([[0, 1, 0], [1, 4, 1], [0, 1, 0]]) / 4
    square = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]]) / 4
    parts = ((red, square), (~(red | blue), cross), (blue, square))
    colors = [ndi.convolve(image * where, kernel) for where, kernel in parts]
    return np.mean(np.round(colors), axis=0)


def _zoomed(image: Array, factor: float, order: int) -> Array:
    y, x = (int(length / max(factor, 1)) for length in image.shape)
    return ndi.zoom(image[:y, :x], factor, order=order)


def _turned(image: Array, angle: float, order: int) -> Array:
    return ndi.rotate(image, angle, reshape=False, order=order, mode="reflect")


def _sharpened(image: Array) -> Array:
    return image + 1.5 * (image - ndi.gaussian_filter(image, 1.5))


def _binned(image: Array) -> Array:
    y, x = (length // 2 for length in image.shape)
    return image[: 2 * y, : 2 * x].reshape(y, 2, x, 2).mean((1, 3))


def _bilateral(image: Array) -> Array:
    span = float(np.ptp(image))
    return restoration.denoise_bilateral(
        (image - image.min()) / span, sigma_color=1.5 * image.std() / span,
        sigma_spatial=2,
    )  # fmt: skip


def _non_local(image: Array, strength: float) -> Array:
    return restoration.denoise_nl_means(
        image, h=strength * image.std(), patch_size=7, patch_distance=5
    )


Filter = Callable[[Array], Array]
TUNED: dict[str, Filter] = {
    "raw": lambda f: f,
    "median 3": lambda f: ndi.median_filter(f, 3),
    "mean 3": lambda f: ndi.uniform_filter(f, 3),
    "mean 5": lambda f: ndi.uniform_filter(f, 5),
    "gaussian 1": lambda f: ndi.gaussian_filter(f, 1),
    "gaussian 2": lambda f: ndi.gaussian_filter(f, 2),
    "enlarged 2, linear": lambda f: _zoomed(f, 2, 1),
    "turned 3°": lambda f: _turned(f, 3, 1),
    "turned 17°": lambda f: _turned(f, 17, 1),
    "median 3, JPEG 75": lambda f: _jpeg(ndi.median_filter(f, 3), 75),
    "mosaic": _mosaic,
    "sharpened": _sharpened,
}
"""The numbers of the test were found with these, on the first four cameras."""
OTHERS: dict[str, Filter] = {
    "median 5": lambda f: ndi.median_filter(f, 5),
    "median 3, twice": lambda f: ndi.median_filter(ndi.median_filter(f, 3), 3),
    "gaussian 1.5": lambda f: ndi.gaussian_filter(f, 1.5),
    "enlarged 1.5, linear": lambda f: _zoomed(f, 1.5, 1),
    "enlarged 3, linear": lambda f: _zoomed(f, 3, 1),
    "enlarged 2, cubic": lambda f: _zoomed(f, 2, 3),
    "shrunk 0.7": lambda f: _zoomed(f, 0.7, 1),
    "turned 30°, cubic": lambda f: _turned(f, 30, 3),
    "JPEG 50": lambda f: _jpeg(f, 50),
    "JPEG 90": lambda f: _jpeg(f, 90),
    "mosaic, JPEG 85": lambda f: _jpeg(_mosaic(f), 85),
    "median 3, binned": lambda f: _binned(ndi.median_filter(f, 3)),
    "median 3, sharpened": lambda f: _sharpened(ndi.median_filter(f, 3)),
    "bilateral": _bilateral,
    "non-local means, 0.6": lambda f: _non_local(f, 0.6),
    "non-local means, 1": lambda f: _non_local(f, 1.0),
}
LEVELS = (0, 1, 3, 6, 10)
PHOTONS = (100, 1000)


def empty(models: dict[str, FocusModel], files: Any, seed: int) -> Rows:
    """Share of empty fields that are not undetermined; tiles that real fields lose."""
    fields = cameras(seed)
    rows: Rows = []
    for name, model in models.items():
        for known, filters in (("tuned", TUNED), ("other", OTHERS)):
            for kind, through in filters.items():
                wrong = [
                    camera
                    for camera, field in fields.items()
                    if not model.rate(through(field), device="cpu").blank.all()
                ]
                rows.append(
                    {"model": name, "kind": kind, "filter": known,
                     "fields": len(fields), "share called anything": len(wrong)
                     / len(fields), "which": ", ".join(wrong)}
                )  # fmt: skip
        rows += [{"model": name, **row} for row in _losses(model, files, seed)]
    return rows


def _losses(model: FocusModel, files: Any, seed: int) -> Iterator[dict[str, Any]]:
    paths = [path for _, path in files["test"]]
    images = [skio.imread(path).astype(float)[: SHAPE[0], : SHAPE[1]] for path in paths]
    for level in LEVELS:
        psf = airy_psf(z=2.0 * level)
        blurred = [blur(image, psf) for image in images]
        for photons in PHOTONS:
            rng = np.random.default_rng(seed)
            shots = [_shot(image, photons, rng) for image in blurred]
            yield _lost(model, f"level {level}, {photons} photons", shots)
    for kind in ("median 3", "median 5", "gaussian 2", "enlarged 2, linear",
                 "turned 17°", "JPEG 50", "mosaic", "bilateral"):  # fmt: skip
        through = {**TUNED, **OTHERS}[kind]
        yield _lost(model, kind, [through(image) for image in images])


def _shot(image: Array, photons: float, rng: np.random.Generator) -> Array:
    low, high = np.percentile(image, [1, 99.7])
    light = np.clip((image - low) / (high - low), 0, 1.5) + 0.02
    return rng.poisson(light * photons) + rng.normal(0, 3, image.shape) + 100


def _lost(model: FocusModel, kind: str, images: list[Array]) -> dict[str, Any]:
    """What of the tiles and verdicts that networks are sure of the test takes away."""
    kept = lost = verdicts = 0
    for image in images:
        result = model.rate(image, device="cpu")
        noise = sum(
            float(np.ptp(image[y : y + result.tile, x : x + result.tile])) > 0
            for row, column in np.argwhere(result.unusable)
            for y, x in [(result.ys[row], result.xs[column])]
        )
        kept, lost = kept + int((~result.blank).sum()), lost + noise
        verdicts += bool(noise) and result.image().undetermined
    return {
        "kind": f"real fields, {kind}", "fields": len(images),
        "tiles": kept + lost, "share lost": lost / max(kept + lost, 1),
        "verdicts lost": verdicts,
    }  # fmt: skip
