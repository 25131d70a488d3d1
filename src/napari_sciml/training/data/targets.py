"""What the class indices mean that a network is trained on."""

IGNORE = -1
"""Target of a voxel that is not annotated."""
