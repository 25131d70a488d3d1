"""Folders of zarr whose files are looked at before they are read."""

import warnings
from functools import cache, partial
from pathlib import Path
from typing import Any

from napari_sciml.json_files import read_object
from napari_sciml.special_files import refuse_special

METADATA = ("zarr.json", ".zarray", ".zgroup", ".zattrs")
METADATA_LIMIT = 2**26
"""Bytes: a group may list all that is in it."""


def readable_store(path: str | Path, *, writable: bool = False) -> Any:
    """Open a folder of which nothing is read that should not be.

    A pipe in it, for metadata or a chunk, would be waited for, and zarr reads metadata
    of any size and nesting.

    Returns
    -------
    zarr.storage.LocalStore
        To be given to ``zarr.open`` instead of the path. Its reading raises
        InputError.
    """
    return _store_class()(str(path), read_only=not writable)


@cache
def _store_class() -> Any:
    # Made when it is needed: importing zarr takes a while.
    from zarr.storage import LocalStore

    # A fill value that is too large for the type becomes infinite; pixels are checked.
    overflow = "overflow encountered in cast"
    warnings.filterwarnings("ignore", overflow, RuntimeWarning, "zarr")

    class CheckedFiles(LocalStore):
        """A folder of which files are looked at before they are read."""

        def __reduce__(self) -> Any:
            return partial(readable_store, writable=not self.read_only), (
                str(self.root),
            )

        async def get(self, key: str, *args: Any, **options: Any) -> Any:
            _check(Path(self.root) / key)
            return await super().get(key, *args, **options)

        async def get_partial_values(self, prototype: Any, key_ranges: Any) -> Any:
            ranges = list(key_ranges)
            for key, _ in ranges:
                _check(Path(self.root) / key)
            return await super().get_partial_values(prototype, ranges)

        def get_sync(self, key: str, *args: Any, **options: Any) -> Any:
            _check(Path(self.root) / key)
            return super().get_sync(key, *args, **options)

    return CheckedFiles


def _check(file: Path) -> None:
    if file.name not in METADATA:
        refuse_special(file)
    elif file.exists():
        # Gaps may count as NaN, and attributes hold what somebody measured.
        read_object(file, limit=METADATA_LIMIT, nan=True)
