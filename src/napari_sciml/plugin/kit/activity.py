"""Long work in napari's own list of activities, with time left and a way to stop."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from napari.utils import cancelable_progress
from qtpy.QtCore import QTimer

from napari_sciml.plugin.kit.connections import Connections

STEPS = 1000
LOOK_MS = 200


@dataclass(frozen=True)
class Activity:
    """Something that may take long.

    Attributes
    ----------
    title
        What is done, for the list.
    changed
        Signal of psygnal: how far it is has changed.
    state
        Tells the share that is done, 0 to 1, and of what, in words; None as long as
        nothing runs.
    stop
        Ends it.
    """

    title: str
    changed: Any
    state: Callable[[], tuple[float, str] | None]
    stop: Callable[[], None]


class ActivityList:
    """Shows what runs; only ever in the GUI thread, as napari wants it.

    Parameters
    ----------
    activities
        Those of a viewer.
    """

    def __init__(self, activities: Sequence[Activity]) -> None:
        self._activities = tuple(activities)
        self._bars: dict[str, Any] = {}
        self._wiring = Connections()
        self._looking = self._open = False
        # napari only marks what somebody wants to stop.
        self._timer = QTimer()
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self._on_time)

    def watch(self) -> None:
        """Begin."""
        self._open = True
        for activity in self._activities:
            self._wiring.connect(activity.changed, self._on_changed)

    def close(self) -> None:
        """Take all off the list; nothing is stopped."""
        self._open = False
        self._wiring.close()
        self._timer.stop()
        self._clear()

    def _on_changed(self) -> None:
        if not self._timer.isActive():
            self._timer.start()

    def _on_time(self) -> None:
        # napari lets the window draw itself whenever a bar changes: other events come
        # in the midst of this, and bars are never touched while somebody emits.
        if self._looking:
            return
        self._looking = True
        try:
            self._look()
        finally:
            self._looking = False

    def _look(self) -> None:
        for activity in self._activities:
            bar = self._bars.get(activity.title)
            if bar is not None and bar.is_canceled:
                activity.stop()
            state = activity.state()
            if state is not None:
                self._show(activity.title, bar, *state)
            elif bar is not None:
                self._bars.pop(activity.title).close()
        if not self._open:  # closed meanwhile
            self._clear()
        if not self._bars:
            self._timer.stop()

    def _clear(self) -> None:
        while self._bars:
            self._bars.popitem()[1].close()

    def _show(self, title: str, bar: Any, share: float, words: str) -> None:
        if bar is None:
            bar = self._bars[title] = cancelable_progress(total=STEPS, desc=title)
        text = f"{title}: {words.strip(' .…').lower()}" if words else title
        if bar.desc != f"{text}: ":  # tqdm adds the colon
            bar.set_description(text)
        ahead = round(STEPS * share) - bar.n
        if ahead:  # back, too: each stage begins anew
            bar.update(ahead)
