"""Open a dock of ours, wherever it is."""

from typing import Any

PLUGIN = "napari-sciml"


def open_dock(viewer: Any, name: str) -> Any:
    """Show a dock: a new one, or the one that is there, hidden or behind others.

    napari gives back a dock that was closed by its cross, but does not show it.
    """
    dock, widget = viewer.window.add_plugin_dock_widget(PLUGIN, name)
    dock.show()
    dock.raise_()
    return widget
