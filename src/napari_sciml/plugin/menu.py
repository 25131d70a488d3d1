"""What napari's own menus open."""

from napari.viewer import Viewer

PLUGIN = "napari-sciml"


def open_workflow(viewer: Viewer) -> None:
    """Open the Workflow dock, for Layers > Segment."""
    viewer.window.add_plugin_dock_widget(PLUGIN, "Workflow")


def open_fibers(viewer: Viewer) -> None:
    """Open the Fibers dock, for Layers > Measure."""
    viewer.window.add_plugin_dock_widget(PLUGIN, "Fibers")
