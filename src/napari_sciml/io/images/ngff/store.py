"""Folders of zarr whose files are looked at before they are read."""

from functools import cache
from pathlib import Path
from typing import Any

from napari_sciml.images.special_files import refuse_special


def readable_store(path: str | Path) -> Any:
    """Open a folder for reading; a pipe in it, for metadata or a chunk, is refused.

    Returns
    -------
    zarr.storage.LocalStore
        To be given to ``zarr.open`` instead of the path. Its reading raises
        InputError where zarr itself would wait for ever.
    """
    return _store_class()(str(path), read_only=True)


@cache
def _store_class() -> Any:
    # Made when it is needed: importing zarr takes a while.
    from zarr.storage import LocalStore

    class RegularFiles(LocalStore):
        """A folder in which only regular files are read."""

        def __reduce__(self) -> Any:
            return readable_store, (str(self.root),)

        async def get(self, key: str, *args: Any, **options: Any) -> Any:
            refuse_special(Path(self.root) / key)
            return await super().get(key, *args, **options)

        async def get_partial_values(self, prototype: Any, key_ranges: Any) -> Any:
            ranges = list(key_ranges)
            for key, _ in ranges:
                refuse_special(Path(self.root) / key)
            return await super().get_partial_values(prototype, ranges)

        def get_sync(self, key: str, *args: Any, **options: Any) -> Any:
            refuse_special(Path(self.root) / key)
            return super().get_sync(key, *args, **options)

    return RegularFiles
