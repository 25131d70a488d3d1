"""Pictures of four shapes: what an autoencoder is tried on in the DLSIA paper.

Circles, triangles, rectangles and annuli of any size and turn, one in the middle of
each picture (Roberts et al., J. Appl. Cryst. 57, 2024, section on autoencoders).
"""

from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from napari_sciml.bounds import MAX_SEED

SHAPES = ("circle", "triangle", "rectangle", "annulus")
FILL = (0.25, 0.45)
"""Distance of the rim from the middle, in edges of the picture."""
HOLE = (0.4, 0.7)
"""Radius of the hole of an annulus, in radii."""
ASPECT = (0.35, 0.75)
"""Short side of a rectangle over its long one: a square is near to a circle."""


class ShapesConfig(BaseModel):
    """Which pictures of shapes are made."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    count: int = Field(1000, ge=1, le=10**6, description="Pictures.")
    size: int = Field(64, ge=16, le=512, description="Edge of a picture in pixels.")
    noise: float = Field(
        0.05, ge=0, le=10, description="Standard deviation; the shape has the value 1."
    )
    seed: int = Field(0, ge=0, le=MAX_SEED, description="Seed of everything random.")


@dataclass(frozen=True)
class Shapes:
    """Pictures, and what is in them.

    Attributes
    ----------
    images
        ``(n, y, x)`` float32: about 1 in the shape and 0 outside.
    kinds
        Index into `SHAPES` of each ``(n,)``.
    """

    images: np.ndarray
    kinds: np.ndarray


def make_shapes(config: ShapesConfig | None = None) -> Shapes:
    """Draw shapes of random kind, size and turn."""
    config = config or ShapesConfig()
    rng = np.random.default_rng(config.seed)
    kinds = rng.integers(len(SHAPES), size=config.count)
    images = np.empty((config.count, config.size, config.size), np.float32)
    for image, kind in zip(images, kinds, strict=True):
        image[:] = _draw(int(kind), config.size, rng)
    images += config.noise * rng.standard_normal(images.shape, np.float32)
    return Shapes(images, kinds)


def _draw(kind: int, size: int, rng: np.random.Generator) -> np.ndarray:
    """One shape, its rim blurred over a pixel."""
    radius = rng.uniform(*FILL) * size
    turn = rng.uniform(0, 2 * np.pi)
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    u = np.cos(turn) * x + np.sin(turn) * y
    v = np.cos(turn) * y - np.sin(turn) * x
    shape = SHAPES[kind]
    if shape == "rectangle":
        ratio = rng.uniform(*ASPECT)
        length = radius / np.hypot(1, ratio)
        inside = np.minimum(length - np.abs(u), ratio * length - np.abs(v))
    elif shape == "triangle":
        angles = 2 * np.pi / 3 * np.arange(3)
        sides = [np.cos(a) * u + np.sin(a) * v for a in angles]
        inside = radius / 2 - np.max(sides, axis=0)
    else:
        away = np.hypot(u, v)
        inside = radius - away
        if shape == "annulus":
            inside = np.minimum(inside, away - rng.uniform(*HOLE) * radius)
    return np.clip(inside + 0.5, 0, 1)
