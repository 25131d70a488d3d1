"""One job of a feature at a time, and what it says of itself."""

from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from napari_sciml.errors import InputError
from napari_sciml.plugin.kit.runner import JobRunner
from napari_sciml.plugin.state.work import Work

pytestmark = pytest.mark.gui


@dataclass
class Slice:
    """Some bread is cut."""

    share: float


class Baking(Work):
    """Cuts bread."""

    title = "Cutting bread"

    def __init__(self, workspace) -> None:
        super().__init__(workspace)
        self.cut = 0.0

    @property
    def share(self) -> float:
        """Of the loaf."""
        return self.cut

    def start(self, job, *args) -> None:
        """Cut."""
        self._start("cut", job, *args)

    def _on_event(self, event) -> None:
        self.cut = event.share
        self.changed.emit()

    def _reset_progress(self) -> None:
        self.cut = 0.0


def cut(parts):
    for part in range(1, parts + 1):
        yield Slice(part / parts)


def endless():
    while True:
        yield Slice(0.5)


def burnt():
    yield Slice(0.1)
    raise InputError("The bread is burnt.")


@pytest.fixture
def work(qtbot):
    runner = JobRunner()
    yield Baking(SimpleNamespace(measuring=runner, viewer=None))
    runner.stop()
    qtbot.waitUntil(lambda: not runner.busy)


def test_a_job_is_told_until_it_ends(work, qtbot) -> None:
    seen = []
    activity = work.activity()
    work.changed.connect(lambda: seen.append((work.doing, activity.state())))
    work.start(cut, 4)
    assert work.running
    qtbot.waitUntil(lambda: not work.running)
    shares = [state[0] for doing, state in seen if doing == "cut"]
    assert shares == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert seen[-1] == ("", None)
    assert work.share == 0


def test_one_at_a_time_and_stopped_by_the_list_of_activities(work, qtbot) -> None:
    work.start(endless)
    with pytest.raises(InputError, match="Another job is still running"):
        work.start(cut, 2)
    assert work.doing == "cut"
    qtbot.waitUntil(lambda: work.share == 0.5)
    work.activity().stop()
    assert work.note == "Stopped."
    qtbot.waitUntil(lambda: not work.running)
    work.stop()
    work.start(cut, 1)
    assert work.note == ""


def test_what_goes_wrong_is_told_once(work, qtbot) -> None:
    told = []
    work.failed.connect(told.append)
    work.start(burnt)
    qtbot.waitUntil(lambda: not work.running)
    assert told == ["The bread is burnt."]


def test_only_work_on_what_is_left_is_interrupted(work, qtbot) -> None:
    told = []
    work.failed.connect(told.append)
    work.start(endless)
    work._interrupt("The image has gone.", "write")
    assert not told
    work._interrupt("The image has gone.", "cut", "write")
    assert told == ["The image has gone."]
    qtbot.waitUntil(lambda: not work.running)
