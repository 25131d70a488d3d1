"""Jobs in threads, and in the idle time of the event loop."""

import gc
import os
import sys
import threading
from collections.abc import Generator, Iterator
from functools import partial

import pytest
import torch
from qtpy.QtCore import QThread
from qtpy.QtWidgets import QApplication

from napari_sciml.errors import InputError
from napari_sciml.plugin.kit.runner import (
    NICENESS,
    THREAD_NAME,
    IdleRunner,
    JobRunner,
    explain,
)

pytestmark = pytest.mark.gui
TIMEOUT = 20_000


def count(n: int) -> Generator[int | None, None, None]:
    for i in range(n):
        yield i
        yield None


def endless() -> Generator[threading.Thread, None, None]:
    while True:
        yield threading.current_thread()


def broken(error: Exception) -> Generator[int, None, None]:
    yield 1
    raise error


def wrong_shapes() -> Generator[int, None, None]:
    yield 1
    torch.ones(2, 3) @ torch.ones(2, 3)


@pytest.fixture
def runner(qapp: QApplication) -> Iterator[JobRunner]:
    made = JobRunner()
    yield made
    made.stop()


def test_events_come_in_order_in_the_gui_thread(runner: JobRunner, qtbot) -> None:
    seen = []

    class Listener:
        def hear(self, event: object) -> None:
            seen.append((event, QThread.currentThread() is qtbot_thread))

    qtbot_thread = QThread.currentThread()
    listener = Listener()
    runner.yielded.connect(listener.hear)
    with qtbot.waitSignal(runner.finished, timeout=TIMEOUT):
        runner.start(count, 3)
    assert seen == [(0, True), (1, True), (2, True)]
    assert not runner.busy


def test_one_job_at_a_time_and_stop(runner: JobRunner, qtbot) -> None:
    with qtbot.waitSignal(runner.yielded, timeout=TIMEOUT):
        runner.start(endless)
    with pytest.raises(InputError, match="still running"):
        runner.start(count, 1)
    with qtbot.waitSignal(runner.finished, timeout=TIMEOUT):
        runner.stop()
    with qtbot.waitSignal(runner.finished, timeout=TIMEOUT):
        runner.start(count, 1)


def test_a_job_is_heard_by_those_who_asked_for_it(runner: JobRunner, qtbot) -> None:
    heard: dict[str, list[object]] = {"first": [], "second": []}
    for name, job, args in (
        ("first", count, (2,)),
        ("second", broken, (InputError("Paint two classes."),)),
    ):
        with qtbot.waitSignal(runner.finished, timeout=TIMEOUT):
            started = runner.start(job, *args)
            started.yielded.connect(heard[name].append)
            started.failed.connect(heard[name].append)
            started.finished.connect(partial(heard[name].append, "end"))
    assert heard == {"first": [0, 1, "end"], "second": [1, "Paint two classes.", "end"]}


def test_nothing_is_heard_after_stop(runner: JobRunner, qtbot) -> None:
    with qtbot.waitSignal(runner.yielded, timeout=TIMEOUT):
        runner.start(endless)
    runner.stop()
    late = []
    runner.yielded.connect(late.append)
    qtbot.waitUntil(lambda: not runner.busy, timeout=TIMEOUT)
    assert late == []


@pytest.mark.parametrize(
    ("job", "args", "sentence"),
    [
        (broken, (InputError("Paint two classes."),), "Paint two classes."),
        (broken, (MemoryError(),), "not enough memory"),
        (broken, (RuntimeError("CUDA out of memory"),), "not enough memory"),
        (wrong_shapes, (), "cannot be multiplied"),
    ],
    ids=["input", "memory", "device memory", "torch"],
)
def test_errors_arrive_as_a_sentence(
    runner: JobRunner, qtbot, job, args, sentence: str
) -> None:
    with qtbot.waitSignals([runner.failed, runner.finished], timeout=TIMEOUT) as heard:
        runner.start(job, *args)
    assert sentence in heard.all_signals_and_args[0].args[0]
    assert not runner.busy


def test_a_job_runs_in_a_thread_of_low_priority(runner: JobRunner, qtbot) -> None:
    def tell() -> Generator[tuple[str, int], None, None]:
        niceness = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
        yield threading.current_thread().name, niceness

    with qtbot.waitSignal(runner.yielded, timeout=TIMEOUT) as heard:
        runner.start(tell)
    name, niceness = heard.args[0]
    assert name == THREAD_NAME
    own = os.getpriority(os.PRIO_PROCESS, 0)
    assert niceness == (NICENESS if sys.platform == "linux" else own)
    qtbot.waitUntil(lambda: not runner.busy, timeout=TIMEOUT)


def test_an_idle_job_is_replaced_by_the_next(qapp: QApplication, qtbot) -> None:
    idle, seen = IdleRunner(), []
    idle.yielded.connect(seen.append)
    idle.start(iter("abc"))
    idle.start(iter("xyz"))
    qtbot.waitUntil(lambda: not idle.busy, timeout=TIMEOUT)
    assert seen == ["x", "y", "z"]


def test_an_idle_job_can_be_finished_at_once(qapp: QApplication) -> None:
    idle, seen = IdleRunner(), []
    idle.yielded.connect(seen.append)
    idle.start(iter(range(5)))
    idle.finish()
    assert seen == [0, 1, 2, 3, 4]
    assert not idle.busy


def test_unexpected_errors_are_told_in_one_line() -> None:
    assert explain(KeyError("a\nb")).count("\n") == 0
    assert explain(ValueError("")).endswith("ValueError")


def test_running_jobs_spare_the_viewer_the_search_for_garbage(qtbot):
    runner, go_on = JobRunner(), threading.Event()

    def job():
        go_on.wait(10)
        yield

    assert gc.get_freeze_count() == 0
    with qtbot.waitSignal(runner.finished):
        runner.start(job)
        assert gc.get_freeze_count() > 1000
        go_on.set()
    assert gc.get_freeze_count() == 0


def test_garbage_dies_in_the_gui_thread(qtbot) -> None:
    """A knot of objects may hold a window, which no other thread may delete."""
    died = []

    class Knot:
        def __init__(self) -> None:
            self.self = self

        def __del__(self) -> None:
            died.append(threading.current_thread())

    def work():
        for _ in range(200):
            yield [[] for _ in range(5000)]

    runner = JobRunner()
    with qtbot.waitSignal(runner.finished, timeout=20_000):
        runner.start(work)
        for _ in range(100):
            Knot()
    gc.collect()
    assert len(died) == 100
    assert set(died) == {threading.main_thread()}
