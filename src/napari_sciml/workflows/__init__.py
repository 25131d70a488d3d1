"""The stages as a user runs them, on arrays and on files; no Qt, no napari."""
