"""The probabilities of a prediction as an OME-Zarr on disk."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from napari_sciml.errors import InputError, first_line
from napari_sciml.images.lazy import Key, LazyArray
from napari_sciml.images.volume import Volume
from napari_sciml.io.images.ngff.store import readable_store
from napari_sciml.io.provenance import jsonable
from napari_sciml.io.results.ngff_metadata import (
    LEVEL,
    Steps,
    class_channels,
    create_level,
    multiscales,
)

VERSION = 2
"""Of the layout; 1 had no image at the root, and the record in its attributes."""

RECORD = "record"
"""Group without arrays whose attributes are provenance and calibration: many numbers,
which whoever looks at the image need not read."""

BRIGHTEST = {"mean": 1.0, "std": 0.5}
"""Largest values there can be, which viewers show brightest."""


@dataclass(frozen=True)
class PredictionStore:
    """Mean and standard deviation over the members of an ensemble.

    On disk a zarr v3 with the groups ``mean`` and ``std``, each an OME-Zarr 0.5
    image whose array "0" is ``(class, z, y, x)`` or ``(class, y, x)``, float16. The
    root is an OME-Zarr image, too: its levels are those of ``mean``.

    Attributes
    ----------
    mean, std
        zarr arrays; slicing gives numpy.
    class_names
        Names along the first axis.
    axes
        Of the image: ``("z", "y", "x")`` or ``("y", "x")``.
    voxel_size
        Along these axes, in ``unit``.
    unit
        Unit of length, or "pixel".
    provenance
        How the prediction came about.
    calibration
        Conformal calibration of the model; empty without one.
    """

    mean: Any
    std: Any
    class_names: tuple[str, ...]
    axes: tuple[str, ...]
    voxel_size: tuple[float, ...]
    unit: str
    provenance: dict[str, Any]
    calibration: dict[str, Any]
    _root: Any = field(repr=False)

    @classmethod
    def create(
        cls,
        path: str | Path,
        shape: Sequence[int],
        class_names: Sequence[str],
        voxel_size: Sequence[float],
        unit: str,
        axes: Sequence[str],
        chunks: Sequence[int],
        record: Mapping[str, Any],
        calibration: Mapping[str, Any] | None = None,
        *,
        shards: Sequence[int] | None = None,
        levels: Sequence[Steps] | None = None,
    ) -> "PredictionStore":
        """Make an empty store; wrap the path in `atomic_path`.

        Parameters
        ----------
        path
            Folder that does not exist yet.
        shape
            Of the image, without classes.
        class_names, voxel_size, unit, axes
            See the attributes of the class.
        chunks
            Edges of a chunk along the axes of the image. Every class has chunks
            of its own, so that reading one class does not decode the others.
        record
            Provenance; made JSON-able.
        calibration
            Conformal calibration of the model; made JSON-able.
        shards
            Edges of what goes into one file, all classes together; multiples of
            those of a chunk.
        levels
            Steps of the levels of a pyramid, ones for the first; no pyramid by
            default. See `napari_sciml.io.results.ngff_metadata.multiscales`.
        """
        import zarr

        axes, levels = tuple(axes), levels or [(1,) * len(shape)]

        def about(name: str, inside: str, brightest: float) -> dict[str, Any]:
            return multiscales(
                name,
                ("c", *axes),
                voxel_size,
                unit,
                levels,
                inside=inside,
                channels=class_channels(class_names, brightest),
            )

        attributes = {
            "napari_sciml": {"kind": "prediction", "version": VERSION},
            "class_names": list(class_names),
            "axes": list(axes),
            "voxel_size": [float(size) for size in voxel_size],
            "unit": unit,
            **about("probabilities", "mean", BRIGHTEST["mean"]),
        }
        root = zarr.create_group(str(path), zarr_format=3, attributes=attributes)
        known = {"provenance": record, "calibration": calibration or {}}
        root.create_group(RECORD, attributes=jsonable(known))
        for name, brightest in BRIGHTEST.items():
            group = root.create_group(name, attributes=about(name, "", brightest))
            for level, steps in enumerate(levels):
                size = [-(-n // step) for n, step in zip(shape, steps, strict=True)]
                create_level(
                    group,
                    name=str(level),
                    shape=(len(class_names), *size),
                    chunks=(1, *chunks),
                    shards=None if shards is None else (len(class_names), *shards),
                    dtype=np.float16,
                    axes=("c", *axes),
                )
        return cls._from_group(root)

    @classmethod
    def open(cls, path: str | Path) -> "PredictionStore":
        """Open a finished prediction for reading.

        Raises
        ------
        InputError
            When the path is no prediction, or one of a newer version.
        """
        import zarr

        path = Path(path)
        if not path.exists():
            raise InputError(f"{path} does not exist; check the path.")
        try:
            root = zarr.open_group(readable_store(path), mode="r")
            written = dict(root.attrs["napari_sciml"])
            if written["kind"] == "prediction" and written["version"] <= VERSION:
                return cls._from_group(root)
        except Exception as error:  # zarr raises whatever a foreign folder leads to
            ours = isinstance(error, InputError)
            reason = f" ({str(error).rstrip('.')})" if ours else ""
            raise InputError(
                f"{path} is not a prediction{reason}; give the .zarr that predict "
                "wrote."
            ) from error
        raise InputError(
            f"{path} is not a prediction that this version of napari-sciml reads "
            f"({written['kind']}, format {written['version']}); upgrade napari-sciml "
            "or predict again."
        )

    @classmethod
    def open_unfinished(cls, path: str | Path) -> "PredictionStore":
        """Open a prediction that grows, for writing too.

        Raises
        ------
        InputError
            When there is none.
        """
        import zarr

        try:
            store = readable_store(path, writable=True)
            return cls._from_group(zarr.open_group(store, mode="r+"))
        except Exception as error:  # zarr raises whatever a foreign folder leads to
            raise InputError(
                f"{path} is no prediction that was begun; begin anew."
            ) from error

    @cached_property
    def coarser(self) -> tuple[tuple[Any, Any], ...]:
        """Pairs of mean and std of the further levels of the pyramid, finest first.

        Opened when they are asked for, as only a viewer looks at them.
        """
        means, stds = self._root["mean"], self._root["std"]
        levels = range(1, len(means))
        return tuple((means[str(level)], stds[str(level)]) for level in levels)

    @property
    def shape(self) -> tuple[int, ...]:
        """Voxels of the image, without classes."""
        return tuple(self.mean.shape[1:])

    def write(
        self, where: tuple[slice, ...], mean: np.ndarray, std: np.ndarray
    ) -> None:
        """Write a block. One writer at a time: blocks may share chunks.

        Parameters
        ----------
        where
            Part of the image, ``tile.core``.
        mean, std
            ``(class, …)`` over that part.

        Raises
        ------
        InputError
            When what is there already is damaged.
        """
        try:
            self.mean[:, *where] = mean.astype(np.float16)
            self.std[:, *where] = std.astype(np.float16)
        except ValueError as error:  # of a codec that reads a chunk to write a part
            raise InputError(
                f"The prediction that was begun is damaged ({first_line(error)}); "
                "throw it away with --restart."
            ) from error

    def class_index(self, name_or_index: str | int) -> int:
        """Position of a class along the first axis, 0 for the first.

        Raises
        ------
        InputError
            Lists the classes.
        """
        if name_or_index in self.class_names:
            return self.class_names.index(str(name_or_index))
        for position, _ in enumerate(self.class_names):
            if str(name_or_index) == str(position):
                return position
        known = ", ".join(f"{name} ({i})" for i, name in enumerate(self.class_names))
        raise InputError(f"There is no class {name_or_index!r}; choose from {known}.")

    @classmethod
    def _from_group(cls, root: Any) -> "PredictionStore":
        attributes = root.attrs.asdict()
        if attributes["napari_sciml"]["version"] > 1:
            attributes |= root[RECORD].attrs.asdict()
        store = cls(
            mean=root["mean"][LEVEL],
            std=root["std"][LEVEL],
            class_names=tuple(attributes["class_names"]),
            axes=tuple(attributes["axes"]),
            voxel_size=tuple(map(float, attributes["voxel_size"])),
            unit=attributes["unit"],
            provenance=attributes["provenance"],
            calibration=attributes["calibration"],
            _root=root,
        )
        store._check()
        return store

    def _check(self) -> None:
        """Make sure that what is said of the arrays fits them."""
        shape = (len(self.class_names), *self.mean.shape[1:])
        texts = (*self.class_names, *self.axes, self.unit)
        records = (self.provenance, self.calibration)
        if (
            not shape == self.mean.shape == self.std.shape
            or {self.mean.dtype.kind, self.std.dtype.kind} != {"f"}
            or not all(isinstance(text, str) for text in texts)
            or not all(isinstance(record, dict) for record in records)
        ):
            raise ValueError("its parts do not fit each other")
        Volume(OneClass(self.mean, 0), self.axes, self.voxel_size, self.unit)


class OneClass(LazyArray):
    """A class of a prediction on the disk; only what is sliced is read.

    Parameters
    ----------
    array
        zarr array ``(class, …)``.
    index
        Of the class.
    dtype
        Of what it gives; None = that of the array.
    """

    def __init__(self, array: Any, index: int, dtype: Any = None) -> None:
        super().__init__(array.shape[1:], np.dtype(dtype or array.dtype))
        self._array, self._index = array, index

    def _read(self, key: Key) -> Any:
        return self._array[(self._index, *key)]
