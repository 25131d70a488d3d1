"""What many files have come to."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_sciml.progress import Report, Say
from napari_sciml.workflows.batch.driver import FileEnded, Step, run_batch
from napari_sciml.workflows.batch.folder import BatchFolder

Each = Callable[[FileEnded], None]
"""Called with each file, as soon as it is finished with."""


@dataclass(frozen=True)
class BatchResult:
    """All files of a call, in their order; iterating gives them.

    Attributes
    ----------
    out
        The folder.
    files
        What became of each.
    cautions
        What a person should know before he compares them.
    tables
        Names of the files in the folder that compare them.
    """

    out: Path
    files: tuple[FileEnded, ...]
    cautions: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[FileEnded]:
        return iter(self.files)

    def __len__(self) -> int:
        return len(self.files)

    @property
    def failed(self) -> tuple[FileEnded, ...]:
        """Files without a result."""
        return tuple(one for one in self.files if one.state == "failed")

    @property
    def done(self) -> tuple[FileEnded, ...]:
        """Files with a result, of this run or an earlier one."""
        return tuple(one for one in self.files if one.state != "failed")

    @property
    def grouped_cautions(self) -> list[tuple[str, tuple[str, ...]]]:
        """Each caution once, with the names of the files that it is of."""
        return _grouped((said, one.name) for one in self.files for said in one.cautions)

    @property
    def grouped_errors(self) -> list[tuple[str, tuple[str, ...]]]:
        """Each error once, with the names of the files that it is of."""
        return _grouped((one.error, one.name) for one in self.failed)

    def as_dict(self) -> dict[str, Any]:
        """To be written as JSON."""
        return {
            "folder": str(self.out),
            "total": len(self.files),
            "done": len(self.done),
            "failed": len(self.failed),
            "files": [_as_dict(one) for one in self.files],
            "tables": [str(self.out / name) for name in self.tables],
            "cautions": list(self.cautions),
        }


def done_with_all(
    step: Step,
    folder: BatchFolder,
    *,
    resume: bool,
    report: Report | None,
    each: Each | None,
) -> BatchResult:
    """Do a step with each file as in `run_batch`, and tell of each."""
    ended = []
    for one in run_batch(step, folder, resume=resume, report=report):
        ended.append(one)
        if each is not None:
            each(one)
    return BatchResult(folder.path, tuple(ended))


def say_all(say: Say | None, told: tuple[str, ...]) -> None:
    """Say what was guessed, if somebody listens."""
    for sentence in told:
        if say is not None:
            say(sentence)


def _grouped(pairs: Iterator[tuple[str, str]]) -> list[tuple[str, tuple[str, ...]]]:
    groups: dict[str, list[str]] = {}
    for sentence, name in pairs:
        groups.setdefault(sentence, []).append(name)
    return [(sentence, tuple(names)) for sentence, names in groups.items()]


def _as_dict(one: FileEnded) -> dict[str, Any]:
    return {
        "image": str(one.image),
        "name": one.name,
        "state": one.state,
        "error": one.error or None,
        "result": None if one.state == "failed" else str(one.result),
        **{key: value for key, value in one.summary.items() if key != "cautions"},
        "seconds": one.seconds,
        "cautions": list(one.cautions),
    }
