"""One file after the other: what is done stays, what fails is told, and it goes on."""

import time
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from napari_sciml.io.failures import sentence_of
from napari_sciml.io.provenance import jsonable
from napari_sciml.io.results.batch_record import BatchEntry, Command
from napari_sciml.io.results.outputs import Kind, kind_of
from napari_sciml.progress import Report
from napari_sciml.workflows.batch.folder import BatchFolder, bytes_of, identity

PLACES = ("prediction", "mask", "folder", "tiff")
"""Of a summary: where the result is, which may be moved with its folder."""
PASSING = ("seconds", "resumed_at_block", "gray_values", "cautions")
"""Of a summary: what another run of the same may say otherwise, or stands elsewhere."""


@dataclass(frozen=True)
class FileEnded:
    """One file is finished with, well or not.

    Attributes
    ----------
    number, total
        Which it is, from 1, and of how many.
    image
        The input.
    name
        What tables and reports call it.
    result
        Where its result is, or would be.
    state
        "done"; "kept" where the result of an earlier run is whole; "failed".
    summary
        Of the command that works on a single file; empty if it failed.
    cautions
        What a person should know before he trusts the result.
    error
        One sentence; empty unless it failed.
    seconds
        That it took.
    seconds_left
        That all others may take, by what they have on the disk; 0 = not known.
    """

    number: int
    total: int
    image: Path
    name: str
    result: Path
    state: Literal["done", "kept", "failed"]
    summary: Mapping[str, Any] = field(default_factory=dict)
    cautions: tuple[str, ...] = ()
    error: str = ""
    seconds: float = 0.0
    seconds_left: float = 0.0


@dataclass(frozen=True)
class Step:
    """What is done with each file.

    Attributes
    ----------
    command
        Its name.
    kind
        Of a result.
    run
        Called with the input, where the result goes, and whom to tell how far it is.
        Gives the summary, and raises what a single command would end with. With
        "kept" in it, the result was there already.
    settings
        That the result depends on, JSON-able.
    beside
        Other inputs that belong to an input.
    looks_itself
        Whether `run` itself finds out what is done already.
    """

    command: Command
    kind: Kind
    run: Callable[[Path, Path, Report], dict[str, Any]]
    settings: Mapping[str, Any] = field(default_factory=dict)
    beside: Callable[[Path], Iterable[Path | None]] = lambda image: ()
    looks_itself: bool = False


def run_batch(
    step: Step,
    folder: BatchFolder,
    *,
    resume: bool = False,
    report: Report | None = None,
) -> Generator[FileEnded, None, None]:
    """Do a step with each file, whatever becomes of the others.

    Parameters
    ----------
    step
        What to do.
    folder
        From `begin_batch`: files and results.
    resume
        Leave out what is done, of inputs that are the same and with the same settings.
    report
        Told which share of all is done, while a file is worked on.

    Yields
    ------
    FileEnded
        As soon as a file is finished with and that is written down.
    """
    entries = folder.entries
    clock = _Clock([bytes_of(entry.image) for entry in entries])
    for number, entry in enumerate(entries, start=1):
        note = f"{entry.name} ({number} of {len(entries)})"
        started = time.monotonic()
        found = _one(
            step, folder, entry, resume, clock.within(report, number - 1, note)
        )
        seconds = time.monotonic() - started
        clock.ended(number - 1, counts=found.state != "kept")
        yield FileEnded(
            number,
            len(entries),
            entry.image,
            entry.name,
            folder.path / entry.result,
            found.state,
            found.summary,
            found.cautions,
            found.error,
            round(seconds, 1),
            round(clock.left, 1),
        )


@dataclass(frozen=True)
class _Found:
    state: Literal["done", "kept", "failed"]
    summary: Mapping[str, Any]
    cautions: tuple[str, ...] = ()
    error: str = ""


def _one(
    step: Step, folder: BatchFolder, entry: BatchEntry, resume: bool, report: Report
) -> _Found:
    out = folder.path / entry.result
    settings = jsonable(step.settings)
    try:
        made_of = identity((entry.image, *step.beside(entry.image)))
    except Exception:  # what cannot be looked at cannot be read: `run` says so
        made_of = ""
    same = made_of and entry.made_of == made_of and entry.settings == settings
    whole = resume and entry.state == "done" and kind_of(out) == step.kind
    if whole and same and not step.looks_itself:
        return _Found("kept", _with_place(entry, step, out), entry.cautions)
    # From here on the result is of nobody knows what, until it is written down.
    begun = entry.model_copy(update={"state": "left", "error": ""})
    if begun != entry:
        folder.note(begun)
    try:
        summary = step.run(entry.image, out, report)
    except Exception as error:
        sentence = sentence_of(error)
        folder.note(begun.model_copy(update={"state": "failed", "error": sentence}))
        return _Found("failed", {}, error=sentence)
    kept = bool(summary.pop("kept", False))
    cautions = tuple(summary.get("cautions", ()))
    stays = {k: v for k, v in summary.items() if k not in (*PLACES, *PASSING)}
    found = {"made_of": made_of, "settings": settings, "summary": jsonable(stays)}
    folder.note(
        begun.model_copy(update={"state": "done", "cautions": cautions, **found})
    )
    return _Found("kept" if kept else "done", summary, cautions)


def _with_place(entry: BatchEntry, step: Step, out: Path) -> dict[str, Any]:
    place = {"prediction": "prediction", "labels": "mask"}.get(step.kind, "folder")
    return {place: str(out), **entry.summary}


class _Clock:
    """Which share of the work is done, by bytes on the disk, and how long it takes."""

    def __init__(self, sizes: list[int]) -> None:
        self._sizes, self._done, self._counted = sizes, 0, 0
        self._total, self._started, self._skipped = sum(sizes), time.monotonic(), 0.0

    def within(self, report: Report | None, index: int, note: str) -> Report:
        """Tell of a part of one file as a part of all."""
        size = self._sizes[index]

        def told(share: float, _: str) -> None:
            if report is not None:
                report((self._done + size * share) / self._total, note)

        told(0.0, "")
        return told

    def ended(self, index: int, *, counts: bool) -> None:
        """Count a file; what was there already tells nothing of the time."""
        self._done += self._sizes[index]
        self._counted += self._sizes[index] if counts else 0
        if not self._counted:
            self._started = time.monotonic()

    @property
    def left(self) -> float:
        """Seconds; 0 as long as nothing tells."""
        if not self._counted:
            return 0.0
        passed = time.monotonic() - self._started
        return passed / self._counted * (self._total - self._done)
