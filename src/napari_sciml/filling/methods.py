"""What can fill a frame, and filling it so."""

import math
from collections.abc import Generator
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from napari_sciml.filling.frame import Frame
from napari_sciml.filling.symmetry import PHOTONS, PIXELS, PolarFill, Rule

if TYPE_CHECKING:
    from napari_sciml.networks.image_model import ImageModel

NETWORK = 4
"""Source of a value that networks filled; see `symmetry.BOTH` for the others."""


class Method(Enum):
    """What fills."""

    SYMMETRY = "symmetry"
    NETWORK = "network"
    MEAN = "mean of symmetry and network"


@dataclass(frozen=True)
class Recipe:
    """A method with its settings."""

    method: Method
    rule: Rule | None = None
    model: "ImageModel | None" = None

    @property
    def words(self) -> str:
        """What it is called."""
        if self.rule is None:
            return self.method.value
        where = "across the center too" if self.rule.across else "on the ring"
        enough = f"{self.rule.pixels} pixels"
        if self.rule.photons < math.inf:
            enough += f" or {self.rule.photons:.0f} photons"
        return f"{self.method.value} (mean of {enough}, {where})"


Found = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Values, standard deviation over the networks and source of the wanted pixels."""


def all_of_symmetry(across: bool) -> list[Recipe]:
    """Every way to average; the test chooses among them."""
    sides = (True, False) if across else (False,)
    return [
        Recipe(Method.SYMMETRY, Rule(pixels, side, photons))
        for side in sides
        for pixels in PIXELS
        for photons in PHOTONS
    ]


class Filler:
    """Fills the same pixels of a frame by any recipes; what they share is kept.

    Parameters
    ----------
    frame
        The frame.
    known
        What may be used of it.
    wanted
        Which pixels to fill.
    """

    def __init__(self, frame: Frame, known: np.ndarray, wanted: np.ndarray) -> None:
        self._frame, self._known, self._wanted = frame, known, wanted
        self._networks: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    @cached_property
    def _polar(self) -> PolarFill:
        frame = self._frame
        return PolarFill(frame.image, self._known, self._wanted, frame.grid)

    def fill(self, recipe: Recipe) -> Generator[None, None, Found]:
        """Fill; yields from time to time."""
        if recipe.method is Method.SYMMETRY:
            assert recipe.rule is not None
            values, source = self._polar.fill(recipe.rule)
            yield
            return values, np.zeros_like(values), source
        values, spread = yield from self._by_network(recipe)
        if recipe.rule is not None:
            symmetric, _ = self._polar.fill(recipe.rule)
            values = (values + symmetric) / 2
        return values, spread, np.full(values.shape, NETWORK, np.uint8)

    def _by_network(
        self, recipe: Recipe
    ) -> Generator[None, None, tuple[np.ndarray, np.ndarray]]:
        from napari_sciml.filling.network import fill_by_network

        model = recipe.model
        assert model is not None
        if id(model) not in self._networks:
            found = yield from fill_by_network(
                model, self._frame, self._known, self._wanted
            )
            self._networks[id(model)] = found
        return self._networks[id(model)]
