"""Long work stands in napari's list of activities, and can be stopped there."""

import numpy as np
import pytest
from napari.utils import cancelable_progress

pytestmark = pytest.mark.gui
EDGE = 160


def listed() -> list:
    from napari.utils.progress import progress

    return [one for one in progress._all_instances if one.desc]


@pytest.fixture
def measuring(viewer, open_dock):
    """The Fibers dock, with a mask that keeps it busy for some seconds."""
    rng = np.random.default_rng(0)
    mask = np.zeros((EDGE,) * 3, np.uint8)
    steps = np.linspace(-15, 15, 61)
    for _ in range(300):
        direction = rng.normal(size=3)
        direction /= np.linalg.norm(direction)
        places = np.rint(rng.uniform(16, EDGE - 17, 3) + steps[:, None] * direction)
        for shift in np.ndindex(2, 2, 2):
            mask[tuple((places.astype(int) + shift).clip(0, EDGE - 1).T)] = 1
    viewer.add_labels(mask, name="mask")
    return open_dock("Fibers")


def test_it_comes_grows_and_goes(measuring, patience) -> None:
    run, seen = measuring.session.fibers, []
    run.changed.connect(lambda: seen.extend((x.desc, x.n) for x in listed()))
    measuring.measure.click()
    patience(lambda: not measuring.session.workspace.measuring.busy)
    assert all(name.startswith("Measuring fibers") for name, _ in seen)
    assert any("touching fibers" in name for name, _ in seen)
    assert max(count for _, count in seen) > 0
    patience(lambda: not listed())
    assert run.result is not None


def test_it_can_be_stopped_there(measuring, patience) -> None:
    measuring.measure.click()
    patience(lambda: bool(listed()))
    (bar,) = listed()
    assert isinstance(bar, cancelable_progress)
    bar.cancel()
    patience(lambda: not measuring.session.workspace.measuring.busy)
    assert measuring.session.fibers.result is None
    patience(lambda: not listed())


def test_a_closed_dock_leaves_nothing_there(measuring, viewer, patience) -> None:
    session = measuring.session
    measuring.measure.click()
    patience(lambda: bool(listed()))
    viewer.window.remove_dock_widget(measuring)
    patience(lambda: session._asleep)
    patience(lambda: not listed())
    patience(lambda: not session.workspace.measuring.busy)
