"""The Focus dock by mouse: what it says of images whose focus is known.

For `flow_by_mouse.py`.

The images are in focus by eye (that is all that their source says). Each is rated as it
is, and with its right half blurred by a disk of 19 pixels, which is out of focus by the
dock's own measure (7 pixels or less are acceptable).
"""

from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from flow_hand import Hand, longest, until
from qtpy.QtCore import QPoint
from qtpy.QtWidgets import QAbstractButton, QCheckBox
from scipy.signal import fftconvolve
from skimage.io import imread

from napari_sciml.plugin.docks.focus import FocusDock

DIAMETER = 19


def rate(path: Path, out: Path) -> dict[str, Any]:
    """What is said of an image as it is, and with a blurred half."""
    half = out / f"{path.stem}_half_blurred.tif"
    tifffile.imwrite(half, half_blurred(imread(path)))
    found = {"as it is": look(path, out, "focus"), "half": look(half, out, "half")}
    half.unlink()
    return found


def half_blurred(image: np.ndarray) -> np.ndarray:
    """The right half as a lens out of focus would show it; noise comes after."""
    radius = DIAMETER / 2
    y, x = np.ogrid[-12:13, -12:13]
    disk = np.clip(radius + 0.5 - np.hypot(y, x), 0, 1)
    padded = np.pad(image.astype(float), 12, mode="symmetric")
    soft = fftconvolve(padded, disk / disk.sum(), mode="valid")
    soft = np.random.default_rng(0).normal(soft, np.sqrt(soft.clip(1)))
    column = image.shape[1] // 2
    mixed = np.where(np.arange(image.shape[1]) < column, image, soft)
    return mixed.clip(0, 65535).astype(np.uint16)


def look(path: Path, out: Path, name: str) -> dict[str, Any]:
    """Drop it, open the dock, rate, choose a row, exclude, export."""
    hand = Hand(out, name)
    hand.folder = out / f"{name}_files"
    hand.folder.mkdir(exist_ok=True)
    with hand.step("open"):
        hand.drop(path)
        hand.menu("Plugins", "napari-sciml", "Focus")
    dock = hand.window.findChild(FocusDock)
    hand.take("opened")
    with hand.step("rate"):
        press(hand, dock, "rate_focus")
        until(lambda: dock.session.focus.result is not None, 120)
    hand.take("rated")
    for step in ("exclude_out_of_focus", "export_focus"):
        with hand.step(step):
            press(hand, dock, step)
            until(lambda: not dock.session.focus.doing, 60)
            until(lambda: False, 0.5)
        hand.take(step)
    found = {
        "said": dock.verdict.text(),
        "error": dock.error.text(),
        "told": hand.told,
        "holds_ms": {k: round(v) for k, v in longest(hand.watch).items()},
        "files": sorted(p.name for p in hand.folder.rglob("*") if p.is_file()),
        **halves(dock.session.focus.result),
    }
    hand.close()
    return found


def press(hand: Hand, dock: Any, name: str) -> None:
    """A button or box of a name."""
    made = dock.findChild(QAbstractButton, name)
    # A box is ticked by its square or its words, not by what is empty beside them.
    at = QPoint(10, made.height() // 2) if isinstance(made, QCheckBox) else None
    hand.click(made, at)


def halves(result: Any) -> dict[str, Any]:
    """Share of the informative tiles left and right that are called in focus."""
    middle = (result.xs[0] + result.xs[-1]) / 2
    seen, inside = ~result.blank, result.p_in_focus >= 0.5
    sides = {"left": result.xs < middle, "right": result.xs > middle}
    return {
        f"in_focus_{side}": [
            int((inside & seen)[:, columns].sum()),
            int(seen[:, columns].sum()),
        ]
        for side, columns in sides.items()
    }
