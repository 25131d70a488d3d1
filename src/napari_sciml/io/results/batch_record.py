"""What a folder with the results of many files says of itself."""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from napari_sciml.errors import InputError
from napari_sciml.io.atomic import atomic_path
from napari_sciml.io.provenance import json_text
from napari_sciml.json_files import UnreadableError, read_object

BATCH_FILE = "batch.json"
LIMIT = 2**28
"""Bytes that it may have: some kilobytes an image."""

Command = Literal["predict", "threshold", "fibers", "fill"]


class BatchEntry(BaseModel):
    """One file of many."""

    model_config = ConfigDict(frozen=True)

    image: Path = Field(description="Absolute.")
    name: str = Field(description="What tables and reports call it.")
    result: str = Field(description="Name of what is made of it, in the folder.")
    state: Literal["left", "done", "failed"] = "left"
    made_of: str = Field("", description="Hash of the inputs as they were.")
    settings: dict[str, Any] = Field({}, description="That the result depends on.")
    error: str = Field("", description="Why there is no result, in one sentence.")
    cautions: tuple[str, ...] = ()
    summary: dict[str, Any] = Field({}, description="Of the command, without places.")


class BatchRecord(BaseModel):
    """All files of a folder, in the order in which they were named.

    It holds no time and no speed, so that two runs that found the same say the same.
    """

    model_config = ConfigDict(frozen=True)

    command: Command
    files: tuple[BatchEntry, ...] = ()

    def replaced(self, entry: BatchEntry) -> "BatchRecord":
        """The same with what became of one file."""
        files = tuple(entry if e.name == entry.name else e for e in self.files)
        return self.model_copy(update={"files": files})


def write_batch(folder: Path, record: BatchRecord) -> None:
    """Write the record of a folder, whole or not at all.

    Raises
    ------
    InputError
        When it cannot be written.
    """
    about = {"napari_sciml": {"kind": "batch", "version": 1}}
    with atomic_path(folder / BATCH_FILE) as fresh:
        fresh.write_text(json_text({**about, **record.model_dump()}, 1) + "\n", "utf-8")


def read_batch(folder: str | Path) -> BatchRecord | None:
    """Read the record of a folder; None where there is none.

    Raises
    ------
    InputError
        When it cannot be read, or is of a newer version.
    """
    path = Path(folder) / BATCH_FILE
    try:
        found = read_object(path, limit=LIMIT)
    except UnreadableError as error:
        if error.missing:
            return None
        raise
    about = found.get("napari_sciml")
    if not isinstance(about, dict) or about.get("kind") != "batch":
        return None
    try:
        if about.get("version") == 1:
            return BatchRecord.model_validate(found)
    except ValidationError:
        pass
    raise InputError(
        f"{path} does not tell of the results beside it in a way that this version of "
        "napari-sciml reads; choose another folder."
    )
