"""What the label values mean."""

UNLABELED = 0
"""Value of a voxel that nobody has annotated."""

BACKGROUND = 1
"""Value of the first class, which is what surrounds the objects."""

DEFAULT_CLASSES = ("background", "fiber")
"""Names of the classes; the label value of a class is its index plus one."""
