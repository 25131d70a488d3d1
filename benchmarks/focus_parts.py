"""The parts of the focus benchmark; see focus.py."""

import hashlib
import io
import json
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from focus_empty import empty
from focus_stacks import nuclei_stacks
from scipy.ndimage import gaussian_filter
from scipy.stats import rankdata, spearmanr
from skimage import io as skio

from napari_sciml.focus.model import FocusModel
from napari_sciml.focus.rating.measures import MEASURES, measure_tiles
from napari_sciml.focus.rating.result import pool
from napari_sciml.focus.training.optics import (
    airy_psf,
    blur,
    disk_psf,
    gaussian_psf,
    thick_psf,
)
from napari_sciml.focus.training.textures import texture

Models = dict[str, FocusModel]
Rows = list[dict[str, Any]]
Files = dict[str, list[tuple[str, Path]]]
Fields = list[tuple[str, np.ndarray]]
LEVELS, EDGE = np.arange(11), 336
EXPOSURES = (0.1, 0.3, 1.0, 2.0)
PHOTONS, READ, OFFSET = 1000.0, 3.0, 100.0


def hexagon_psf(diameter: float) -> np.ndarray:
    """Blur of an iris with six blades."""
    line = np.arange(51) - 25.0
    y, x = np.meshgrid(line, line, indexing="ij")
    reach = np.max(
        [np.abs(y * np.sin(a) + x * np.cos(a)) for a in np.arange(3) * np.pi / 3], 0
    )
    psf = np.clip(diameter / 2 * 0.95 + 0.5 - reach, 0, 1)
    return psf / psf.sum()


FAMILIES: dict[str, Callable[[float], np.ndarray]] = {
    "airy": lambda k: airy_psf(z=2.0 * k),
    "airy, NA 0.8": lambda k: airy_psf(
        z=k * 3 * 0.325 / 1.6, na=0.8, pixel=0.325, wavelength=0.6
    ),
    "thick": lambda k: thick_psf(2.0 * k, 2.0),
    "disk": lambda k: disk_psf(1 + 3 * k),
    "gaussian": lambda k: gaussian_psf(1 + 3 * k),
    # Half a wave of it moves the best focus to 2 µm; levels count from there.
    "spherical aberration": lambda k: airy_psf(z=2.0 * k + 2.0, spherical=0.5),
    "six-bladed iris": lambda k: hexagon_psf(1 + 3 * k),
}


def verified(folder: Path, manifest: Path) -> Files:
    """Files of the manifest by role, after a look at their checksums."""
    files: Files = defaultdict(list)
    for entry in json.loads(manifest.read_text(encoding="utf-8")):
        path = folder / entry["file"]
        if hashlib.sha256(path.read_bytes()).hexdigest() != entry["sha256"]:
            raise SystemExit(f"{path} is not the file that the manifest means.")
        files[entry["role"]].append((entry["instrument"], path))
    return files


def _field(path: Path) -> np.ndarray:
    return prepared(skio.imread(path))


