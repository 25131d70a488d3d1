"""Whether a viewer can open here, and what is missing where it cannot.

Qt ends the process when a library of its platform plugin is missing, so this is
found out beforehand, and last in a process of its own.
"""

import ctypes
import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable, Mapping

# What Qt's X11 plugin and OpenGL load at run time, and the Debian packages.
LIBRARIES = {
    "libGL.so.1": "libgl1",
    "libEGL.so.1": "libegl1",
    "libOpenGL.so.0": "libopengl0",
    "libfontconfig.so.1": "libfontconfig1",
    "libdbus-1.so.3": "libdbus-1-3",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
}
BINDINGS = ("PyQt6", "PySide6", "PyQt5", "PySide2")
PROBE = """
import sys
from qtpy.QtGui import QOffscreenSurface, QOpenGLContext
from qtpy.QtWidgets import QApplication
application = QApplication([])
surface = QOffscreenSurface()
surface.create()
context = QOpenGLContext()
sys.exit(0 if context.create() and context.makeCurrent(surface) else 3)
"""
PROBE_SECONDS = 60


def why_no_viewer(environment: Mapping[str, str] | None = None) -> str | None:
    """Say in a sentence why no viewer can open; None if one can."""
    environment = os.environ if environment is None else environment
    if not any(importlib.util.find_spec(name) for name in BINDINGS):
        return "No Qt is installed: pip install 'napari-sciml[all]'."
    if not sys.platform.startswith("linux"):
        return None
    if not (environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY")):
        return "There is no screen (DISPLAY is not set)."
    packages = missing_packages()
    if packages:
        names = " ".join(packages)
        return f"System libraries are missing: sudo apt-get install {names}."
    return _probe(environment)


def missing_packages(load: Callable[[str], object] = ctypes.CDLL) -> list[str]:
    """Debian packages of the libraries that cannot be loaded."""
    packages = []
    for library, package in LIBRARIES.items():
        try:
            load(library)
        except OSError:
            packages.append(package)
    return packages


def _probe(environment: Mapping[str, str]) -> str | None:
    """Open a graphics context in another process: if it dies, we do not."""
    try:
        result = subprocess.run(
            [sys.executable, "-c", PROBE],
            env=dict(environment),
            capture_output=True,
            text=True,
            timeout=PROBE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "The screen does not answer."
    if result.returncode == 0:
        return None
    if result.returncode == 3:
        return (
            "OpenGL does not work on this screen: sudo apt-get install libgl1-mesa-dri."
        )
    said = [line for line in result.stderr.splitlines() if line.strip()]
    return (
        f"Qt cannot open a window ({said[0].strip() if said else 'no reason given'})."
    )
