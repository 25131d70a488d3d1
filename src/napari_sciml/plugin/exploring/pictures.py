"""Pictures for the map: its density, thumbnails, and the colors of clusters."""

import numpy as np
from qtpy.QtCore import QRectF, Qt
from qtpy.QtGui import QColor, QIcon, QImage, QPixmap

from napari_sciml.exploring.thumbnails import stretched

BINS = 260
THUMBNAIL = 96
SWATCH = 12
COLORS = (
    *("#4c9be8", "#f0883e", "#3fb95f", "#e5534b", "#a371f7"),
    *("#b08968", "#e377c2", "#9aa4ae", "#c5b83a", "#2bb8c4"),
)
NOISE = "#7d8590"


def cluster_color(number: int) -> str:
    """Color of a cluster; gray for what is in none."""
    return NOISE if number < 0 else COLORS[number % len(COLORS)]


def swatch(number: int) -> QIcon:
    """A small square in the color of a cluster or class."""
    made = QPixmap(SWATCH, SWATCH)
    made.fill(QColor(cluster_color(number)))
    return QIcon(made)


def density(plane: np.ndarray, clusters: np.ndarray) -> tuple[np.ndarray, QRectF]:
    """Draw how many points lie where, in the color of most of them.

    Returns
    -------
    image, where
        ``(x, y, 4)`` uint8, and the part of the plane that it shows.
    """
    low, high = plane.min(0), plane.max(0)
    width = np.where(high > low, high - low, 1.0)
    cell = np.minimum((plane - low) / width * BINS, BINS - 1).astype(np.intp)
    flat = cell[:, 0] * BINS + cell[:, 1]
    count = np.bincount(flat, minlength=BINS * BINS)
    numbers, own = np.unique(clusters, return_inverse=True)
    colors = np.array([_rgb(cluster_color(int(n))) for n in numbers])[own]
    image = np.zeros((BINS * BINS, 4))
    for channel in range(3):
        total = np.bincount(flat, colors[:, channel], BINS * BINS)
        image[:, channel] = total / np.maximum(1, count)
    most = np.log1p(max(1, int(np.percentile(count[count > 0], 99))))
    image[:, 3] = 255 * np.clip(0.5 + 0.5 * np.log1p(count) / most, 0, 1) * (count > 0)
    where = QRectF(float(low[0]), float(low[1]), float(width[0]), float(width[1]))
    return image.reshape(BINS, BINS, 4).astype(np.uint8), where


def _rgb(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def as_rgba(gray: np.ndarray) -> np.ndarray:
    """Gray from 0 to 1 as ``(…, 4)`` uint8, transparent where it is NaN."""
    known = np.isfinite(gray)
    level = np.where(known, np.nan_to_num(gray) * 255, 0)
    return np.stack([level] * 3 + [known * 255.0], axis=-1).astype(np.uint8)


def pixmap_of(thumbnail: np.ndarray) -> QPixmap:
    """Picture of a thumbnail, in a contrast of its own."""
    gray = np.ascontiguousarray(stretched(thumbnail) * 255, dtype=np.uint8)
    height, width = gray.shape
    image = QImage(
        gray.tobytes(), width, height, width, QImage.Format.Format_Grayscale8
    )
    return QPixmap.fromImage(image.copy()).scaled(
        THUMBNAIL, THUMBNAIL, Qt.AspectRatioMode.KeepAspectRatio
    )
