"""A prediction on its way: what is done, what is left, and how it ends."""

import os
import shutil
from collections.abc import Generator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pydantic import ValidationError

from napari_sciml.errors import InputError
from napari_sciml.io.append_log import LineFile, read_lines
from napari_sciml.io.atomic import check_target
from napari_sciml.io.models.folder import read_record
from napari_sciml.io.provenance import json_text, jsonable, provenance
from napari_sciml.io.results.predictions import PredictionStore
from napari_sciml.json_files import UnreadableError, read_object
from napari_sciml.project.lock import LOCK_FILE, ProjectLock, is_locked
from napari_sciml.workflows.prediction.blocks import (
    downsample_block,
    level_blocks,
    told,
)
from napari_sciml.workflows.prediction.plan import SUFFIX, PredictionPlan
from napari_sciml.workflows.unfinished import discard, sync, write_plan

PLAN_FILE = "plan.json"
JOURNAL_FILE = "finished.jsonl"
PREVIOUS = "previous"
"""An older result, until the new one has its name."""


class PredictionRun:
    """The output of a plan until it is whole; only one process may hold it.

    Everything lies in ``plan.folder``, beside the place where the result appears in
    the end: the plan, the zarr that grows, and a journal of the blocks that are in
    it, each written down after its data are safe on the disk. After a crash, what
    the journal does not name is done again.

    Use it as a context manager, hand the numbers in `left` to
    `napari_sciml.workflows.prediction.blocks.predict_block` in any process, `record`
    what is done, and `finish`.

    Parameters
    ----------
    plan
        What to do.
    resume
        Go on where an earlier run of the same plan has stopped, if there is one.
    restart
        Throw away what an earlier run has left.
    record
        What is known of the model; read from its folder by default.

    Attributes
    ----------
    plan
        What to do.

    Raises
    ------
    InputError
        When the output cannot be written, there is an unfinished prediction that
        was not asked for, or one of another model, image or setting.
    """

    def __init__(
        self,
        plan: PredictionPlan,
        *,
        resume: bool = False,
        restart: bool = False,
        record: Mapping[str, Any] | None = None,
    ) -> None:
        check_target(plan.out, folder=True)
        self.plan = plan
        self._lock = ProjectLock(plan.folder)
        self._journal = LineFile(plan.folder / JOURNAL_FILE)
        stored = read_plan(plan.out, restart=restart)
        goes_on = stored is not None and _goes_on(plan, stored, resume)
        self._acquire(anew=not goes_on)
        try:
            with told(plan):
                self._prepare(record, anew=not goes_on)
            self._done = self._finished()
        except BaseException:
            self.close()
            if not goes_on:
                shutil.rmtree(plan.folder, ignore_errors=True)
            raise

    @property
    def left(self) -> list[int]:
        """Numbers of the blocks that are still to be done, ascending."""
        return [i for i in range(len(self.plan.blocks)) if (0, i) not in self._done]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let another process go on."""
        self._lock.release()

    def record(self, index: int) -> None:
        """Write down that a block is on the disk. One thread at a time.

        Raises
        ------
        InputError
            When it cannot be written down; the block is done again then.
        """
        self._record(0, index)

    def heartbeat(self) -> None:
        """Show now and then that somebody is at work; cheap."""
        self._lock.heartbeat()

    def finish(self) -> Generator[tuple[int, int], None, None]:
        """Make the pyramid, and let the result appear under its name.

        Yields
        ------
        tuple of int
            Blocks of the pyramid done, and in all.

        Raises
        ------
        InputError
            When blocks are left, or the result cannot be written.
        """
        if self.left:
            raise InputError(
                f"{len(self.left)} blocks of {self.plan.out} are not done yet; go on "
                "with --resume."
            )
        blocks = [
            (level, index)
            for level in range(1, len(self.plan.levels))
            for index in range(len(level_blocks(self.plan, level)))
        ]
        for done, (level, index) in enumerate(blocks, start=1):
            if (level, index) not in self._done:
                downsample_block(self.plan, level, index)
                self._record(level, index)
            yield done, len(blocks)
        self._publish()

    def _publish(self) -> None:
        """In two renames, each of which leaves enough to go on from."""
        plan = self.plan
        previous = plan.folder / PREVIOUS
        _remove_partial(plan.store)
        with told(plan):
            check_target(plan.out, folder=True)
            shutil.rmtree(previous, ignore_errors=True)
            if plan.out.exists():
                os.rename(plan.out, previous)
            os.rename(plan.store, plan.out)
            sync(plan.out.parent)
        self.close()
        shutil.rmtree(plan.folder, ignore_errors=True)

    def _acquire(self, *, anew: bool) -> None:
        """Nobody else may write there."""
        folder = self.plan.folder
        if is_locked(folder):
            raise InputError(
                f"Another process is predicting {self.plan.out} right now; wait for it "
                "or choose another output."
            )
        with told(self.plan):
            if anew:
                _discard(folder)
                folder.mkdir(parents=True)
            self._lock.acquire()

    def _prepare(self, record: Mapping[str, Any] | None, *, anew: bool) -> None:
        folder = self.plan.folder
        if not anew:
            _remove_partial(self.plan.store)
            return
        create_output(self.plan, record)
        # Last: without it the folder holds nothing that could be gone on with.
        text = json_text(self.plan, indent=2) + "\n"
        write_plan(folder / PLAN_FILE, text)

    def _finished(self) -> set[tuple[int, int]]:
        lines = read_lines(self.plan.folder / JOURNAL_FILE)
        try:
            return {(int(line["level"]), int(line["block"])) for line in lines.records}
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise _unreadable(self.plan.folder) from error

    def _record(self, level: int, index: int) -> None:
        with told(self.plan):
            self._journal.append([{"level": level, "block": index}])
        self._done.add((level, index))
        self._lock.heartbeat()


def read_plan(out: str | Path, *, restart: bool = False) -> PredictionPlan | None:
    """The plan of the unfinished prediction of an output; None where there is none.

    Raises
    ------
    InputError
        When it cannot be read, unless it is not wanted any more.
    """
    if restart:
        return None
    out = Path(out).resolve()
    folder = out.with_name(out.name + SUFFIX)
    try:
        return PredictionPlan.model_validate(read_object(folder / PLAN_FILE))
    except UnreadableError as error:
        if error.missing:
            return None
        raise _unreadable(folder) from error
    except ValidationError as error:
        raise _unreadable(folder) from error


def _unreadable(folder: Path) -> InputError:
    return InputError(
        f"What is left of an earlier prediction in {folder.name} cannot be read; throw "
        "it away with --restart."
    )


def is_finished(plan: PredictionPlan) -> bool:
    """Whether the very result of a plan is there already; tidies up behind it."""
    try:
        found = PredictionStore.open(plan.out).provenance["fingerprint"]
    except (InputError, KeyError):
        return False
    if found != plan.fingerprint() or plan.store.exists():
        return False
    # A run that was killed right after its last step has left this.
    _discard(plan.folder)
    return True


def create_output(
    plan: PredictionPlan, record: Mapping[str, Any] | None = None
) -> None:
    """Make the empty zarr of a plan, with what is known of how it comes about."""
    record = read_record(plan.model) if record is None else record
    ndim = len(plan.shape)
    about = provenance(
        model=plan.model,
        image=plan.image,
        device=plan.device,
        plan=plan.model_dump(mode="json", exclude={"model", "image", "out"}),
        fingerprint=plan.fingerprint(),
        training=record,
    )
    PredictionStore.create(
        plan.store,
        plan.shape,
        plan.class_names,
        plan.voxel_size,
        plan.unit,
        plan.axes,
        (plan.chunk,) * ndim,
        jsonable(about),
        record.get("calibration"),
        shards=(plan.block,) * ndim,
        levels=plan.levels,
    )


def _goes_on(plan: PredictionPlan, stored: PredictionPlan, resume: bool) -> bool:
    """Whether there is something to go on with; refuses what nobody asked for."""
    done = len(read_lines(stored.folder / JOURNAL_FILE).records)
    if not done or not stored.store.exists():
        return False
    differ = plan.differences(stored)
    if resume and differ:
        raise InputError(
            f"{plan.out} was begun with another {' and '.join(differ)}; give the same "
            "again, or throw away what is done with --restart."
        )
    if not resume:
        raise InputError(
            f"There is an unfinished prediction of {plan.out}, {done} blocks of it are "
            "done; go on with --resume, or throw it away with --restart."
        )
    return True


def _discard(folder: Path) -> None:
    """Throw away an unfinished prediction, unless it is none of ours."""
    store = folder.name.removesuffix(SUFFIX)
    discard(folder, (PLAN_FILE, JOURNAL_FILE, LOCK_FILE, PREVIOUS, store))


def _remove_partial(store: Path) -> None:
    """Remove what writers that were killed have left."""
    for path in store.rglob("*.partial"):
        path.unlink(missing_ok=True)