def prepared(image: np.ndarray) -> np.ndarray:
    """The middle of a field, background 0, bright structure 1."""
    image = image.astype(float)
    y, x = ((n - EDGE) // 2 for n in image.shape)
    image = image[max(y, 0) : y + EDGE + 80, max(x, 0) : x + EDGE + 80][:EDGE, :EDGE]
    low, high = np.percentile(image, [1, 99.7])
    return np.clip((image - low) / (high - low), 0, 1.5)


def _shot(image: np.ndarray, exposure: float, rng: np.random.Generator) -> np.ndarray:
    photons = rng.poisson(np.maximum(image, 0) * PHOTONS * exposure)
    noisy = photons + rng.normal(0, READ, image.shape) + OFFSET
    return np.clip(np.round(noisy), 0, 65535).astype(np.uint16)


def _fields(files: Files) -> Fields:
    return [(instrument, _field(path)) for instrument, path in files["test"]]


def _shots(
    fields: Fields, family: str, exposure: float, seed: int
) -> Iterator[tuple[int, str, int, np.ndarray]]:
    rng = np.random.default_rng(seed)
    psfs = [FAMILIES[family](float(k)) for k in LEVELS]
    for number, (instrument, sharp) in enumerate(fields):
        for level, psf in enumerate(psfs):
            yield number, instrument, level, _shot(blur(sharp, psf), exposure, rng)


def synthetic(models: Models, files: Files, seed: int) -> Rows:
    """Held-out instruments: the matched PSF at four exposures, then all families."""
    rows: Rows = []
    matched = [("airy", exposure) for exposure in EXPOSURES]
    fields = _fields(files)
    tables = {plan: rated(models, fields, *plan, seed) for plan in matched}
    pooled = pd.concat(tables.values())
    rows += [_scores(pooled, name, "airy, all exposures", seed) for name in models]
    for instrument in pooled.instrument.unique():
        part = pooled[pooled.instrument == instrument]
        rows += [_scores(part, name, f"airy, {instrument}", seed) for name in models]
    rows += [_scores(tables["airy", 1.0], name, "airy", seed) for name in models]
    for family in list(FAMILIES)[1:]:
        table = rated(models, fields, family, 1.0, seed)
        rows += [_scores(table, name, family, seed) for name in models]
    return rows


def rated(
    models: Models, fields: Fields, family: str, exposure: float, seed: int
) -> pd.DataFrame:
    """Rate every field at every level: a row a field, level and model."""
    rows = []
    for field, instrument, level, shot in _shots(fields, family, exposure, seed):
        for name, model in models.items():
            result = model.rate(shot, device="cpu")
            tiles = result.probabilities.reshape(-1, 11)
            # Forced choice: no image may hide behind "undetermined".
            p = pool(tiles)
            hit = (tiles.argmax(1) == level).astype(float)
            rows.append(
                {
                    "model": name, "field": field, "instrument": instrument,
                    "level": level, "predicted": int(p.argmax()),
                    "expected": float(p @ LEVELS), "inside": float(p[:3].sum()),
                    "blank": float(result.blank.mean()),
                    "tile_confidence": tiles.max(1), "tile_hit": hit,
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def _scores(table: pd.DataFrame, model: str, what: str, seed: int) -> dict[str, Any]:
    own = table[table.model == model]
    fields = dict(list(own.groupby("field")))
    rng = np.random.default_rng(seed)
    keys = list(fields)
    drawn = []
    for _ in range(200):
        some = rng.choice(keys, len(keys))
        drawn.append(few(pd.concat([fields[k] for k in some])))
    low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
    exact, within, rho, f1 = few(own)
    return {
        "test": what, "model": model, "fields": len(keys), "exact": exact,
        "±1": within, "±1 95 %": f"{low[1]:.2f}-{high[1]:.2f}",
        "rank": rho, "rank 95 %": f"{low[2]:.2f}-{high[2]:.2f}",
        "F1": f1, "F1 95 %": f"{low[3]:.2f}-{high[3]:.2f}",
        "tile ECE": tile_ece(own), "blank tiles": float(own.blank.mean()),
    }  # fmt: skip


def few(table: pd.DataFrame) -> tuple[float, float, float, float]:
    """Exact, within one level, rank correlation, F1 of in focus."""
    error = (table.predicted - table.level).abs()
    rho = spearmanr(table.expected, table.level).statistic
    f1 = _f1((table.inside > 0.5).to_numpy(), (table.level <= 2).to_numpy())
    return float((error == 0).mean()), float((error <= 1).mean()), float(rho), f1


def _f1(said: np.ndarray, true: np.ndarray) -> float:
    both = float((said & true).sum())
    return 2 * both / max(float(said.sum() + true.sum()), 1.0)


def tile_ece(table: pd.DataFrame) -> float:
    """Expected calibration error of the tiles, 15 bins."""
    confidence = np.concatenate(table.tile_confidence.to_list())
    hit = np.concatenate(table.tile_hit.to_list())
    bins = np.minimum((confidence * 15).astype(int), 14)
    return float(
        sum(
            (bins == b).mean()
            * abs(confidence[bins == b].mean() - hit[bins == b].mean())
            for b in np.unique(bins)
        )
    )


def scalars(models: Models, files: Files, seed: int) -> Rows:
    """Classic measures and canaries: levels from medians of made-up images only."""
    rng = np.random.default_rng(seed)
    train = []
    for number in range(12):
        sharp = texture(rng, EDGE)
        low, high = np.percentile(sharp, [1, 99.7])
        for level in LEVELS:
            image = blur(
                np.clip((sharp - low) / (high - low), 0, 1.5), FAMILIES["airy"](level)
            )
            shot = _shot(image, float(rng.choice(EXPOSURES)), rng)
            train.append({"field": number, "level": level, **_scalar_values(shot)})
    fitted = pd.DataFrame(train).groupby("level").median()
    rows: Rows = []
    for what, exposures in (("one exposure", (1.0,)), ("all exposures", EXPOSURES)):
        test = pd.DataFrame(
            {"level": level, "field": field, **_scalar_values(shot)}
            for exposure in exposures
            for field, _, level, shot in _shots(_fields(files), "airy", exposure, seed)
        )
        for name in [c for c in test if c not in ("level", "field")]:
            medians = fitted[name].to_numpy()
            predicted = np.abs(test[name].to_numpy()[:, None] - medians).argmin(1)
            rho = (
                spearmanr(test[name], test.level).statistic if name != "constant" else 0
            )
            rows.append(
                {
                    "test": what, "measure": name,
                    "±1": float((np.abs(predicted - test.level) <= 1).mean()),
                    "|rank|, better sign": abs(float(rho)),
                    "F1": _f1(predicted <= 2, (test.level <= 2).to_numpy()),
                    "passes (must not)": bool(abs(rho) >= 0.95),
                }
            )  # fmt: skip
    return rows


def _scalar_values(shot: np.ndarray) -> dict[str, float]:
    table = measure_tiles(shot.astype(float) - OFFSET)
    values = {n: float(table[n].mean()) for n in MEASURES}
    values = {
        n: v if n == "power_slope" else np.log(max(v, 1e-6)) for n, v in values.items()
    }
    noise = float(np.abs(np.diff(shot.astype(float), 2, axis=1)).mean())
    return values | {
        "mean intensity": float(shot.mean()), "noise level": noise, "constant": 0.0
    }  # fmt: skip


def stack(models: Models, files: Files, seed: int) -> Rows:
    """The real light-sheet stack with known defocus."""
    ((_, path),) = files["stack"]
    image = skio.imread(path)
    z = 0.95 - 0.05 * np.arange(len(image))
    z = pd.read_csv(path.with_name("defocus.csv")).defocus_um.to_numpy()
    rows: Rows = []
    for name, model in models.items():
        best = model.rate(image, device="cpu").best_plane()
        ok = np.isfinite(best.curve)
        rho = spearmanr(best.curve[ok], np.abs(z[ok])).statistic
        rows.append(
            {
                "model": name, "best plane (µm)": float(z[best.index or 0]),
                "rank with |z|": float(rho), "planes undetermined": int((~ok).sum()),
                "level at best": float(np.nanmin(best.curve)),
                "level at worst": float(np.nanmax(best.curve)),
            }
        )  # fmt: skip
    for name in MEASURES:
        table = measure_tiles(image)[name].to_numpy().reshape(len(image), -1).mean(1)
        best_z = float(z[int(table.argmax())])
        rho = -spearmanr(table, np.abs(z)).statistic
        rows.append(
            {"model": name, "best plane (µm)": best_z, "rank with |z|": float(rho)}
        )
    return rows


def nuclei(models: Models, files: Files, seed: int) -> Rows:
    """Made-up stacks of nuclei, most planes blurred beyond the last level."""
    rows: Rows = []
    for kind, image, away in nuclei_stacks():
        rated = {n: model.rate(image, device="cpu") for n, model in models.items()}
        for name, result in rated.items():
            best = result.best_plane()
            ok = np.isfinite(best.curve)
            rho = spearmanr(best.curve[ok], away[ok]).statistic
            rows.append(
                {"model": name, "pixel": kind, "rank with |z|": float(rho),
                 "best plane off by (µm)": float(away[best.index or 0]),
                 "planes undetermined": int((~ok).sum())}
            )  # fmt: skip
    return rows


def blanks(models: Models, files: Files, seed: int) -> Rows:
    """Real tiles without a cell against those with cells, then in 8 bits and JPEG."""
    images = [skio.imread(p) for i, p in files["test"] if i == "BBBC006"]
    rows: Rows = []
    for name, model in models.items():
        for storage in ("16 bits", "8 bits", "JPEG 75", "JPEG 90"):
            empty, full = [], []
            for image in images:
                result = model.rate(_stored(image, storage), device="cpu")
                smooth = gaussian_filter(image.astype(float), 3)
                for at, c in np.ndenumerate(result.certainty):
                    y, x = result.ys[at[0]], result.xs[at[1]]
                    spread = float(np.ptp(smooth[y : y + 84, x : x + 84]))
                    if spread < 8:
                        empty.append(c)
                    elif spread > 100:
                        full.append(c)
            rows.append(
                {
                    "model": name, "storage": storage, "blank": len(empty),
                    "median certainty": float(np.median(empty)),
                    "90 %": float(np.percentile(empty, 90)),
                    "with cells": float(np.median(full)),
                    "AUC": _auc(np.array(full), np.array(empty)),
                }
            )  # fmt: skip
        rng = np.random.default_rng(seed)
        noise = np.round(rng.normal(120, 4, (504, 504))).astype(np.uint16)
        whole = model.rate(noise, device="cpu").image()
        rows.append(
            {"model": name, "storage": f"noise only: undetermined {whole.undetermined}"}
        )
    return rows


def _stored(image: np.ndarray, storage: str) -> np.ndarray:
    if storage == "16 bits":
        return image
    low, high = float(image.min()), float(image.max())
    eight = np.round((image - low) / (high - low) * 255).astype(np.uint8)
    if storage == "8 bits":
        return eight
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(eight).save(buffer, "JPEG", quality=int(storage.split()[1]))
    return np.asarray(Image.open(buffer))


def _auc(above: np.ndarray, below: np.ndarray) -> float:
    ranks = rankdata(np.concatenate([above, below]))[: len(above)]
    return float(
        (ranks.sum() - len(above) * (len(above) + 1) / 2) / (len(above) * len(below))
    )


def metamorphic(models: Models, files: Files, seed: int) -> Rows:
    """What must not change a rating, and what binning must do to it."""
    rng = np.random.default_rng(seed)
    fields = [sharp for _, sharp in _fields(files) if has_content(sharp)]
    shots = [
        (k, _shot(blur(sharp, FAMILIES["airy"](float(k))), 1.0, rng))
        for sharp in fields
        for k in LEVELS
    ]
    rows: Rows = []
    for name, model in models.items():

        def expected(image: np.ndarray, model: FocusModel = model) -> float:
            tiles = model.rate(image, device="cpu").probabilities.reshape(-1, 11)
            return float(pool(tiles) @ LEVELS)

        change: dict[str, list[float]] = defaultdict(list)
        for level, shot in shots:
            here = expected(shot)
            change["gain 3, offset 500"].append(expected(shot * 3.0 + 500) - here)
            change["flip"].append(expected(shot[:, ::-1]) - here)
            change["rotation"].append(expected(np.rot90(shot)) - here)
            change["half a tile"].append(expected(shot[42:-42, 42:-42]) - here)
            small = shot.reshape(168, 2, 168, 2).mean((1, 3))
            change["binning, from k/2"].append(expected(small) - level / 2)
        for what, moved in change.items():
            by_level = np.reshape(moved, (len(fields), len(LEVELS)))
            rows.append(
                {"model": name, "change": what, "fields": len(fields),
                 "mean": float(np.abs(moved).mean()),
                 # As the study: a figure a level.
                 "worst level": float(np.abs(by_level.mean(0)).max()),
                 "95 %": float(np.percentile(np.abs(moved), 95)),
                 "worst": float(np.abs(moved).max())}
            )  # fmt: skip
    return rows


def has_content(field: np.ndarray) -> bool:
    """Whether anything in a prepared field rises above its noise.

    A field without cells is noise drawn out to 0..1: it has no focus to be told.
    """
    noise = np.median(np.abs(field - gaussian_filter(field, 1.5)))
    return bool(np.ptp(gaussian_filter(field, 3)) > 5 * noise)


def speed(models: Models, files: Files, seed: int) -> Rows:
    """An image of 2016 x 2016, the model loaded before."""
    image = np.random.default_rng(seed).integers(0, 4000, (2016, 2016), dtype=np.uint16)
    rows: Rows = []
    for name, model in models.items():
        model.rate(image[:84, :84], device="cpu")
        took = []
        for _ in range(3):
            start = time.perf_counter()
            tiles = model.rate(image, device="cpu").level.size
            took.append(time.perf_counter() - start)
        rows.append({"model": name, "tiles": tiles, "seconds": min(took)})
    return rows


def bbbc006(models: Models, folder: Path) -> Rows:
    """Real planes of BBBC006: the level by distance from each field's best plane."""
    fields: dict[str, dict[int, Path]] = defaultdict(dict)
    for path in sorted(folder.rglob("*.tif")):
        plane = re.search(r"z_?(\d\d)", str(path.parent.name))
        place = re.search(r"([a-p]\d\d)_s(\d)_w1", path.name)
        if plane and place:
            fields["_".join(place.groups())][int(plane.group(1))] = path
    whole = {k: v for k, v in fields.items() if len(v) >= 20}
    if not whole:
        raise SystemExit(f"{folder} holds no z-planes such as BBBC006_v1_images_z_16.")
    rows: Rows = []
    for name, model in models.items():
        table = []
        for field, planes in whole.items():
            zs = np.array(sorted(planes))
            images = [skio.imread(planes[z]) for z in zs]
            sharp = [measure_tiles(i)["tenengrad"].mean() for i in images]
            best = zs[int(np.argmax(sharp))]  # a judge that is not the model
            for z, image in zip(zs, images, strict=True):
                um = 2.0 * abs(int(z) - int(best))
                level = min(10, round(um * 2 * 0.45 / 0.65 / 3.08))
                p = pool(model.rate(image, device="cpu").probabilities.reshape(-1, 11))
                table.append(
                    {
                        "model": name, "field": field, "level": level,
                        "predicted": int(p.argmax()), "expected": float(p @ LEVELS),
                        "inside": float(p[:3].sum()),
                    }
                )  # fmt: skip
        exact, within, rho, f1 = few(pd.DataFrame(table))
        rows.append(
            {"model": name, "fields": len(whole), "exact": exact, "±1": within,
             "rank": rho, "F1": f1}
        )  # fmt: skip
    return rows


PARTS: dict[str, Callable[[Models, Files, int], Rows]] = {
    "stack": stack,
    "nuclei": nuclei,
    "blanks": blanks,
    "empty": empty,
    "metamorphic": metamorphic,
    "speed": speed,
    "scalars": scalars,
    "synthetic": synthetic,
}
