"""Voxels and strokes of an annotation."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Counts:
    """How much is annotated of each label value."""

    voxels: dict[int, int] = field(default_factory=dict)
    strokes: dict[int, int] = field(default_factory=dict)

    def sentence(self) -> str:
        """Tell a person."""
        voxels, strokes = sum(self.voxels.values()), sum(self.strokes.values())
        if len(self.voxels) < 2:
            what = "Only one class is annotated" if self.voxels else "Not annotated yet"
            return f"{what}: paint at least two classes."
        plural = "" if strokes == 1 else "s"
        return f"{voxels:,} voxels in {strokes:,} stroke{plural}."
