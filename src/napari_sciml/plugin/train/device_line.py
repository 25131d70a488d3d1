"""One line that says where the training will run."""

import sys

from napari.qt.threading import create_worker
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QLabel

from napari_sciml.plugin.kit.runner import explain
from napari_sciml.workflows.prediction.arrays import describe_device

GAIN = (
    "A core is left to the viewer, so that painting stays fluid. More cores, or a "
    "graphics card, let networks learn more in the same time and predict the whole "
    "image sooner; trees, which answer first, need no card. What is missing for one, "
    "`napari-sciml info` tells."
)
DELAY_MS = 200
"""The dock is on the screen before the import takes its share of the time."""


class DeviceLine(QLabel):
    """Tells the device; finding out imports torch, in a thread and once.

    So torch is there when the training starts, and the dock opens without it.
    """

    def __init__(self) -> None:
        super().__init__("Computes on …")
        self.setObjectName("device_line")
        self.setToolTip(GAIN)
        self.setAlignment(Qt.AlignmentFlag.AlignLeft)
        self._device = "auto"
        self._settled = QTimer(self)
        self._settled.setSingleShot(True)
        self._settled.setInterval(DELAY_MS)
        self._settled.timeout.connect(self._find_out)
        self._settled.start()

    def describe(self, device: str) -> None:
        """Find out about another device."""
        self._device = device
        self._settled.start()

    def _find_out(self) -> None:
        if is_imported("torch"):
            self._on_described(_describe(self._device))
            return
        worker = create_worker(_describe, self._device, _start_thread=False)
        worker.returned.connect(self._on_described)
        worker.start()

    def _on_described(self, text: str) -> None:
        self.setText(f"Computes on: {text}")


def is_imported(name: str) -> bool:
    """Whether a package is there, and not just being imported by a job.

    One would wait for the end of that import, and the window with it.
    """
    spec = getattr(sys.modules.get(name), "__spec__", None)
    return spec is not None and not getattr(spec, "_initializing", False)


def _describe(device: str) -> str:
    try:
        return describe_device(device)
    except Exception as error:
        return explain(error)
