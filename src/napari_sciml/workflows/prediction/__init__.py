"""Predict an image: on arrays, on files, or onto the disk beside a viewer."""
