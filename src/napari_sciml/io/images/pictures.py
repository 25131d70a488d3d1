"""Pictures of the kinds that cameras and drawing programs write."""

from pathlib import Path

import numpy as np

from napari_sciml.errors import InputError
from napari_sciml.images.axes import RawImage, guess_axes
from napari_sciml.images.label_values import count_values, value_name

LOSSY = (".jpg", ".jpeg")
SUFFIXES = (".png", *LOSSY)
INDEX_SUFFIXES = (*SUFFIXES, ".gif")
YX = ("y", "x")


def open_picture(path: Path) -> RawImage:
    """Read gray values or colors; those of a palette are colors."""
    from skimage.io import imread

    data = imread(path)
    axes = ("y", "x", "s") if data.ndim == 3 else guess_axes(data.shape)
    return RawImage(data, axes)


def open_indices(path: Path) -> RawImage:
    """Read labels or a mask; of a picture with a palette, its numbers.

    Programs for annotation write 0, 1, 2 … with a palette that only shows them.
    """
    from PIL import Image

    with Image.open(path) as picture:
        count = getattr(picture, "n_frames", 1)
        if count > 1:
            raise InputError(
                f"{path} holds {count} pictures; save one of them by itself."
            )
        if picture.mode != "P" and picture.format != "GIF":
            return open_picture(path)
        indices = np.array(picture)
        palette = np.reshape(picture.getpalette() or (), (-1, 3)).astype(np.int64)
    return RawImage(indices, YX, cautions=_odd_palette(path, indices, palette))


def _odd_palette(
    path: Path, indices: np.ndarray, palette: np.ndarray
) -> tuple[str, ...]:
    """Whether 0 may not be what is black, as where a drawing program sorted colors."""
    colors = {
        int(index): value_name(int(palette[int(index)] @ (1 << 16, 1 << 8, 1)), True)
        for index in count_values(indices)
        if index < len(palette)
    }
    black = [index for index, color in colors.items() if color == "#000000"]
    if not black or 0 in black or 0 not in colors:
        return ()
    return (
        f"{path} is read by the numbers of its palette, in which 0, not annotated, is "
        f"{colors[0]} and {black[0]} is black; if it should be read by color, train "
        "with --map, like --map #000000:0.",
    )
