"""The napari plugin: docks, and the only place that knows Qt and napari."""
