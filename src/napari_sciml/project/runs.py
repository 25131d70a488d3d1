"""What each training of a project was told, and when it took which labels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_sciml.bounds import MAX_THREADS
from napari_sciml.errors import InputError
from napari_sciml.io.append_log import LineFile, read_lines
from napari_sciml.io.provenance import jsonable

if TYPE_CHECKING:
    from napari_sciml.training.config import TrainingConfig


@dataclass(frozen=True)
class RunStarted:
    """A training begins.

    Attributes
    ----------
    run
        Number of the training in its project.
    time
        With a time zone.
    settings
        All fields of its configuration, JSON-able.
    class_names
        Of the classes 1, 2 …
    seed, threads
        What the result depends on besides.
    start
        Folder and hash of the model that it begins with, if any.
    before
        Strokes among its first labels that were painted before any picture was shown;
        None = all of them.
    """

    run: int
    time: datetime
    settings: Mapping[str, Any]
    class_names: tuple[str, ...]
    seed: int
    threads: int | None = None
    start: tuple[str, str] | None = None
    before: int | None = None


@dataclass(frozen=True)
class RunTook:
    """A training has taken over new labels, before a round.

    Attributes
    ----------
    run, round
        Which training, and before which of its rounds.
    revision
        Of the annotation.
    left_out
        Whether strokes on what is out of focus could be left out: the annotation
        alone does not tell then what was learned from.
    """

    run: int
    round: int
    revision: int
    left_out: bool = False


RunEvent = RunStarted | RunTook


@dataclass(frozen=True)
class Run:
    """All that is known about a training.

    Attributes
    ----------
    taken
        Rounds and revisions: before which round it took over which labels.
    left_out
        Whether strokes were left out of it at any time.
    """

    started: RunStarted
    taken: tuple[tuple[int, int], ...] = field(default=())
    left_out: bool = False


def run_started(
    run: int,
    settings: "TrainingConfig",
    class_names: Sequence[str],
    start: tuple[str, str] | None = None,
    before: int | None = None,
) -> RunStarted:
    """Describe a training in a viewer that begins now."""
    from napari_sciml.networks.device import default_threads

    threads = settings.threads or default_threads(viewer=True)
    described = settings.model_dump(mode="json")
    now = datetime.now(UTC)
    names = tuple(class_names)
    told = described, names, settings.seed, threads, start, before
    return RunStarted(run, now, *told)


class RunLog:
    """The file ``runs.jsonl``: a line for each event of a training.

    Parameters
    ----------
    path
        Of the file; its folder has to exist.
    """

    def __init__(self, path: str | Path) -> None:
        self._file = LineFile(path)

    def append(self, events: Sequence[RunEvent]) -> None:
        """Put events onto the disk.

        Raises
        ------
        OSError
            When they could not be written; none of them is there then.
        """
        self._file.append([_encoded(event) for event in events])

    def read(self) -> dict[int, Run]:
        """The trainings by their number, as far as the file is not broken."""
        runs: dict[int, Run] = {}
        for record in read_lines(self._file.path).records:
            try:
                _take(_decoded(record), runs)
            except (KeyError, ValueError, TypeError):
                break
        return runs


def run_of(runs: Mapping[int, Run], number: int) -> Run:
    """Give a training by its number.

    Raises
    ------
    InputError
        When it is not in the log.
    """
    if number not in runs:
        raise InputError(
            f"The project does not tell how training {number} went: its models cannot "
            "be made again."
        )
    return runs[number]


def _take(event: RunEvent, runs: dict[int, Run]) -> None:
    if isinstance(event, RunStarted):
        runs[event.run] = Run(event)
        return
    run = runs[event.run]
    taken = (*run.taken, (event.round, event.revision))
    left_out = run.left_out or event.left_out
    runs[event.run] = replace(run, taken=taken, left_out=left_out)


def _encoded(event: RunEvent) -> dict[str, Any]:
    if isinstance(event, RunTook):
        took = {"run": event.run, "round": event.round, "revision": event.revision}
        return {**took, "left_out": True} if event.left_out else took
    begun: dict[str, Any] = {}
    if event.start is not None:
        begun["start"] = list(event.start)
    if event.before is not None:
        begun["before"] = event.before
    return {
        "run": event.run,
        "started": event.time.astimezone(UTC).isoformat(timespec="milliseconds"),
        "settings": jsonable(event.settings),
        "class_names": list(event.class_names),
        "seed": event.seed,
        "threads": event.threads,
        **begun,
    }


def _decoded(record: Mapping[str, Any]) -> RunEvent:
    run = int(record["run"])
    if "started" not in record:
        left_out = bool(record.get("left_out", False))
        return RunTook(run, int(record["round"]), int(record["revision"]), left_out)
    return RunStarted(
        run,
        datetime.fromisoformat(record["started"]),
        dict(record["settings"]),
        tuple(map(str, record["class_names"])),
        int(record["seed"]),
        None if record["threads"] is None else _threads(record["threads"]),
        _start(record.get("start")),
        _before(record.get("before")),
    )


def _start(found: Any) -> tuple[str, str] | None:
    if found is None:
        return None
    folder, identity = map(str, found)
    return folder, identity


def _before(count: Any) -> int | None:
    if count is not None and int(count) < 0:
        raise ValueError(f"{count} strokes")
    return None if count is None else int(count)


def _threads(count: Any) -> int:
    """A replay asks for as many: a record must not ask for a million."""
    if not 1 <= (found := int(count)) <= MAX_THREADS:
        raise ValueError(f"{found} threads")
    return found
