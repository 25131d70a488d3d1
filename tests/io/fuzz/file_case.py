"""What a file shall hold, and what is known of it without our readers."""

from dataclasses import dataclass

import numpy as np

METERS = {
    "nm": 1e-9,
    "nanometer": 1e-9,
    "nanometre": 1e-9,
    "um": 1e-6,
    "µm": 1e-6,
    "micron": 1e-6,
    "micrometer": 1e-6,
    "mm": 1e-3,
    "millimeter": 1e-3,
    "cm": 1e-2,
    "m": 1.0,
    "pm": 1e-12,
    "Å": 1e-10,
    "angstrom": 1e-10,
    "inch": 0.0254,
}
"""Length of units by how people, ImageJ, OME and NGFF spell them."""
STRANGE = ("furlong", "sec", "Mm", "Pm", "reference frame", "parsec")
"""Units that are not of length, or none that we convert."""
WITHOUT_UNIT = ("imagej", "ngff 4", "ngff 5")
"""Kinds in which a size without a unit is the shape of a voxel."""
CANONICAL = {
    "picometer": 1e-12,
    "angstrom": 1e-10,
    "nanometer": 1e-9,
    "micrometer": 1e-6,
    "millimeter": 1e-3,
    "centimeter": 1e-2,
    "meter": 1.0,
    "inch": 0.0254,
}
"""Length of units by the names that volumes have."""


@dataclass(frozen=True)
class FileCase:
    """A file in words.

    Attributes
    ----------
    kind
        One of ``KINDS`` of `file_writers`.
    axes, shape
        As stored.
    dtype, big_endian
        Of the values; without the byte order.
    edges
        Of a voxel along z, y and x, in meters; None where the file does not tell.
    units
        In which each is written; "" for none.
    style
        Of a format: strips or tiles; how HDF5 and zarr name axes and sizes; how
        slices are numbered.
    compression
        None, "zlib" or "lzw".
    bigtiff
        Whether offsets have 64 bits.
    harm, amount
        What is done to the file, and how much.
    nan
        Whether the border is NaN.
    seed
        Of the values.
    """

    kind: str
    axes: str = "zyx"
    shape: tuple[int, ...] = (4, 6, 7)
    dtype: str = "u1"
    big_endian: bool = False
    edges: tuple[float | None, ...] = (None, None, None)
    units: tuple[str, ...] = ("", "", "")
    style: str = ""
    compression: str | None = None
    bigtiff: bool = False
    harm: str = ""
    amount: int = 1
    nan: bool = False
    seed: int = 0

    @property
    def stored_dtype(self) -> np.dtype:
        """With its byte order."""
        order = ">" if self.big_endian else "<"
        return np.dtype(self.dtype).newbyteorder(order)

    @property
    def numbers(self) -> dict[str, float]:
        """Edges as they are written, in their units; µm where that is strange."""
        meant = self.units_meant
        return {
            axis: edge / METERS.get(meant[axis], 1e-6)
            for axis, edge in zip("zyx", self.edges, strict=True)
            if edge is not None and axis in self.axes
        }

    @property
    def units_written(self) -> dict[str, str]:
        """Units of the axes that have a size and a unit."""
        units = dict(zip("zyx", self.units, strict=True))
        return {axis: units[axis] for axis in self.numbers if units[axis]}

    @property
    def units_meant(self) -> dict[str, str]:
        """Units of all axes, with what a format takes where none is written."""
        default = {"ome": "µm", "imagej": self.units[2]}.get(self.kind, "")
        return {a: u or default for a, u in zip("zyx", self.units, strict=True)}

    def values(self) -> np.ndarray:
        """The array, axes as stored."""
        generator = np.random.default_rng(self.seed)
        dtype = np.dtype(self.dtype)
        if dtype.kind == "b":
            return generator.random(self.shape) < 0.5
        if dtype.kind == "f":
            values = generator.normal(0, 100, self.shape).astype(dtype)
            if self.nan:
                values[..., :1] = np.nan
            return values
        limits = np.iinfo(dtype)
        if self.style.endswith(" bit"):
            most = 2 ** int(self.style.split()[0])
            return generator.integers(0, most, self.shape, dtype)
        return generator.integers(
            limits.min, limits.max, self.shape, dtype, endpoint=True
        )

    def truth(self) -> np.ndarray:
        """The array as it shall be read: z, y, x and channels, long axes only."""
        order = [self.axes.index(axis) for axis in "tzyxcs" if axis in self.axes]
        values = self.values().transpose(order)
        names = [self.axes[i] for i in order]
        kept = [
            n
            for n, axis in zip(values.shape, names, strict=True)
            if n > 1 or axis in "yx"
        ]
        return values.reshape(kept)

    @property
    def space(self) -> str:
        """Axes of space that are left."""
        along = dict(zip(self.axes, self.shape, strict=True))
        return "".join(a for a in "zyx" if along.get(a, 1) > 1 or a in "yx")

    @property
    def is_series(self) -> bool:
        """Whether there is time, which is refused."""
        along = dict(zip(self.axes, self.shape, strict=True))
        return along.get("t", 1) > 1

    @property
    def has_clear_size(self) -> bool:
        """Whether all edges are told in a unit of length, or none at all."""
        told = [axis in self.numbers for axis in self.space]
        units = [self.units_meant[axis] for axis in self.space]
        bare = not any(units) and self.kind in WITHOUT_UNIT
        named = all(unit in METERS for unit in units)
        return not any(told) or (all(told) and (named or bare))
