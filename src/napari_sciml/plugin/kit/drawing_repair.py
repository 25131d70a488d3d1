"""Works round a crash in drawing after layers were removed or a viewer closed."""

from typing import Any

from vispy.gloo.glir import GlirProgram


def _keep(program: Any) -> None:
    """Leave the program to the OpenGL context, which ends with the viewer."""


def repair_drawing() -> None:
    """Let vispy delete no OpenGL program before its viewer is closed.

    With vispy 0.17, napari 0.9.2 and Mesa, the deletion of a program that is not in use
    makes a later drawing of another layer, or of another viewer, fail with a GL error
    or a segmentation fault: two layers, of which the lower one is removed and a third
    added, are enough, without this plugin. Buffers, textures and shaders do no harm. A
    program is small, and there is one for each layer that was removed.
    """
    GlirProgram.delete = _keep
