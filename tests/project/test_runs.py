"""What a project knows of its trainings."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from napari_sciml.project.runs import RunLog, RunStarted, RunTook

START = datetime(2026, 11, 29, tzinfo=UTC)


def started(run: int, threads: int | None, before: int | None = None) -> RunStarted:
    names = ("background", "fiber")
    return RunStarted(run, START, {"seed": 3}, names, 3, threads, before=before)


@pytest.mark.parametrize(("threads", "before"), [(None, None), (1, 0), (8, 12)])
def test_what_is_written_is_read(
    tmp_path: Path, threads: int | None, before: int | None
) -> None:
    log = RunLog(tmp_path / "runs.jsonl")
    begun = started(1, threads, before)
    log.append([begun, RunTook(1, 0, 4), RunTook(1, 40, 7)])
    run = log.read()[1]
    assert (run.started, run.taken) == (begun, ((0, 4), (40, 7)))


def test_a_record_of_fewer_strokes_than_none_is_broken(tmp_path: Path) -> None:
    log = RunLog(tmp_path / "runs.jsonl")
    log.append([started(1, 1), started(2, 1, -3)])
    assert list(log.read()) == [1]


@pytest.mark.parametrize("threads", [0, -1, 10**6, 10**30])
def test_a_record_that_asks_for_threads_that_nobody_has_is_broken(
    tmp_path: Path, threads: int
) -> None:
    log = RunLog(tmp_path / "runs.jsonl")
    log.append([started(1, 1), started(2, threads)])
    assert list(log.read()) == [1]
