"""A restoring on its way: what is done, what is left; it survives an interruption."""

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from napari_sciml.errors import InputError
from napari_sciml.images.tiles import Region, grid
from napari_sciml.io.append_log import LineFile, read_lines
from napari_sciml.io.atomic import cannot_write
from napari_sciml.io.models.restorer import load_restorer, save_restorer
from napari_sciml.io.provenance import json_text
from napari_sciml.json_files import UnreadableError, read_object
from napari_sciml.project.lock import LOCK_FILE, ProjectLock, is_locked
from napari_sciml.restoration.restorers import (
    FilterRestorer,
    NetworkRestorer,
    Restorer,
)
from napari_sciml.restoration.stabilizing import Stabilizer
from napari_sciml.workflows.prediction.blocks import sync_shards
from napari_sciml.workflows.restoring.arrays import BlockRestored
from napari_sciml.workflows.unfinished import discard, write_plan

SUFFIX = ".unfinished"
PLAN_FILE, JOURNAL_FILE = "restoring.json", "finished.jsonl"
MODEL, STORE = "model", "blocks.zarr"
OURS = (PLAN_FILE, JOURNAL_FILE, LOCK_FILE, MODEL, STORE)


def fingerprint(what: Mapping[str, Any]) -> str:
    """Hash of all that the numbers depend on."""
    text = json.dumps(what, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


class RestoringRun:
    """The folder ``OUT.unfinished``: restorer, blocks, and which of them are done.

    The restorer is kept before the first block, so that a run that goes on does not
    train again, and every block is restored by the same networks.

    Parameters
    ----------
    out
        What is written in the end.
    settled
        Hash of all that the numbers depend on; see `fingerprint`.
    resume
        Go on where an earlier run of the same stopped, if there is one.
    restart
        Throw away what an earlier run has left.

    Raises
    ------
    InputError
        When there is an unfinished run that was not asked for, or of something else,
        or another process is at it.
    """

    def __init__(self, out: Path, settled: str, *, resume: bool, restart: bool) -> None:
        self.out, self.settled = out, settled
        self.folder = out.with_name(out.name + SUFFIX)
        self._lock = ProjectLock(self.folder)
        self._journal = LineFile(self.folder / JOURNAL_FILE)
        if is_locked(self.folder):
            raise InputError(
                f"Another process is restoring {out} right now; wait for it or choose "
                "another output."
            )
        self.plan = self._earlier(resume, restart)
        try:
            if self.plan is None:
                discard(self.folder, OURS)
                self.folder.mkdir(parents=True)
            self._lock.acquire()
        except OSError as error:
            raise cannot_write(out, error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._lock.release()
        if self.plan is None:  # nothing to go on with
            shutil.rmtree(self.folder, ignore_errors=True)

    def begin(
        self, restorer: Restorer, shape: Sequence[int], facts: Mapping[str, Any]
    ) -> None:
        """Keep the restorer, and make room for the blocks."""
        edges = restorer.edges(len(shape))
        plan: dict[str, Any] = {
            "fingerprint": self.settled,
            "shape": list(shape),
            "edges": list(edges),
            "facts": dict(facts),
            "filter": None,
        }
        if isinstance(restorer, FilterRestorer):
            plan["filter"] = [restorer.method, restorer.strength, restorer.sd]
            if restorer.stabilizer is not None:
                plan["stabilizer"] = asdict(restorer.stabilizer)
        else:
            save_restorer(restorer, self.folder / MODEL)
        arrays = 2 if restorer.members > 1 else 1
        _create(self.folder / STORE, (arrays, *shape), (1, *edges))
        write_plan(self.folder / PLAN_FILE, json_text(plan, indent=2) + "\n")
        self.plan = plan

    def restorer(self) -> Restorer:
        """What the blocks are restored by."""
        assert self.plan is not None
        if self.plan["filter"] is not None:
            method, strength, sd = self.plan["filter"]
            kept = self.plan.get("stabilizer")
            stabilizer = None if kept is None else Stabilizer(**kept)
            return FilterRestorer(
                str(method), float(strength), float(sd), stabilizer=stabilizer
            )
        found: NetworkRestorer = load_restorer(self.folder / MODEL)
        return found

    @property
    def cores(self) -> list[Region]:
        """All blocks."""
        assert self.plan is not None
        return grid(self.plan["shape"], self.plan["edges"])

    def done(self) -> dict[int, dict[str, float]]:
        """What is known of each block that is done."""
        lines = read_lines(self.folder / JOURNAL_FILE).records
        return {int(line["block"]): line for line in lines}

    def array(self) -> Any:
        """``(mean[, std], …)``, float32."""
        import zarr

        return zarr.open_array(str(self.folder / STORE), mode="r+")

    def write(self, array: Any, index: int, event: BlockRestored) -> None:
        """Put a block onto the disk, then write down that it is there."""
        mean, std = event.block.mean, event.block.std
        try:
            array[0, *event.core] = mean
            if std is not None:
                array[1, *event.core] = std
            sync_shards(array, event.core)
            line = {
                "block": index,
                "raw_sum": float(event.raw.sum(dtype=np.float64)),
                "sum": float(mean.sum(dtype=np.float64)),
                "low": float(mean.min()),
                "high": float(mean.max()),
            }
            self._journal.append([line])
        except OSError as error:
            said = str(cannot_write(self.out, error)).rstrip(".")
            raise InputError(
                f"{said}; what is done is kept: go on with --resume."
            ) from error
        self._lock.heartbeat()

    def discard(self) -> None:
        """The result has its name: nothing here is needed any more."""
        self.plan = None

    def _earlier(self, resume: bool, restart: bool) -> dict[str, Any] | None:
        if restart:
            return None
        try:
            plan = read_object(self.folder / PLAN_FILE)
        except UnreadableError as error:
            if error.missing:
                return None
            raise InputError(
                f"What is left of an earlier run in {self.folder.name} cannot be read; "
                "throw it away with --restart."
            ) from error
        if not resume:
            raise InputError(
                f"There is an unfinished restoring of {self.out}; go on with --resume, "
                "or throw it away with --restart."
            )
        if plan.get("fingerprint") != self.settled:
            raise InputError(
                f"{self.out} was begun with another image or other settings; give the "
                "same again, or throw away what is done with --restart."
            )
        return dict(plan)


def _create(path: Path, shape: Sequence[int], chunks: Sequence[int]) -> None:
    import zarr

    shutil.rmtree(path, ignore_errors=True)
    zarr.create_array(
        str(path),
        shape=tuple(shape),
        chunks=tuple(min(c, n) for c, n in zip(chunks, shape, strict=True)),
        dtype=np.float32,
        zarr_format=3,
        config={"write_empty_chunks": True},
    )
