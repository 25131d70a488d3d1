"""What napari's list of activities shows of a viewer; the training has its own dock."""

from collections.abc import Callable
from typing import Any

from napari_sciml.plugin.exploring.controller import ExploreController
from napari_sciml.plugin.fibers.controller import FiberController
from napari_sciml.plugin.filling.controller import FillController
from napari_sciml.plugin.focus.controller import FocusController
from napari_sciml.plugin.kit.activity import Activity
from napari_sciml.plugin.restoration.controller import RestoreController

State = tuple[float, str] | None


def long_work(
    fibers: FiberController,
    focus: FocusController,
    filling: FillController,
    restoring: RestoreController,
    exploring: ExploreController,
) -> list[Activity]:
    """Say of each how far it is, and how it is stopped."""

    def measured() -> State:
        return (fibers.done or 0.0, fibers.stage) if fibers.running else None

    return [
        Activity("Measuring fibers", fibers.changed, measured, fibers.stop),
        _activity("Rating focus", focus, lambda: focus.progress.fraction),
        _activity("Filling gaps", filling, lambda: filling.step.fraction),
        _activity("Restoring", restoring, lambda: restoring.progress.fraction),
        _activity("Exploring", exploring, lambda: exploring.progress.fraction),
    ]


def _activity(title: str, run: Any, share: Callable[[], float]) -> Activity:
    def state() -> State:
        return (share(), "") if run.doing else None

    return Activity(title, run.changed, state, run.stop)
