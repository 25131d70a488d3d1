"""Where a person looks, told to a job in another thread."""

from collections.abc import Sequence
from dataclasses import dataclass

from napari_sciml.images.tiles import Region


@dataclass(frozen=True)
class Viewport:
    """What is on the screen.

    Attributes
    ----------
    region
        The part of the image that is shown, for instance one z slice.
    point
        Voxel in the middle of it.
    visible
        What of the region lies within the window; None = all of it.
    volume
        Whether the whole image is shown, in 3D.
    shape
        Of the image; None = not told.
    """

    region: Region
    point: tuple[float, ...]
    visible: Region | None = None
    volume: bool = False
    shape: tuple[int, ...] | None = None

    def is_of(self, shape: Sequence[int]) -> bool:
        """Whether it may be a view of an image of a shape."""
        return self.shape in (None, tuple(shape))


class ViewportMailbox:
    """Mailbox between a GUI that moves and a job that follows.

    Holds the last view only. Reading and replacing one reference is atomic, so
    neither side ever waits for the other.
    """

    def __init__(self, view: Viewport | None = None) -> None:
        self._view = view

    def look_at(self, view: Viewport | None) -> None:
        """Tell where the user looks now."""
        self._view = view

    @property
    def view(self) -> Viewport | None:
        """Where the user looks; None when nothing is shown."""
        return self._view
