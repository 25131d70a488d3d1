"""A movie of the volume that turns once round, as a file for a talk."""

from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image
from psygnal import Signal
from qtpy.QtCore import QTimer
from scipy.spatial.transform import Rotation

from napari_sciml.errors import InputError, one_line
from napari_sciml.io.results.outputs import check_output
from napari_sciml.plugin.kit.camera import camera_of
from napari_sciml.plugin.kit.runner import JobRunner

if TYPE_CHECKING:
    from napari_sciml.plugin.state.workspace import Workspace

FRAMES = 60
FRAME_MS = 60
FORMATS = (".gif", ".webp", ".png")
"""Of pictures that move."""


class Turntable:
    """Turns the camera round the vertical of the window, a frame at a time.

    Parameters
    ----------
    workspace
        Has the viewer.

    Attributes
    ----------
    changed
        Emitted with a sentence on how far it is; the last one says where it is.
    failed
        Emitted with a sentence.
    """

    changed = Signal(str)
    failed = Signal(str)

    def __init__(self, workspace: "Workspace") -> None:
        self._workspace = workspace
        self._runner = JobRunner()
        self._frames: list[np.ndarray] = []
        self._path: Path | None = None
        self._view: Any = None
        self._timer = QTimer()
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._on_time)

    @property
    def running(self) -> bool:
        """Whether a movie is being made."""
        return self._path is not None

    def start(self, path: str | Path) -> None:
        """Begin to make a movie.

        Parameters
        ----------
        path
            Of the file, with one of the endings in `FORMATS`.

        Raises
        ------
        InputError
            When it cannot be made.
        """
        path, viewer = Path(path), self._workspace.viewer
        if self.running:
            raise InputError("A movie is being made: wait for its end.")
        if path.suffix.lower() not in FORMATS:
            raise InputError(
                f"A movie is one of {', '.join(FORMATS)}, not {path.name}."
            )
        if viewer.dims.ndisplay != 3:
            raise InputError(
                "Switch to 3D first, by the cube below the list of layers."
            )
        check_output(path, "movie", inputs=(), overwrite=False)
        camera = camera_of(viewer)
        self._view = (camera.view_direction, camera.up_direction, camera.angles)
        self._path, self._frames = path, []
        self._timer.start()

    def close(self) -> None:
        """Give it up."""
        # When Python ends, Qt deletes docks and timers in any order.
        with suppress(RuntimeError):
            self._timer.stop()
        self._runner.stop()
        self._path, self._frames = None, []

    def _on_time(self) -> None:
        viewer = self._workspace.viewer
        if viewer is None or viewer.dims.ndisplay != 3:
            self.close()
            self.failed.emit("The movie was given up, as the view is not in 3D now.")
            return
        number = len(self._frames)
        if number == FRAMES:
            self._timer.stop()
            self._write()
            return
        view, up, _ = self._view
        turn = Rotation.from_rotvec(2 * np.pi * number / FRAMES * np.asarray(up, float))
        camera_of(viewer).set_view_direction(tuple(turn.apply(view)), tuple(up))
        self._frames.append(viewer.screenshot(canvas_only=True, flash=False)[..., :3])
        self.changed.emit(f"Movie: picture {number + 1} of {FRAMES}.")

    def _write(self) -> None:
        camera_of(self._workspace.viewer).angles = self._view[2]
        assert self._path is not None
        job = self._runner.start(_write_movie, self._path, self._frames)
        job.failed.connect(self._on_failed)
        job.finished.connect(self._on_finished)

    def _on_failed(self, sentence: str) -> None:
        self._path = None
        self.failed.emit(sentence)

    def _on_finished(self) -> None:
        path, self._path, self._frames = self._path, None, []
        if path is not None:
            self.changed.emit(f"The movie is in {path}.")


def _write_movie(path: Path, frames: list[np.ndarray]) -> Generator[None, None, None]:
    pictures = [Image.fromarray(frame) for frame in frames]
    yield
    first, others = pictures[0], pictures[1:]
    try:
        first.save(path, save_all=True, append_images=others, loop=0, duration=FRAME_MS)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise InputError(f"{path.name} cannot be written: {one_line(error)}") from error
