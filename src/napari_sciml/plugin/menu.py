"""What napari's own menus open."""

from napari.viewer import Viewer

from napari_sciml.plugin.kit.opening import open_dock


def open_workflow(viewer: Viewer) -> None:
    """Open the Workflow dock, for Layers > Segment."""
    open_dock(viewer, "Workflow")


def open_fibers(viewer: Viewer) -> None:
    """Open the Fibers dock, for Layers > Measure."""
    open_dock(viewer, "Fibers")
