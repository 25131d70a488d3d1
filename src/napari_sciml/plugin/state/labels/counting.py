"""Voxels and strokes of an annotation."""

from dataclasses import dataclass, field

from napari_sciml.annotation.classes import BACKGROUND
from napari_sciml.annotation.store import LabelStore


@dataclass(frozen=True)
class Counts:
    """How much is annotated of each label value."""

    voxels: dict[int, int] = field(default_factory=dict)
    strokes: dict[int, int] = field(default_factory=dict)

    @classmethod
    def of(cls, store: LabelStore) -> "Counts":
        """Count; some milliseconds for a hundred thousand voxels."""
        return cls(store.voxel_counts(), store.stroke_counts())

    def sentence(self) -> str:
        """Tell a person."""
        voxels, strokes = sum(self.voxels.values()), sum(self.strokes.values())
        if len(self.voxels) < 2:
            what = "Only one class is annotated" if self.voxels else "Not annotated yet"
            return f"{what}: paint at least two classes."
        plural = "" if strokes == 1 else "s"
        return f"{voxels:,} voxels in {strokes:,} stroke{plural}."

    def balance(self) -> str:
        """Voxels of the background against those of all other classes."""
        background = self.voxels.get(BACKGROUND, 0)
        foreground = sum(self.voxels.values()) - background
        if not background or not foreground:
            return ""
        if background >= foreground:
            return f"Background : foreground = {_short(background / foreground)} : 1"
        return f"Background : foreground = 1 : {_short(foreground / background)}"


def _short(ratio: float) -> str:
    return f"{ratio:.1f}".removesuffix(".0") if ratio < 10 else f"{ratio:,.0f}"
