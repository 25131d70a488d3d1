"""The folder of an exploration: a table, the descriptions, and two pictures."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from napari_sciml.errors import InputError, first_line
from napari_sciml.exploring.config import ExploreConfig
from napari_sciml.exploring.result import MAP_WORDS, Explored
from napari_sciml.exploring.scaling import Scaling
from napari_sciml.images.volume import SPATIAL_AXES
from napari_sciml.io.images.npy_header import check_npy
from napari_sciml.io.models.image_model import save_image_model
from napari_sciml.io.provenance import json_text
from napari_sciml.json_files import UnreadableError, read_object

if TYPE_CHECKING:
    from napari_sciml.exploring.objects import Objects
    from napari_sciml.exploring.patches import PatchGrid, WholeImages

TABLE, LATENT, SUMMARY = "patches.csv", "latent.npy", "summary.json"
SCALING = "scaling.npy"
MAP, GRID, MODEL = "map.png", "grid.png", "model"
NOISE = "#9a9a9a"


def write_exploration(
    explored: Explored,
    folder: Path,
    patches: "PatchGrid | WholeImages | Objects",
    *,
    voxel_size: Sequence[float],
    unit: str,
    names: Sequence[str],
    record: dict[str, Any],
) -> None:
    """Write all files of an exploration into a folder that is there.

    Parameters
    ----------
    explored
        The result.
    folder
        Best one that `napari_sciml.io.atomic.atomic_path` moves when it is whole.
    patches
        What was explored, for the thumbnails.
    voxel_size, unit
        Of a voxel along each axis.
    names
        Of the image, or of each image.
    record
        For ``summary.json``.
    """
    from napari_sciml.exploring.thumbnails import nearest_to_centers, picture

    table = table_of(explored, voxel_size, unit, names)
    table.to_csv(folder / TABLE, index=False)
    _save(folder / LATENT, explored.latent)
    if explored.scaling is not None:
        scaling = explored.scaling
        _save(folder / SCALING, np.stack([scaling.center, scaling.spread]))
    draw_map(explored, folder / MAP)
    chosen = nearest_to_centers(explored.plane)
    draw_grid(picture(chosen, patches.thumbnail), folder / GRID)
    if explored.encoder is not None:
        save_image_model(explored.encoder, folder / MODEL)
    whole = record | {
        "config": explored.config,
        "map": explored.map,
        "patch_size": explored.size,
        "objects": explored.objects,
        "correlation": explored.correlation,
        "cautions": explored.cautions,
    }
    (folder / SUMMARY).write_text(json_text(whole, indent=1) + "\n", "utf-8")


def _save(path: Path, values: np.ndarray) -> None:
    # Into a file itself numpy writes so that a full disk is an error without a number.
    buffer = io.BytesIO()
    np.save(buffer, values, allow_pickle=False)
    path.write_bytes(buffer.getbuffer())


def table_of(
    explored: Explored, voxel_size: Sequence[float], unit: str, names: Sequence[str]
) -> pd.DataFrame:
    """Make the table of patches.

    Returns
    -------
    DataFrame
        A row a patch: ``patch``, its number; ``image``, its name; ``z``, ``y``, ``x``,
        the center in voxels; ``world_z`` … in ``unit``; ``map_x``, ``map_y``;
        ``cluster``, -1 for none; ``oddness``; ``error`` of an autoencoder.
    """
    axes = SPATIAL_AXES[explored.places.shape[1]]
    numbers = explored.images
    images = [names[0]] * len(explored)
    if numbers is not None:
        images = [names[i] for i in numbers]
    table = pd.DataFrame({"patch": np.arange(len(explored)), "image": images})
    for axis, column in zip(axes, explored.places.T, strict=True):
        table[axis] = column
    for axis, column, edge in zip(axes, explored.places.T, voxel_size, strict=True):
        table[f"world_{axis}"] = column * edge
    table["unit"] = unit
    table["map_x"], table["map_y"] = explored.plane.T
    table["cluster"] = explored.clusters
    table["oddness"] = explored.oddness
    if explored.error is not None:
        table["error"] = explored.error
    return table


def read_exploration(folder: str | Path) -> Explored:
    """Read what `write_exploration` wrote, without the encoder.

    Raises
    ------
    InputError
        When the folder is no exploration, or damaged.
    """
    folder = Path(folder)
    try:
        summary = read_object(folder / SUMMARY)
        config = ExploreConfig.model_validate(summary["config"])
        size = tuple(int(edge) for edge in summary["patch_size"])
        table = pd.read_csv(folder / TABLE)
        latent = _load(folder / LATENT)
        scaling = _scaling(folder / SCALING, latent)
        return _explored(table, latent, size, config, summary, scaling)
    except (UnreadableError, OSError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{folder} is not a whole result of explore ({first_line(error)}): choose "
            f"a folder with {TABLE}, {LATENT} and {SUMMARY}."
        ) from error


def _load(path: Path) -> np.ndarray:
    check_npy(path)
    return np.asarray(np.load(path, allow_pickle=False))


def _scaling(path: Path, latent: np.ndarray) -> Scaling | None:
    """How descriptions were scaled; None in folders of before, and of others."""
    if not path.exists():
        return None
    center, spread = _load(path).astype(np.float64)
    fits = center.shape == spread.shape == latent.shape[1:]
    if not fits or not (np.isfinite(center) & np.isfinite(spread)).all():
        raise ValueError(f"{path.name} does not fit the descriptions")
    return Scaling(center, spread)


def read_names(folder: Path) -> list[str]:
    """Name of the image of each row of the table.

    Raises
    ------
    InputError
        When the table cannot be read.
    """
    try:
        names = pd.read_csv(folder / TABLE, usecols=["image"], dtype=str)["image"]
    except (OSError, ValueError) as error:
        raise InputError(
            f"{folder / TABLE} cannot be read ({first_line(error)}): choose a folder "
            "that explore wrote."
        ) from error
    return [str(name) for name in names.fillna("")]


def image_shape(folder: Path) -> tuple[int, ...]:
    """Shape of the image that was explored; empty for several images."""
    return tuple(int(n) for n in read_object(folder / SUMMARY).get("shape") or ())


def _explored(
    table: pd.DataFrame,
    latent: np.ndarray,
    size: tuple[int, ...],
    config: ExploreConfig,
    summary: dict[str, Any],
    scaling: Scaling | None,
) -> Explored:
    axes = list(SPATIAL_AXES[len(size)])
    if latent.ndim != 2 or len(latent) != len(table):
        raise ValueError(f"{len(table)} patches, {len(latent)} descriptions")
    plane = table[["map_x", "map_y"]].to_numpy(np.float32)
    places = table[axes].to_numpy(float)
    oddness = table["oddness"].to_numpy(np.float32)
    if not all(np.isfinite(part).all() for part in (plane, places, latent, oddness)):
        raise ValueError("a number is missing")
    several = not summary.get("shape")
    return Explored(
        config=config,
        places=places,
        size=size,
        latent=latent,
        plane=plane,
        clusters=table["cluster"].to_numpy(np.intp),
        oddness=oddness,
        map=str(summary["map"]),
        error=table["error"].to_numpy() if "error" in table else None,
        images=np.arange(len(table)) if several else None,
        scaling=scaling,
        objects=summary.get("objects") is True,
    )


def draw_map(explored: Explored, path: Path) -> None:
    """Draw the plane with the clusters in colors."""
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 7), layout="constrained")
    axes = figure.subplots()
    size = float(np.clip(2e4 / len(explored), 1, 30))
    for number in np.unique(explored.clusters):
        own = explored.plane[explored.clusters == number]
        color = NOISE if number < 0 else colormaps["tab10"](int(number) % 10)
        share = len(own) / len(explored)
        label = "in none" if number < 0 else f"cluster {number}"
        x, y = own.T
        axes.scatter(
            x, y, s=size, color=color, lw=0, alpha=0.7, label=f"{label} ({share:.0%})"
        )
    words = MAP_WORDS.get(explored.map, explored.map)
    axes.set(xticks=[], yticks=[], title=f"{len(explored):,} patches, {words}")
    if len(np.unique(explored.clusters)) <= 20:
        axes.legend(markerscale=(30 / size) ** 0.5, fontsize=8, loc="best")
    figure.savefig(path, dpi=120)


def draw_grid(picture: np.ndarray, path: Path) -> None:
    """Write a picture from 0 to 1, with white where nothing is."""
    from PIL import Image

    known = np.isfinite(picture)
    gray = np.where(known, np.nan_to_num(picture) * 255, 255).astype(np.uint8)
    factor = max(1, round(1200 / gray.shape[0]))
    large = gray.repeat(factor, 0).repeat(factor, 1)
    Image.fromarray(large).save(path)
